"""Which phones each letter of a word stands for, learned from a pronouncing dictionary alone."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from edge.sounds import contexts

ROUNDS = 4
MAX_PHONES = 2  # a letter speaks at most so many: X, U
UNSEEN = -12.0
LEAST_SEEN = 2  # a context seen once says little about other words

Pair = tuple[str, str]
Aligned = tuple[str, tuple[str, ...]]
Scores = Mapping[tuple[str, str], float]


def align(pairs: Sequence[Pair]) -> list[Aligned]:
    """Per word its letters and what each of them speaks; words that cannot be aligned are left out.

    pairs: letters and phones, a character each.
    """
    scores: Scores = _cooccurrence(pairs)
    aligned: list[Aligned] = []
    for _ in range(ROUNDS):
        aligned = [found for pair in pairs if (found := _best(pair, scores))]
        scores = _scores(
            (letter, spoken)
            for letters, chunks in aligned
            for letter, spoken in zip(letters, chunks, strict=True)
        )
    return aligned


def rules(aligned: Iterable[Aligned]) -> dict[str, str]:
    """Context → what its letter speaks, for contexts that say something else than narrower ones."""
    seen: defaultdict[str, Counter[str]] = defaultdict(Counter)
    narrower: dict[str, tuple[str, ...]] = {}
    for letters, chunks in aligned:
        for at, spoken in enumerate(chunks):
            keys = tuple(contexts(letters, at))
            for rank, key in enumerate(keys):
                seen[key][spoken] += 1
                narrower.setdefault(key, keys[rank + 1 :])
    kept: dict[str, str] = {}
    for key in sorted(seen, key=lambda key: (len(narrower[key]), key)):
        spoken, count = min(seen[key].items(), key=lambda item: (-item[1], item[0]))
        fallback = next((kept[wider] for wider in narrower[key] if wider in kept), None)
        if not narrower[key] or (count >= LEAST_SEEN and spoken != fallback):
            kept[key] = spoken
    return kept


def _cooccurrence(pairs: Sequence[Pair]) -> Scores:
    """First scores: what stands at about the same place of the word."""
    return _scores(
        (letter, phones[start : start + size])
        for letters, phones in pairs
        for at, letter in enumerate(letters)
        for start in (at * len(phones) // len(letters),)
        for size in range(MAX_PHONES + 1)
    )


def _scores(seen: Iterable[tuple[str, str]]) -> Scores:
    counts = Counter(seen)
    totals: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        totals[letter] += count
    return {pair: math.log(count / totals[pair[0]]) for pair, count in counts.items()}


def _best(pair: Pair, scores: Scores) -> Aligned | None:
    """The likeliest way to share the phones out among the letters."""
    letters, phones = pair
    if len(phones) > MAX_PHONES * len(letters):
        return None
    best: dict[int, tuple[float, tuple[str, ...]]] = {0: (0.0, ())}
    for letter in letters:
        grown: dict[int, tuple[float, tuple[str, ...]]] = {}
        for end, (score, chunks) in best.items():
            for size in range(min(MAX_PHONES, len(phones) - end) + 1):
                spoken = phones[end : end + size]
                total = score + scores.get((letter, spoken), UNSEEN)
                if end + size not in grown or total > grown[end + size][0]:
                    grown[end + size] = (total, (*chunks, spoken))
        best = grown
    return (letters, best[len(phones)][1]) if len(phones) in best else None
