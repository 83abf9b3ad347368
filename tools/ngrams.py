"""A back-off language model counted from sentences, and its text in the ARPA format.

Interpolated modified Kneser-Ney; the same for the same sentences. It reads no dialogue and
runs no decoder.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

START, END = "<s>", "</s>"
NEVER = -99.0
"""log10 of what no sentence holds: that it begins."""

LEAST_DISCOUNT = 0.1
MOST_DISCOUNTED = 0.95
"""Bounds that only counts of very few sentences reach: something is always left to others."""

Gram = tuple[str, ...]
Counts = Counter[Gram]


@dataclass(frozen=True, slots=True)
class BackOff:
    """log10 probabilities of n-grams, and log10 weights of what follows a context unseen."""

    order: int
    probabilities: Mapping[Gram, float]
    weights: Mapping[Gram, float]

    def score(self, words: Sequence[str]) -> float:
        """log10 probability of a sentence of known words, its end included."""
        said = (START, *words, END)
        return sum(
            self.after(said[max(0, at - self.order + 1) : at + 1]) for at in range(1, len(said))
        )

    def after(self, gram: Gram) -> float:
        """log10 probability of the last word after the others."""
        if gram in self.probabilities:
            return self.probabilities[gram]
        return self.weights.get(gram[:-1], 0.0) + self.after(gram[1:])


def count(sentences: Iterable[Sequence[str]], order: int) -> Counts:
    """How often each n-gram of at most `order` words occurs; every sentence has its ends."""
    counts: Counts = Counter()
    for words in sentences:
        said = (START, *words, END)
        for size in range(1, order + 1):
            counts.update(said[at : at + size] for at in range(len(said) - size + 1))
    return counts


def estimate(counts: Counts, floor: Mapping[str, float], least: int) -> BackOff:
    """The model of these counts over the words of `floor`, which is what unigrams back off to.

    floor: word → probability, of every word of the vocabulary, the end's too; n-grams with other
    words are left out. least: so are those of the highest order that were counted less often.
    What is left out adds to the weight of its context.
    """
    order = max(map(len, counts))
    known = floor.keys() | {START}
    shares: dict[Gram, float] = {(word,): share for word, share in floor.items()}
    logs: dict[Gram, float] = {(START,): NEVER}
    weights: dict[Gram, float] = {}
    for size in range(1, order + 1):
        level = _level(counts, size, order)
        taken = _taken(level, least if size == order else 1, known)
        left = _left(level, taken)
        shorter = shares
        shares = dict.fromkeys(shorter, 0.0) | taken if size == 1 else taken
        shares = {
            gram: n + left[gram[:-1]] * shorter[gram[-size + 1 :] if size > 1 else gram]
            for gram, n in shares.items()
        }
        logs |= {gram: math.log10(share) for gram, share in shares.items()}
        weights |= {context: math.log10(weight) for context, weight in left.items()}
    return BackOff(
        order, logs, {context: weight for context, weight in weights.items() if context in logs}
    )


def _level(counts: Counts, size: int, order: int) -> Counts:
    """The counts of one order: below the highest, after how many different words it occurs."""
    if size == order:
        return Counter({gram: n for gram, n in counts.items() if len(gram) == size})
    level: Counts = Counter(gram[1:] for gram in counts if len(gram) == size + 1)
    for gram, n in counts.items():
        if len(gram) == size and size > 1 and gram[0] == START:
            level[gram] = n
    return level


def _taken(level: Counts, least: int, known: Set[str]) -> dict[Gram, float]:
    """The discounted share of its context that each n-gram has which is not left out."""
    totals = _totals(level)
    discounts = _discounts(level)
    return {
        gram: (n - min(discounts[min(n, 3) - 1], MOST_DISCOUNTED * n)) / totals[gram[:-1]]
        for gram, n in level.items()
        if n >= least and known >= set(gram)
    }


def _discounts(level: Counts) -> tuple[float, float, float]:
    """For n-grams counted once, twice and more often, as Chen and Goodman estimate them."""
    times = Counter(level.values())
    once, twice, thrice, often = (times[n] or 1 for n in (1, 2, 3, 4))
    base = once / (once + 2 * twice)
    found = (
        1 - 2 * base * twice / once,
        2 - 3 * base * thrice / twice,
        3 - 4 * base * often / thrice,
    )
    first, second, more = (max(LEAST_DISCOUNT, each) for each in found)
    return first, second, more


def _totals(level: Counts) -> Counter[Gram]:
    totals: Counter[Gram] = Counter()
    for gram, n in level.items():
        totals[gram[:-1]] += n
    return totals


def _left(level: Counts, taken: Mapping[Gram, float]) -> dict[Gram, float]:
    """What the n-grams of each context leave to shorter ones."""
    left = dict.fromkeys(_totals(level), 1.0)
    for gram, share in taken.items():
        left[gram[:-1]] -= share
    return left


def arpa(model: BackOff) -> Iterator[str]:
    """The lines of the model's file."""
    grams = [
        sorted(gram for gram in model.probabilities if len(gram) == size)
        for size in range(1, model.order + 1)
    ]
    yield "\\data\\"
    yield from (f"ngram {size}={len(level)}" for size, level in enumerate(grams, 1))
    for size, level in enumerate(grams, 1):
        yield from ("", f"\\{size}-grams:")
        for gram in level:
            line = f"{model.probabilities[gram]:.4f}\t{' '.join(gram)}"
            yield line if size == model.order else f"{line}\t{model.weights.get(gram, 0.0):.4f}"
    yield from ("", "\\end\\")
