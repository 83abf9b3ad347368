"""Training batches of the speaker encoder: several pieces each of many voices, made harder.

Whatever a channel does to a spectrum is done here at random: loudness, colour, noise, a second
voice. A batch is drawn from its number and a seed alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from edge.spectrum import BANDS
from tools.speaker_sounds import Pool

Array = np.ndarray[Any, Any]
Draw = np.random.Generator

VOICES, PIECES = 32, 4
ALIKE_SHARE = 0.5
"""Of batches, how many hold the voices of one recording chain only: nothing but the voice helps."""
HOPS = (7, 26)
"""Fewest and most rows of a piece."""


class Recipe(NamedTuple):
    """How far a piece is taken from how it was recorded, in natural logarithms of power.

    colour: standard deviation of a microphone's response. level: the most that a piece stays
    below full loudness. snr: of noise. other_snr: of another voice. range: what is kept below
    the loudest.
    """

    colour: float = 1.0
    level: float = 1.5
    snr: tuple[float, float] = (1.0, 7.0)
    other_snr: tuple[float, float] = (1.5, 5.0)
    noisy_share: float = 0.5
    other_share: float = 0.15
    range: float = 10.0


class Batches:
    """Batches over one pool."""

    def __init__(self, pool: Pool, recipe: Recipe, seed: int) -> None:
        self._pool, self._recipe, self._seed = pool, recipe, seed
        owner = pool.speakers[pool.clips]
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(pool.speakers.max() + 2))
        self._pieces_of = [order[a:b] for a, b in pairwise(bounds)]
        self.speakers = len(self._pieces_of)
        chain_of = np.zeros(self.speakers, int)
        chain_of[pool.speakers] = pool.chains
        groups = [np.flatnonzero(chain_of == chain) for chain in np.unique(chain_of)]
        self._alike = [group for group in groups if len(group) >= VOICES]

    def batch(self, number: int, reach: int) -> tuple[Array, Array]:
        """Scaled spectra [VOICES * PIECES, steps, BANDS], pieces of a voice together; voices."""
        draw = np.random.default_rng([self._seed, number])
        steps = reach + 4 * (int(draw.integers(*HOPS)) - 1)
        voices = draw.choice(self._among(draw), VOICES, replace=False)
        picked = np.concatenate([self._picked(voice, draw) for voice in voices])
        found = np.stack([self._cut(piece, steps, draw) for piece in picked]).astype(np.float32)
        return harder(found, self._noise(len(found), steps, draw), self._recipe, draw), voices

    def _among(self, draw: Draw) -> Array:
        """All voices, or those of one chain, a chain as often as it has voices."""
        if draw.random() >= ALIKE_SHARE:
            return np.arange(self.speakers)
        sizes = np.array([len(group) for group in self._alike])
        return self._alike[int(draw.choice(len(sizes), p=sizes / sizes.sum()))]

    def _picked(self, voice: int, draw: Draw) -> Array:
        """Pieces of a voice, of different clips where it has as many."""
        pieces = draw.permutation(self._pieces_of[voice])
        _, first = np.unique(self._pool.clips[pieces], return_index=True)
        others = np.delete(pieces, first)
        ordered = np.concatenate([draw.permutation(pieces[first]), others])
        return np.resize(ordered, PIECES)

    def _cut(self, piece: int, steps: int, draw: Draw) -> Array:
        """Some stretch of a piece; one that is too short lies somewhere in silence."""
        start, length = self._pool.starts[piece], self._pool.lengths[piece]
        room = length - steps
        if room >= 0:
            begin = start + int(draw.integers(room + 1))
            return self._pool.spectra[begin : begin + steps]
        cut = np.full((steps, BANDS), -13.8, np.float16)
        place = int(draw.integers(-room + 1))
        cut[place : place + length] = self._pool.spectra[start : start + length]
        return cut

    def _noise(self, count: int, steps: int, draw: Draw) -> Array:
        begins = draw.integers(len(self._pool.noise) - steps, size=count)
        pieces = [self._pool.noise[b : b + steps] for b in begins]
        noise: Array = np.stack(pieces).astype(np.float32)
        return noise


def harder(clean: Array, noise: Array, recipe: Recipe, draw: Draw) -> Array:
    """Spectra [n, steps, BANDS] with noise, other voices and a microphone's colour, scaled."""
    count = len(clean)
    loud = _loudness(clean)
    flat = draw.random((count, 1, 1)) < 0.4
    sounds = np.where(flat, _smooth(count, 2.0, draw) + draw.normal(size=clean.shape), noise)
    sounds += loud - _loudness(sounds) - draw.uniform(*recipe.snr, (count, 1, 1))
    sounds[draw.random(count) > recipe.noisy_share] = -30.0
    other = np.roll(clean, 4 * int(draw.integers(1, count // 4)), axis=0)
    other = other + loud - _loudness(other) - draw.uniform(*recipe.other_snr, (count, 1, 1))
    other[draw.random(count) > recipe.other_share] = -30.0
    mixed = np.logaddexp(np.logaddexp(clean, sounds), other)
    mixed += _smooth(count, recipe.colour, draw)
    top = mixed.max(axis=(1, 2), keepdims=True) + draw.uniform(0, recipe.level, (count, 1, 1))
    scaled: Array = np.maximum((mixed - top) / recipe.range + 1, 0).astype(np.float32)
    return scaled


def _loudness(spectra: Array) -> Array:
    loudest: Array = np.percentile(spectra.max(axis=2), 90, axis=1)
    return loudest[:, None, None]


def _smooth(count: int, spread: float, draw: Draw) -> Array:
    """Random curves over the bands [count, 1, BANDS]: a tilt and a few waves."""
    at = np.linspace(0, 1, BANDS)
    shapes = np.stack([at - 0.5, *(np.cos(np.pi * k * at) for k in range(1, 7))])
    shares = np.array([1.0, 0.6, 0.6, 0.5, 0.4, 0.3, 0.3])
    curves: Array = (draw.normal(size=(count, len(shapes))) * shares * spread) @ shapes
    return curves[:, None].astype(np.float32)
