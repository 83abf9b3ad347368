"""Questions as bags of ids, and the batches that the context encoder's towers are trained on.

Everything random comes from the generator that is given; nothing here knows a model.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any

import numpy as np

from edge.context import ACTS, BAGS, SLOTS, Layout
from edge.dialogue import Expectation
from edge.questions import Question, expected

BATCH, CHOICES, OTHERS, RIVALS = 768, 160, 7, 100
"""Questions of a batch; those that begin it, whose answer names one of several on offer; how many
others of these go along; and at most how many answers that sound like one of the batch's."""
ROWS = BAGS + 1
DROPPED_IDS, DROPPED_BAGS = 0.2, 0.1
UNTOLD = 0.5
GUESSED_WORDS = 3_000

Array = np.ndarray[Any, Any]
Flat = tuple[Array, Array, Array]


class Bags:
    """Bags of ids, one after the other."""

    def __init__(self, bags: Iterable[Sequence[int]]) -> None:
        ids, lengths = array("i"), array("q")
        for bag in bags:
            ids.extend(bag)
            lengths.append(len(bag))
        self.ids = np.array(ids, np.int32)
        self.lengths = np.array(lengths, np.int64)
        self._starts = np.cumsum(self.lengths) - self.lengths

    def take(self, rows: Array) -> tuple[Array, Array]:
        """The ids of these bags, and which of them each belongs to."""
        lengths = self.lengths[rows]
        owners = np.repeat(np.arange(len(rows), dtype=np.int32), lengths)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.ids[np.repeat(self._starts[rows], lengths) + within], owners


@dataclass(frozen=True, slots=True)
class Examples:
    """Questions as arrays. Of those that are choices, the phrase that was meant comes first.

    contexts: `ROWS` bags each, the last of which is the gist of the round before. rivals: one bag
    each, often empty. act and slot: indices, -1 where the answer did not do what was asked.
    offers: where the phrases on offer begin, one more than there are questions. guessed: which of
    the most frequent words of answers a row of the table is, or -1. seen: how often each row is.
    """

    contexts: Bags
    answers: Bags
    answer_keys: Array
    rivals: Bags
    offered: Bags
    offered_keys: Array
    offers: Array
    acts: Array
    slots: Array
    guessed: Array
    seen: Array

    def __len__(self) -> int:
        return len(self.answer_keys)


def examples(asked: Sequence[Question], layout: Layout) -> Examples:
    """What the towers see of the questions."""
    offers = [_meant_first(question) for question in asked]
    flat = [phrase for offered in offers for phrase in offered]
    contexts = Bags(bag for question in asked for bag in context(question, layout))
    answers = Bags(layout.phrase(question.answer) for question in asked)
    return Examples(
        contexts,
        answers,
        np.array([_key(question.answer) for question in asked]),
        Bags(layout.phrase(next(iter(q.rivals))) if q.rivals else () for q in asked),
        Bags(map(cache(layout.phrase), flat)),
        np.array([_key(phrase) for phrase in flat]),
        np.cumsum([0, *map(len, offers)]),
        np.array([ACTS.index(q.act) if q.act else -1 for q in asked], np.int32),
        np.array([SLOTS.index(q.slot) for q in asked], np.int32),
        *_frequencies(contexts, answers, layout),
    )


def context(question: Question, layout: Layout) -> list[list[int]]:
    """The bags of the last round, act and slot told, and the gist of the round before."""
    last = question.rounds[-1]
    bags = layout.bags(last, layout.asked(Expectation(*expected(last.reply))))
    past = [layout.gist(layout.bags(one, ())) for one in question.rounds[-2:-1]]
    return [*bags, *(past or [[]])]


def batch_count(found: Examples) -> int:
    """Batches of an epoch."""
    return len(found) // (BATCH - CHOICES)


def batches(found: Examples, draw: np.random.Generator) -> Iterator[list[Array]]:
    """One epoch of what `context_towers.loss` takes."""
    choosable = np.flatnonzero(np.diff(found.offers) > 1)
    order = draw.permutation(len(found))
    fresh = BATCH - CHOICES
    for step in range(batch_count(found)):
        drawn = order[step * fresh : (step + 1) * fresh]
        yield _batch(found, np.concatenate([draw.choice(choosable, CHOICES), drawn]), draw)


