"""Where a search for expected answers heard something on offer that the first reading lacks.

Everything else stays as it was first read: such a search knows few words, and bends the rest to
them. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from edge.offers import Offers, Words, named

WHOLE = 0.3  # of its words that belong to names: then it is an answer, and is taken as it is
MOSTLY = 0.5  # of the words of a stretch, for that stretch


@dataclass(frozen=True, slots=True)
class Graft:
    """words: the first reading with the names in their places; whole: all of what was found.

    brought: items that it names and the first reading does not. lost: the reverse, but for those
    whose words are still there.
    """

    words: Words
    whole: bool
    brought: frozenset[int]
    lost: frozenset[int]


def graft(plain: Words, found: Words, offered: Offers) -> Graft:
    """The names of `found` put where the first reading has other words."""
    names = named(found, offered)
    belongs = {at for start, end, _ in names for at in range(start, end)}
    whole = len(belongs) > WHOLE * len(found)
    words = found if whole else tuple(_words(plain, found, belongs))
    before, after = _items(plain, offered), _items(words, offered)
    lost = {item for item in before - after if not set(offered.texts[item]) <= set(words)}
    return Graft(words, whole, after - before, frozenset(lost))


def _words(plain: Words, found: Words, belongs: set[int]) -> Iterator[str]:
    for _, first, last, start, end in SequenceMatcher(None, plain, found, False).get_opcodes():
        inside = sum(at in belongs for at in range(start, end))
        instead = last > first and inside > MOSTLY * (end - start)
        yield from found[start:end] if instead else plain[first:last]


def _items(words: Sequence[str], offered: Offers) -> frozenset[int]:
    return frozenset(item for _, _, item in named(tuple(words), offered))
