"""What the loudspeaker sounds when: some seconds of it, to tell an echo by; never what is heard."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ

Array = NDArray[Any]

KEPT_S, AHEAD_S = 5.0, 120.0
"""Longer than any room rings, and than any device delays; longer than replies wait in a queue."""


class Played:
    """Sounds and the times at which they sound, 16 kHz mono int16. For several threads."""

    def __init__(self) -> None:
        self._sounds: list[tuple[int, Array]] = []
        self._lock = Lock()

    def add(self, at: float, pcm: bytes) -> None:
        """This sounds from `at` on, which may lie ahead."""
        first = round(at * RATE_HZ)
        with self._lock:
            self._forget(first - round(AHEAD_S * RATE_HZ))
            self._sounds.append((first, np.frombuffer(pcm, "<i2")))

    def cut(self, at: float) -> None:
        """From `at` on nothing sounds."""
        end = round(at * RATE_HZ)
        with self._lock:
            self._sounds = [(first, sound[: max(0, end - first)]) for first, sound in self._sounds]

    def since(self, at: float, samples: int) -> NDArray[np.int16]:
        """So many samples of what sounds from `at` on, int16; zeros where nothing does."""
        first = round(at * RATE_HZ)
        mixed = np.zeros(samples, np.int32)
        with self._lock:
            self._forget(first)
            for begin, sound in self._sounds:
                here = sound[max(0, first - begin) : max(0, first + samples - begin)]
                start = max(0, begin - first)
                mixed[start : start + len(here)] += here
        clipped: NDArray[np.int16] = np.clip(mixed, -32768, 32767).astype("<i2")
        return clipped

    def _forget(self, now: int) -> None:
        oldest = now - round(KEPT_S * RATE_HZ)
        self._sounds = [one for one in self._sounds if one[0] + len(one[1]) > oldest]
