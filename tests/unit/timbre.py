"""A voice encoder and voices for tests: how a sound's power is spread over pitch is its voice."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.hearing import FRAME_S
from edge.protocols import Frame
from edge.spectrum import BANDS, Array, Spectrum

FLOOR, PEAK = -10.0, 2.5
HOP = 4


class Timbre:
    """voice.VoiceEncoder without a model: which bands are the loudest."""

    def embed(self, pcm: bytes) -> bytes | None:
        voice = self.pooled(self.stream().take(pcm))
        return None if voice is None else voice.astype("<f4").tobytes()

    def stream(self) -> TimbreRows:
        return TimbreRows()

    def pooled(self, rows: Array) -> Array | None:
        total = rows.sum(axis=0)
        length = float(np.linalg.norm(total))
        return None if length < 1e-6 else (total / length).astype(np.float32)


class TimbreRows:
    """One row for every 40 ms; of silence it is zero."""

    def __init__(self) -> None:
        self._spectrum = Spectrum()
        self._heard = np.empty((0, BANDS), np.float32)

    def take(self, pcm: bytes) -> Array:
        self._heard = np.concatenate([self._heard, self._spectrum.take(pcm)])
        count = len(self._heard) // HOP
        blocks = self._heard[: count * HOP].reshape(count, HOP, BANDS)
        self._heard = self._heard[count * HOP :]
        powers = blocks.mean(axis=1)
        loudest = powers.max(axis=1, keepdims=True)
        peaks = (powers > loudest - PEAK) & (loudest > FLOOR)
        rows: Array = peaks - peaks.mean(axis=1, keepdims=True)
        return rows.astype(np.float32)


class Broken(Timbre):
    """Its stream fails after so many frames."""

    def __init__(self, good_frames: int) -> None:
        self._good_frames = good_frames

    def embed(self, pcm: bytes) -> bytes | None:
        raise RuntimeError("the model broke")

    def stream(self) -> BrokenRows:
        return BrokenRows(self._good_frames)


class BrokenRows(TimbreRows):
    """A model that breaks while it runs."""

    def __init__(self, good_frames: int) -> None:
        super().__init__()
        self._left = good_frames

    def take(self, pcm: bytes) -> Array:
        self._left -= 1
        if self._left < 0:
            raise RuntimeError("the model broke")
        return super().take(pcm)


def spoken(seconds: float, formants: tuple[int, int], loudness: float = 8000.0) -> bytes:
    """A 140 Hz pulse train through two resonances: a vowel of one voice."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    harmonics = np.arange(1, 40)[:, None] * 140
    low, high = formants
    gains = 1 / (1 + ((harmonics - low) / 150) ** 2) + 0.8 / (1 + ((harmonics - high) / 200) ** 2)
    sound = (gains * np.sin(2 * np.pi * harmonics * time_s)).sum(0)
    return bytes((sound / np.abs(sound).max() * loudness).astype("<i2"))


def customer(seconds: float, loudness: float = 8000.0) -> bytes:
    return spoken(seconds, (700, 1200), loudness)


def television(seconds: float, loudness: float = 2000.0) -> bytes:
    """Another voice, in syllables: a steady one is soon noise to a voice activity detector."""
    syllable = spoken(0.16, (2000, 3000), loudness) + silence(0.04)
    return (syllable * math.ceil(seconds / 0.2))[: 2 * round(seconds * RATE_HZ)]


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE_HZ))


def mixed(one: bytes, other: bytes) -> bytes:
    """Both at once."""
    sounds = [np.frombuffer(pcm, "<i2").astype(float) for pcm in (one, other)]
    total = np.zeros(max(map(len, sounds)))
    for sound in sounds:
        total[: len(sound)] += sound
    return bytes(np.clip(total, -32768, 32767).astype("<i2"))


def frames(pcm: bytes, at: float = 0.0) -> Iterator[Frame]:
    for number in range(len(pcm) // FRAME_BYTES):
        yield Frame(pcm[number * FRAME_BYTES :][:FRAME_BYTES], at + number * FRAME_S)
