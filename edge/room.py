"""The simulated sound room: a virtual microphone and loudspeaker with a device's latency.

It keeps time by the clock it is given, real or virtual, and mixes what customers say with
a faint background. There is no echo path yet: the microphone does not hear the loudspeaker.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import FRAME_MS, FRAME_SAMPLES, RATE_HZ
from edge.protocols import Frame

FRAME_S = FRAME_MS / 1000


class RoomMicrophone:
    """protocols.Microphone: hears what is said into the room, 20 ms at a time.

    background: RMS of the room's noise in int16 steps (33 is -60 dBFS).
    """

    def __init__(
        self,
        now: Callable[[], float],
        sleep_until: Callable[[float], None],
        background: float = 33.0,
        seed: int = 1,
    ) -> None:
        self._sleep_until = sleep_until
        self._begun_at = now()
        self._frames = 0
        self._background = background
        self._noise = np.random.default_rng(seed)
        self._said: list[tuple[int, NDArray[np.int16]]] = []
        self._lock = Lock()

    def say(self, pcm: bytes, at: float) -> float:
        """Have somebody say this (16 kHz mono int16) from this time on; returns its end."""
        sound = np.frombuffer(pcm, dtype="<i2")
        with self._lock:
            self._said.append((round((at - self._begun_at) * RATE_HZ), sound))
        return at + len(sound) / RATE_HZ

    def read(self) -> Frame:
        at = self._begun_at + self._frames * FRAME_S
        self._sleep_until(at + FRAME_S)
        first = self._frames * FRAME_SAMPLES
        self._frames += 1
        mixed = self._noise.normal(0.0, self._background, FRAME_SAMPLES)
        with self._lock:
            for start, sound in self._said:
                self._mix(mixed, sound, start - first)
            self._said = [one for one in self._said if one[0] + len(one[1]) > first]
        return Frame(np.clip(mixed, -32768, 32767).astype("<i2").tobytes(), at)

    def _mix(self, mixed: NDArray[np.float64], sound: NDArray[np.int16], offset: int) -> None:
        """Add the part of a sound that falls into this frame; it starts at `offset`."""
        here = sound[max(0, -offset) : max(0, FRAME_SAMPLES - offset)]
        start = max(0, offset)
        mixed[start : start + len(here)] += here


class RoomLoudspeaker:
    """protocols.Loudspeaker: sound leaves it `latency_s` after it is queued."""

    def __init__(self, now: Callable[[], float], latency_s: float = 0.08) -> None:
        self._now = now
        self._latency_s = latency_s
        self._until = float("-inf")

    def play(self, pcm: bytes, rate_hz: int) -> float:
        begins = max(self._now() + self._latency_s, self._until)
        self._until = begins + len(pcm) / 2 / rate_hz
        return self._until

    def stop(self) -> float:
        self._until = min(self._until, self._now() + self._latency_s)
        return self._until

    def sounding_until(self) -> float:
        return self._until
