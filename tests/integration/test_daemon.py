"""The daemon over both schedulers, with scripted engines, a real store and real hearing.

What reached the recognizer is held against what was played; faults hit every part.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from edge.assembly import shipped_rescorer
from edge.clip import read_clip
from edge.daemon import Daemon, Parts
from edge.dialogue import (
    Act,
    Catalogue,
    Command,
    ContextReady,
    Event,
    Expectation,
    ExpectSpeech,
    Forgotten,
    Hypothesis,
    LoudspeakerLost,
    MicBack,
    MicLost,
    Note,
    OpenMic,
    PlaybackFinished,
    PlaybackStarted,
    Recognize,
    Record,
    Slot,
    Speak,
    Transcribed,
    WakeWordDetected,
)
from edge.engines.scripted import (
    FailingEncoder,
    ScriptedRecognizer,
    ScriptedSkill,
    ScriptedSynthesizer,
    SlowEncoder,
)
from edge.errors import AudioError, EngineError, SoundHung, StoreError
from edge.hearing import Hearing, Listening
from edge.keys import RamKeys
from edge.protocols import ContextEncoder, Encoded, Frame, Round
from edge.recognition import Recognition
from edge.room import Echo, RoomLoudspeaker, RoomMicrophone
from edge.scenario import CLIPS
from edge.scheduler import Scheduler, Threads, Virtual
from edge.seal import Cipher
from edge.session import Rules, Session, State
from edge.store import Clock, SqliteStore
from edge.window import Window

ASKED = Expectation(
    Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer", "Bauer")),)
)
REQUEST = [Hypothesis("call meg", -90.0)]
ANSWER = [Hypothesis("the hour", -100.0), Hypothesis("bauer", -104.0)]
REPLY_S = 1.5
UNIT_VECTOR = b"\0\0\x80?"


class QuickEncoder:
    """An encoder with a fixed opinion."""

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        return Encoded(UNIT_VECTOR, (("Meg Bauer", 0.9), ("Bauer", 0.9)), memory + b"+")


class NoWakeWord:
    """The tests say themselves when the wake word was heard."""

    word = "alexa"
    latency_s = 0.2

    def detect(self, pcm: bytes) -> bool:
        return False


def ask(interaction: str) -> list[Speak | ExpectSpeech]:
    return [Speak(interaction, "Jones or Bauer?"), ExpectSpeech(interaction, 4000, ASKED)]


def confirm(interaction: str) -> list[Speak]:
    return [Speak(interaction, "Calling.")]


class Rig:
    """One speaker in a room, and everything it did."""

    def __init__(
        self,
        scheduler: Scheduler,
        store: object,
        encoder: ContextEncoder,
        background: float = 3.0,
    ) -> None:
        self.scheduler = scheduler
        self.microphone = RoomMicrophone(scheduler.now, scheduler.sleep_until, background)
        self.loudspeaker = RoomLoudspeaker(scheduler.now)
        self.recognizer = ScriptedRecognizer([REQUEST, ANSWER])
        self.skill = ScriptedSkill([ask, confirm])
        self.session = Session(Rules(), map("{:04x}".format, count(1)).__next__)
        self.seen: list[tuple[Event, tuple[Command, ...]]] = []
        self.hooks: list[Callable[[Event, tuple[Command, ...]], None]] = []
        parts = Parts(
            microphone=self.microphone,
            hearing=Hearing(Listening(), [NoWakeWord()]),
            recognition=Recognition(self.recognizer, shipped_rescorer()),
            skill=self.skill,
            synthesizer=ScriptedSynthesizer(REPLY_S),
            loudspeaker=self.loudspeaker,
            store=store,  # type: ignore[arg-type]
            window=Window(store, encoder, scheduler.now),  # type: ignore[arg-type]
        )
        self.daemon = Daemon(self.session, parts, scheduler, self._observe)

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        self.seen.append((event, commands))
        for hook in self.hooks:
            hook(event, commands)

    def say_after_wake_word(self, pcm: bytes) -> None:
        now = self.scheduler.now()
        self.microphone.say(pcm, now + 0.3)
        wake = WakeWordDetected("alexa", now, now)
        self.scheduler.call_at(now, lambda: self.daemon.step(wake))

    def run(self, limit_s: float = 20.0) -> None:
        """Until idle again with nothing left to say, or for so long."""
        ends = [self.scheduler.now() + limit_s]
        self.scheduler.call_at(ends[0], lambda: None)

        def done() -> bool:
            over = bool(self.seen) and self.session.state is State.IDLE
            if over:
                ends[0] = min(ends[0], self.scheduler.now() + 0.3)
                self.scheduler.call_at(ends[0], lambda: None)
            return self.scheduler.now() >= ends[0]

        self.daemon.run(done)

    def events(self, kind: type) -> list[Event]:
        return [event for event, _ in self.seen if isinstance(event, kind)]

    def commands(self, kind: type) -> list[Command]:
        return [one for _, commands in self.seen for one in commands if isinstance(one, kind)]

    def notes(self) -> list[Note]:
        return [one.note for one in self.commands(Record) if isinstance(one, Record)]


def loud_part(pcm: bytes) -> bytes:
    """20 ms around the loudest sample."""
    loudest = int(np.abs(np.frombuffer(pcm, "<i2").astype(int)).argmax())
    return pcm[2 * loudest - 320 : 2 * loudest + 320]


def answer_when_reopened(rig: Rig, pcm: bytes, after_s: float) -> None:
    def hook(event: Event, commands: tuple[Command, ...]) -> None:
        if isinstance(event, PlaybackFinished) and rig.session.state is State.EXPECTING:
            rig.microphone.say(pcm, event.at + after_s)

    rig.hooks.append(hook)


@pytest.fixture(scope="module")
def call_meg() -> bytes:
    return read_clip(CLIPS / "rms" / "call_meg.flac")


@pytest.fixture(scope="module")
def bauer() -> bytes:
    return read_clip(CLIPS / "rms" / "bauer.flac")


@pytest.fixture(params=[Virtual, Threads])
def scheduler(request: pytest.FixtureRequest) -> Iterator[Scheduler]:
    with closing(request.param()) as made:
        yield made


@pytest.fixture
def threads() -> Iterator[Threads]:
    with closing(Threads()) as made:
        yield made


@pytest.fixture
def virtual() -> Virtual:
    return Virtual(cost=lambda worker, took_s: 0.002)


class BootClock:
    """CLOCK_BOOTTIME, which a test may put ahead."""

    ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


@pytest.fixture
def boot_clock() -> BootClock:
    return BootClock()


@pytest.fixture
def open_store(tmp_path: Path, boot_clock: BootClock) -> Iterator[Callable[[Scheduler], object]]:
    """Opens a real store in a real file, on the store's own worker."""
    with ExitStack() as stack:
        keys = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm", prefix="edge-"))

        def make() -> SqliteStore:
            return SqliteStore(
                tmp_path / "dialogue.db",
                RamKeys(Path(keys), secrets.token_bytes),
                Clock(boot_clock, "this-boot", time.time),
                ttl_s=300.0,
                cipher=Cipher.AES_256_GCM,
                randomness=secrets.token_bytes,
            )

        def open_one(scheduler: Scheduler) -> SqliteStore:
            store = scheduler.do("store", make)
            stack.callback(lambda: scheduler.do("store", store.close))
            return store

        yield open_one


