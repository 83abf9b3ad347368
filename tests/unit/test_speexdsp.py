"""The echo canceller in the simulated room, where SpeexDSP is installed."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edge.clip import read_clip
from edge.dialogue import FRAME_SAMPLES, RATE_HZ
from edge.engines import speexdsp
from edge.engines.speexdsp import SpeexDsp
from edge.errors import EngineError
from edge.protocols import Frame
from edge.room import Echo, RoomLoudspeaker, RoomMicrophone
from edge.scenario import CLIPS
from tests.unit.test_room import Clock

REPLY = read_clip(CLIPS / "rms" / "call_meg.flac") * 5


def _installed() -> bool:
    try:
        ctypes.CDLL(speexdsp.LIBRARY)
    except OSError:
        return False
    return True


needs_speexdsp = pytest.mark.skipif(not _installed(), reason="libspeexdsp1 is not installed")


@needs_speexdsp
def test_what_is_played_is_taken_out() -> None:
    clock = Clock()
    loudspeaker = RoomLoudspeaker(clock.now)
    microphone = RoomMicrophone(clock.now, clock.sleep_until)
    microphone.hear(loudspeaker, Echo(t60_s=0.2, gain_db=-6.0))
    canceller = SpeexDsp()
    end = loudspeaker.play(REPLY, RATE_HZ)
    before, after = [], []
    while clock.now() < end:
        frame: Frame = microphone.read()
        played = loudspeaker.played(frame.at, FRAME_SAMPLES).tobytes()
        before.append(power(frame.pcm))
        after.append(power(canceller.cancel(frame.pcm, played)))
    half = len(before) // 2
    assert sum(after[half:]) < sum(before[half:]) / 30, "15 dB once it knows the room"


@needs_speexdsp
def test_where_nothing_is_played_people_are_left_alone() -> None:
    canceller, silence = SpeexDsp(), bytes(2 * FRAME_SAMPLES)
    frames = [REPLY[begin : begin + 640] for begin in range(0, len(REPLY) - 640, 640)]
    kept = [power(canceller.cancel(pcm, silence)) for pcm in frames]
    assert sum(kept) == pytest.approx(sum(map(power, frames)), rel=0.1)


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speexdsp, "LIBRARY", "libnothing.so.9")
    with pytest.raises(EngineError, match="sudo apt install libspeexdsp1"):
        SpeexDsp()


def power(pcm: bytes) -> float:
    return float(np.square(np.frombuffer(pcm, "<i2").astype(float)).sum())
