"""What sounds when: from any place, also ahead, cut off, and forgotten after a while."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ
from edge.played import KEPT_S, Played

SOUND = np.arange(1, RATE_HZ + 1, dtype="<i2")  # a second


def played(at: float, sound: NDArray[Any] = SOUND) -> Played:
    one = Played()
    one.add(at, sound.tobytes())
    return one


def test_nothing_sounds_where_nothing_was_put_down():
    assert not Played().since(3.0, 100).any()


def test_a_sound_is_found_from_its_beginning_its_middle_and_before_it():
    one = played(2.0)
    assert np.array_equal(one.since(2.0, RATE_HZ), SOUND)
    assert np.array_equal(one.since(2.5, 100), SOUND[RATE_HZ // 2 :][:100])
    before = one.since(1.5, RATE_HZ)
    assert not before[: RATE_HZ // 2].any()
    assert np.array_equal(before[RATE_HZ // 2 :], SOUND[: RATE_HZ // 2])


def test_after_its_end_there_is_silence():
    assert not played(2.0).since(3.0, 100).any()


def test_what_sounds_together_is_added_and_does_not_overflow():
    one = played(0.0, np.full(100, 20000, "<i2"))
    one.add(0.0, np.full(50, 20000, "<i2").tobytes())
    found = one.since(0.0, 100)
    assert (found[:50] == 32767).all()
    assert (found[50:] == 20000).all()


def test_a_cut_takes_what_comes_after_it_also_what_has_not_begun():
    one = played(2.0)
    one.add(4.0, SOUND.tobytes())
    one.cut(2.25)
    found = one.since(2.0, 4 * RATE_HZ)
    assert np.array_equal(found[: RATE_HZ // 4], SOUND[: RATE_HZ // 4])
    assert not found[RATE_HZ // 4 :].any()


def test_what_is_long_over_is_forgotten_and_what_still_rings_is_not():
    one = played(0.0)
    assert one.since(KEPT_S, 10).shape == (10,)
    assert np.array_equal(one.since(0.0, 10), SOUND[:10])
    one.since(1.0 + KEPT_S + 0.1, 10)
    assert not one.since(0.0, 10).any()


def test_samples_are_little_endian_int16():
    assert played(0.0).since(0.0, 4).dtype == np.dtype("<i2")
