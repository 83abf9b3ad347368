"""Examples for the rescorer: what was read, what was on offer, and what had really been said."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.candidates import Proposals, propose
from edge.offers import Offers, Words, offers
from edge.sounds import Codes, Sounds
from tools.misheard import Misheard

READINGS = 4
MOST_WORDS = 20
NAMING, NAMELESS, OPEN = 700, 250, 700  # records of each file
STALE_SHARE, CLEAN_SHARE, CLEAN_STALE_SHARE = 0.35, 0.35, 0.5
RATE, RATE_BELOW = 0.28, 0.2
FOLDS = 5
SHORT_LIST = 10


@dataclass(frozen=True, slots=True)
class Example:
    """source: a set to report on. group: in one fold alone. stale: the offer is foreign."""

    source: str
    group: str
    stale: bool
    readings: tuple[str, ...]
    phrases: tuple[str, ...]
    said: str

    @property
    def fold(self) -> int:
        """The part of the cross-validation in which it is judged."""
        return zlib.crc32(self.group.encode()) % FOLDS


@dataclass(frozen=True, slots=True)
class Labelled:
    """An example with its proposals, and by how many word errors each of them mends the reading."""

    example: Example
    offers: Offers
    proposals: Proposals
    mends: Any


class Remembering(Sounds):
    """Sounds that keep what they were asked: the same words come thousands of times."""

    _said: dict[str, tuple[Codes, ...]]
    _entries: dict[str, tuple[float, Codes]]

    @classmethod
    def of(cls, sounds: Sounds) -> Remembering:
        """The same sounds, with a memory."""
        made = cls.__new__(cls)
        made.__dict__.update(sounds.__dict__)
        made._said, made._entries = {}, {}
        return made

    def pronunciations(self, word: str) -> tuple[Codes, ...]:
        """As Sounds."""
        if word not in self._said:
            self._said[word] = super().pronunciations(word)
        return self._said[word]

    def entry(self, word: str) -> tuple[float, Codes]:
        """As Sounds."""
        if word not in self._entries:
            self._entries[word] = super().entry(word)
        return self._entries[word]


def dialogues(folder: Path, sounds: Sounds, rng: random.Random) -> list[Example]:
    """Answers with their own offers, with foreign ones, and commands with foreign ones."""
    files = sorted(folder.glob("train/*.jsonl.gz"))
    records = [one for path in files for one in _picked(path, rng)]
    commands: list[dict[str, Any]] = []
    for path in sorted(folder.glob("open/*.jsonl.gz")):
        found = _records(path)
        commands += rng.sample(found, min(OPEN, len(found)))
    foreign = [one["entities"] for one in records if len(one["entities"]) > 1]
    asked = [(one, tuple(one["entities"]), False) for one in records]
    asked += [(one, rng.choice(foreign), True) for one in records if rng.random() < STALE_SHARE]
    asked += [(one, rng.choice(foreign), True) for one in commands]
    short = [each for each in asked if 0 < len(each[0]["target_spoken"].split()) <= MOST_WORDS]
    misheard = Misheard(sounds, [tuple(one["target_spoken"].split()) for one, _, _ in short], rng)
    return [_simulated(*each, misheard, rng) for each in short]


def callers(path: Path, rng: random.Random) -> list[Example]:
    """Real lists of names, each with the names of its own question and with those of another."""
    records = _records(path)
    found: list[Example] = []
    for one in records:
        said, group = one["target_spoken"], one["dialogue_id"]
        others = [r["entities"] for r in records if one["target"] not in r["entities"]]
        for stale, names in ((False, one["entities"]), (True, rng.choice(others))):
            readings = tuple(one["asr_nbest"])
            found.append(Example("callers", group, stale, readings, tuple(names), said))
    return found


def benchmark(hypotheses: Path, references: Path, rng: random.Random) -> Iterator[Example]:
    """The deep-biasing benchmark: long and short lists, a third of each without what was said."""
    read = dict(line.split("\t") for line in hypotheses.read_text().splitlines())
    for number, line in enumerate(references.read_text().splitlines()):
        name, said, rare, listed = line.split("\t")
        true, words = json.loads(rare), json.loads(listed)
        others = [word for word in words if word not in true]
        drawn = rng.sample(others, max(0, min(len(others), SHORT_LIST - len(true))))
        group, readings = name.split("-")[0], (read[name],)
        yield Example("list of 100", group, False, readings, tuple(words), said)
        if number % 3 == 0:
            yield Example("list of 100", group, True, readings, tuple(others), said)
        if number % 3 == 1:
            yield Example("list of 10", group, False, readings, (*true, *drawn), said)
            yield Example("list of 10", group, True, readings, tuple(drawn), said)


def labelled(example: Example, sounds: Sounds) -> Labelled:
    """The example with everything that may be mended in it."""
    offered = offers(example.phrases, sounds)
    readings = [tuple(one.lower().split()) for one in example.readings[:READINGS]]
    proposals = propose(readings, offered, sounds)
    return Labelled(example, offered, proposals, _mends(example, readings[0], offered, proposals))


def _mends(example: Example, plain: Words, offered: Offers, proposals: Proposals) -> Any:
    said = tuple(example.said.split())
    errors, texts = edits(plain, said), offered.texts
    known: dict[tuple[int, int, int], int] = {}
    columns = (proposals.start, proposals.end, proposals.item)
    found = list(zip(*(column.tolist() for column in columns), strict=True))
    for start, end, item in found:
        if (start, end, item) not in known:
            new = (*plain[:start], *texts[item], *plain[end:])
            worth = errors and not set(texts[item]).isdisjoint(said)
            known[start, end, item] = errors - edits(new, said) if worth else -1
    return np.array([known[place] for place in found], np.intp)


def edits(one: Sequence[str], other: Sequence[str]) -> int:
    """Words to put in, take out or change."""
    row = list(range(len(other) + 1))
    for at, word in enumerate(one, 1):
        last, row[0] = row[0], at
        for to, wanted in enumerate(other, 1):
            last, row[to] = row[to], min(row[to] + 1, row[to - 1] + 1, last + (word != wanted))
    return row[-1]


def _simulated(
    record: dict[str, Any],
    phrases: Sequence[str],
    stale: bool,
    misheard: Misheard,
    rng: random.Random,
) -> Example:
    words = tuple(record["target_spoken"].split())
    clean = rng.random() < (CLEAN_STALE_SHARE if stale else CLEAN_SHARE)
    first = words if clean else misheard.reading(words, RATE)
    below = (
        misheard.reading(words if rng.random() < 0.4 else first, RATE_BELOW)
        for _ in range(rng.choice((0, 3, READINGS + 2)))
    )
    texts = tuple(dict.fromkeys(map(" ".join, (first, *below))))
    name = record["dialogue_id"]
    return Example("dialogues", name, stale, texts, tuple(phrases), record["target_spoken"])


def _picked(path: Path, rng: random.Random) -> list[dict[str, Any]]:
    """Answers that name something on offer, and some that do not."""
    asked = [one for one in _records(path) if one["entities"] and one["system_asks"]]
    naming = [
        one
        for one in asked
        if any(value in " ".join(one["entities"]) for value in one["target_slots"])
    ]
    nameless = [one for one in asked if not one["target_slots"]]
    drawn = rng.sample(naming, min(NAMING, len(naming)))
    return drawn + rng.sample(nameless, min(NAMELESS, len(nameless)))


def _records(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
