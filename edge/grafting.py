"""Where a search for expected answers heard something on offer that the first reading lacks.

Everything else stays as it was first read: such a search knows few words, and bends the rest to
them. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from edge.offers import Offers, Words, named

MOSTLY = 0.5  # of a stretch's words that belong to names on offer: the rest is bent to fit


@dataclass(frozen=True, slots=True)
class Graft:
    """words: the first reading with the names in their places.

    brought, lost: places of items that it names and the first reading does not, and the reverse.
    """

    words: Words
    brought: frozenset[int]
    lost: frozenset[int]


def graft(plain: Words, found: Words, offered: Offers) -> Graft:
    """The names of `found` put where the first reading has other words."""
    names = named(found, offered)
    belongs = {at for start, end, _ in names for at in range(start, end)}
    if found and len(belongs) > MOSTLY * len(found):
        words = found
    else:
        words = tuple(_words(plain, found, belongs))
    before, after = _items(plain, offered), _items(words, offered)
    return Graft(words, after - before, before - after)


def _words(plain: Words, found: Words, belongs: set[int]) -> Iterator[str]:
    for _, first, last, start, end in SequenceMatcher(None, plain, found, False).get_opcodes():
        inside = sum(at in belongs for at in range(start, end))
        instead = last > first and inside > MOSTLY * (end - start)
        yield from found[start:end] if instead else plain[first:last]


def _items(words: Sequence[str], offered: Offers) -> frozenset[int]:
    return frozenset(item for _, _, item in named(tuple(words), offered))
