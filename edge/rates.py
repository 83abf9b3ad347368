"""Sound at another sampling rate: the one door to soxr. It never reads or plays anything."""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

Array = NDArray[Any]


def resampled(samples: Array, from_hz: float, to_hz: float) -> Array:
    """A whole sound [n] or [n, channels], int16 or float32, at another rate."""
    if from_hz == to_hz:
        return samples
    found: Array = soxr.resample(samples, from_hz, to_hz)
    return found


class Stream:
    """A mono int16 sound that comes in pieces, at another rate; it lags by some milliseconds."""

    def __init__(self, from_hz: float, to_hz: float) -> None:
        self._same = from_hz == to_hz
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="MQ")

    def take(self, samples: Array) -> Array:
        """What is known now of the sound at the other rate, int16."""
        if self._same:
            return samples
        return np.asarray(self._stream.resample_chunk(samples), "<i2")
