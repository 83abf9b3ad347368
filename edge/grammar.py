"""What may be answered to a question, as a network of words that a recognizer can search.

Whoever chooses talks freely around names, numbers, times and positions; whoever is asked for
something may list phrases, in few words besides. It hears nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge.dialogue import Act, Expectation, Slot
from edge.text import spoken

START, END, NAME = "<s>", "</s>", "<name>"

MAX_WORDS = 8
"""Of a phrase; longer ones are offered without the rest."""

LONGEST_WORDS = 256
"""That are read of one."""

MAX_ANSWERS = 1500
"""Phrases and parts of phrases in one network, the likeliest first."""

MAX_PART_WORDS = 4
NAMES_IN_A_ROW = 0.1
"""At least so likely one name follows another, as in an order; the dialogues have few."""

PART_SHARE = 0.3
"""How likely all the parts of a phrase together are, when the phrase is 1."""

# Of an answer that lists phrases: carriers as free as around a choice make it all carriers.
PHRASE_SHARE = 0.005
OPENING_SHARE = 0.002
OPENING_WORD_SHARE = 0.3
ARTICLE_SHARE = 0.3
JOINT_SHARE = 0.1
ON_SHARE = 0.5
CLOSING_SHARE = 0.05

UNTELLING = frozenset("a an and at by for in is it my of on or the to versus with".split())

_UNITS = "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
_NUMBERS = frozenset(
    f"{_UNITS} fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy"
    " eighty ninety hundred thousand point half both".split()
)
_ORDINALS = frozenset(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth".split()
)
_TIMES = _NUMBERS | frozenset("o'clock noon midnight morning afternoon evening night now".split())
_DATES = _ORDINALS | frozenset(
    "january february march april may june july august september october november december monday"
    " tuesday wednesday thursday friday saturday sunday today tomorrow tonight weekend".split()
)
_YES_NO = frozenset("yes yeah yep yup no nope sure okay correct right fine perfect".split())
_POSITIONS = frozenset("first second third fourth fifth sixth last one two three four five".split())

_TYPED: Mapping[Slot, frozenset[str]] = {
    Slot.NUMBER: _NUMBERS,
    Slot.TIME: _TIMES | _DATES,
    Slot.DATE: _TIMES | _DATES,
    Slot.YES_NO: _YES_NO,
}
_IN_MANY_WORDS = frozenset({Slot.NUMBER, Slot.TIME, Slot.DATE})
ANSWERING = _NUMBERS | _TIMES | _DATES | _YES_NO | _POSITIONS
"""Words that some question asks for."""

_OPENINGS = (
    *("i'd like", "i would like", "i want", "i need", "i'll have", "i'll take", "i prefer"),
    *("can i get", "can i have", "could i have", "may i have", "let me have", "give me", "get me"),
    *("make me", "make it", "play", "call", "how about", "what about", "let's", "i mean"),
    *("i think", "it's", "yes", "yeah", "no", "um", "uh", "to", "for", "in", "please"),
)
_ARTICLES = ("a", "an", "the", "some")
_JOINTS = ("and", "with", "or")
_CLOSINGS = ("please", "thanks", "thank you")

Words = tuple[str, ...]
Arc = tuple[int, int, float, str]
"""From a state to another, how likely from there, and the word in between; "" for none."""


@dataclass(frozen=True, slots=True)
class Carriers:
    """Which words follow one another around names: word → (next word, how likely)."""

    followers: Mapping[str, tuple[tuple[str, float], ...]]

    @classmethod
    def read(cls, text: str) -> Carriers:
        """From lines of word, next word and probability; ValueError when one is not."""
        followers: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for line in text.splitlines():
            word, follower, share = line.split("\t")
            followers[word].append((follower, float(share)))
        return cls({word: tuple(listed) for word, listed in followers.items()})


@dataclass(frozen=True, slots=True)
class Grammar:
    """A network from state 0 to `final`.

    names: the states that a name begins in. typed: words that answer by themselves. left_out: how
    many offered phrases were more than it holds.
    """

    arcs: tuple[Arc, ...]
    final: int
    names: frozenset[int]
    typed: frozenset[str]
    left_out: int

    @property
    def words(self) -> frozenset[str]:
        """Every word that it can say."""
        return frozenset(word for *_, word in self.arcs if word)

    def answers(self, words: Sequence[str]) -> bool:
        """Whether this is a whole sentence of it that holds an answer."""
        leaving: dict[int, list[Arc]] = defaultdict(list)
        for arc in self.arcs:
            leaving[arc[0]].append(arc)
        reached = {(0, False)}
        for word in words:
            reached = set(self._after(self._silently(reached, leaving), word, leaving))
        return (self.final, True) in self._silently(reached, leaving)

    def _silently(
        self, reached: set[tuple[int, bool]], leaving: Mapping[int, Sequence[Arc]]
    ) -> set[tuple[int, bool]]:
        """With the states that no word leads to; no two of those follow one another."""
        return reached | {
            (to, answered or to in self.names)
            for state, answered in reached
            for _, to, _, word in leaving.get(state, ())
            if not word
        }

    def _after(
        self, reached: Iterable[tuple[int, bool]], word: str, leaving: Mapping[int, Sequence[Arc]]
    ) -> Iterator[tuple[int, bool]]:
        typed = word in self.typed
        for state, answered in reached:
            for _, to, _, said in leaving.get(state, ()):
                if said == word:
                    yield to, answered or typed


def grammar(expected: Expectation, carriers: Carriers) -> Grammar | None:
    """The network of what may be answered; None when nothing that it knows is expected."""
    offered = [phrase for catalogue in expected.catalogues for phrase in catalogue.phrases]
    answers, left_out = _answers(offered)
    typed = _typed(expected)
    if not answers and not typed:
        return None
    if answers and expected.act is Act.REQUEST and expected.slot not in _IN_MANY_WORDS:
        return _listing(answers, typed, left_out)
    words = sorted(carriers.followers, key=START.__ne__)
    states = {word: number for number, word in enumerate(words)}
    names, final = len(states), len(states) + 1
    arcs = list(_carried(carriers, states, names, final, bool(answers)))
    arcs += _named(answers, names, states[NAME], final + 1)
    return Grammar(tuple(arcs), final, frozenset({names}), typed, left_out)


def _typed(expected: Expectation) -> frozenset[str]:
    typed = _TYPED.get(expected.slot, frozenset())
    if expected.act is Act.CONFIRM:
        typed |= _YES_NO
    return typed | _POSITIONS if expected.act is Act.CHOOSE else typed


def _answers(offered: Sequence[str]) -> tuple[dict[Words, float], int]:
    """Phrases and parts with their weights, and how many phrases were one too many."""
    weights: dict[Words, float] = {}
    for number, phrase in enumerate(offered):
        for words, weight in _parts(spoken(phrase, LONGEST_WORDS)[:MAX_WORDS]):
            weights[words] = max(weight, weights.get(words, 0.0))
        if len(weights) >= MAX_ANSWERS:
            return weights, len(offered) - number - 1
    return weights, 0


def _parts(words: Words) -> Iterator[tuple[Words, float]]:
    """The phrase, and what people shorten it to: some words of it in a row."""
    if words:
        yield words, 1.0
    for start in range(len(words)):
        for end in range(start + 1, min(start + MAX_PART_WORDS, len(words)) + 1):
            part = words[start:end]
            if part != words and not UNTELLING & {part[0], part[-1]}:
                yield part, PART_SHARE / len(words)


def _carried(
    carriers: Carriers, states: Mapping[str, int], names: int, final: int, named: bool
) -> Iterator[Arc]:
    """What stands around answers; a name is entered and the end reached without a word."""
    for word, followers in carriers.followers.items():
        for follower, share in followers:
            if follower == END:
                yield states[word], final, share, ""
            elif follower != NAME:
                yield states[word], states[follower], share, follower
            elif named:
                share = max(share, NAMES_IN_A_ROW) if word == NAME else share
                yield states[word], names, share, ""


def _named(weights: Mapping[Words, float], names: int, named: int, fresh: int) -> Iterator[Arc]:
    """Each answer as a row of states of its own."""
    total = sum(weights.values())
    rows = _Rows(fresh)
    for words, weight in weights.items():
        yield from rows.between(names, named, words, weight / total)


def _listing(weights: Mapping[Words, float], typed: frozenset[str], left_out: int) -> Grammar:
    """An opening, then whole phrases in any number and order, or one part or typed word alone."""
    opened, articled, names, named, alone, told, final = range(1, 8)
    rows = _Rows(final + 1)
    arcs: list[Arc] = [(named, names, ON_SHARE, ""), (named, final, ON_SHARE, "")]
    arcs.append((told, final, ON_SHARE, ""))
    for state in (0, opened, articled):
        arcs += [(state, names, 1.0, ""), (state, alone, 1.0, "")]
    for opening in _OPENINGS:
        words = tuple(opening.split())
        arcs += rows.between(0, opened, words, OPENING_SHARE, OPENING_WORD_SHARE)
    arcs += [(at, articled, ARTICLE_SHARE, word) for at in (0, opened) for word in _ARTICLES]
    arcs += [(named, names, JOINT_SHARE, word) for word in _JOINTS]
    for closing in _CLOSINGS:
        for state in (named, told):
            arcs += rows.between(state, final, tuple(closing.split()), CLOSING_SHARE)
    answers: dict[Words, float] = {(word,): 1.0 for word in sorted(typed)}
    for words, weight in (answers | dict(weights)).items():
        start, end = (names, named) if weights.get(words) == 1.0 else (alone, told)
        arcs += rows.between(start, end, words, PHRASE_SHARE * weight)
    return Grammar(tuple(arcs), final, frozenset({names, alone}), typed, left_out)


class _Rows:
    """Words between two states, over states of their own from `fresh` on."""

    def __init__(self, fresh: int) -> None:
        self._fresh = fresh

    def between(
        self, start: int, end: int, words: Words, share: float, on: float = 1.0
    ) -> Iterator[Arc]:
        """share: of the first word; on: of each one after it."""
        for word in words[:-1]:
            yield start, self._fresh, share, word
            start, share, self._fresh = self._fresh, on, self._fresh + 1
        yield start, end, share, words[-1]