def _batch(found: Examples, picked: Array, draw: np.random.Generator) -> list[Array]:
    told = draw.random(len(picked)) >= UNTOLD
    rows = (picked[:, None] * ROWS + np.arange(ROWS)).ravel()
    contexts = _dropped(found.contexts, rows, draw, _full(told, draw))
    rivals = picked[found.rivals.lengths[picked] > 0][:RIVALS]
    answers = _joined(_dropped(found.answers, picked, draw), _dropped(found.rivals, rivals, draw))
    named, rights = _offered(found, picked[:CHOICES], draw)
    parts = contexts, answers, _dropped(found.offered, named, draw)
    keys = np.concatenate([found.answer_keys[picked], -1 - np.arange(len(rivals))])
    return [
        *chain.from_iterable(parts),
        _twins(keys, np.arange(len(picked))),
        _twins(found.offered_keys[named], rights),
        rights.astype(np.int32),
        np.where(told, -1, found.acts[picked]),
        found.slots[picked],
        _words(found, picked),
    ]


def _meant_first(question: Question) -> list[str]:
    if question.meant is None or len(question.offered) < 2:
        return []
    others = list(question.offered)
    return [others.pop(question.meant), *others]


def _key(phrase: str) -> int:
    return zlib.crc32(phrase.encode())


def _frequencies(contexts: Bags, answers: Bags, layout: Layout) -> tuple[Array, Array]:
    size = layout.buckets.total
    said = np.bincount(answers.ids, minlength=size)
    words = said[1 : 1 + layout.buckets.words]
    guessed = np.full(size, -1)
    guessed[1 + np.argsort(-words, kind="stable")[:GUESSED_WORDS]] = np.arange(GUESSED_WORDS)
    return guessed, said + np.bincount(contexts.ids, minlength=size)


def _full(told: Array, draw: np.random.Generator) -> Array:
    """Which bags of each context are kept; the reply's last words always are."""
    full: Array = draw.random((len(told), ROWS)) >= DROPPED_BAGS
    full[:, 0], full[:, 1] = told, True
    return full


def _dropped(bags: Bags, rows: Array, draw: np.random.Generator, full: Array | None = None) -> Flat:
    """Flat ids, their rows, and how many rows there are; some ids, and bags not `full`, are out."""
    ids, owners = bags.take(rows)
    keep = draw.random(len(ids)) >= DROPPED_IDS
    if full is not None:
        keep &= full.ravel()[owners]
    return ids[keep], owners[keep], np.array(len(rows), np.int32)


def _joined(first: Flat, second: Flat) -> Flat:
    return (
        np.concatenate([first[0], second[0]]),
        np.concatenate([first[1], second[1] + first[2]]).astype(np.int32),
        first[2] + second[2],
    )


def _offered(found: Examples, choices: Array, draw: np.random.Generator) -> tuple[Array, Array]:
    """Rows of phrases on offer, and where among them the ones that were meant are."""
    rows: list[int] = []
    rights: list[int] = []
    for start, end in zip(found.offers[choices], found.offers[choices + 1], strict=True):
        rights.append(len(rows))
        rows += [start, *(start + 1 + draw.permutation(end - start - 1)[:OTHERS])]
    return np.array(rows), np.array(rights)


def _twins(keys: Array, rights: Array) -> Array:
    """Which candidates say the same as the right one of a row without being it."""
    same: Array = keys[rights][:, None] == keys[None]
    same[np.arange(len(rights)), rights] = False
    return same


def _words(found: Examples, picked: Array) -> Array:
    """The frequent words of each answer, rare ones weighing more, one in all."""
    ids, owners = found.answers.take(picked)
    word = found.guessed[ids]
    known = word >= 0
    words = np.zeros((len(picked), GUESSED_WORDS), np.float32)
    words[owners[known], word[known]] = 1 / np.log(2 + found.seen[ids[known]])
    total: Array = words / np.maximum(words.sum(1, keepdims=True), 1e-6)
    return total
