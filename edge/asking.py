"""Questions asked one after the other by the real daemon, with scripted ears and voice.

For benches of the compute window: what is said is always the same, how long it sounds is not.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from edge.assembly import shipped_rescorer
from edge.daemon import Daemon, Parts
from edge.dialogue import (
    Act,
    Catalogue,
    Command,
    ContextReady,
    EndOfSpeech,
    Event,
    Expectation,
    ExpectSpeech,
    Forgotten,
    Hypothesis,
    MicOpened,
    PlaybackFinished,
    Slot,
    Speak,
    WakeWordDetected,
)
from edge.engines.scripted import ScriptedRecognizer, ScriptedSkill
from edge.hearing import Heard, Hearing, Listening, Piece
from edge.keys import RamKeys
from edge.protocols import ContextEncoder
from edge.recalled import Deaf
from edge.recognition import Recognition
from edge.room import RoomLoudspeaker
from edge.scheduler import Scheduler
from edge.seal import Cipher
from edge.session import Rules, Session, State
from edge.store import Clock, SqliteStore
from edge.window import Window

RATE_HZ = 16_000
PATIENCE_S = 5.0
REQUEST = [Hypothesis("call meg", -90.0)]
ASKED = Expectation(
    Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer")),)
)


@dataclass(slots=True)
class Asked:
    """One question. late_s: from the end of its sound to the open microphone; None: never.

    margin_s: how long before the end the vector was there; None: it was not.
    """

    length_s: float
    ended_at: float | None = None
    ready_at: float | None = None
    encode_ms: float | None = None
    late_s: float | None = None

    @property
    def margin_s(self) -> float | None:
        if self.ready_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.ready_at


class Asking:
    """Asks; every question begins a dialogue of its own and ends when the microphone is open."""

    def __init__(
        self, scheduler: Scheduler, open_store: Callable[[], SqliteStore], encoder: ContextEncoder
    ) -> None:
        store = scheduler.do("store", open_store)
        self._close = store.close
        self._scheduler = scheduler
        self._voice = Voice()
        self._question = ""
        self._asked: list[Asked] = []
        self._lengths: Iterator[float] = iter(())
        self._over = False
        ids = count(1)
        self._session = Session(Rules(), lambda: f"{next(ids):08x}")
        parts = Parts(
            microphone=Deaf(),
            hearing=Ears(Listening(), []),
            recognition=Recognition(
                ScriptedRecognizer(iter(lambda: REQUEST, None)), shipped_rescorer()
            ),
            skill=ScriptedSkill(iter(lambda: self._respond, None)),
            synthesizer=self._voice,
            loudspeaker=RoomLoudspeaker(scheduler.now),
            store=store,
            window=Window(store, encoder, time.perf_counter),
        )
        self._daemon = Daemon(self._session, parts, scheduler, self._observe)

    def ask(self, question: str, lengths: Iterable[float]) -> list[Asked]:
        """Ask once for each length in seconds, then close the store."""
        self._question, self._lengths, self._over = question, iter(lengths), False
        self._asked = []
        self._scheduler.call_at(self._scheduler.now(), self._next)
        deadline = lambda: self._session.deadline  # noqa: E731
        try:
            self._scheduler.run(self._daemon.step, deadline, lambda: self._over)
        finally:
            self._scheduler.do("store", self._close)
        return self._asked

    def _next(self) -> None:
        length_s = next(self._lengths, None)
        self._over = length_s is None
        if length_s is not None:
            self._asked.append(Asked(length_s))
            self._voice.length_s = length_s
            now = self._scheduler.now()
            self._daemon.step(WakeWordDetected("alexa", now, now))

    def _respond(self, interaction: str) -> list[Speak | ExpectSpeech]:
        return [
            Speak(interaction, self._question),
            ExpectSpeech(interaction, round(PATIENCE_S * 1000), ASKED),
        ]

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        if not commands:
            return
        asked = self._asked[-1]
        match event:
            case ContextReady():
                asked.ready_at, asked.encode_ms = now, event.encode_ms
            case PlaybackFinished():
                asked.ended_at = event.at
            case MicOpened() if self._session.state is State.EXPECTING and asked.ended_at:
                asked.late_s = event.at - asked.ended_at
                self._scheduler.call_at(now, self._forget)
            case Forgotten():
                self._next()

    def _forget(self) -> None:
        self._daemon.step(Forgotten())


class Ears(Hearing):
    """Hears a request in the moment the microphone opens, and never an answer."""

    def open(
        self, interaction: str, since: float, no_speech_s: float, anchor: bytes = b""
    ) -> tuple[Heard, ...]:
        """A request has a time in which something must be said; an answer's is its question's."""
        if no_speech_s == float("inf"):
            return ()
        return Piece(interaction, b"\0\0"), EndOfSpeech(interaction, since)


class Voice:
    """Silence of the length that is wanted."""

    length_s = 1.0

    def synthesize(self, text: str) -> tuple[bytes, int]:
        return bytes(2 * round(self.length_s * RATE_HZ)), RATE_HZ


@contextmanager
def temporary_store() -> Iterator[Callable[[], SqliteStore]]:
    """Opens a store that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="edge-") as state,
        tempfile.TemporaryDirectory(prefix="edge-", dir="/dev/shm") as runtime,
    ):
        yield lambda: SqliteStore(
            Path(state) / "dialogue.db",
            RamKeys(Path(runtime), secrets.token_bytes),
            Clock(time.monotonic, "this-boot", time.time),
            ttl_s=86400.0,
            cipher=Cipher.AES_256_GCM,
            randomness=secrets.token_bytes,
        )
