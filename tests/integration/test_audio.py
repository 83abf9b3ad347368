"""Microphone and loudspeaker through real PortAudio, on the virtual devices of a real server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import wraps
from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge import audio
from edge.audio import MICROPHONE
from edge.dialogue import FRAME_SAMPLES, RATE_HZ
from edge.errors import AudioError
from edge.loudspeaker import PortAudioLoudspeaker
from edge.microphone import PortAudioMicrophone
from edge.profile import Audio
from edge.protocols import Frame
from edge.rates import resampled
from tests.sound_server import Recording, SoundServer, home, missing, sound_server

pytestmark = [
    pytest.mark.audio,
    pytest.mark.skipif(bool(missing()), reason=missing() or "all is there"),
]

FRAME_S = FRAME_SAMPLES / RATE_HZ
DEVICES = Audio(microphone="microphone", loudspeaker="loudspeaker")
ECHO = Audio(microphone="echo", loudspeaker="loudspeaker")
TRUE_S = 0.030
"""Two shared cores: a null sink works in blocks, and its clients wait for their turn."""


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        yield running


@pytest.fixture
def loudspeaker(server: SoundServer) -> Iterator[PortAudioLoudspeaker]:
    with closing(PortAudioLoudspeaker(DEVICES, time.monotonic)) as opened:
        yield opened


class Ears:
    """A thread that reads a microphone, as the daemon's does."""

    def __init__(self, devices: Audio) -> None:
        self.microphone = PortAudioMicrophone(devices, time.monotonic)
        self.frames: list[Frame] = [self.microphone.read()]
        self._open = True
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join()
        self.microphone.close()

    def heard(self) -> NDArray[Any]:
        return np.frombuffer(b"".join(frame.pcm for frame in self.frames), "<i2")

    def until(self, at: float) -> None:
        """Wait until sound of this time has been heard."""
        while self.frames[-1].at < at:
            self._thread.join(FRAME_S)

    def _listen(self) -> None:
        while self._open:
            self.frames.append(self.microphone.read())


def speech(seconds: float, rate_hz: int = RATE_HZ, seed: int = 1) -> NDArray[Any]:
    """Noise with a voice's pauses and low notes: like nothing but itself, a sample off or not."""
    noise = np.random.default_rng(seed)
    slow = resampled(noise.normal(0, 4000, round(seconds * 3000)).astype("f4"), 3000, rate_hz)
    syllables = np.abs(np.sin(2 * np.pi * 2.5 * np.arange(len(slow)) / rate_hz))
    sound: NDArray[Any] = np.clip(slow * syllables, -32000, 32000).astype("<i2")
    return sound


def found(heard: NDArray[Any], sound: NDArray[Any]) -> tuple[int, float]:
    """Where a sound begins in what was heard, and how like it is."""
    heard, sound = heard.astype(float), sound.astype(float)
    size = 1 << (len(heard) + len(sound)).bit_length()
    product = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sound, size))
    first = int(np.fft.irfft(product, size)[: len(heard) - len(sound) + 1].argmax())
    return first, like(heard[first : first + len(sound)], sound)


