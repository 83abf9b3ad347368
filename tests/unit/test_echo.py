"""The echo gate in the simulated room: our own sound is known, people are let through."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ
from edge.echo import AHEAD_FRAMES, EchoGate
from edge.room import FRAME_S, Echo, RoomLoudspeaker, RoomMicrophone
from edge.scenario import CLIPS
from tests.unit.test_room import Clock

REPLY = read_clip(CLIPS / "rms" / "call_meg.flac") * 3
ANSWER = read_clip(CLIPS / "slt" / "mushroom_soup.flac")
LOUD = Echo(t60_s=0.6, gain_db=-3.0)


class Room:
    """A device that speaks in a room, its gate, and the gate's verdict on each frame."""

    def __init__(self, echo: Echo | None, background: float = 33.0) -> None:
        self.clock = Clock()
        self.loudspeaker = RoomLoudspeaker(self.clock.now)
        self.microphone = RoomMicrophone(self.clock.now, self.clock.sleep_until, background)
        if echo:
            self.microphone.hear(self.loudspeaker, echo)
        self.gate = EchoGate()
        self.verdicts: list[tuple[float, bool]] = []
        self.run(0.5)

    def reply(self, gain: float = 1.0) -> float:
        louder = np.frombuffer(REPLY, "<i2") * gain
        return self.loudspeaker.play(louder.astype("<i2").tobytes(), RATE_HZ)

    def run(self, seconds: float) -> None:
        until = self.clock.now() + seconds
        while self.clock.now() < until:
            frame = self.microphone.read()
            ahead = frame.at + AHEAD_FRAMES * FRAME_S
            played = self.loudspeaker.played(ahead, FRAME_SAMPLES).tobytes()
            self.verdicts.append((frame.at, self.gate.take(frame.pcm, played)))

    def ours(self, since: float, until: float) -> float:
        """Share of frames that are said to be our own sound."""
        found = [ours for at, ours in self.verdicts if since <= at < until]
        return sum(found) / len(found)


def test_where_nothing_is_played_everything_passes() -> None:
    room = Room(None)
    room.microphone.say(ANSWER, room.clock.now())
    room.run(2.0)
    assert not any(ours for _, ours in room.verdicts)


@pytest.mark.parametrize("after_s", [-1.0, 0.0])
def test_where_nothing_comes_back_people_are_heard(after_s: float) -> None:
    room = Room(None)
    begin = room.reply() + after_s
    room.microphone.say(ANSWER, begin)
    room.run(5.0)
    assert room.ours(begin + _onset_s(ANSWER), begin + _onset_s(ANSWER) + 0.5) < 0.1


@pytest.mark.parametrize("late_s", [0.0, 0.1, 0.3])
def test_a_reply_and_its_tail_are_known_as_ours_however_late_they_come(late_s: float) -> None:
    room = Room(Echo(t60_s=0.6, gain_db=-3.0, late_s=late_s))
    end = room.reply() + late_s
    room.run(end - room.clock.now() + 1.0)
    assert room.ours(end - 1.0, end) > 0.75
    assert room.ours(end, end + 0.2) > 0.9
    assert room.ours(end + 0.9, end + 1.0) == 0.0


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2])
def test_an_answer_in_the_tail_is_heard(after_s: float) -> None:
    room = Room(LOUD)
    end = room.reply()
    room.microphone.say(ANSWER, end + after_s)
    room.run(end - room.clock.now() + 1.5)
    begin = end + after_s + _onset_s(ANSWER)
    assert room.ours(begin, begin + 0.5) < 0.2


def test_a_voice_over_the_reply_is_heard() -> None:
    room = Room(Echo(t60_s=0.4, gain_db=-15.0))
    end = room.reply()
    begin = end - 1.0
    room.microphone.say(ANSWER, begin)
    room.run(end - room.clock.now() + 0.5)
    assert room.ours(begin + _onset_s(ANSWER), begin + _onset_s(ANSWER) + 0.5) < 0.5


def test_a_louder_reply_is_ours_too() -> None:
    room = Room(LOUD)
    room.run(room.reply(gain=0.1) - room.clock.now() + 0.5)
    end = room.reply(gain=1.0)
    room.run(end - room.clock.now() + 0.5)
    assert room.ours(end, end + 0.2) > 0.9


@pytest.mark.parametrize("damage", [bytes, lambda size: b"\xff\x7f" * (size // 2)])
def test_silence_and_full_scale_are_no_trouble(damage: Callable[[int], bytes]) -> None:
    gate = EchoGate()
    for _ in range(300):
        gate.take(damage(FRAME_BYTES), damage(FRAME_BYTES))


def _onset_s(pcm: bytes) -> float:
    """Where it is within 20 dB of its loudest 20 ms."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    levels = np.square(samples[: len(samples) // 320 * 320]).reshape(-1, 320).sum(axis=1)
    return int(np.argmax(levels > levels.max() / 100)) * 0.02
