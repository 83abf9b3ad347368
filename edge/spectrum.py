"""Sound as spectra: the logarithm of 40 mel bands' power, every 10 ms, as the sound comes in.

It keeps only the samples that the next window still needs; it never normalises, and never
judges what it hears.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ

Array = NDArray[Any]

STEP_MS, WINDOW_MS = 10, 25
BANDS = 40
LOW_HZ, HIGH_HZ = 80.0, 7600.0
QUIETEST = 1e-6
"""Power added to every band, about that of the last bit of 16."""

_STEP, _WINDOW, _FFT = RATE_HZ * STEP_MS // 1000, RATE_HZ * WINDOW_MS // 1000, 512
_FULL_SCALE = 32768.0
_TAPER = np.hanning(_WINDOW + 2)[1:-1].astype(np.float32)


def mel(hz: float) -> float:
    """Pitch of a frequency as it is perceived."""
    return float(2595.0 * np.log10(1.0 + hz / 700.0))


def _bank() -> Array:
    """[bins, BANDS]: triangles that overlap by half, each 1 at its peak."""
    edges_mel = np.linspace(mel(LOW_HZ), mel(HIGH_HZ), BANDS + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins_hz = np.fft.rfftfreq(_FFT, 1.0 / RATE_HZ)[:, None]
    rising = (bins_hz - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    falling = (edges_hz[2:] - bins_hz) / (edges_hz[2:] - edges_hz[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


_BANK = _bank()


class Spectrum:
    """One stream's spectra. Pieces may have any length; the cuts make no difference."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def take(self, pcm: bytes) -> Array:
        """The next spectra, float32 [n, BANDS], natural logarithm of power; full scale is 1.

        pcm: the stream's next 16 kHz mono int16. A spectrum comes with the last sample of its
        25 ms; what is constant in a window (a DC offset) is left out.
        """
        self._pending += pcm
        count = 1 + (len(self._pending) // 2 - _WINDOW) // _STEP
        if count < 1:
            return np.empty((0, BANDS), np.float32)
        used = (count - 1) * _STEP + _WINDOW
        samples = np.frombuffer(bytes(self._pending[: 2 * used]), "<i2").astype(np.float32)
        del self._pending[: 2 * count * _STEP]
        return _spectra(samples / _FULL_SCALE, count)


def _spectra(samples: Array, count: int) -> Array:
    size = samples.itemsize
    windows = np.lib.stride_tricks.as_strided(samples, (count, _WINDOW), (_STEP * size, size))
    centred = windows - windows.mean(axis=1, keepdims=True)
    found = np.fft.rfft(centred * _TAPER, _FFT)
    power = (found.real**2 + found.imag**2).astype(np.float32)
    logs: Array = np.log(power @ _BANK + np.float32(QUIETEST))
    return logs
