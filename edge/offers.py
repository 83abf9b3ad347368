"""What an answer may name, made ready before the answer is heard: its words and how they sound.

It compares nothing and keeps nothing of one question for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge import likeness, text
from edge.dialogue import Expectation
from edge.likeness import Floats, Places, Rows
from edge.sounds import Codes, Sounds

Words = tuple[str, ...]
Flags = npt.NDArray[np.bool_]

MAX_WORDS = 16  # of a phrase; what follows is not compared
LONGEST_WORDS = 256  # that are read of one
MAX_WAYS = 4  # to say a phrase
LEAST_CHARS = 3  # of a word that stands for its phrase
UNTELLING = frozenset(
    "the and for with from that this you your one its are was all not any versus".split()
)


@dataclass(frozen=True, slots=True)
class Offers:
    """The items on offer: phrases, then words that tell one phrase from the others.

    texts: each item's words; longest: most of them in one. places: the same, to each item's place.
    Per item: partial, it is a part of a phrase; phrases, as they were offered, that it stands for;
    frequency, mean log10 of its words; size, its words; letters, letters_long, its spelling. Per
    way to say an item: sounds, lengths, looks, and items, whose way it is.
    """

    texts: tuple[Words, ...]
    longest: int
    places: Mapping[Words, int]
    partial: Flags
    phrases: tuple[tuple[str, ...], ...]
    frequency: Floats
    size: Places
    sounds: Rows
    lengths: Places
    looks: Floats
    items: Places
    letters: Rows
    letters_long: Places

    def __len__(self) -> int:
        return len(self.places)


def offered(expectation: Expectation, sounds: Sounds) -> Offers:
    """Everything on offer; costs some 20 µs a word, ten times that for one that no list knows."""
    listed = (phrase for each in expectation.catalogues for phrase in each.phrases)
    return offers(dict.fromkeys(listed), sounds)


def offers(phrases: Iterable[str], sounds: Sounds) -> Offers:
    """The phrases and their telling words, ready to be compared with what is heard."""
    whole: dict[Words, list[str]] = {}
    for phrase in phrases:
        if words := tuple(text.spoken(phrase, LONGEST_WORDS)[:MAX_WORDS]):
            whole.setdefault(words, []).append(phrase)
    items = whole | {words: said for words, said in _parts(whole).items() if words not in whole}
    ways = [_ways(words, sounds) for words in items]
    table, lengths = likeness.rows([way for each in ways for way in each])
    letters, letters_long = likeness.letters(["".join(words) for words in items])
    return Offers(
        texts=tuple(items),
        longest=max(map(len, items), default=0),
        places={words: place for place, words in enumerate(items)},
        partial=np.arange(len(items)) >= len(whole),
        phrases=tuple(map(tuple, items.values())),
        frequency=np.array([_frequency(words, sounds) for words in items], np.float32),
        size=np.array([len(words) for words in items], np.intp),
        sounds=table,
        lengths=lengths,
        looks=likeness.looks(table, lengths),
        items=np.repeat(np.arange(len(items)), [len(each) for each in ways]),
        letters=letters,
        letters_long=letters_long,
    )


def named(words: Words, offered: Offers) -> list[tuple[int, int, int]]:
    """Where the words name something on offer: start, end, item; the longest at each place."""
    found: list[tuple[int, int, int]] = []
    at = 0
    while at < len(words):
        ends = range(min(len(words), at + offered.longest), at, -1)
        end = next((end for end in ends if words[at:end] in offered.places), 0)
        if end:
            found.append((at, end, offered.places[words[at:end]]))
        at = max(end, at + 1)
    return found


def _parts(whole: Mapping[Words, list[str]]) -> dict[Words, list[str]]:
    names = [words for words in whole if len(words) > 1]
    shared = set.intersection(*map(set, names)) if len(names) > 1 else set()
    untelling = UNTELLING | shared
    found: dict[Words, list[str]] = {}
    for words in names:
        for word in dict.fromkeys(words):
            if word not in untelling and len(word) >= LEAST_CHARS:
                found.setdefault((word,), []).extend(whole[words])
    return found


def _ways(words: Words, sounds: Sounds) -> list[Codes]:
    """Ways to say the words one after the other, likeliest first."""
    ways: list[Codes] = [()]
    for said in (sounds.pronunciations(word) or ((),) for word in words):
        ways = [way + more for more in said for way in ways][:MAX_WAYS]
    return ways


def _frequency(words: Words, sounds: Sounds) -> float:
    return sum(sounds.entry(word)[0] for word in words) / len(words)
