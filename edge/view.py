"""What a person would notice of a conversation, gathered from its events for the panel.

Observes only: it has no thread, clock or terminal, and keeps words of the newest turn alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from edge.chronicle import Turn
from edge.dialogue import (
    Command,
    ContextReady,
    Event,
    MicOpened,
    Note,
    Play,
    PlaybackFinished,
    PlaybackStarted,
    Record,
    StopPlayback,
    Transcribed,
    WakeWordDetected,
)
from edge.panel import FLOOR_DBFS, Snapshot, Stored, Window
from edge.session import State

HOLD_S = 1.5
"""So long the meter holds a peak."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event, what followed from it and when, and the state that it led to."""

    event: Event
    commands: tuple[Command, ...]
    at: float
    state: State


@dataclass(frozen=True, slots=True)
class Known:
    """What no event tells: asked for when the view is drawn."""

    alike: float | None = None
    stored: Stored = field(default_factory=Stored)
    microphone: str = ""
    loudspeaker: str = ""


class Meter:
    """Level and held peak of what was captured last, dBFS."""

    def __init__(self) -> None:
        self.level_dbfs = self.peak_dbfs = FLOOR_DBFS
        self._held_until = float("-inf")

    def take(self, pcm: bytes, now: float) -> None:
        """What was captured since the last time; may be nothing."""
        samples = np.frombuffer(pcm or bytes(2), "<i2") / 32768.0
        self.level_dbfs = _dbfs(float(np.sqrt(np.mean(samples**2))))
        peak_dbfs = _dbfs(float(np.max(np.abs(samples))))
        if peak_dbfs >= self.peak_dbfs or now >= self._held_until:
            self.peak_dbfs, self._held_until = peak_dbfs, now + HOLD_S


@dataclass(slots=True)
class Reply:
    """What is said to one interaction, and when what of it happened."""

    interaction: str
    texts: list[str] = field(default_factory=list)
    asked_at: float | None = None
    begun_at: float | None = None
    ends_at: float | None = None
    over_at: float | None = None
    ready_at: float | None = None
    encode_ms: float | None = None
    reopened_ms: float | None = None

    def window(self, now: float) -> Window | None:
        """The compute window where it asks, else its sound; None before either began."""
        begin = self.begun_at if self.asked_at is None else self.asked_at
        end = self.ends_at if self.over_at is None else self.over_at
        if begin is None:
            return None
        return Window(
            elapsed_ms=_ms(begin, now if end is None else min(now, end)),
            whole_ms=None if end is None else _ms(begin, end),
            asks=self.asked_at is not None,
            ready_ms=None if self.ready_at is None else _ms(begin, self.ready_at),
            encode_ms=self.encode_ms,
            over=self.over_at is not None,
        )

    def turn(self, now: float) -> Turn:
        """As Telling draws it."""
        turn = Turn(self.interaction, reopened_after_playback_ms=self.reopened_ms)
        window = self.window(now)
        if window and window.asks and window.whole_ms is not None:
            turn.window_ms, turn.encode_ms = window.whole_ms, window.encode_ms
            if window.ready_ms is not None:
                turn.margin_ms = window.whole_ms - window.ready_ms
        return turn


class View:
    """One conversation, as it stands."""

    def __init__(self, title: str) -> None:
        self.meter = Meter()
        self.reply = Reply("")
        self._title = title
        self._state = State.IDLE
        self._woken = ("", 0.0)
        self._transcript = ("", "")

    def see(self, seen: Seen) -> None:
        """One event; one from which nothing followed only says how far a reply is."""
        self._state = seen.state
        for command in seen.commands:
            self._ordered(command, seen.at)
        match seen.event:
            case PlaybackStarted(interaction, ends_at) if interaction == self.reply.interaction:
                begun_at = self.reply.begun_at
                self.reply.begun_at = seen.at if begun_at is None else begun_at
                self.reply.ends_at = ends_at
            case MicOpened(_, at) if seen.state is State.EXPECTING:
                if (over_at := self.reply.over_at) is not None:
                    self.reply.reopened_ms = (at - over_at) * 1000
            case event if seen.commands:
                self._followed(event, seen.at)

    def snapshot(self, now: float, known: Known, notes: tuple[str, ...] = ()) -> Snapshot:
        """All of it, at this moment."""
        word, at = self._woken
        heard, plain = self._transcript
        return Snapshot(
            title=self._title,
            state=self._state,
            level_dbfs=self.meter.level_dbfs,
            peak_dbfs=self.meter.peak_dbfs,
            wake_word=word,
            woken_s=max(0.0, now - at),
            alike=known.alike,
            heard=heard,
            plain=plain,
            reply=" ".join(self.reply.texts),
            window=self.reply.window(now),
            reopened_ms=self.reply.reopened_ms,
            stored=known.stored,
            microphone=known.microphone,
            loudspeaker=known.loudspeaker,
            notes=notes,
        )

    def _ordered(self, command: Command, at: float) -> None:
        match command:
            case Play(interaction, text):
                self._reply_to(interaction).texts.append(text)
            case Record(_, interaction, Note.EXPECT_SPEECH):
                self._reply_to(interaction).asked_at = at
            case StopPlayback() if self.reply.over_at is None:
                self.reply.over_at = at

    def _followed(self, event: Event, at: float) -> None:
        match event:
            case WakeWordDetected(word, heard_at):
                self._woken = word, heard_at
            case Transcribed(_, text, plain):
                self._transcript = text, plain
            case ContextReady(encode_ms=encode_ms):
                self.reply.ready_at, self.reply.encode_ms = at, encode_ms
            case PlaybackFinished(_, over_at):
                self.reply.over_at = over_at

    def _reply_to(self, interaction: str) -> Reply:
        """Another interaction's reply takes the place of the one before."""
        if self.reply.interaction != interaction:
            self.reply = Reply(interaction)
        return self.reply


def _ms(begin: float, end: float) -> float:
    return max(0.0, end - begin) * 1000


def _dbfs(share: float) -> float:
    """Of full scale; never below the meter's floor."""
    return max(FLOOR_DBFS, 20.0 * float(np.log10(max(share, 1e-9))))
