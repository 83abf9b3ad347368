from __future__ import annotations

import numpy as np

from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.hearing import FRAME_S
from edge.room import RoomLoudspeaker, RoomMicrophone


class Clock:
    now_s = 10.0

    def now(self) -> float:
        return self.now_s

    def sleep_until(self, when: float) -> None:
        self.now_s = max(self.now_s, when)


def tone(seconds: float) -> bytes:
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return bytes((9000 * np.sin(2 * np.pi * 300 * time_s)).astype("<i2"))


def heard(microphone: RoomMicrophone, frames: int) -> bytes:
    return b"".join(microphone.read().pcm for _ in range(frames))


def test_what_is_said_is_captured_sample_for_sample() -> None:
    clock = Clock()
    microphone = RoomMicrophone(clock.now, clock.sleep_until, background=0.0)
    said = tone(0.13)
    assert microphone.say(said, 10.007) == 10.007 + 0.13
    captured = heard(microphone, 10)
    start = 2 * round(0.007 * RATE_HZ)
    assert captured[start : start + len(said)] == said
    assert set(captured[:start]) | set(captured[start + len(said) :]) == {0}


def test_frames_come_when_they_are_captured() -> None:
    clock = Clock()
    microphone = RoomMicrophone(clock.now, clock.sleep_until)
    frames = [microphone.read() for _ in range(3)]
    assert [round(frame.at, 6) for frame in frames] == [10.0, 10.02, 10.04]
    assert all(len(frame.pcm) == FRAME_BYTES for frame in frames)
    assert round(clock.now_s, 6) == round(10.0 + 3 * FRAME_S, 6)


def test_the_background_is_as_loud_as_asked() -> None:
    clock = Clock()
    microphone = RoomMicrophone(clock.now, clock.sleep_until, background=33.0)
    samples = np.frombuffer(heard(microphone, 100), "<i2").astype(float)
    assert 31 < samples.std() < 35


def test_two_voices_mix_and_do_not_wrap() -> None:
    clock = Clock()
    microphone = RoomMicrophone(clock.now, clock.sleep_until, background=0.0)
    loud = np.full(RATE_HZ, 30_000, "<i2").tobytes()
    microphone.say(loud, 10.0)
    microphone.say(loud, 10.0)
    assert np.frombuffer(heard(microphone, 1), "<i2").min() == 32_767


def test_sound_ends_a_latency_after_its_length() -> None:
    clock = Clock()
    loudspeaker = RoomLoudspeaker(clock.now, latency_s=0.08)
    assert loudspeaker.sounding_until() < clock.now_s
    assert loudspeaker.play(bytes(2 * 22_050), 22_050) == 10.0 + 0.08 + 1.0
    assert loudspeaker.play(bytes(2 * 22_050), 22_050) == 10.0 + 0.08 + 2.0


def test_a_stopped_loudspeaker_is_silent_after_its_latency() -> None:
    clock = Clock()
    loudspeaker = RoomLoudspeaker(clock.now, latency_s=0.08)
    loudspeaker.play(bytes(2 * 22_050), 22_050)
    clock.now_s = 10.5
    assert loudspeaker.stop() == 10.58
    assert loudspeaker.sounding_until() == 10.58