def converse(rig: Rig, call_meg: bytes, bauer: bytes) -> list[Transcribed]:
    rig.say_after_wake_word(call_meg)
    answer_when_reopened(rig, bauer, after_s=0.1)
    rig.run()
    return [event for event in rig.events(Transcribed) if isinstance(event, Transcribed)]


def test_a_question_is_answered_with_context(
    scheduler: Scheduler, open_store: Callable[[Scheduler], object], call_meg: bytes, bauer: bytes
) -> None:
    rig = Rig(scheduler, open_store(scheduler), QuickEncoder())
    heard = converse(rig, call_meg, bauer)
    assert [(one.text, one.plain) for one in heard] == [
        ("call meg", "call meg"),
        ("bauer", "the hour"),
    ]
    recognize = rig.commands(Recognize)[1]
    assert isinstance(recognize, Recognize)
    assert recognize.context
    assert recognize.context.vector == UNIT_VECTOR
    assert Note.REOPENED in rig.notes()


class Listing(QuickEncoder):
    """Lists what it was given."""

    def __init__(self) -> None:
        self.given: list[tuple[list[Round], bytes]] = []

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        self.given.append((list(rounds), memory))
        return super().encode(rounds, expectation, memory)


def test_the_next_question_goes_on_from_what_was_kept_of_the_last(
    scheduler: Scheduler, open_store: Callable[[Scheduler], object], call_meg: bytes, bauer: bytes
) -> None:
    encoder = Listing()
    rig = Rig(scheduler, open_store(scheduler), encoder)
    rig.skill._answers = iter([ask, ask])
    converse(rig, call_meg, bauer)
    assert encoder.given == [
        ([Round("call meg", "Jones or Bauer?")], b""),
        ([Round("bauer", "Jones or Bauer?")], b"+"),
    ]
    assert [opened for _, opened in rig.daemon._parts.window.unsealed] == [2, 3]
    kept = [one for one in rig.commands(Record) if isinstance(one, Record) and one.payloads[1:]]
    assert [[payload.content for payload in one.payloads] for one in kept] == [
        [UNIT_VECTOR, b"+"],
        [UNIT_VECTOR, b"++"],
    ]


