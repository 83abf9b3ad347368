"""Context signals: what each part of the device knows turned into phrases that an answer may name.

A signal is a small frozen class with one method; all signals of a question together make one
Expectation. Nothing here reads a file or keeps a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.protocols import Round

UNTYPED = frozenset({Slot.OTHER, Slot.LIST_ITEM})
"""What a question asks for when it does not say of which type the answer is."""

_NAME = r"[A-Z][\w'&-]*"
_NAMES = re.compile(
    rf"(?P<start>^|[.?!] +)?(?P<run>{_NAME}(?: (?:(?:of|the|and|in) ){{0,2}}(?:{_NAME}|\d\w*))*)"
)
_CLAUSES = re.compile(r"[.;:?!]")
_OR = re.compile(r"\w \bor\b \w|, or \w", re.IGNORECASE)
_TAIL_CHARS = 2_000  # of a text: what a question offers stands at its end
_BETWEEN_SIDES = re.compile(r",? or |, ", re.IGNORECASE)
_SIDE_WORDS = 4
_FIRST_SIDE_WORDS = 2
_STARTERS = frozenset(
    "a an and are at can confirm could did do does for hi how i i'd i'll i'm i've in is it okay on "
    "please shall should so sorry sure thank thanks that the there there's they this what what's "
    "when where which who will would yes you you're your".split()
)


@dataclass(frozen=True, slots=True)
class Question:
    """What every signal may look at: the past rounds and what the skill said of the answer."""

    rounds: Sequence[Round]
    expectation: Expectation


class Signal(Protocol):
    """One source of context."""

    def applied(self, question: Question) -> Expectation:
        """The question's expectation with what this signal adds to it."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Phrases of one type, added to questions that may be answered with them."""

    phrases: tuple[str, ...]
    slot: ClassVar[Slot] = Slot.OTHER
    answers: ClassVar[frozenset[Slot]] = frozenset(Slot)

    def applied(self, question: Question) -> Expectation:
        """The phrases are the last catalogue."""
        asked = question.expectation.slot
        if asked not in self.answers | UNTYPED or not self.phrases:
            return question.expectation
        return _with(question.expectation, self.slot, self.phrases)


class Screen(Listed):
    """What the screen shows, from the top."""

    slot = Slot.LIST_ITEM


class Preferences(Listed):
    """What this customer often asks for."""


class Contacts(Listed):
    """The people of the address book."""

    slot = Slot.CONTACT
    answers = frozenset({Slot.CONTACT, Slot.NAME})


class Devices(Listed):
    """The devices of the home."""

    slot = Slot.DEVICE
    answers = frozenset({Slot.DEVICE})


class Rooms(Listed):
    """The rooms of the home."""

    slot = Slot.ROOM
    answers = frozenset({Slot.ROOM, Slot.PLACE})


class Restaurants(Listed):
    """Places to eat that a service of this class knows."""

    slot = Slot.PLACE
    answers = frozenset({Slot.PLACE, Slot.NAME})


class Theaters(Listed):
    """Places to see something that a service of this class knows."""

    slot = Slot.PLACE
    answers = frozenset({Slot.PLACE, Slot.NAME})


class Movies(Listed):
    """Titles that a service of this class knows."""

    slot = Slot.MEDIA
    answers = frozenset({Slot.MEDIA, Slot.NAME})


class DeviceType(Listed):
    """What people say to a device of this type instead of answering (`stop`, `go back`)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The names in the reply that asks, and the sides of its `or`.

    For a skill that offers nothing itself: one that does knows better.
    """

    def applied(self, question: Question) -> Expectation:
        """What the reply names is a catalogue, of the type that is asked for."""
        if not question.rounds or question.expectation.catalogues:
            return question.expectation
        return _named(question.expectation, options(question.rounds[-1].reply))


@dataclass(frozen=True, slots=True)
class Rounds:
    """The names that the customer said, and those in earlier replies, the latest first."""

    def applied(self, question: Question) -> Expectation:
        """What was named is one more catalogue, of the type that is asked for."""
        past = [text for one in question.rounds[:-1] for text in (one.utterance, one.reply)]
        past += [one.utterance for one in question.rounds[-1:]]
        return _named(question.expectation, [name for text in past[::-1] for name in names(text)])


@dataclass(frozen=True, slots=True)
class WithoutService:
    """The service's catalogue withheld."""

    def applied(self, question: Question) -> Expectation:
        """No catalogue is left."""
        return replace(question.expectation, catalogues=())


@dataclass(frozen=True, slots=True)
class WithoutActSlot:
    """What the skill says of its question withheld."""

    def applied(self, question: Question) -> Expectation:
        """The same phrases, of no type, for a question that could be any."""
        offered = (Catalogue(Slot.OTHER, one.phrases) for one in question.expectation.catalogues)
        return Expectation(Act.REQUEST, Slot.OTHER, tuple(offered))


LISTED: Mapping[str, type[Listed]] = {
    "contacts": Contacts,
    "device_type": DeviceType,
    "devices": Devices,
    "movies": Movies,
    "preferences": Preferences,
    "restaurants": Restaurants,
    "rooms": Rooms,
    "screen": Screen,
    "theaters": Theaters,
}
"""Signals that are a list of phrases, by the key under which a file or a record holds them."""


def applied(signals: Iterable[Signal], question: Question) -> Expectation:
    """The question with all of these signals, each after the other."""
    for signal in signals:
        question = replace(question, expectation=signal.applied(question))
    return question.expectation


def names(text: str) -> list[str]:
    """Runs of words that are written like names; at the start of a sentence of more than one."""
    found = []
    for match in _NAMES.finditer(text[-_TAIL_CHARS:]):
        words = match["run"].split()
        while words and words[0].lower() in _STARTERS:
            words.pop(0)
        if len(words) > (match["start"] is not None):
            found.append(" ".join(words))
    return found


def options(reply: str) -> list[str]:
    """Names in a reply, and what stands short enough on either side of an `or`."""
    found = names(reply)
    for clause in filter(_OR.search, _CLAUSES.split(reply[-_TAIL_CHARS:])):
        first, *others = _BETWEEN_SIDES.split(clause.strip())
        sides = [first.split()[-_FIRST_SIDE_WORDS:], *(side.split() for side in others)]
        found += [" ".join(side) for side in sides if 0 < len(side) <= _SIDE_WORDS]
    return found


def _named(expectation: Expectation, found: Iterable[str]) -> Expectation:
    slot = Slot.OTHER if expectation.slot is Slot.YES_NO else expectation.slot
    return _with(expectation, slot, tuple(found))


def _with(expectation: Expectation, slot: Slot, phrases: Iterable[str]) -> Expectation:
    """One more catalogue, of the phrases that are in none yet; into the one of its type."""
    known = {_key(phrase) for one in expectation.catalogues for phrase in one.phrases}
    new = {_key(phrase): phrase for phrase in phrases if phrase.strip()}
    added = tuple(phrase for key, phrase in new.items() if key not in known)
    if not added:
        return expectation
    return replace(expectation, catalogues=tuple(_joined(expectation.catalogues, slot, added)))


def _joined(
    catalogues: Sequence[Catalogue], slot: Slot, added: tuple[str, ...]
) -> Iterator[Catalogue]:
    """A slot has one catalogue: the record of a question keeps them by slot."""
    for one in catalogues:
        yield Catalogue(slot, one.phrases + added) if one.slot is slot else one
    if all(one.slot is not slot for one in catalogues):
        yield Catalogue(slot, added)


def _key(phrase: str) -> str:
    return " ".join(phrase.lower().split())
