"""A small household skill: contacts, devices, coffee shops nearby and lists on the screen.

It acts on nothing outside the conversation, and remembers of a dialogue its open question alone.
"""

from __future__ import annotations

import re
import tomllib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.dialogue import (
    Act,
    Catalogue,
    Expectation,
    ExpectSpeech,
    Responded,
    Slot,
    Speak,
)
from edge.errors import EngineError

HOME = Path(__file__).with_suffix(".toml")
ANSWER_TIMEOUT_MS = 8000
DIALOGUES_MAX = 64

APOLOGY = "Sorry, I did not understand that."
ASK_AGAIN = "Sorry, which one?"
GIVE_UP = "Sorry, I still did not understand. Let us leave it."

STATES = ("on", "off")
UNTELLING = frozenset({"the", "a", "an", "by", "of", "to", "one", *STATES})
POSITIONS = {"first": 0, "second": 1, "third": 2, "last": -1}
NUMBERS = {"number one": 0, "number two": 1, "number three": 2}

Directives = Sequence[Speak | ExpectSpeech | Responded]


@dataclass(frozen=True, slots=True)
class Group:
    """Names of one type and what is said about them; the keys of the file it is read from."""

    slot: Slot
    asked_by: tuple[str, ...]
    offers_all: bool
    question: str
    done: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Question:
    group: Group
    names: tuple[str, ...]
    state: str
    repeated: bool = False


class Household:
    """A Skill over the groups of a TOML file; EngineError when that cannot be read."""

    def __init__(self, path: Path = HOME) -> None:
        self._groups = _read(path)
        self._open: OrderedDict[str, _Question] = OrderedDict()

    def respond(self, dialogue: str, interaction: str, text: str) -> Directives:
        """Speak, then ExpectSpeech where a question is asked; Responded for no words."""
        words = _words(text)
        if not words:
            return [Responded(interaction)]
        outcome = self._outcome(self._open.pop(dialogue, None), words)
        if isinstance(outcome, str):
            return [Speak(interaction, outcome)]
        self._remember(dialogue, outcome)
        return [Speak(interaction, _asked(outcome)), _expected(interaction, outcome)]

    def forget(self, dialogue: str) -> None:
        """Drop this dialogue's open question."""
        self._open.pop(dialogue, None)

    def _outcome(self, question: _Question | None, words: Sequence[str]) -> str | _Question:
        """A sentence that ends the matter, or a question to ask.

        A command comes before an answer, because a question may have gone unanswered; an
        answer comes before the other requests, because a name may hold a word that asks.
        """
        commands = [group for group in self._groups if not group.offers_all]
        topics = [group for group in self._groups if group.offers_all]
        return (
            _requested(commands, words)
            or (_answered(question, words) if question else None)
            or _requested(topics, words)
            or (_repeated(question) if question else APOLOGY)
        )

    def _remember(self, dialogue: str, question: _Question) -> None:
        self._open[dialogue] = question
        while len(self._open) > DIALOGUES_MAX:
            self._open.popitem(last=False)


def _read(path: Path) -> tuple[Group, ...]:
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))["groups"]
        return tuple(_group(**group) for group in written)
    except OSError as error:
        raise EngineError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, KeyError) as error:
        raise EngineError(f"{path}: is not a household file: see {HOME.name}") from error


def _group(
    slot: str,
    asked_by: Sequence[str],
    offers_all: bool,
    question: str,
    done: str,
    names: Sequence[str],
) -> Group:
    return Group(Slot(slot), tuple(asked_by), offers_all, question, done, tuple(names))


def _requested(groups: Sequence[Group], words: Sequence[str]) -> str | _Question | None:
    group = next((group for group in groups if set(group.asked_by) & set(words)), None)
    if group is None:
        return None
    state = next((word for word in words if word in STATES), "")
    if "{state}" in group.done and not state:
        return None
    names = _named(group.names, [word for word in words if word not in group.asked_by])
    if len(names) == 1:
        return _done(group, names[0], state)
    if names or group.offers_all:
        return _Question(group, names or group.names, state)
    return None


def _answered(question: _Question, words: Sequence[str]) -> str | None:
    names = _named(question.names, words) or _counted(question.names, words)
    return _done(question.group, names[0], question.state) if len(names) == 1 else None


def _repeated(question: _Question) -> str | _Question:
    return GIVE_UP if question.repeated else replace(question, repeated=True)


def _named(names: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """The names that share most words with what was said; none when no name shares any."""
    telling = set(words) - UNTELLING
    shared = {name: len(telling & set(_words(name))) for name in names}
    most = max(shared.values())
    return tuple(name for name in names if most and shared[name] == most)


def _counted(names: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """The name at the position that was said ("the second one", "number two")."""
    positions = [POSITIONS[word] for word in words if word in POSITIONS]
    spoken = " ".join(words)
    positions += [position for number, position in NUMBERS.items() if number in spoken]
    return tuple(names[position] for position in positions if position < len(names))


def _done(group: Group, name: str, state: str) -> str:
    said = group.done.format(name=name, state=state)
    return said[0].upper() + said[1:]


def _asked(question: _Question) -> str:
    if question.repeated:
        return ASK_AGAIN
    *others, last = question.names
    return question.group.question.format(names=f"{', '.join(others)} or {last}")


def _expected(interaction: str, question: _Question) -> ExpectSpeech:
    catalogue = Catalogue(question.group.slot, _phrases(question.names))
    expectation = Expectation(Act.CHOOSE, question.group.slot, (catalogue,))
    return ExpectSpeech(interaction, ANSWER_TIMEOUT_MS, expectation)


def _phrases(names: Sequence[str]) -> tuple[str, ...]:
    """The names, then what is left of each without the words that all of them share."""
    shared = set.intersection(*(set(_words(name)) for name in names)) | UNTELLING
    parts = (
        " ".join(word for word in name.split() if word.lower() not in shared) for name in names
    )
    return tuple(dict.fromkeys([*names, *(part for part in parts if part)]))


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())
