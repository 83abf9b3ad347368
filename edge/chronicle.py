"""What happened in each interaction, gathered by watching the session: for people and for JSON.

Observes only; a run with it and one without it are the same.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from edge.dialogue import (
    BEGINNINGS,
    Command,
    ContextReady,
    Event,
    MicOpened,
    Note,
    PlaybackFinished,
    PlaybackStarted,
    Recognize,
    Record,
    Recorded,
    Transcribed,
)


@dataclass(slots=True)
class Turn:
    """One interaction. Milliseconds; None where there was no such thing.

    context: how what was recognized here was biased: `used`, `no-vector` (asked for, but not
    there in time), `off`, or `not-needed` (nothing had been asked).
    """

    interaction: str
    events: tuple[str, ...] = ()
    recognized: str | None = None
    recognized_without_context: str | None = None
    replies: list[str] = field(default_factory=list)
    playback_ms: float | None = None
    window_ms: float | None = None
    encode_ms: float | None = None
    margin_ms: float | None = None
    reopened_after_playback_ms: float | None = None
    context: str = "not-needed"
    payloads_unsealed: int = 0


class Chronicle:
    """Turns in the order in which they began. context: whether the profile uses any."""

    def __init__(self, context: bool) -> None:
        self.turns: dict[str, Turn] = {}
        self._context = context
        self._asked_at: dict[str, float] = {}
        self._begun_at: dict[str, float] = {}
        self._vector_at: dict[str, float] = {}
        self._ended: tuple[str, float] | None = None  # last reply that ended with a question

    def observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        """An observer for the daemon."""
        for command in commands:
            self._ordered(command, now)
        match event:
            case Recorded(entry) if entry.interaction in self.turns:
                self.turns[entry.interaction].events = entry.events
            case ContextReady():
                self._ready(event, bool(commands), now)
            case Transcribed(interaction, text, plain) if interaction in self.turns:
                turn = self.turns[interaction]
                turn.recognized, turn.recognized_without_context = text, plain
            case PlaybackStarted(interaction):
                self._begun_at.setdefault(interaction, now)
            case PlaybackFinished(interaction, at) if commands:
                self._finished(interaction, at)
            case MicOpened(_, at) if commands and self._ended:
                asking, ended_at = self._ended
                self.turns[asking].reopened_after_playback_ms = _ms(at - ended_at)

    @property
    def asking(self) -> Turn | None:
        """The turn whose question was asked last."""
        return self.turns[self._ended[0]] if self._ended else None

    def as_json(self) -> list[dict[str, Any]]:
        """The turns as `edge demo --json` prints them."""
        return [asdict(turn) for turn in self.turns.values()]

    def _ordered(self, command: Command, now: float) -> None:
        match command:
            case Record(_, interaction, note) if note in BEGINNINGS:
                self.turns[interaction] = Turn(interaction)
            case Record(_, interaction, Note.EXPECT_SPEECH):
                self._asked_at[interaction] = now
            case Record(_, interaction, Note.SPEAK, payloads=(reply,)):
                self.turns[interaction].replies.append(reply.content.decode())
            case Recognize(interaction, expectation, vector):
                turn = self.turns[interaction]
                if not self._context:
                    turn.context = "off"
                elif expectation:
                    turn.context = "used" if vector else "no-vector"

    def _ready(self, event: ContextReady, in_time: bool, now: float) -> None:
        turn = self.turns[event.interaction]
        turn.encode_ms = round(event.encode_ms, 2)
        if in_time:
            self._vector_at[event.interaction] = now

    def _finished(self, interaction: str, at: float) -> None:
        turn = self.turns[interaction]
        turn.playback_ms = _ms(at - self._begun_at.get(interaction, at))
        self._ended = None
        if interaction in self._asked_at:
            self._ended = (interaction, at)
            turn.window_ms = _ms(at - self._asked_at[interaction])
        if interaction in self._vector_at:
            turn.margin_ms = _ms(at - self._vector_at[interaction])


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)
