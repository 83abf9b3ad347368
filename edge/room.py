"""The simulated sound room: a virtual microphone and loudspeaker with a device's latency.

It keeps time by the clock it is given, real or virtual, and mixes what customers say with
a faint background and, where there is an echo path, with what the loudspeaker sounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import FRAME_MS, FRAME_SAMPLES, RATE_HZ
from edge.played import Played
from edge.protocols import Frame
from edge.rates import resampled

FRAME_S = FRAME_MS / 1000
DISTANCE_S = 0.002
"""From the loudspeaker to the microphone, by the shortest way."""


@dataclass(frozen=True, slots=True)
class Echo:
    """How a room answers its loudspeaker, as the microphone hears it.

    t60_s: after so long it is 60 dB fainter. gain_db: of the whole echo over what is played.
    reverberant: energy of the tail over that of the direct sound. late_s: how much later than it
    says the device sounds. seed: of the tail.
    """

    t60_s: float = 0.4
    gain_db: float = -10.0
    reverberant: float = 1.0
    late_s: float = 0.0
    seed: int = 1

    def response(self) -> NDArray[np.float64]:
        """The impulse response at 16 kHz."""
        direct = round((DISTANCE_S + self.late_s) * RATE_HZ)
        tail = np.random.default_rng(self.seed).normal(size=round(self.t60_s * RATE_HZ))
        tail *= 10.0 ** (-3.0 * np.arange(len(tail)) / len(tail))
        tail *= math.sqrt(self.reverberant) / np.linalg.norm(tail)
        response = np.concatenate([np.zeros(direct), [1.0], tail])
        gain = 10.0 ** (self.gain_db / 20.0) / float(np.linalg.norm(response))
        scaled: NDArray[np.float64] = gain * response
        return scaled


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
        self._loudspeaker: RoomLoudspeaker | None = None
        self._response = np.zeros(1)

    def hear(self, loudspeaker: RoomLoudspeaker, echo: Echo) -> None:
        """From now on this loudspeaker is heard too."""
        self._loudspeaker, self._response = loudspeaker, echo.response()

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
        mixed += self._echo(at)
        return Frame(np.clip(mixed, -32768, 32767).astype("<i2").tobytes(), at)

    def _echo(self, at: float) -> NDArray[np.float64]:
        """What is heard of the loudspeaker in the frame that begins at `at`."""
        if self._loudspeaker is None:
            return np.zeros(FRAME_SAMPLES)
        past = len(self._response) - 1
        played = self._loudspeaker.played(at - past / RATE_HZ, past + FRAME_SAMPLES)
        if not played.any():
            return np.zeros(FRAME_SAMPLES)
        return convolved(played, self._response)[past : past + FRAME_SAMPLES]

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
        self._played = Played()

    def play(self, pcm: bytes, rate_hz: int) -> float:
        begins = max(self._now() + self._latency_s, self._until)
        self._until = begins + len(pcm) / 2 / rate_hz
        samples = np.frombuffer(pcm, "<i2")
        self._played.add(begins, resampled(samples, rate_hz, RATE_HZ).tobytes())
        return self._until

    def stop(self) -> float:
        silent_at = self._now() + self._latency_s
        if self._until > silent_at:
            self._until = silent_at
            self._played.cut(silent_at)
        return self._until

    def sounding_until(self) -> float:
        return self._until

    def played(self, since: float, samples: int) -> NDArray[np.int16]:
        return self._played.since(since, samples)


def convolved(samples: NDArray[Any], response: NDArray[np.float64]) -> NDArray[np.float64]:
    """A whole sound after a room, with all of its tail."""
    size = len(samples) + len(response) - 1
    full = 1 << size.bit_length()
    found = np.fft.irfft(np.fft.rfft(samples, full) * np.fft.rfft(response, full), full)
    return found[:size]
