"""Stretches of words that sound like something on offer, and how they differ from it.

It looks at sounds and spellings alone, never at the words around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge import likeness
from edge.likeness import Floats, Places
from edge.offers import Offers, Words
from edge.sounds import Codes

MAX_SPAN_WORDS = 6
NEAR = 0.62  # cosine of two looks below which stretches are never alike
MANY, NEARER = 300_000, 0.76  # of so many cosines, only these are looked at
MAX_PAIRS, PAIRS_PER_SPAN = 600, 3  # whose cost is computed
ALIKE = 0.42  # cost per phone from which on nothing is proposed
LONGEST, LONGER_PHONES = 1.6, 2  # how much longer than the other a stretch may be
FAR = 4.0  # a cost that nothing alike has
SAME = 0.01
MOST_PHONES = 12
MOST_RIVAL = 1.5

HEARD = (
    "cost",
    "cost_per_phone",
    "phones",
    "item_frequency",
    "partial",
    "log_items",
    "ahead_of_rival",
    "same_sound",
    "same_words",
    "phones_more_or_less",
    "letters_off",
    "letters_off_per_letter",
    "same_beginning",
)

Said = Mapping[str, tuple[float, Codes]]
"""Per word its log10 frequency and its likeliest sound."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Different stretches: words, codes. Where each occurs: reading, start, end, span."""

    words: tuple[Words, ...]
    codes: tuple[Codes, ...]
    reading: Places
    start: Places
    end: Places
    span: Places


@dataclass(frozen=True, slots=True)
class Pairs:
    """Stretches and items that sound alike, by stretch; way: how the item sounds most alike."""

    span: Places
    item: Places
    way: Places
    cost: Floats
    per_phone: Floats
    more_or_less: Places


def spans(readings: Sequence[Words], offered: Offers, said: Said) -> Spans:
    """All stretches of the readings that are not too long for everything on offer."""
    most_words = min(MAX_SPAN_WORDS, offered.longest + 1)
    most_phones = int(LONGEST * offered.sounds.shape[1]) + LONGER_PHONES
    codes: dict[Words, Codes] = {}
    places: dict[Words, int] = {}
    where: list[tuple[int, int, int, int]] = []
    for number, words in enumerate(readings):
        for start in range(len(words)):
            spoken: Codes = ()
            for end in range(start + 1, min(len(words), start + most_words) + 1):
                spoken += said[words[end - 1]][1]
                if len(spoken) > most_phones:
                    break
                span = words[start:end]
                codes[span] = spoken
                where.append((number, start, end, places.setdefault(span, len(places))))
    return Spans(tuple(places), tuple(codes.values()), *np.array(where, np.intp).reshape(-1, 4).T)


def alike(spans: Spans, offered: Offers) -> Pairs:
    """The stretches and items whose sounds cost little to turn into each other."""
    table, lengths = likeness.rows(spans.codes)
    cosines = likeness.looks(table, lengths) @ offered.looks.T
    span, way = np.nonzero(cosines > (NEAR if cosines.size < MANY else NEARER))
    heard, meant = lengths[span], offered.lengths[way]
    longest = LONGEST * np.minimum(heard, meant) + LONGER_PHONES
    fits = np.flatnonzero(np.maximum(heard, meant) <= longest)
    most = min(MAX_PAIRS, PAIRS_PER_SPAN * len(spans.words))
    if len(fits) > most:
        worse = -cosines[span[fits], way[fits]]
        fits = fits[np.argpartition(worse, most)[:most]]
    span, way = span[fits], way[fits]
    costs = likeness.distances(table[span], offered.sounds[way])
    near = np.flatnonzero(costs < ALIKE * np.maximum(lengths[span], offered.lengths[way]))
    span, way, costs = span[near], way[near], costs[near]
    item = offered.items[way]
    order = np.lexsort((costs, item, span))
    kept = order[np.diff(span[order] * len(offered) + item[order], prepend=-1) != 0]
    span, way = span[kept], way[kept]
    heard, meant = lengths[span], offered.lengths[way]
    per_phone = costs[kept] / np.maximum(1, np.maximum(heard, meant))
    return Pairs(span, item[kept], way, costs[kept], per_phone, np.abs(heard - meant))


def joined(spans: Spans, pairs: Pairs) -> tuple[Places, Places]:
    """Each occurrence of a stretch with each of its pairs."""
    every = np.arange(len(spans.words))
    first = np.searchsorted(pairs.span, every)
    count = (np.searchsorted(pairs.span, every, side="right") - first)[spans.span]
    occurrence = np.repeat(np.arange(len(spans.span)), count)
    within = np.arange(len(occurrence)) - np.repeat(np.cumsum(count) - count, count)
    return occurrence, first[spans.span[occurrence]] + within


def heard(spans: Spans, pairs: Pairs, offered: Offers) -> Floats:
    """HEARD of each pair."""
    own = np.array([offered.places.get(words, -1) for words in spans.words], np.intp)
    columns = (
        pairs.cost,
        pairs.per_phone,
        np.minimum(MOST_PHONES, offered.lengths[pairs.way]) / 10,
        offered.frequency[pairs.item],
        offered.partial[pairs.item],
        np.full(len(pairs.item), np.log(max(1, len(offered)))),
        _ahead(pairs, len(spans.words)),
        pairs.cost < SAME,
        own[pairs.span] == pairs.item,
        pairs.more_or_less,
        *_spelled(spans, pairs, offered),
    )
    table: Floats = np.stack(columns, 1).astype(np.float32)
    return table


def _spelled(spans: Spans, pairs: Pairs, offered: Offers) -> tuple[Floats, Floats, Floats]:
    """Letters that differ, their share, and the share of the beginning that is the same."""
    table, lengths = likeness.letters(["".join(words) for words in spans.words])
    ones, others = table[pairs.span], offered.letters[pairs.item]
    longer = np.maximum(1, np.maximum(lengths[pairs.span], offered.letters_long[pairs.item]))
    off = likeness.misspellings(ones, others)
    width = min(ones.shape[1], others.shape[1])
    same = (ones[:, :width] == others[:, :width]) & (ones[:, :width] != likeness.PAD)
    beginning: Floats = np.logical_and.accumulate(same, axis=1).sum(1) / longer
    return off, off / longer, beginning


def _ahead(pairs: Pairs, spans: int) -> Floats:
    """How much cheaper the item is than the cheapest other one for the same stretch."""
    order = np.lexsort((pairs.cost, pairs.span))
    best = np.full(spans, FAR, np.float32)
    second = np.full(spans, FAR, np.float32)
    rank = np.arange(len(order)) - np.searchsorted(pairs.span, pairs.span[order])
    for into, place in ((best, 0), (second, 1)):
        at = order[rank == place]
        into[pairs.span[at]] = pairs.cost[at]
    leads = pairs.cost <= best[pairs.span]
    rival = np.where(leads, second[pairs.span], best[pairs.span])
    return np.clip(rival - pairs.cost, -MOST_RIVAL, MOST_RIVAL)
