"""A speaker's life with its devices: whole turns over PortAudio, and servers that go and come."""

from __future__ import annotations

import io
import os
import queue
import re
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from edge import assembly
from edge.assembly import Places
from edge.dialogue import (
    RATE_HZ,
    Event,
    LoudspeakerLost,
    MicBack,
    MicLost,
    MicOpened,
    Note,
    NothingHeard,
    PlaybackFinished,
    PlaybackStarted,
    Record,
    TimedOut,
    Transcribed,
    WakeWordDetected,
)
from edge.live import Live
from edge.loudspeaker import PortAudioLoudspeaker
from edge.microphone import PortAudioMicrophone
from edge.profile import Audio, load_profile
from edge.protocols import Frame
from edge.recognition import Recognition
from edge.scenario import Voice
from edge.scheduler import Threads
from edge.screen import Screen
from edge.session import State
from edge.view import Seen
from tests.sound_server import Recording, SoundServer, environment, missing, sound_server

pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
]

Array = NDArray[Any]

ECHO_DB = -12.0
DEVICES = Audio(microphone="microphone", loudspeaker="loudspeaker")
LAPTOP = load_profile("laptop")
PROFILE = replace(LAPTOP, audio=DEVICES, turns=replace(LAPTOP.turns, no_speech_s=1.5))
LIMIT_S = 20.0
SAID_AGAIN_S = 4.0
SETTLE = bytes(2 * RATE_HZ)
PAUSE = bytes(2 * round(0.35 * RATE_HZ))

