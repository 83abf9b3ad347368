"""A conversation as people read it: told as it goes, the compute window as bars.

Writes to a console only; it sees words because a demo's words are its script's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.chronicle import Turn
from edge.dialogue import (
    Command,
    Entry,
    Event,
    Failed,
    Kind,
    MicOpened,
    NothingHeard,
    PlaybackFinished,
    Speak,
    TimedOut,
    Transcribed,
    WakeWordDetected,
)

BAR = 36


class Telling:
    """Tells a conversation while it happens."""

    def __init__(self, console: Console) -> None:
        self._print = console.print

    def begin(self, title: str, about: str) -> None:
        """The head of a conversation."""
        self._print(f"\n[bold]{escape(title)}[/]  [dim]{escape(about)}[/]")

    def said(self, words: str, when: str = "") -> None:
        """What the customer says, as the script has it."""
        self._print(f"  [cyan]customer[/]   {escape(words)}  [dim]{escape(when)}[/]")

    def observe(self, event: Event, commands: tuple[Command, ...]) -> None:
        """One line for each event that a person would notice."""
        match event:
            case WakeWordDetected(word) if commands:
                self._print(f"  [dim]heard      wake word {word}[/]")
            case Transcribed(_, text, plain) if commands:
                without = "" if text == plain else f"  [dim]without context: {escape(plain)}[/]"
                self._print(f"  [dim]recognized[/] [bold]{escape(text)}[/]{without}")
            case Speak(_, text) if commands:
                self._print(f"  [green]assistant[/]  {escape(text)}")
            case NothingHeard() | Failed() | TimedOut() if commands:
                self._print(f"  [yellow]{type(event).__name__}[/]")

    def window(self, event: Event, turn: Turn) -> None:
        """The bars under a reply that asked: playback, encode, margin, re-opened at."""
        match event:
            case PlaybackFinished() if turn.window_ms is not None:
                self._bars(turn, turn.window_ms)
            case MicOpened() if turn.reopened_after_playback_ms is not None:
                after = f"{turn.reopened_after_playback_ms:+.1f} ms"
                self._print(f"             [dim]re-opened[/]  {after} after the end of the sound")

    def _bars(self, turn: Turn, window_ms: float) -> None:
        encode_ms, margin_ms = turn.encode_ms, turn.margin_ms
        self._bar("playback", "green", 0, window_ms, window_ms)
        if margin_ms is None:
            self._bar("encode", "red", 0, window_ms, window_ms, "not ready: goes on without")
        else:
            ready_ms = window_ms - margin_ms
            self._bar("encode", "magenta", 0, ready_ms, window_ms, f"{encode_ms:.1f} ms")
            self._bar("margin", "blue", ready_ms, window_ms, window_ms)

    def _bar(
        self, name: str, colour: str, start: float, end: float, whole: float, note: str = ""
    ) -> None:
        first = round(BAR * start / whole)
        length = max(1, round(BAR * end / whole) - first)
        drawn = " " * min(first, BAR - 1) + "█" * length
        note = note or f"{end - start:.0f} ms"
        self._print(f"             [dim]{name:9}[/]  [{colour}]{drawn:{BAR}}[/] {note}")

    def conclude(
        self,
        turns: Iterable[Turn],
        entries: Iterable[Entry],
        sealed: Mapping[str, Sequence[tuple[Kind, int]]],
    ) -> None:
        """What was recognized with and without context, and what the store holds."""
        heard = Table("recognized", "without context", "context", box=None, title="Recognition")
        for turn in turns:
            if turn.recognized is not None:
                plain = turn.recognized_without_context or ""
                heard.add_row(escape(turn.recognized), escape(plain), turn.context)
        kept = Table("interaction", "events", "sealed payloads", box=None, title="Store")
        for entry in entries:
            payloads = ", ".join(f"{kind} {size} B" for kind, size in sealed[entry.interaction])
            kept.add_row(entry.interaction[:8], " ".join(entry.events), payloads)
        self._print()
        self._print(heard)
        self._print(kept)


def listed(found: Mapping[str, Any], width: int, indent: str = "") -> Iterator[str]:
    """Figures as lines; those of a group stand indented under its name."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}"
            yield from listed(value, width, indent + "  ")
        else:
            yield f"{indent}{name:{width}} {value}"
