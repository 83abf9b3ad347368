"""Sound at another rate: length, likeness, pieces that join without a seam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.rates import Stream, resampled

LENGTH_S = 1.0


def tone(rate_hz: int) -> NDArray[Any]:
    at = np.arange(round(LENGTH_S * rate_hz)) / rate_hz
    sound: NDArray[Any] = (8000 * np.sin(2 * np.pi * 440 * at)).astype("<i2")
    return sound


def likeness(one: NDArray[Any], other: NDArray[Any]) -> float:
    one, other = one.astype(float), other.astype(float)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@pytest.mark.parametrize("rate_hz", [8000, 22050, 44100, 48000])
def test_a_sound_keeps_its_length_and_shape(rate_hz):
    found = resampled(tone(rate_hz), rate_hz, 16000)
    assert len(found) == 16000
    assert found.dtype == np.int16
    assert likeness(found[200:-200], tone(16000)[200:-200]) > 0.9999


def test_the_same_rate_changes_nothing():
    sound = tone(16000)
    assert resampled(sound, 16000, 16000) is sound
    assert Stream(16000, 16000).take(sound) is sound


def test_channels_stay_apart():
    both = np.stack([tone(48000), np.zeros(48000, "<i2")], axis=1)
    found = resampled(both, 48000, 16000)
    assert likeness(found[200:-200, 0], tone(16000)[200:-200]) > 0.9999
    assert np.abs(found[:, 1]).max() <= 1, "it rounds with a little noise"


@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_pieces_join_without_a_seam_and_without_a_shift(rate_hz):
    sound, stream = tone(rate_hz), Stream(rate_hz, 16000)
    block = rate_hz // 50
    pieces = [stream.take(sound[at : at + block]) for at in range(0, len(sound), block)]
    found = np.concatenate(pieces)
    assert found.dtype == np.int16
    assert 0 <= 16000 - len(found) <= 16000 // 20, "it lags by less than 50 ms"
    assert likeness(found[200:], tone(16000)[200 : len(found)]) > 0.9999
