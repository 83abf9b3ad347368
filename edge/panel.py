"""The view of a live conversation: what is known at one moment, and how a terminal shows it.

Pure: the same snapshot gives the same picture for a width and a character set. It draws in
ASCII where a terminal knows nothing else, and reads no clock, device or store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any
from unicodedata import combining, normalize

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.panel import Panel as Frame
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from edge.session import State

FLOOR_DBFS = -70.0
"""The left end of the meter; a quiet room is near it."""
LOUD_DBFS = -6.0
NOTE_CELLS = 18
COLOURS = {
    State.IDLE: "dim",
    State.RECOGNIZING: "cyan",
    State.THINKING: "yellow",
    State.SPEAKING: "green",
    State.PROMPTING: "magenta",
    State.EXPECTING: "cyan",
}
HINTS = {
    State.IDLE: "say the wake word",
    State.RECOGNIZING: "listening",
    State.THINKING: "one moment",
    State.SPEAKING: "replying",
    State.PROMPTING: "asking",
    State.EXPECTING: "your answer?",
}


@dataclass(frozen=True, slots=True)
class Window:
    """A reply and, where it asks something, the compute window under it. Milliseconds.

    elapsed: since it began, at most `whole`. whole: its length as far as it is known. asks:
    whether the microphone opens after it. ready: when the vector was there; encode: what the
    encoder took for it; None without a vector so far. over: whether it has sounded.
    """

    elapsed_ms: float
    whole_ms: float | None
    asks: bool = False
    ready_ms: float | None = None
    encode_ms: float | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds just now."""

    interactions: int = 0
    payloads: int = 0
    sealed_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment. None or empty: there is no such thing yet.

    level, peak: of the microphone, dBFS. woken_s: how long ago the wake word was heard. alike:
    cosine of the voice in the open capture to the dialogue's. reopened: from the end of the
    sound to the open microphone.
    """

    title: str
    state: State = State.IDLE
    level_dbfs: float = FLOOR_DBFS
    peak_dbfs: float = FLOOR_DBFS
    wake_word: str = ""
    woken_s: float = 0.0
    alike: float | None = None
    heard: str = field(default="", repr=False)
    plain: str = field(default="", repr=False)
    reply: str = field(default="", repr=False)
    window: Window | None = None
    reopened_ms: float | None = None
    stored: Stored = Stored()
    microphone: str = ""
    loudspeaker: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A rich renderable of one snapshot, as wide as it may be; as high before anything is known."""

    shown: Snapshot

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = _in_ascii(self.shown) if options.ascii_only else self.shown
        rows = Table.grid(padding=(0, 1), expand=True)
        rows.add_column(width=9, style="dim", no_wrap=True)
        rows.add_column(ratio=1, overflow="fold")
        for name, content in _rows(shown):
            rows.add_row(name, content)
        yield Frame(
            rows,
            title=Text(shown.title[: max(1, options.max_width - 8)]),
            title_align="left",
            subtitle=Text("Ctrl-C ends", "dim"),
            subtitle_align="right",
            border_style=COLOURS[shown.state],
        )


def _rows(shown: Snapshot) -> Iterator[tuple[str, RenderableType]]:
    hint = Text.assemble((shown.state, f"bold {COLOURS[shown.state]}"), "  ", HINTS[shown.state])
    yield "state", hint
    yield "level", _meter(shown.level_dbfs, shown.peak_dbfs)
    ago = f"{shown.wake_word}, {shown.woken_s:.0f} s ago" if shown.wake_word else "-"
    yield "wake word", Text(ago)
    yield "voice", _likeness(shown.alike)
    yield "heard", _marked(shown.heard, shown.plain, "bold green underline")
    yield "without", _marked(shown.plain, shown.heard, "red underline")
    yield "reply", Text(shown.reply or "-", "green" if shown.reply else "")
    yield from _bars(shown.window)
    yield "re-opened", Text(_reopened(shown.reopened_ms))
    yield "store", Text(_holdings(shown.stored))
    yield "devices", Text(f"{shown.microphone or '-'}\n{shown.loudspeaker or '-'}")
    for note in shown.notes:
        yield "note", Text(note, "yellow")