def test_what_reaches_the_recognizer_was_captured_after_the_reply(
    virtual: Virtual, open_store: Callable[[Scheduler], object], call_meg: bytes, bauer: bytes
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder(), background=0.0)

    def talk_over_the_reply(event: Event, commands: tuple[Command, ...]) -> None:
        if isinstance(event, PlaybackStarted):
            rig.microphone.say(call_meg, event.ends_at - REPLY_S)

    rig.hooks.append(talk_over_the_reply)
    converse(rig, call_meg, bauer)
    request, answer = rig.recognizer.fed
    assert loud_part(call_meg) in request
    assert loud_part(call_meg) not in answer, "captured while the reply was sounding"
    assert loud_part(bauer) in answer, "the answer itself, sample for sample"


@pytest.mark.parametrize("encoder", ["slow", "failing"])
def test_without_a_vector_recognition_goes_on(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    bauer: bytes,
    encoder: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    slow = SlowEncoder(QuickEncoder(), 9.0, lambda s: virtual.sleep_until(virtual.now() + s))
    rig = Rig(virtual, open_store(virtual), slow if encoder == "slow" else FailingEncoder())
    heard = converse(rig, call_meg, bauer)
    assert [one.text for one in heard] == ["call meg", "bauer"]
    recognize = rig.commands(Recognize)[1]
    assert isinstance(recognize, Recognize)
    assert recognize.context is None
    assert Note.CONTEXT_READY not in rig.notes()


class BrokenStore:
    """A store on a full disk."""

    def __getattr__(self, name: str) -> Callable[..., object]:
        def refuse(*args: object) -> object:
            raise StoreError("dialogue.db: the disk is full; make room")

        return refuse


def test_a_turn_goes_on_without_the_store(
    virtual: Virtual, call_meg: bytes, bauer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(virtual, BrokenStore(), QuickEncoder())
    heard = converse(rig, call_meg, bauer)
    assert [one.text for one in heard] == ["call meg", "bauer"]
    assert not rig.events(ContextReady)
    assert "the disk is full" in caplog.text


@pytest.mark.parametrize("part", ["recognizer", "skill", "synthesizer"])
def test_a_part_that_fails_ends_its_turn_and_nothing_else(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    bauer: bytes,
    part: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder())

    def fail(*args: object) -> object:
        raise EngineError("it does not work; repair it")

    broken = {
        "recognizer": (rig.recognizer, "finish"),
        "skill": (rig.skill, "respond"),
        "synthesizer": (rig.daemon._parts.synthesizer, "synthesize"),
    }[part]
    monkeypatch.setattr(*broken, fail)
    rig.say_after_wake_word(call_meg)
    rig.run()
    assert rig.session.state is State.IDLE
    assert Note.FAILED in rig.notes()
    assert "meg" not in caplog.text.lower()


def test_an_interruption_silences_the_loudspeaker_and_hears_what_follows(
    virtual: Virtual, open_store: Callable[[Scheduler], object], call_meg: bytes, bauer: bytes
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder())

    def interrupt(event: Event, commands: tuple[Command, ...]) -> None:
        if isinstance(event, ContextReady):
            now = virtual.now() + 0.4
            rig.microphone.say(bauer, now + 0.3)
            wake = WakeWordDetected("alexa", now, now)
            virtual.call_at(now, lambda: rig.daemon.step(wake))

    rig.hooks.append(interrupt)
    rig.say_after_wake_word(call_meg)
    rig.run()
    recognize = rig.commands(Recognize)[1]
    assert isinstance(recognize, Recognize)
    assert (recognize.expectation, recognize.context) == (ASKED, None)
    assert Note.INTERRUPTED in rig.notes()
    assert Note.REOPENED not in rig.notes()


def test_forgetting_ends_the_turn_at_once(
    virtual: Virtual, open_store: Callable[[Scheduler], object], call_meg: bytes
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder())
    rig.hooks.append(
        lambda event, commands: (
            virtual.call_at(virtual.now() + 0.2, lambda: rig.daemon.step(Forgotten()))
            if isinstance(event, ContextReady)
            else None
        )
    )
    rig.say_after_wake_word(call_meg)
    rig.run(limit_s=10.0)
    assert rig.session.state is State.IDLE
    assert Note.REOPENED not in rig.notes()
    assert rig.loudspeaker.sounding_until() < virtual.now()


def test_no_word_is_logged(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    bauer: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    converse(Rig(virtual, open_store(virtual), FailingEncoder()), call_meg, bauer)
    for word in ("meg", "bauer", "jones", "calling"):
        assert word not in caplog.text.lower()


def test_what_has_expired_is_deleted_while_nobody_speaks(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    boot_clock: BootClock,
    call_meg: bytes,
    bauer: bytes,
) -> None:
    store = open_store(virtual)
    assert isinstance(store, SqliteStore)
    rig = Rig(virtual, store, QuickEncoder())
    converse(rig, call_meg, bauer)
    assert store.stats().interactions == 2
    boot_clock.ahead_s = 301.0
    ends_at = virtual.now() + 2.0
    virtual.call_at(ends_at, lambda: None)
    rig.daemon.run(lambda: virtual.now() >= ends_at)
    assert store.expire() == 0, "there is nothing left to delete"


def test_a_microphone_that_is_lost_comes_back(
    virtual: Virtual, open_store: Callable[[Scheduler], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder())
    read = rig.microphone.read
    unplugged = iter([True, True, False])

    def unreliable() -> Frame:
        if next(unplugged, False):
            raise AudioError("no microphone; plug it in")
        return read()

    monkeypatch.setattr(rig.microphone, "read", unreliable)
    virtual.call_at(5.0, lambda: None)
    rig.daemon.run(lambda: virtual.now() >= 5.0)
    assert [type(event) for event, _ in rig.seen] == [MicLost, MicBack]


def test_whatever_a_part_raises_costs_its_own_answer(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    bauer: bytes,
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Surprising(QuickEncoder):
        def encode(
            self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
        ) -> Encoded:
            raise RuntimeError(rounds[-1].utterance)

    heard = converse(Rig(virtual, open_store(virtual), Surprising()), call_meg, bauer)
    assert [one.text for one in heard] == ["call meg", "bauer"]
    assert "part=context failed: RuntimeError" in caplog.text
    assert "meg" not in caplog.text


def test_a_loudspeaker_that_is_lost_ends_its_turn(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder())

    def gone() -> float:
        raise AudioError("no loudspeaker; plug it in")

    def unplug(event: Event, commands: tuple[Command, ...]) -> None:
        if isinstance(event, PlaybackStarted):
            monkeypatch.setattr(rig.loudspeaker, "sounding_until", gone)

    rig.hooks.append(unplug)
    rig.say_after_wake_word(call_meg)
    rig.run()
    assert rig.events(LoudspeakerLost)
    assert Note.FAILED in rig.notes()
    assert Note.REOPENED not in rig.notes()


def test_a_microphone_that_hangs_ends_the_run(
    threads: Threads, open_store: Callable[[Scheduler], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    never, frames = threading.Event(), count()
    rig = Rig(threads, open_store(threads), QuickEncoder())
    read = rig.microphone.read

    def hangs() -> Frame:
        if next(frames) == 5:
            never.wait()
        return read()

    monkeypatch.setattr(rig.microphone, "read", hangs)
    with pytest.raises(SoundHung):
        rig.daemon.run(lambda: False)
    never.set()


def test_our_own_reply_is_not_an_answer(
    virtual: Virtual, open_store: Callable[[Scheduler], object], call_meg: bytes
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder(), background=33.0)
    speech = (read_clip(CLIPS / "slt" / "mushroom_soup.flac") * 2, 16_000)
    rig.daemon._parts.synthesizer.synthesize = lambda text: speech  # type: ignore[method-assign]
    rig.microphone.hear(rig.loudspeaker, Echo(t60_s=0.6, gain_db=-3.0))
    rig.say_after_wake_word(call_meg)
    rig.run()
    assert Note.REOPENED in rig.notes()
    assert Note.EXPECT_SPEECH_TIMED_OUT in rig.notes()
    assert len(rig.events(Transcribed)) == 1


@pytest.mark.parametrize("into_the_reply_s", [0.15, 0.4, 1.0])
def test_after_an_interruption_our_own_reply_is_not_the_request(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    call_meg: bytes,
    into_the_reply_s: float,
) -> None:
    rig = Rig(virtual, open_store(virtual), QuickEncoder(), background=33.0)
    speech = (read_clip(CLIPS / "slt" / "mushroom_soup.flac") * 3, 16_000)
    rig.daemon._parts.synthesizer.synthesize = lambda text: speech  # type: ignore[method-assign]
    rig.microphone.hear(rig.loudspeaker, Echo(t60_s=0.4, gain_db=-10.0))

    def interrupt(event: Event, commands: tuple[Command, ...]) -> None:
        if isinstance(event, PlaybackStarted):
            at = virtual.now() + 0.08 + into_the_reply_s
            wake = WakeWordDetected("alexa", at, at)
            virtual.call_at(at, lambda: rig.daemon.step(wake))

    rig.hooks.append(interrupt)
    rig.say_after_wake_word(call_meg)
    rig.run(limit_s=12.0)
    assert Note.INTERRUPTED in rig.notes()
    assert rig.notes()[-1] is Note.NOTHING_HEARD
    assert len(rig.recognizer.fed) == 2
    assert rig.recognizer.fed[1] == b"", "nobody spoke after the wake word"


def test_with_an_echo_canceller_a_request_may_begin_over_the_reply(
    virtual: Virtual,
    open_store: Callable[[Scheduler], object],
    monkeypatch: pytest.MonkeyPatch,
    call_meg: bytes,
) -> None:
    class Nothing:
        def cancel(self, pcm: bytes, played: bytes) -> bytes:
            return pcm

    store = open_store(virtual)
    begun: dict[bool, list[float]] = {True: [], False: []}
    for cancels in (True, False):
        rig = Rig(virtual, store, QuickEncoder())
        hearing = Hearing(Listening(), [NoWakeWord()], None, Nothing() if cancels else None)
        monkeypatch.setattr(hearing, "open", lambda *a, to=begun[cancels]: to.append(a[1]) or ())
        rig.daemon._parts = replace(rig.daemon._parts, hearing=hearing)
        rig.daemon._silent_at = 9.0
        list(rig.daemon._open_mic(OpenMic("a", 5.0, 1.0)))
    assert begun == {True: [5.0], False: [9.0]}
