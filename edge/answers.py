"""What answers of a type are made of: yes and no, numbers, times, dates, positions, spelled names.

It knows words and their order, not sounds, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge.dialogue import Act, Expectation, Slot

Words = tuple[str, ...]
LEAST_LETTERS = 3  # that make a spelled name


@dataclass(frozen=True, slots=True)
class Type:
    """telling: words of which an answer of this type has one. around: words it may have besides."""

    telling: frozenset[str]
    around: frozenset[str]

    def fits(self, words: Sequence[str]) -> bool:
        """Whether every word belongs to such an answer, and one of them tells it."""
        said = set(words)
        return bool(said & self.telling) and said <= self.telling | self.around


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_POLITE = _set("please thanks thank you um uh oh well")
_DIGITS = _set("zero one two three four five six seven eight nine")
_NUMBERS = _DIGITS | _set(
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty"
    " forty fifty sixty seventy eighty ninety hundred thousand dozen half"
)
_ORDINALS = _set(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"
)
_POSITIONS = _set("first second third fourth fifth sixth last top bottom middle former latter")

YES_NO = Type(
    _set("yes no yeah yep yup nope nah sure okay right correct wrong absolutely definitely"),
    _POLITE | _set("that's that it is it's do don't not i am fine great good the sounds go ahead"),
)
POSITION = Type(
    _POSITIONS | _set("number option"),
    _POLITE | _DIGITS | _set("the one option number choice go with take i'll i want ten"),
)
NUMBER = Type(
    _NUMBERS,
    _POLITE | _set("a and point oh about just only make it of us people percent degrees minutes"),
)
TIME = Type(
    _NUMBERS | _set("noon midnight morning afternoon evening tonight o'clock"),
    _POLITE
    | _set("at a p m am pm in the half quarter past to oh around about night before after make it")
    | _set("minutes minute hours hour from now until by"),
)
DATE = Type(
    _ORDINALS
    | _set(
        "monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight weekend"
    )
    | _set("january february march april may june july august september october november december"),
    _POLITE | _NUMBERS | _set("the of on next this coming week month after day morning evening at"),
)

COUNTED = _NUMBERS | _ORDINALS
"""Words for which another of them is no better guess: seventeen, seventy, seventh."""

TYPES = (YES_NO, POSITION, NUMBER, TIME, DATE)
_BY_SLOT = {Slot.YES_NO: YES_NO, Slot.NUMBER: NUMBER, Slot.TIME: TIME, Slot.DATE: DATE}


def expected_type(expectation: Expectation) -> Type | None:
    """The type that the question asks for; None when it asks for a name."""
    if expectation.act is Act.CONFIRM:
        return YES_NO
    if expectation.slot in _BY_SLOT:
        return _BY_SLOT[expectation.slot]
    return POSITION if expectation.act is Act.CHOOSE else None


def spelled(words: Sequence[str]) -> str:
    """The name that is spelled letter by letter; empty when the words are no letters."""
    letters = [word.rstrip(".") for word in words]
    single = len(letters) >= LEAST_LETTERS and all(
        len(letter) == 1 and letter.isalpha() for letter in letters
    )
    return "".join(letters) if single else ""