PROFILE_TEXT = """
[board]
title = "test"
cores = 2
memory_mb = 999
aes = true
[audio]
microphone = "microphone"
loudspeaker = "loudspeaker"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server(ECHO_DB) as running:
        yield running


def said(*texts: str) -> Array:
    """What the customer recorded, with pauses."""
    voice = Voice("rms")
    clips = [voice.clip(text) if text else SETTLE for text in texts]
    return np.frombuffer(PAUSE.join(clips), "<i2")


# ------------------------------------------------------------- the command


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    file = tmp_path / "virtual.toml"
    file.write_text(PROFILE_TEXT)
    return file


@contextmanager
def demo(profile: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """`edge demo --live`, with a PortAudio of its own."""
    command = [sys.executable, "-m", "edge", "demo", "--live", "--profile", str(profile)]
    with subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment()},
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def read_until(
    child: subprocess.Popen[bytes], part: bytes, say: Callable[[], None] = lambda: None
) -> bytes:
    """What it wrote up to here; a child that ends before fails the test.

    say: is said again as long as nothing comes: a server that gets no turn stutters.
    """
    assert child.stdout is not None
    read = b""
    say()
    while part not in read:
        if not select.select([child.stdout], [], [], SAID_AGAIN_S)[0]:
            say()
            continue
        more = os.read(child.stdout.fileno(), 4096)
        assert more, read
        read += more
    return read


def keys_of(pid: int) -> list[Path]:
    """Where a process keeps its keys: it holds that folder open."""
    opened = [file.resolve() for file in Path(f"/proc/{pid}/fd").iterdir()]
    return [file for file in opened if file.name.startswith("edge-") and file.is_dir()]


def recorded(store: Path) -> list[str]:
    """The notes of every interaction, oldest first."""
    with closing(sqlite3.connect(store / "dialogue.db")) as connection:
        return [row[0] for row in connection.execute("SELECT events FROM interactions ORDER BY id")]


def test_a_hung_server_ends_the_program_in_one_line_and_with_all_recorded(
    server: SoundServer, profile: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with demo(profile, "--store", str(store)) as child:
        read_until(child, b"Ctrl-C ends")
        server.say(said("", "alexa", "call meg"), RATE_HZ)
        read_until(child, b"Do you mean")
        keys = keys_of(child.pid)
        server.hang()
        try:
            _, error = child.communicate(timeout=LIMIT_S)
        finally:
            server.kill()
            server.start()
    assert child.returncode == 1
    line = b"edge: the sound devices answer nothing any more; look at the sound server"
    assert error.splitlines() == [line]
    assert keys
    assert not [folder for folder in keys if folder.exists()]
    (notes,) = recorded(store)
    assert re.sub(r"[\d:]", "", notes).startswith(
        "WAKE UTTERANCE SPEAK EXPECT_SPEECH(choose,contact)"
    )


def test_without_a_server_it_runs_and_says_so_and_hears_when_one_comes(
    server: SoundServer, profile: Path
) -> None:
    server.kill()
    with demo(profile) as child:
        try:
            read_until(child, b"no microphone")
        finally:
            server.start()
        read_until(child, b"is there again")
        read_until(child, b"wake word alexa", lambda: server.say(said("alexa"), RATE_HZ))
        child.send_signal(signal.SIGINT)
        out, _ = child.communicate(timeout=LIMIT_S)
    assert child.returncode == 0
    assert b"The conversation is over, and its keys are gone." in out


def test_without_a_server_ctrl_c_ends_it(server: SoundServer, profile: Path) -> None:
    server.kill()
    try:
        with demo(profile) as child:
            read_until(child, b"no microphone")
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=LIMIT_S)
    finally:
        server.start()
    assert child.returncode == 0


# ------------------------------------------------------------- in this process


class Watched(Screen):
    """A screen that also leaves all that it sees to be waited for."""

    def __init__(self, console: Console, now: Callable[[], float]) -> None:
        super().__init__(console, "edge live", now)
        self.left: queue.SimpleQueue[Seen] = queue.SimpleQueue()

    def see(self, seen: Seen) -> None:
        super().see(seen)
        self.left.put(seen)


class Overheard(Recognition):
    """Keeps what the recognizer is fed, by interaction."""

    fed: ClassVar[defaultdict[str, bytes]] = defaultdict(bytes)

    def feed(self, interaction: str, pcm: bytes) -> None:
        self.fed[interaction] += pcm
        super().feed(interaction, pcm)


class Kept(PortAudioMicrophone):
    """Keeps what it captured."""

    def __init__(self, audio: Audio, now: Callable[[], float]) -> None:
        super().__init__(audio, now)
        self.captured: list[bytes] = []

    def read(self) -> Frame:
        frame = super().read()
        self.captured.append(frame.pcm)
        return frame


class Conversation:
    """A live conversation over the virtual devices, held by a thread of its own."""

    def __init__(self, places: Places) -> None:
        scheduler = Threads()
        self.told = io.StringIO()
        self.microphone = Kept(DEVICES, scheduler.now)
        self.loudspeaker = PortAudioLoudspeaker(DEVICES, scheduler.now)
        self._screen = Watched(Console(file=self.told, width=100), scheduler.now)
        self._live = Live(scheduler, self.microphone, self.loudspeaker, self._screen)
        self.state = State.IDLE
        self._places, self._done = places, threading.Event()
        self._thread = threading.Thread(target=self._hold, daemon=True)
        self._thread.start()

    def hears(self) -> None:
        """Wait until the microphone is open."""
        while not self.microphone.figures().name:
            self._thread.join(0.02)
            assert self._thread.is_alive()

    def until(
        self,
        *kinds: type[Event],
        state: State | None = None,
        say: Callable[[], None] = lambda: None,
    ) -> Seen:
        """The next event of these kinds, all of them where none is named, that led to this state.

        What lies before it is forgotten. say: is said again as long as nothing happens.
        """
        passed = []
        for _ in range(round(LIMIT_S / SAID_AGAIN_S)):
            say()
            with suppress(queue.Empty):
                while True:
                    seen = self._screen.left.get(timeout=SAID_AGAIN_S)
                    passed.append((type(seen.event).__name__, seen.state))
                    self.state = seen.state
                    if isinstance(seen.event, kinds or Event) and state in (None, seen.state):
                        return seen
        pytest.fail(f"waited for {kinds} and {state} in vain; there was {passed}")

    def close(self) -> None:
        self._done.set()
        self._thread.join()
        self.loudspeaker.close()
        self.microphone.close()

    def _hold(self) -> None:
        self._live.hold(PROFILE, self._places, self._done.is_set)


@pytest.fixture(scope="module")
def conversation(server: SoundServer) -> Iterator[Conversation]:
    with (
        tempfile.TemporaryDirectory(dir="/dev/shm", prefix="test-") as runtime,
        tempfile.TemporaryDirectory() as state,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(assembly, "Recognition", Overheard)
        with closing(Conversation(Places(Path(state), Path(runtime)))) as held:
            held.hears()
            yield held


def place(long: Array, part: Array) -> tuple[int, float]:
    """Where a part begins, and how like it is to what is there, 0 to 1."""
    long, part = long.astype(float), part.astype(float)
    size = 1 << (len(long) + len(part)).bit_length()
    product = np.fft.rfft(long, size) * np.conj(np.fft.rfft(part, size))
    first = int(np.fft.irfft(product, size)[: len(long) - len(part) + 1].argmax())
    there = long[first : first + len(part)]
    norms = float(np.linalg.norm(there) * np.linalg.norm(part))
    return first, float(there @ part) / norms if norms else 0.0


def loud(sound: Array) -> Array:
    """Without the silence around it."""
    places = np.flatnonzero(np.abs(sound) > 50)
    return sound[places[0] : places[-1] + 1]


def test_nobody_answers_and_our_own_voice_is_no_answer(
    server: SoundServer, conversation: Conversation
) -> None:
    server.say(said("alexa", "call meg"), RATE_HZ)
    asked = conversation.until(Transcribed)
    assert isinstance(asked.event, Transcribed)
    assert asked.event.text == "call meg"
    opened = conversation.until(MicOpened, state=State.EXPECTING)
    over = conversation.until(state=State.IDLE)
    assert isinstance(opened.event, MicOpened)
    assert isinstance(over.event, TimedOut)
    assert [one.note for one in over.commands if isinstance(one, Record)] == [
        Note.EXPECT_SPEECH_TIMED_OUT
    ]
    assert opened.event.interaction not in Overheard.fed


def lead_to(state: State, server: SoundServer, conversation: Conversation) -> None:
    """Say what leads from IDLE to this state."""
    called, asked = said("alexa"), said("alexa", "call meg")
    match state:
        case State.RECOGNIZING:
            conversation.until(MicOpened, state=state, say=lambda: server.say(called, RATE_HZ))
        case State.PROMPTING:
            conversation.until(PlaybackStarted, state=state, say=lambda: server.say(asked, RATE_HZ))
        case State.EXPECTING:
            conversation.until(MicOpened, state=state, say=lambda: server.say(asked, RATE_HZ))


@pytest.mark.parametrize("state", [State.IDLE, State.RECOGNIZING, State.PROMPTING, State.EXPECTING])
def test_a_killed_server_ends_the_turn_and_a_new_one_is_heard(
    server: SoundServer, conversation: Conversation, state: State
) -> None:
    lead_to(state, server, conversation)
    told = len(conversation.told.getvalue())
    server.kill()
    lost = {type(conversation.until(MicLost, LoudspeakerLost).event)}
    while MicLost not in lost or conversation.state is not State.IDLE:
        lost.add(type(conversation.until(MicLost, LoudspeakerLost).event))
    assert not conversation.microphone.figures().name
    server.start()
    conversation.until(MicBack, state=State.IDLE)
    called = said("alexa")
    conversation.until(
        WakeWordDetected, state=State.RECOGNIZING, say=lambda: server.say(called, RATE_HZ)
    )
    conversation.until(NothingHeard, state=State.IDLE)
    shown = conversation.told.getvalue()[told:]
    told_in_order = ("no microphone", "is there again", "wake word alexa")
    places = [shown.rindex(part) for part in told_in_order]
    assert places == sorted(places)


def test_a_dialogue_is_understood_while_the_room_echoes(
    server: SoundServer, conversation: Conversation
) -> None:
    conversation.microphone.captured.clear()
    recording = Recording()
    server.say(said("alexa", "call meg"), RATE_HZ)
    asked = conversation.until(Transcribed)
    opened = conversation.until(MicOpened, state=State.EXPECTING)
    reply = loud(recording.end())
    server.say(said("i mean bauer"), RATE_HZ)
    answered = conversation.until(Transcribed)
    conversation.until(PlaybackFinished, state=State.IDLE)
    assert isinstance(asked.event, Transcribed)
    assert isinstance(opened.event, MicOpened)
    assert isinstance(answered.event, Transcribed)
    assert [asked.event.text, answered.event.text] == ["call meg", "i mean bauer"]
    captured = np.frombuffer(b"".join(conversation.microphone.captured), "<i2")
    fed = np.frombuffer(Overheard.fed[opened.event.interaction], "<i2")
    echo_at, echoed = place(captured, reply)
    fed_at, whole = place(captured, fed)
    assert echoed > 0.95
    assert whole > 0.95
    assert fed_at >= echo_at + len(reply)
    assert place(np.pad(reply, len(fed)), fed)[1] < 0.2
