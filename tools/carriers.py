"""What people say around a name, learned from dialogues: which words follow one another there.

Knows nothing of the names themselves, and keeps only what many kinds of dialogue have in common.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.grammar import END, NAME, START
from tools import ngrams
from tools.ngrams import BackOff

UNKNOWN = "<unk>"
MOST_WORDS = 14

DOMAINS_OF_WORD = 12
COUNT_OF_WORD = 30
DOMAINS_OF_PAIR = 3
GAIN_OF_PAIR = 60.0
"""A pair stays when it makes the sentences so many decimal orders likelier, all together."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, NAME among them, and the kind of dialogue that they are from."""

    words: Words
    domain: str


def named(words: Sequence[str], values: Iterable[str], telling: frozenset[str]) -> Words:
    """The words with NAME for each value that holds other words than `telling`."""
    text = f" {' '.join(words)} "
    for value in sorted(values, key=len, reverse=True):
        if not telling.issuperset(value.split()):
            text = text.replace(f" {value} ", f" {NAME} ")
    return tuple(text.split())


def learned(sentences: Sequence[Sentence], always: frozenset[str]) -> Iterator[str]:
    """Lines of word, next word and probability; START's come first.

    always: words that stay, however few kinds of dialogue have them.
    """
    short = [one for one in sentences if len(one.words) <= MOST_WORDS]
    counts = Counter(word for one in short for word in one.words)
    shared = _shared(short, counts, always)
    known = [tuple(w if w in shared else UNKNOWN for w in one.words) for one in short]
    floor = {word: counts[word] / counts.total() for word in shared}
    floor[END] = len(short) / counts.total()
    model = ngrams.estimate(ngrams.count(known, 2), _normal(floor), 2)
    kept = _kept(short, model)
    for word in (START, *sorted(shared)):
        for follower in sorted({END, NAME} | kept[word]):
            yield f"{word}\t{follower}\t{10 ** model.after((word, follower)):.3g}"


def _shared(
    sentences: Sequence[Sentence], counts: Mapping[str, int], always: frozenset[str]
) -> set[str]:
    domains: dict[str, set[str]] = defaultdict(set)
    for one in sentences:
        for word in one.words:
            domains[word].add(one.domain)
    return {NAME} | {
        word
        for word, found in domains.items()
        if counts[word] >= COUNT_OF_WORD and (len(found) >= DOMAINS_OF_WORD or word in always)
    }


def _kept(sentences: Sequence[Sentence], model: BackOff) -> dict[str, set[str]]:
    """Each word's followers that are worth keeping."""
    domains: dict[Words, set[str]] = defaultdict(set)
    counts: Counter[Words] = Counter()
    for one in sentences:
        said = (START, *one.words, END)
        for each in pairwise(said):
            domains[each].add(one.domain)
            counts[each] += 1
    kept: dict[str, set[str]] = defaultdict(set)
    for pair, count in counts.items():
        if pair in model.probabilities and len(domains[pair]) >= DOMAINS_OF_PAIR:
            apart = model.weights.get(pair[:1], 0.0) + model.probabilities[pair[1:]]
            if count * (model.probabilities[pair] - apart) > GAIN_OF_PAIR:
                kept[pair[0]].add(pair[1])
    return kept


def _normal(floor: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(floor.values())
    return {word: share / total for word, share in floor.items()}
