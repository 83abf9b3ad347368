"""The tasks the context encoder is trained and judged on, read from recorded dialogues.

Reading and scoring only; it knows no model and never looks at what a record's answer was
when it guesses what its question asked.
"""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.protocols import Round
from edge.text import spoken

LONGEST_WORDS = 400
DISTRACTORS = 99

Score = Callable[["Question", Sequence[str]], Sequence[float]]

_ACTS = (
    (Act.CHOOSE, r"\b(which|do you mean|or|prefer|choose|pick|one of)\b"),
    (Act.REQUEST, r"\b(what|when|where|who|whose|how (many|much|long)|what's)\b"),
    (Act.CONFIRM, r"\b(correct|right|confirm|okay|would you|do you|shall|should|can i|is|are)\b"),
)
_SLOTS = (
    (Slot.TIME, r"\b(time|when|hour|clock)\b"),
    (Slot.DATE, r"\b(date|day|dates|month)\b"),
    (Slot.NUMBER, r"\b(number|how (many|much|long)|pin|code|amount)\b"),
    (Slot.PLACE, r"\b(where|city|place|location|area|address|restaurant|hotel|theater)\b"),
    (Slot.CONTACT, r"\b(contact|contacts|call|message)\b"),
    (Slot.NAME, r"\b(name|who)\b"),
    (Slot.MEDIA, r"\b(movie|movies|song|music|artist|album|genre|film)\b"),
    (Slot.DEVICE, r"\b(device|lights?|lamp|tv|speaker|thermostat)\b"),
    (Slot.ROOM, r"\b(room|bedroom|kitchen)\b"),
    (Slot.LIST_ITEM, r"\b(which|one of|choose|pick)\b"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """One reply that asks, what was answered, and the phrases that were on offer.

    meant: index into `offered` of what the answer names; None when it is not exactly one.
    """

    rounds: tuple[Round, ...]
    answer: str
    offered: tuple[str, ...]
    meant: int | None

    @property
    def expectation(self) -> Expectation:
        """Act and slot as a skill would have said them, guessed from the reply alone."""
        asking = " ".join(spoken(self.rounds[-1].reply, LONGEST_WORDS)[-16:])
        act = next((act for act, pattern in _ACTS if re.search(pattern, asking)), Act.REQUEST)
        fallback = Slot.YES_NO if act is Act.CONFIRM else Slot.OTHER
        found = (slot for slot, pattern in _SLOTS if re.search(pattern, asking))
        return Expectation(act, fallback if act is Act.CONFIRM else next(found, fallback))


def questions(path: Path) -> Iterator[Question]:
    """The questions of a file of dialogues (JSON Lines, gzip)."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for record in map(json.loads, lines):
            if record["system_asks"]:
                yield _question(record)


def answers(path: Path) -> list[str]:
    """Every answer of a file, whether the reply before it asks or not."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [_plain(json.loads(line)["target"]) for line in lines]


def _plain(phrase: str) -> str:
    return " ".join(spoken(phrase, LONGEST_WORDS))


def _question(record: dict[str, Any]) -> Question:
    offered = tuple(dict.fromkeys(filter(None, map(_plain, record["entities"]))))
    named = [_plain(value) for value in record["target_slots"]]
    return Question(
        _rounds(record["turns"]), _plain(record["target"]), offered, _meant(offered, named)
    )


def _rounds(turns: Sequence[dict[str, Any]]) -> tuple[Round, ...]:
    rounds: list[Round] = []
    utterance = ""
    for turn in turns:
        if turn["role"] == "user":
            utterance = turn["text"]
        else:
            rounds.append(Round(utterance, turn["text"]))
            utterance = ""
    return tuple(rounds)


def _meant(offered: Sequence[str], named: Sequence[str]) -> int | None:
    same = [i for i, phrase in enumerate(offered) if phrase in named]
    part = [
        i
        for i, phrase in enumerate(offered)
        if any(name and f" {name} " in f" {phrase} " for name in named)
    ]
    found = same or part
    return found[0] if len(found) == 1 else None


def one_of_100(asked: Sequence[Question], pool: Sequence[str], score: Score, seed: int) -> float:
    """Share of questions whose answer scores above 99 drawn from the pool; ties share the point."""
    draw = np.random.RandomState(seed)
    won = 0.0
    for question in asked:
        others = [pool[i] for i in draw.randint(len(pool), size=DISTRACTORS)]
        others = [other for other in others if other != question.answer]
        won += _share(score(question, [question.answer, *others]), 0)
    return won / len(asked)


def entity_choice(asked: Sequence[Question], score: Score) -> float:
    """Share of questions in which the phrase that was meant scores highest of those on offer."""
    choices = choosable(asked)
    won = sum(_share(score(q, q.offered), q.meant or 0) for q in choices)
    return won / len(choices)


def chance(asked: Sequence[Question]) -> float:
    """What choosing blindly among those on offer would reach."""
    return float(np.mean([1 / len(q.offered) for q in choosable(asked)]))


def choosable(asked: Sequence[Question]) -> list[Question]:
    """The questions whose answer names exactly one of several phrases on offer."""
    return [q for q in asked if q.meant is not None and len(q.offered) > 1]


def _share(scores: Sequence[float], right: int) -> float:
    best = max(scores)
    return 1 / sum(s == best for s in scores) if scores[right] == best else 0.0


def offering(question: Question, phrases: Sequence[str]) -> Expectation:
    """The question's expectation with these phrases on offer."""
    asks = question.expectation
    return Expectation(asks.act, asks.slot, (Catalogue(asks.slot, tuple(phrases)),))


class TfIdf:
    """The baseline: cosine of TF-IDF weighted words."""

    def __init__(self, texts: Sequence[str]) -> None:
        seen = Counter(word for each in texts for word in set(each.split()))
        self._idf = {word: math.log(len(texts) / n) for word, n in seen.items()}
        self._unseen = math.log(len(texts))

    def _vector(self, words: str) -> dict[str, float]:
        counted = Counter(words.split())
        raw = {word: n * self._idf.get(word, self._unseen) for word, n in counted.items()}
        norm = math.sqrt(sum(value * value for value in raw.values())) or 1.0
        return {word: value / norm for word, value in raw.items()}

    def score(self, question: Question, phrases: Sequence[str], rounds: int) -> list[float]:
        """Cosine of each phrase to the last rounds."""
        said = " ".join(f"{past.utterance} {past.reply}" for past in question.rounds[-rounds:])
        context = self._vector(_plain(said))
        vectors = map(self._vector, phrases)
        return [sum(v * context.get(word, 0.0) for word, v in vector.items()) for vector in vectors]
