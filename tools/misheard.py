"""What a recognizer without context may print for a text: words give way to words that sound alike.

The confusions come from the pronouncing dictionary and a seed, not from a recognizer.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from edge import likeness
from edge.sounds import FIRST_CODE, STEP_PER_DECADE, Codes, Sounds

LEAST_FREQUENT = -6.3  # log10; rarer words are not in a small recognizer's vocabulary
LOOKED_AT, KEPT = 40, 12  # neighbours by the first look, and by cost
NATS_PER_DECADE = 0.15  # of cost: a recognizer prefers words that are common
TOO_FAR = 0.5  # cost per phone
MOST_PHONES_OF_TWO = 9  # two short words may become one
RATE_RARE, RATE_USUAL, RATE_COMMON = 2.2, 1.0, 0.45
RARE, USUAL = -4.5, -3.3
MERGED = 0.25
BATCH = 256

Words = tuple[str, ...]


class Misheard:
    """Sound-alikes of all words, and of pairs of short ones, of the given texts."""

    def __init__(self, sounds: Sounds, texts: Iterable[Words], rng: random.Random) -> None:
        self._sounds = sounds
        self._rng = rng
        self._vocabulary(sounds.lines())
        stretches = {part for words in texts for part in self._parts(words)}
        said = {part: self._codes(part) for part in sorted(stretches)}
        kept = {
            p: c for p, c in said.items() if c and (len(p) == 1 or len(c) <= MOST_PHONES_OF_TWO)
        }
        self._alike = dict(zip(kept, self._neighbours(list(kept.values())), strict=True))

    def reading(self, words: Sequence[str], rate: float) -> Words:
        """The words with some of them misheard; rate: the share of ordinary words."""
        found: list[str] = []
        at = 0
        while at < len(words):
            size, said = self._heard(words, at, rate)
            found.append(said)
            at += size
        return tuple(found)

    def _heard(self, words: Sequence[str], at: int, rate: float) -> tuple[int, str]:
        if self._rng.random() >= rate * self._hardness(words[at]):
            return 1, words[at]
        pair = self._alike.get(tuple(words[at : at + 2]), []) if at + 1 < len(words) else []
        if pair and self._rng.random() < MERGED:
            return 2, self._rng.choice(pair[: KEPT // 2])
        others = [word for word in self._alike.get((words[at],), []) if word != words[at]]
        rank = min(int(self._rng.expovariate(0.6)), len(others) - 1)
        return 1, others[rank] if others else words[at]

    def _hardness(self, word: str) -> float:
        frequency = self._sounds.entry(word)[0]
        return RATE_RARE if frequency < RARE else RATE_USUAL if frequency < USUAL else RATE_COMMON

    def _parts(self, words: Words) -> Iterable[Words]:
        yield from ((word,) for word in words)
        yield from pairwise(words)

    def _codes(self, words: Words) -> Codes:
        return sum((self._sounds.entry(word)[1] for word in words), ())

    def _vocabulary(self, lines: Iterable[tuple[str, str]]) -> None:
        kept = [
            (word, (FIRST_CODE - ord(rest[0])) / STEP_PER_DECADE, rest[1:].split(" ")[0])
            for word, rest in lines
        ]
        kept = [each for each in kept if each[1] > LEAST_FREQUENT]
        self._words = [word for word, _, _ in kept]
        self._frequencies = np.array([frequency for _, frequency, _ in kept], np.float32)
        codes = [tuple(ord(char) - FIRST_CODE for char in said) for _, _, said in kept]
        self._table, lengths = likeness.rows(codes)
        self._looks = likeness.looks(self._table, lengths)

    def _neighbours(self, stretches: Sequence[Codes]) -> list[list[str]]:
        table, lengths = likeness.rows(stretches)
        looks = likeness.looks(table, lengths)
        found: list[list[str]] = []
        for start in range(0, len(table), BATCH):
            cosines = looks[start : start + BATCH] @ self._looks.T
            near = np.argpartition(-cosines, LOOKED_AT, axis=1)[:, :LOOKED_AT]
            rows = table[start + np.repeat(np.arange(len(near)), LOOKED_AT)]
            costs = likeness.distances(rows, self._table[near.ravel()]).reshape(near.shape)
            order = np.argsort(costs - NATS_PER_DECADE * self._frequencies[near], axis=1)
            most = TOO_FAR * np.maximum(2, lengths[start : start + BATCH])
            for ranks, costs_of, near_of, limit in zip(order, costs, near, most, strict=True):
                kept = [at for at in ranks[:KEPT] if costs_of[at] < limit]
                found.append([self._words[near_of[at]] for at in kept])
        return found