@dataclass(frozen=True, slots=True)
class Bar:
    """One line: a stretch from `begin` to `end` (of 1) of the width, a mark on it, and a note."""

    end: float
    note: str
    style: str
    begin: float = 0.0
    mark: float | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full, empty, mark = "#.|" if options.ascii_only else "█░│"
        cells = max(4, options.max_width - NOTE_CELLS - 1)
        first = min(cells - 1, round(cells * _within(self.begin)))
        last = max(first + (self.end > self.begin), round(cells * _within(self.end)))
        drawn = [empty] * first + [full] * (last - first) + [empty] * (cells - last)
        if self.mark is not None:
            drawn[min(cells - 1, int(cells * _within(self.mark)))] = mark
        dim, style = Style.parse("dim"), Style.parse(self.style)
        for one, same in groupby(drawn):
            yield Segment("".join(same), dim if one == empty else style)
        yield Segment(f" {self.note:{NOTE_CELLS}.{NOTE_CELLS}}")
        yield Segment.line()


def _meter(level_dbfs: float, peak_dbfs: float) -> Bar:
    style = "red" if peak_dbfs >= LOUD_DBFS else "green"
    note = f"{level_dbfs:3.0f} peak {peak_dbfs:3.0f} dBFS"
    return Bar(_height(level_dbfs), note, style, mark=_height(peak_dbfs))


def _height(dbfs: float) -> float:
    return _within(1.0 - dbfs / FLOOR_DBFS)


def _likeness(alike: float | None) -> RenderableType:
    return Text("-") if alike is None else Bar(alike, f"{alike:+.2f} alike", "cyan")


def _bars(window: Window | None) -> Iterator[tuple[str, RenderableType]]:
    """Playback, encode and margin; always three lines, so that nothing jumps."""
    if window is None:
        yield from ((name, Text("-")) for name in ("playback", "encode", "margin"))
        return
    whole_ms = window.whole_ms or max(window.elapsed_ms, 1.0)
    passed = window.elapsed_ms / whole_ms
    known = f" of {window.whole_ms:.0f}" if window.whole_ms else ""
    yield "playback", Bar(passed, f"{window.elapsed_ms:.0f}{known} ms", "green")
    if not window.asks:
        yield from ((name, Text("nothing was asked")) for name in ("encode", "margin"))
    elif window.ready_ms is None:
        goes_on = "goes on without" if window.over else "not ready"
        yield "encode", Bar(passed, goes_on, "red")
        yield "margin", Text("-")
    else:
        ready = window.ready_ms / whole_ms
        yield "encode", Bar(ready, f"{window.encode_ms or 0.0:.1f} ms", "magenta")
        margin = f"{whole_ms - window.ready_ms:.0f} ms" if window.whole_ms else "-"
        yield "margin", Bar(1.0, margin, "blue", begin=ready)


def _marked(text: str, other: str, style: str) -> Text:
    """The text, with what differs from the other marked, word by word."""
    words = text.split()
    marked = Text(" ".join(words) or "-")
    matcher = SequenceMatcher(a=words, b=other.split(), autojunk=False)
    places = [0]
    for word in words:
        places.append(places[-1] + len(word) + 1)
    for kind, begin, end, _, _ in matcher.get_opcodes():
        if kind != "equal" and end > begin:
            marked.stylize(style, places[begin], places[end] - 1)
    return marked


def _reopened(after_ms: float | None) -> str:
    return "-" if after_ms is None else f"{after_ms:+.1f} ms after the end of the sound"


def _holdings(stored: Stored) -> str:
    payloads = f"{_many(stored.payloads, 'payload')}, {stored.sealed_bytes} B sealed"
    return f"{_many(stored.interactions, 'interaction')}, {payloads}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


def _in_ascii(shown: Snapshot) -> Snapshot:
    texts: dict[str, Any] = {one.name: getattr(shown, one.name) for one in fields(shown)}
    spelled = {name: _ascii(text) for name, text in texts.items() if type(text) is str}
    return replace(shown, **{**texts, **spelled, "notes": tuple(map(_ascii, shown.notes))})


def _ascii(text: str) -> str:
    """Without accents, and with ? for what has no letter in ASCII."""
    bare = "".join(one for one in normalize("NFKD", text) if not combining(one))
    return bare.encode("ascii", "replace").decode()
