"""Replies in a room with an echo, and answers to them: the real daemon, ears and recognizer.

For benches of the re-opened microphone. All that reached the recognizer is kept, beside what the
room echoed at that time; replies are late or damaged on purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from edge.asking import temporary_store
from edge.assembly import shipped_rescorer
from edge.daemon import Daemon, Parts
from edge.dialogue import (
    RATE_HZ,
    Act,
    Command,
    Event,
    Expectation,
    ExpectSpeech,
    MicOpened,
    PlaybackFinished,
    Recognized,
    Responded,
    Slot,
    Speak,
    SpeechStarted,
    Transcribed,
    WakeWordDetected,
)
from edge.engines.scripted import FailingEncoder, ScriptedSkill
from edge.hearing import SILENCE, Heard, Hearing
from edge.protocols import Frame, Recognizer, Synthesizer
from edge.recognition import Recognition
from edge.room import Echo, RoomLoudspeaker, RoomMicrophone
from edge.scheduler import Scheduler
from edge.session import Rules, Session, State
from edge.window import Window

ASKED = Expectation(Act.REQUEST, Slot.OTHER)
PATIENCE_MS = 2500
PAUSE_S = 0.5
LOOKED_BACK_S = 3.0
RULES = Rules(synthesize_s=15.0, reopens=1 << 30, vector=False, anyone_answers=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply that asks, in one room.

    starts_s: how long its synthesizer needs. kept: share of its sound that there is. answer: what
    is said `after_s` after its end; empty: nothing.
    """

    kind: str
    text: str
    echo: Echo
    starts_s: float = 0.0
    kept: float = 1.0
    answer: bytes = field(default=b"", repr=False)
    after_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What became of it; times of the scheduler's clock, None: never.

    woken: whether a wake word was heard, which nobody says. fed: all that reached the recognizer.
    played: the last LOOKED_BACK_S that sounded, 16 kHz.
    """

    reply: Reply
    began_at: float
    ended_at: float | None = None
    opened_at: float | None = None
    answered_at: float | None = None
    started: bool = False
    woken: bool = False
    over: bool = False
    text: str = field(default="", repr=False)
    fed: bytes = field(default=b"", repr=False)
    played: bytes = field(default=b"", repr=False)


class Replies:
    """Holds replies one after the other. `hold` may be called once.

    hearing: the ears that are tried.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        recognizer: Recognizer,
        synthesizer: Synthesizer,
        hearing: Hearing,
    ) -> None:
        self._hearing = hearing
        self._scheduler = scheduler
        self._microphone = RoomMicrophone(scheduler.now, scheduler.sleep_until)
        self._loudspeaker = RoomLoudspeaker(scheduler.now)
        self._overheard = Overheard(recognizer)
        self._delivered = Delivered(synthesizer, self._sleep)
        self._session = Session(RULES, map("{:08x}".format, count(1)).__next__)
        self._replies: Iterator[Reply] = iter(())
        self._outcomes: list[Outcome] = []
        self._over = False

    def hold(self, replies: Iterable[Reply]) -> list[Outcome]:
        """What became of each."""
        self._replies = iter(replies)
        with temporary_store() as open_store:
            store = self._scheduler.do("store", open_store)
            parts = Parts(
                microphone=self._microphone,
                hearing=self._hearing,
                recognition=Recognition(self._overheard, shipped_rescorer()),
                skill=ScriptedSkill(iter(lambda: _nothing_to_say, None)),
                synthesizer=self._delivered,
                loudspeaker=self._loudspeaker,
                store=store,
                window=Window(store, FailingEncoder(), self._scheduler.now),
            )
            self._daemon = Daemon(self._session, parts, self._scheduler, self._observe)
            self._after(PAUSE_S, self._next)
            self._daemon.run(lambda: self._over)
            self._scheduler.do("store", store.close)
        return self._outcomes

    def _next(self) -> None:
        reply = next(self._replies, None)
        if reply is None:
            self._over = True
            return
        self._outcomes.append(Outcome(reply, self._scheduler.now()))
        self._overheard.fed = b""
        self._delivered.reply = reply
        self._microphone.hear(self._loudspeaker, reply.echo)
        self._daemon.step(Speak(None, reply.text))
        self._daemon.step(ExpectSpeech(None, PATIENCE_MS, ASKED))

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        if not self._outcomes:
            return
        outcome = self._outcomes[-1]
        match event:
            case PlaybackFinished(_, at) if outcome.ended_at is None:
                self._finished(outcome, at)
            case MicOpened(_, at) if outcome.opened_at is None:
                outcome.opened_at = at
            case SpeechStarted():
                outcome.started = True
            case WakeWordDetected():
                outcome.woken = True
            case Transcribed(_, text, _):
                outcome.text = text
        if self._session.state is State.IDLE and not outcome.over:
            outcome.over, outcome.fed = True, self._overheard.fed
            self._after(PAUSE_S, self._next)

    def _finished(self, outcome: Outcome, at: float) -> None:
        outcome.ended_at = at
        samples = round(LOOKED_BACK_S * RATE_HZ)
        outcome.played = self._loudspeaker.played(at - LOOKED_BACK_S, samples).tobytes()
        if outcome.reply.answer:
            outcome.answered_at = at + outcome.reply.echo.late_s + outcome.reply.after_s
            self._microphone.say(outcome.reply.answer, outcome.answered_at)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        self._scheduler.call_at(self._scheduler.now() + seconds, call)

    def _sleep(self, seconds: float) -> None:
        self._scheduler.sleep_until(self._scheduler.now() + seconds)


class Unguarded(Hearing):
    """Ears that know nothing of what is played: a voice is a voice."""

    def take(self, frame: Frame, played: bytes = SILENCE) -> tuple[Heard, ...]:
        """See Hearing."""
        return super().take(frame)


class Delivered:
    """protocols.Synthesizer: another one's sound, late or cut short as the reply says."""

    def __init__(self, synthesizer: Synthesizer, sleep: Callable[[float], None]) -> None:
        self._synthesizer = synthesizer
        self._sleep = sleep
        self.reply: Reply | None = None

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """Of the reply that is being held."""
        assert self.reply is not None
        self._sleep(self.reply.starts_s)
        pcm, rate_hz = self._synthesizer.synthesize(text)
        return pcm[: 2 * int(self.reply.kept * len(pcm) / 2)], rate_hz


class Overheard:
    """protocols.Recognizer: another one, and what it was fed."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self.fed = b""

    def start(self, expected: Expectation | None = None) -> None:
        self.fed = b""
        self._recognizer.start(expected)

    def feed(self, pcm: bytes) -> None:
        self.fed += pcm
        self._recognizer.feed(pcm)

    def finish(self) -> Recognized:
        return self._recognizer.finish()


def _nothing_to_say(interaction: str) -> list[Responded]:
    return [Responded(interaction)]
