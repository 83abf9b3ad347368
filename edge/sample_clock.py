"""When a device's samples pass, on our clock; it never reads a clock or a device itself.

A device says late and never early how far it is: the earliest of what it said in the last
seconds is the truth, and what is late for long means that it stood still in between.
"""

from __future__ import annotations

from collections import deque

REMEMBERED = 100
"""Observations; with one every 10 or 20 ms, a drift of 100 ppm is followed to 0.2 ms."""
STOOD_STILL_S = 0.010
PATIENCE_S = 0.1
"""So much later than told by the clock, and for so long: that is no busy processor."""
BACK_S, FORTH_S = 0.005, 0.0005
"""The most that one observation moves the clock: two blocks never change places."""


class SampleClock:
    """The times of one stream's samples, counted from 0. For one thread at a time."""

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._origin: float | None = None
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._late: list[tuple[float, float]] = []

    @property
    def doubt_s(self) -> float:
        """How much later than told by the clock the newest observations were; 0.0 mostly."""
        if not self._late or self._origin is None:
            return 0.0
        return min(origin for origin, _ in self._late) - self._origin

    def time_of(self, index: float) -> float:
        """When this sample passes or passed; there must have been an observation."""
        assert self._origin is not None
        return self._origin + index / self._rate_hz

    def observe(self, index: int, at: float) -> float:
        """Sample `index` passes at `at`, or did so before.

        Returns by how many seconds the device was now found to have stood still; 0.0 mostly.
        """
        origin = at - index / self._rate_hz
        if self._origin is None:
            self._origin = origin
        if origin - self._origin > STOOD_STILL_S:
            return self._doubt(origin, at)
        self._late.clear()
        self._recent.append(origin)
        step_s = min(self._recent) - self._origin
        self._origin += max(-BACK_S, min(FORTH_S, step_s))
        return 0.0

    def _doubt(self, origin: float, at: float) -> float:
        self._late.append((origin, at))
        if at - self._late[0][1] < PATIENCE_S:
            return 0.0
        assert self._origin is not None
        found = [one for one, _ in self._late]
        stood_still_s = min(found) - self._origin
        self._origin += stood_still_s
        self._recent = deque(found, maxlen=REMEMBERED)
        self._late.clear()
        return stood_still_s
