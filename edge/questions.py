"""Recorded questions: what was said before, what was answered, and what was on offer.

Reads dialogues from JSON Lines for training and judging; it knows no model, and what a reply
asks it tells from the reply alone, never from the answer.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from edge.dialogue import Act, Slot
from edge.errors import QuestionError
from edge.protocols import Round
from edge.text import spoken

LONGEST_WORDS = 400
ASKING_WORDS = 16

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
_ANSWERS = ("target", "target_spoken", "reference")
_ACT_OF_KIND = {"choice": Act.CHOOSE, "confirm": Act.CONFIRM, "slot": Act.REQUEST}


@dataclass(frozen=True, slots=True)
class Question:
    """A reply, and what was answered.

    asks: the reply asks, so the microphone opens. act: what the answer did, None when it did
    something else than it was asked. meant: index into `offered` of what the answer names, None
    when it is not exactly one. rivals: the answer with a word that sounds like one of its own.
    domain: source and domain of the dialogue, as in `sgd/Banks_2`.
    """

    rounds: tuple[Round, ...]
    answer: str
    offered: tuple[str, ...]
    meant: int | None
    asks: bool
    act: Act | None
    slot: Slot
    rivals: tuple[str, ...]
    domain: str


def read(path: Path) -> Iterator[Question]:
    """The records of a .jsonl or .jsonl.gz file; QuestionError names the line that is none.

    Records without any turn hold no question and are left out.
    """
    number = 0
    try:
        with opened(path) as lines:
            for line in lines:
                number += 1
                record = json.loads(line)
                if record["turns"]:
                    yield _question(record)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise QuestionError(
            f"{path}: line {number + 1}: cannot be read ({type(error).__name__}); check the file"
        ) from None
    except KeyError as error:
        raise QuestionError(f"{path}: line {number}: field {error} is missing; add it") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise QuestionError(
            f"{path}: line {number}: no dialogue record ({type(error).__name__}); mend the line"
        ) from None


def expected(reply: str) -> tuple[Act, Slot]:
    """Act and slot as a skill would have said them with this reply."""
    asking = _asking(reply)
    act = next((act for act, pattern in _ACTS if re.search(pattern, asking)), Act.REQUEST)
    return act, Slot.YES_NO if act is Act.CONFIRM else _slot(asking)


def _asking(reply: str) -> str:
    return " ".join(spoken(reply, ASKING_WORDS))


def _slot(asking: str) -> Slot:
    return next((slot for slot, words in _SLOTS if re.search(words, asking)), Slot.OTHER)


def opened(path: Path) -> IO[str]:
    """A .jsonl or .jsonl.gz file, as text."""
    opener = gzip.open if path.suffix == ".gz" else open
    return cast(IO[str], opener(path, "rt", encoding="utf-8"))


def _question(record: Mapping[str, Any]) -> Question:
    rounds = _rounds(record["turns"])
    answer = plain(next(filter(None, map(record.get, _ANSWERS)), None) or record["target"])
    offered = tuple(dict.fromkeys(filter(None, map(plain, record.get("entities") or ()))))
    named = [plain(value) for value in record.get("target_slots") or ()]
    act = record.get("act") or _ACT_OF_KIND.get(record.get("kind", ""))
    slot = Slot.YES_NO if act == Act.CONFIRM else _slot(_asking(rounds[-1].reply))
    return Question(
        rounds,
        answer,
        offered,
        meant=_meant(offered, named),
        asks=bool(record.get("system_asks", True)),
        act=act and Act(act),
        slot=Slot(record.get("slot") or slot),
        rivals=tuple(_rivals(answer, record.get("confusable") or ())),
        domain=f"{record.get('source', '')}/{record.get('domain', '')}",
    )


def plain(phrase: str) -> str:
    """The phrase as a recognizer prints it."""
    return " ".join(spoken(phrase, LONGEST_WORDS))


def _rounds(turns: Sequence[Mapping[str, Any]]) -> tuple[Round, ...]:
    rounds: list[Round] = []
    utterance = ""
    for turn in turns:
        if not isinstance(said := turn["text"], str):
            raise TypeError("a turn's text is no text")
        if turn["role"] == "user":
            utterance = said
        else:
            rounds.append(Round(utterance, said))
            utterance = ""
    return tuple(rounds) or (Round(utterance, ""),)


def _meant(offered: Sequence[str], named: Sequence[str]) -> int | None:
    same = [i for i, phrase in enumerate(offered) if phrase in named]
    part = [
        i
        for i, phrase in enumerate(offered)
        if any(name and f" {name} " in f" {phrase} " for name in named)
    ]
    found = same or part
    return found[0] if len(found) == 1 else None


def _rivals(answer: str, confusable: Sequence[Any]) -> Iterator[str]:
    """The answer with each confusable word in its place; one triple may come without a list."""
    triples = [confusable] if confusable and isinstance(confusable[0], str) else confusable
    for word, rival, *_ in triples:
        if (said := f" {answer} ") != (other := said.replace(f" {word} ", f" {rival} ")):
            yield other.strip()