def like(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = one.astype(float), other.astype(float)
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return float(one @ other / norms) if norms else 0.0


def loud(sound: NDArray[Any]) -> int:
    """How many frames of it are no silence."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return int((np.abs(frames).max(axis=1) > 50).sum())


def steps(frames: list[Frame]) -> NDArray[Any]:
    return np.diff([frame.at for frame in frames])


def in_three(test):
    """The server shares two cores and stutters when it gets no turn; our fault stays a fault."""

    @wraps(test)
    def thrice(*args, **kwargs):
        for _ in range(2):
            with suppress(AssertionError):
                return test(*args, **kwargs)
        return test(*args, **kwargs)

    return thrice


def retried(call):
    """The call's result, tried for as long as the device is gone."""
    until = time.monotonic() + 15.0
    while True:
        try:
            return call()
        except AudioError:
            assert time.monotonic() < until, "the device does not come back"
            time.sleep(0.1)


def failing(call) -> str:
    """What the call says when it fails at last."""
    until = time.monotonic() + 15.0
    while time.monotonic() < until:
        try:
            call()
        except AudioError as error:
            return str(error)
    return "it never failed"


@in_three
def test_what_is_said_is_heard_with_its_times(server):
    sound = speech(2.0)
    with closing(Ears(DEVICES)) as ears:
        server.say(sound, RATE_HZ)
        ears.until(time.monotonic() + 0.3)
        figures = ears.microphone.figures()
        assert figures.name == "microphone"
        assert time.monotonic() - figures.alive_at < 1.0
    first, likeness = found(ears.heard(), sound)
    assert likeness > 0.99
    assert loud(ears.heard()[first + len(sound) + FRAME_SAMPLES :]) == 0
    assert {len(frame.pcm) for frame in ears.frames} == {2 * FRAME_SAMPLES}
    assert steps(ears.frames[25:]) == pytest.approx(FRAME_S, abs=0.006)
    assert (steps(ears.frames) > 0).all()
    assert abs(ears.frames[-1].at + FRAME_S - time.monotonic()) < 0.5


@pytest.mark.parametrize("channel", [0, 1])
@in_three
def test_one_channel_of_a_stereo_device_that_knows_no_16_khz(server, channel, monkeypatch):
    monkeypatch.setitem(audio.RATES_HZ, MICROPHONE, (48000,))
    both = np.stack([speech(1.0, 48000, 1), speech(1.0, 48000, 2)], axis=1)
    with closing(Ears(Audio(microphone="stereo_microphone", channel=channel))) as ears:
        server.say(both, 48000, "said_stereo")
        ears.until(time.monotonic() + 0.3)
    wanted, other = (resampled(both[:, one], 48000, RATE_HZ) for one in (channel, 1 - channel))
    assert found(ears.heard(), wanted)[1] > 0.99
    assert abs(found(ears.heard(), other)[1]) < 0.2
    assert steps(ears.frames[25:]) == pytest.approx(FRAME_S, abs=0.006)


@in_three
def test_a_reply_sounds_whole_and_once_and_ends_when_it_says(loudspeaker):
    sound = speech(1.5)
    with closing(Ears(ECHO)) as ears:
        recording = Recording()
        ears.until(time.monotonic() + 0.8)
        predicted = loudspeaker.play(resampled(sound, RATE_HZ, 22050).tobytes(), 22050)
        ears.until(predicted + 0.3)
        until = loudspeaker.sounding_until()
    sounded = recording.end()
    first, likeness = found(sounded, sound)
    assert likeness > 0.99
    assert loud(sounded[: max(0, first - FRAME_SAMPLES)]) == 0
    assert loud(sounded[first + len(sound) + FRAME_SAMPLES :]) == 0
    assert until == pytest.approx(predicted, abs=TRUE_S)
    assert recording.begun + (first + len(sound)) / RATE_HZ == pytest.approx(until, abs=TRUE_S)
    heard_at, likeness = found(ears.heard(), sound)
    frame = ears.frames[heard_at // FRAME_SAMPLES]
    ended = frame.at + (heard_at % FRAME_SAMPLES + len(sound)) / RATE_HZ
    assert likeness > 0.99
    assert ended == pytest.approx(until, abs=TRUE_S)
    shift, likeness = found(loudspeaker.played(until - 1.6, round(1.7 * RATE_HZ)), sound)
    assert likeness > 0.99
    assert shift / RATE_HZ == pytest.approx(0.1, abs=0.002)


@in_three
def test_a_device_that_stands_still_ends_later_and_says_so(server, loudspeaker):
    sound = speech(1.5)
    recording = Recording()
    with closing(Ears(ECHO)) as ears:
        predicted = loudspeaker.play(sound.tobytes(), RATE_HZ)
        ears.until(predicted - 1.2)
        server.hang()
        while loudspeaker.sounding_until() < predicted + 0.3:
            time.sleep(0.02)
        server.answer()
        ears.until(predicted + 0.7)
        until = loudspeaker.sounding_until()
    assert until > predicted + 0.1
    rest = sound[-RATE_HZ // 2 :]  # before it, there is a gap
    first, likeness = found(recording.end(), rest)
    assert likeness > 0.99
    assert recording.begun + (first + len(rest)) / RATE_HZ == pytest.approx(until, abs=TRUE_S)
    shift, likeness = found(loudspeaker.played(until - 0.6, round(0.7 * RATE_HZ)), rest)
    assert likeness > 0.99
    assert shift / RATE_HZ == pytest.approx(0.1, abs=0.002)


@in_three
def test_two_replies_follow_each_other_without_a_gap(loudspeaker):
    recording = Recording()
    first_end = loudspeaker.play(speech(0.5, 16000, 3).tobytes(), 16000)
    end = loudspeaker.play(speech(0.5, 16000, 4).tobytes(), 16000)
    assert end - first_end == pytest.approx(0.5, abs=0.001)
    with closing(Ears(ECHO)) as ears:
        ears.until(end + 0.2)
    sounded = recording.end()
    begins = [found(sounded, speech(0.5, 16000, seed))[0] for seed in (3, 4)]
    assert begins[1] - begins[0] == pytest.approx(8000, abs=8)


@in_three
def test_a_stop_silences_and_the_rest_never_sounds(loudspeaker):
    sound = speech(3.0)
    with closing(Ears(ECHO)) as ears:
        ends = loudspeaker.play(sound.tobytes(), RATE_HZ)
        ears.until(ends - 2.0)
        stopped = time.monotonic()
        silent_at = loudspeaker.stop()
        ears.until(silent_at + 0.5)
    assert silent_at - stopped < 0.1
    assert loudspeaker.sounding_until() == pytest.approx(silent_at, abs=0.002)
    at = ears.frames[0].at
    last = int(np.flatnonzero(np.abs(ears.heard()) > 50)[-1]) / RATE_HZ + at
    assert last == pytest.approx(silent_at, abs=0.05)
    assert not loudspeaker.played(silent_at, RATE_HZ).any()


def test_what_the_profile_adds_is_added(server):
    later = Audio(loudspeaker="loudspeaker", late_ms=250.0)
    with closing(PortAudioLoudspeaker(later, time.monotonic)) as loudspeaker:
        asked = time.monotonic()
        assert 0.35 < loudspeaker.play(speech(0.1).tobytes(), RATE_HZ) - asked < 2.0


def test_a_killed_server_is_an_error_and_a_new_one_works(server):
    with closing(PortAudioLoudspeaker(DEVICES, time.monotonic)) as loudspeaker:
        microphone = PortAudioMicrophone(DEVICES, time.monotonic)
        microphone.read()
        loudspeaker.play(speech(5.0, seed=5).tobytes(), RATE_HZ)
        server.kill()
        assert "'microphone': is gone" in failing(microphone.read)
        assert "'loudspeaker'" in failing(loudspeaker.sounding_until)
        with pytest.raises(AudioError, match="'microphone': cannot be opened"):
            microphone.read()
        with pytest.raises(AudioError, match="'loudspeaker'"):
            loudspeaker.play(speech(0.5).tobytes(), RATE_HZ)
        server.start()
        recording = Recording()
        until = retried(lambda: loudspeaker.play(speech(1.0).tobytes(), RATE_HZ))
        retried(microphone.read)
        while microphone.read().at < until + 0.2:
            pass
        sounded = recording.end()
        assert found(sounded, speech(1.0))[1] > 0.99
        assert found(sounded, speech(5.0, seed=5)[RATE_HZ : 2 * RATE_HZ])[1] < 0.2
        assert loudspeaker.figures().reopened == 1
        assert microphone.figures().reopened == 1
        microphone.close()


def test_a_device_that_is_not_there_is_named(server):
    nowhere = Audio(microphone="attic", loudspeaker="cellar")
    microphone = PortAudioMicrophone(nowhere, time.monotonic)
    with pytest.raises(AudioError, match="microphone 'attic': is not there"):
        microphone.read()
    with closing(PortAudioLoudspeaker(nowhere, time.monotonic)) as loudspeaker:
        with pytest.raises(AudioError, match="loudspeaker 'cellar': is not there"):
            loudspeaker.play(bytes(320), RATE_HZ)


def test_a_channel_that_is_not_there_is_named(server):
    microphone = PortAudioMicrophone(Audio(microphone="microphone", channel=99), time.monotonic)
    with pytest.raises(AudioError, match="'channel' in \\[audio\\] counts from 0"):
        microphone.read()


def test_a_device_plugged_in_later_is_found_while_the_loudspeaker_runs(
    server, loudspeaker, tmp_path, monkeypatch
):
    cards = tmp_path / "cards"
    cards.write_text("one card")
    monkeypatch.setattr(audio, "CARDS", cards)
    loudspeaker.play(bytes(320), RATE_HZ)
    microphone = PortAudioMicrophone(Audio(microphone="late_arrival"), time.monotonic)
    config = home() / "asound.conf"
    config.write_text(config.read_text() + "pcm.late_arrival { type pulse device said.monitor }\n")
    retried(microphone.read)
    assert microphone.figures().name == "late_arrival"
    assert retried(lambda: loudspeaker.play(bytes(320), RATE_HZ)) > 0
    microphone.close()


def test_without_the_library_it_says_what_to_install():
    code = (
        "import ctypes.util, time; ctypes.util.find_library = lambda name: None\n"
        "from edge.microphone import PortAudioMicrophone\n"
        "from edge.profile import Audio\n"
        "PortAudioMicrophone(Audio(), time.monotonic).read()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "AudioError: PortAudio is missing: sudo apt install libportaudio2" in ended.stderr


HANGING = """
import os, sys, threading, time
sys.path[:0] = [os.getcwd()]
from edge.errors import AudioError
from edge.loudspeaker import PortAudioLoudspeaker
from edge.microphone import PortAudioMicrophone
from edge.profile import Audio

devices = Audio(microphone="microphone", loudspeaker="loudspeaker")
microphone = PortAudioMicrophone(devices, time.monotonic)
loudspeaker = PortAudioLoudspeaker(devices, time.monotonic)
microphone.read()
def listen():
    while True:
        microphone.read()
threading.Thread(target=listen, daemon=True).start()
loudspeaker.play(bytes(32000), 16000)
print("plays", flush=True)
sys.stdin.readline()
hung = time.monotonic()
def fails(call):
    until = time.monotonic() + 10.0
    while time.monotonic() < until:
        try:
            call()
        except AudioError as error:
            return str(error)
        time.sleep(0.01)
print(fails(loudspeaker.sounding_until), flush=True)
print(fails(lambda: loudspeaker.play(bytes(3200), 16000)), flush=True)
print(time.monotonic() - hung, flush=True)
closing = time.monotonic()
loudspeaker.close()
microphone.close()
print(time.monotonic() - closing, flush=True)
"""


def test_a_hung_server_keeps_nobody_waiting(server):
    """In a child: its microphone's thread waits for ever, and still the process ends by itself.

    The last test: afterwards the server is of no use.
    """
    with subprocess.Popen(
        [sys.executable, "-c", HANGING],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == "plays\n"
        server.hang()
        out, _ = child.communicate("\n", timeout=30)
        assert child.returncode == 0
    first, second, noticed_s, closed_s = out.splitlines()
    assert "'loudspeaker': has taken no sound for a second" in first
    assert second == first
    assert float(noticed_s) < 3.0
    assert float(closed_s) < 4.0
