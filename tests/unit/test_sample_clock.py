"""The times of a device's samples: exact in spite of lateness, drift, bursts and standstills."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from edge.sample_clock import PATIENCE_S, REMEMBERED, SampleClock

RATE_HZ, BLOCK = 16000, 320
BLOCK_S = BLOCK / RATE_HZ


def observed(clock: SampleClock, blocks: range, late_s=lambda block: 0.0, ppm: float = 0.0):
    """Observations of so many blocks of a device that began at 100.0; what stood still."""
    true_s = BLOCK_S * (1 + ppm / 1e6)
    return [clock.observe(k * BLOCK, 100.0 + k * true_s + late_s(k)) for k in blocks]


def test_it_is_exact_when_the_device_is():
    clock = SampleClock(RATE_HZ)
    assert not any(observed(clock, range(50)))
    assert clock.time_of(0) == pytest.approx(100.0)
    assert clock.time_of(RATE_HZ) == pytest.approx(101.0)
    assert clock.doubt_s == 0.0


def test_lateness_that_comes_and_goes_moves_nothing():
    clock, random = SampleClock(RATE_HZ), np.random.default_rng(1)
    late = random.exponential(0.004, 500)
    assert not any(observed(clock, range(500), lambda k: late[k]))
    assert clock.time_of(0) == pytest.approx(100.0, abs=0.0005)


def test_a_beginning_that_is_told_late_is_corrected_and_never_runs_backwards():
    clock, told = SampleClock(RATE_HZ), []
    for k in range(100):
        observed(clock, range(k, k + 1), lambda k: 0.08 if k < 4 else 0.0)
        told.append(clock.time_of(k * BLOCK))
    assert all(one < next_one for one, next_one in pairwise(told))
    assert clock.time_of(0) == pytest.approx(100.0, abs=0.0005)


@pytest.mark.parametrize("ppm", [-200, 200])
def test_a_drifting_device_is_followed(ppm):
    clock = SampleClock(RATE_HZ)
    last = 20 * REMEMBERED
    assert not any(observed(clock, range(last), ppm=ppm))
    truth = 100.0 + last * BLOCK_S * (1 + ppm / 1e6)
    assert clock.time_of(last * BLOCK) == pytest.approx(truth, abs=0.001)


def test_a_standstill_is_found_once_and_for_as_long_as_it_was():
    clock = SampleClock(RATE_HZ)
    stood_still = observed(clock, range(200), lambda k: 0.3 if k >= 100 else 0.0)
    assert sum(stood_still) == pytest.approx(0.3)
    assert sum(map(bool, stood_still)) == 1
    assert stood_still.index(max(stood_still)) * BLOCK_S - 2.0 <= PATIENCE_S + 2 * BLOCK_S
    assert clock.time_of(0) == pytest.approx(100.3, abs=0.0005)


def test_until_it_is_sure_it_doubts():
    clock = SampleClock(RATE_HZ)
    observed(clock, range(51), lambda k: 0.2 if k == 50 else 0.0)
    assert clock.doubt_s == pytest.approx(0.2)
    assert clock.time_of(0) == pytest.approx(100.0)


def test_a_standstill_that_is_caught_up_is_none():
    """The server kept what came meanwhile and hands it over all at once."""
    clock = SampleClock(RATE_HZ)
    late = {50 + k: 0.3 - k * BLOCK_S for k in range(15)}
    assert not any(observed(clock, range(200), lambda k: late.get(k, 0.0)))
    assert clock.time_of(0) == pytest.approx(100.0, abs=0.0005)
