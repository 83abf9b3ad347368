"""Where the first reading may have been something on offer instead, described by numbers.

It proposes and measures; whether a proposal is any good is not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge import likeness, matches
from edge.likeness import Floats, Places
from edge.matches import FAR, HEARD, Pairs, Said
from edge.offers import Flags, Offers, Words, named
from edge.sounds import RAREST, Codes, Sounds

ALIKE_BELOW = 0.2  # cost per phone from which on readings below the first propose nothing
MOST_RELEVANT = 2

PLACED = (
    "rarest_word",
    "unknown_word",
    "usual_word",
    "words",
    "words_more_or_less",
    "names_another",
    "names_touched",
    "plain_cost_per_phone",
    "whole_reading",
    "share_of_reading",
    "others_named",
    "named_here",
    "named_anywhere",
    "behind_best_place",
    "log_rank",
)
FEATURES = HEARD + PLACED


@dataclass(frozen=True, slots=True)
class Proposals:
    """Which words of the first reading may be which item, and FEATURES of each.

    start, end: of the words. item: what they may be. reading: the one in which it sounds so.
    features: float32 [n, FEATURES].
    """

    start: Places
    end: Places
    item: Places
    reading: Places
    features: Floats


@dataclass(frozen=True, slots=True)
class _Where:
    """Of each proposal its place in the first reading, and the pair that it comes from."""

    start: Places
    end: Places
    item: Places
    reading: Places
    pair: Places


@dataclass(frozen=True, slots=True)
class _Regions:
    """[proposals] the words of the first reading that would go: how frequent, whose name."""

    rarest: Floats
    usual: Floats
    names: Flags
    codes: tuple[Codes, ...]
    region: Places

    @classmethod
    def of(cls, plain: Words, said: Said, where: _Where, offered: Offers) -> _Regions:
        """Each region once, and which one a proposal has."""
        keys, region = np.unique(where.start * (len(plain) + 1) + where.end, return_inverse=True)
        bounds = [divmod(int(key), len(plain) + 1) for key in keys]
        often = [[said[word][0] for word in plain[start:end]] for start, end in bounds]
        rarest = np.array([min(each) for each in often], np.float32)
        usual = np.array([sum(each) / len(each) for each in often], np.float32)
        names = np.array([plain[start:end] in offered.places for start, end in bounds], np.bool_)
        codes = tuple(sum((said[word][1] for word in plain[a:b]), ()) for a, b in bounds)
        return cls(rarest[region], usual[region], names[region], codes, region)

    def cost_per_phone(self, offered: Offers, where: _Where, pairs: Pairs) -> Floats:
        """How unlike the item these words sound; the pair's own cost where they are the stretch."""
        found = pairs.per_phone[where.pair].copy()
        below = np.flatnonzero(where.reading > 0)
        table, lengths = likeness.rows(self.codes)
        region, way = self.region[below], pairs.way[where.pair[below]]
        costs = likeness.distances(table[region], offered.sounds[way])
        longer = np.maximum(lengths[region], offered.lengths[way])
        found[below] = costs / np.maximum(1, longer)
        return found


def propose(readings: Sequence[Words], offered: Offers, sounds: Sounds) -> Proposals:
    """What the first reading may be in places, by how it or the readings below it sound there."""
    said = {word: sounds.entry(word) for words in readings for word in words}
    spans = matches.spans(readings, offered, said)
    pairs = matches.alike(spans, offered)
    occurrence, pair = matches.joined(spans, pairs)
    reading = spans.reading[occurrence]
    bounds = _bounds(readings, said)
    start = bounds[reading, spans.start[occurrence]]
    end = bounds[reading, spans.end[occurrence]]
    plain = readings[0] if readings else ()
    kept = _worth(plain, offered, start, end, pairs.item[pair])
    kept &= (reading == 0) | (pairs.per_phone[pair] < ALIKE_BELOW)
    where = _Where(start[kept], end[kept], pairs.item[pair][kept], reading[kept], pair[kept])
    heard = matches.heard(spans, pairs, offered)[where.pair]
    placed = _placed(readings, offered, said, where, pairs)
    features = np.hstack([heard, placed])
    return Proposals(where.start, where.end, where.item, where.reading, features)


def _bounds(readings: Sequence[Words], said: Said) -> Places:
    """[readings, boundaries] which boundary between words of the first reading each one is.

    What readings share at their ends stays in place; between, phones are counted.
    """
    width = max(map(len, readings), default=0) + 1
    table = np.zeros((len(readings), width), np.intp)
    if not readings:
        return table
    plain = readings[0]
    phones = _phones(plain, said)
    for row, words in zip(table, readings, strict=True):
        count = len(words)
        head = _shared(plain, words)
        tail = _shared(plain[head:][::-1], words[head:][::-1])
        row[: head + 1] = np.arange(head + 1)
        inner = slice(head, len(plain) - tail + 1)
        own = _phones(words, said)[head : count - tail + 1]
        share = (own - own[0]) / max(1, own[-1] - own[0])
        wanted = phones[inner][0] + share * (phones[inner][-1] - phones[inner][0])
        nearest = np.abs(wanted[:, None] - phones[inner]).argmin(1)
        row[head + 1 : count - tail] = head + nearest[1:-1]
        row[count - tail : count + 1] = np.arange(len(plain) - tail, len(plain) + 1)
    return table


def _phones(words: Words, said: Said) -> Places:
    """How many phones come before each word, and before the end."""
    return np.cumsum([0, *(len(said[word][1]) for word in words)])


def _shared(one: Words, other: Words) -> int:
    """How many words at the beginning are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _worth(plain: Words, offered: Offers, start: Places, end: Places, item: Places) -> Flags:
    """Which places hold words that are not the item already."""
    texts = offered.texts
    found = zip(start.tolist(), end.tolist(), item.tolist(), strict=True)
    return np.array([a < b and plain[a:b] != texts[what] for a, b, what in found], np.bool_)


def _placed(
    readings: Sequence[Words], offered: Offers, said: Said, where: _Where, pairs: Pairs
) -> Floats:
    """PLACED of each proposal."""
    plain = readings[0] if readings else ()
    found = [named(words, offered) for words in readings]
    starts, ends, items = np.array(found[0] if found else [], np.intp).reshape(-1, 3).T
    here, anywhere = np.zeros((2, len(offered)), np.bool_)
    here[items] = True
    anywhere[[item for each in found for _, _, item in each]] = True
    touched = ((starts < where.end[:, None]) & (ends > where.start[:, None])).sum(1)
    cost = pairs.cost[where.pair]
    cheapest = np.full(len(offered), FAR, np.float32)
    np.minimum.at(cheapest, where.item, cost)
    regions = _Regions.of(plain, said, where, offered)
    length = where.end - where.start
    columns = (
        regions.rarest,
        regions.rarest <= RAREST,
        regions.usual,
        length,
        np.abs(length - offered.size[where.item]),
        regions.names,
        touched,
        regions.cost_per_phone(offered, where, pairs),
        length == len(plain),
        length / max(1, len(plain)),
        np.minimum(MOST_RELEVANT, len(items) - touched),
        here[where.item],
        anywhere[where.item],
        cost - cheapest[where.item],
        np.log1p(where.reading),
    )
    table: Floats = np.stack(columns, 1).astype(np.float32)
    return table
