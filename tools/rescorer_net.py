"""Fitting the rescorer's net: one hidden layer, logistic loss, Adam; numpy alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

HIDDEN = 24
EPOCHS = 8
BATCH = 1024
LEARNING_RATE = 0.01
SHRINK = 1e-5
FIRST_ODDS = -3.0  # most proposals are wrong
MEMORY, SQUARE_MEMORY, LEAST = 0.9, 0.999, 1e-8


@dataclass(frozen=True, slots=True)
class Trained:
    """What biasing.Net reads: features are scaled by mean and spread first."""

    mean: Floats
    spread: Floats
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats

    def content(self) -> bytes:
        """The numbers in the order in which they are read."""
        parts = (self.mean, self.spread, self.inner, self.inner_bias, self.outer, self.outer_bias)
        return b"".join(np.asarray(part, np.float32).tobytes() for part in parts)


def trained(features: Floats, right: npt.NDArray[np.bool_], weight: Floats, seed: int) -> Trained:
    """A net for the log odds that a proposal is right; weight: of each proposal."""
    rng = np.random.default_rng(seed)
    mean = features.mean(0)
    spread = features.std(0) + 1e-3
    scaled = ((features - mean) / spread).astype(np.float32)
    size = features.shape[1]
    parts = [
        rng.normal(0, size**-0.5, (size, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, np.float32),
        rng.normal(0, HIDDEN**-0.5, HIDDEN).astype(np.float32),
        np.full(1, FIRST_ODDS, np.float32),
    ]
    steps = EPOCHS * -(-len(scaled) // BATCH)
    means = [np.zeros_like(part) for part in parts]
    squares = [np.zeros_like(part) for part in parts]
    order = np.concatenate([rng.permutation(len(scaled)) for _ in range(EPOCHS)])
    for step in range(steps):
        batch = order[step * BATCH : (step + 1) * BATCH]
        slopes = _slopes(parts, scaled[batch], right[batch], weight[batch])
        rate = LEARNING_RATE * (1 - step / steps)
        for part, slope, mean_of, square in zip(parts, slopes, means, squares, strict=True):
            mean_of += (1 - MEMORY) * (slope - mean_of)
            square += (1 - SQUARE_MEMORY) * (slope * slope - square)
            moved = mean_of / (1 - MEMORY ** (step + 1))
            part -= rate * moved / (np.sqrt(square / (1 - SQUARE_MEMORY ** (step + 1))) + LEAST)
    return Trained(mean, spread, *parts)


def joined(nets: Sequence[Trained]) -> Trained:
    """The nets' average, which is a net with all their hidden units."""
    first, count = nets[0], len(nets)
    return Trained(
        first.mean,
        first.spread,
        np.concatenate([net.inner for net in nets], axis=1),
        np.concatenate([net.inner_bias for net in nets]),
        np.concatenate([net.outer for net in nets]) / count,
        sum((net.outer_bias for net in nets), np.zeros(1, np.float32)) / count,
    )


def _slopes(
    parts: Sequence[Floats], features: Floats, right: npt.NDArray[np.bool_], weight: Floats
) -> tuple[Floats, ...]:
    inner, inner_bias, outer, outer_bias = parts
    hidden = np.tanh(features @ inner + inner_bias)
    odds = hidden @ outer + outer_bias
    missed = weight * (1 / (1 + np.exp(-odds)) - right) / len(features)
    back = np.outer(missed, outer) * (1 - hidden * hidden)
    return (
        features.T @ back + SHRINK * inner,
        back.sum(0),
        hidden.T @ missed + SHRINK * outer,
        np.array([missed.sum()], np.float32),
    )
