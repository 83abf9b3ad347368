from __future__ import annotations

import pytest

from edge.errors import AudioError, SoundHung
from edge.heartbeat import BEAT_S, HUNG_BEATS, HUNG_S, OPENING_S, Heartbeat
from edge.room import RoomLoudspeaker


class Unreliable(RoomLoudspeaker):
    """A loudspeaker that may be unplugged."""

    gone = False

    def sounding_until(self) -> float:
        if self.gone:
            raise AudioError("no loudspeaker; plug it in")
        return super().sounding_until()


def hung_after(heart: Heartbeat, since: float) -> float:
    """Beats until it says that the devices hang; so long after `since`."""
    for beats in range(100):
        try:
            heart.beat(since + beats * BEAT_S)
        except SoundHung:
            return beats * BEAT_S
    raise AssertionError("it never noticed")


@pytest.fixture
def loudspeaker() -> Unreliable:
    return Unreliable(lambda: 0.0)


def test_a_microphone_that_gives_nothing_any_more_ends_the_process(loudspeaker: Unreliable) -> None:
    heart = Heartbeat(loudspeaker, 0.0)
    heart.heard(1.0, lost=False)
    late_s = hung_after(heart, since=1.0)
    assert HUNG_S < late_s <= 1.0 + 1e-9


def test_a_process_that_slept_goes_on(loudspeaker: Unreliable) -> None:
    heart = Heartbeat(loudspeaker, 0.0)
    heart.heard(1.0, lost=False)
    heart.beat(3600.0)
    heart.heard(3600.02, lost=False)
    assert not heart.beat(3600.2)


@pytest.mark.parametrize("lost", [True, False])
def test_opening_a_device_may_take_longer(loudspeaker: Unreliable, lost: bool) -> None:
    heart = Heartbeat(loudspeaker, 0.0)
    if lost:
        heart.heard(0.0, lost=True)
    assert OPENING_S < hung_after(heart, since=0.0) <= OPENING_S + 3 * BEAT_S


def test_a_lost_loudspeaker_is_told_once_each_time(loudspeaker: Unreliable) -> None:
    heart = Heartbeat(loudspeaker, 0.0)
    told = []
    for number, gone in enumerate([False, True, True, False, True]):
        loudspeaker.gone = gone
        told.append(heart.beat(number * BEAT_S))
    assert told == [False, True, False, False, True]


def test_a_loudspeaker_that_hangs_ends_the_process_one_that_is_unplugged_does_not() -> None:
    class Hanging(RoomLoudspeaker):
        def sounding_until(self) -> float:
            raise self.why

        why: AudioError = AudioError("no loudspeaker; plug it in")

    loudspeaker = Hanging(lambda: 0.0)
    heart = Heartbeat(loudspeaker, 0.0)
    for _ in range(2 * HUNG_BEATS):
        heart.beat(0.0)
    loudspeaker.why = SoundHung("it takes no sound")
    for _ in range(HUNG_BEATS - 1):
        heart.beat(0.0)
    with pytest.raises(SoundHung):
        heart.beat(0.0)
