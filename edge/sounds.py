"""How words sound: a pronouncing dictionary, and rules for the words that it lacks.

It knows English only, keeps no word that it was asked for, and never fails on any string.
"""

from __future__ import annotations

import mmap
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import count
from zlib import crc32

from edge.weights import Weights, shipped

# fmt: off
PHONES = (
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW",
    "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH",
    "T", "TH", "V", "W", "Y", "Z", "ZH",
)
# fmt: on
VOWELS = 15  # so many phones, the first ones
FIRST_CODE = ord("A")  # a phone's code in the file, and its place among PHONES above this
STEP_PER_DECADE = 4  # a word's frequency is one character: quarters of a decimal exponent
RAREST = -9.0  # log10 of the frequency of a word that the dictionary lacks

# Letters to the left and right of the one that is spoken, widest first.
WINDOWS = ((4, 4), (3, 4), (3, 3), (2, 3), (2, 2), (1, 2), (2, 1), (1, 1), (0, 1), (1, 0), (0, 0))
SLOT_BYTES = 3  # two of a hash, one of what is spoken
_TAGGED = tuple((left, right, f"{left}{right}".encode("ascii")) for left, right in WINDOWS)

PAGE_BYTES = 4096
MAX_WORD_CHARS = 24  # what is longer is not a word
_LETTERS = re.compile(r"[^a-z']+")
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "\u2019": "'"}
)

Codes = tuple[int, ...]


class Sounds:
    """The dictionary and the rules of one weights file; for any number of threads."""

    def __init__(self, weights: Weights) -> None:
        self._content = weights.content
        self._end = int(weights.parameters["dictionary_bytes"])
        self._slots = int(weights.parameters["slots"])
        self._spoken = tuple(map(_codes, weights.parameters["spoken"]))
        self._pages = tuple(_pages(self._content, self._end))
        self._firsts = [self._content[at : self._content.find(b"\t", at)] for at in self._pages]

    def pronunciations(self, word: str) -> tuple[Codes, ...]:
        """The word's phones as places in PHONES, likeliest first; none when it has no letters."""
        letters = plain(word)
        if not letters:
            return ()
        listed = self._listed(letters)
        if listed:
            return tuple(map(_codes, listed[1:].decode().split(" ")))
        guess = self.guess(letters)
        return (guess,) if guess else ()

    def entry(self, word: str) -> tuple[float, Codes]:
        """log10 of the word's frequency in general English text, and its likeliest sound."""
        letters = plain(word)
        listed = self._listed(letters) if letters else None
        if not listed:
            return RAREST, self.guess(letters)
        return (FIRST_CODE - listed[0]) / STEP_PER_DECADE, _codes(listed[1:].decode().split(" ")[0])

    def lines(self) -> Iterator[tuple[str, str]]:
        """All words of the dictionary with what stands beside them: frequency and sounds."""
        for line in self._content[1 : self._end].decode().splitlines():
            word, _, rest = line.partition("\t")
            yield word, rest

    def guess(self, letters: str) -> Codes:
        """What the rules make of letters a-z and apostrophes."""
        if len(letters) > 1 and letters.endswith("'s"):
            return self._plural(self.guess(letters[:-2]))
        letters = letters.replace("'", "")
        if not set(letters) & set("aeiouy"):
            return sum((self._named(letter) for letter in letters), ())
        return sum((self._letter(letters, at) for at in range(len(letters))), ())

    def _listed(self, letters: str) -> bytes | None:
        """The dictionary's line of this word, without the word."""
        if len(letters) > MAX_WORD_CHARS:
            return None
        key = letters.encode("ascii")
        page = bisect_right(self._firsts, key) - 1
        if page < 0:
            return None
        start = self._pages[page] - 1
        end = self._pages[page + 1] if page + 1 < len(self._pages) else self._end
        at = self._content.find(b"\n" + key + b"\t", start, end)
        if at < 0:
            return None
        at += len(key) + 2
        return self._content[at : self._content.find(b"\n", at)]

    def _named(self, letter: str) -> Codes:
        listed = self._listed(letter)
        return _codes(listed[1:].decode().split(" ")[0]) if listed else ()

    def _letter(self, letters: str, at: int) -> Codes:
        padded = f"____{letters}____".encode("ascii")
        for left, right, tag in _TAGGED:
            key = tag + padded[at + 4 - left : at + 5 + right]
            mark = (crc32(key) >> 16 or 1).to_bytes(2, "little")
            slot = self._end + crc32(key, 1) % self._slots * SLOT_BYTES
            while (held := self._content[slot : slot + SLOT_BYTES])[:2] != b"\0\0":
                if held[:2] == mark:
                    return self._spoken[held[2]]
                slot += SLOT_BYTES
        return ()

    def _plural(self, stem: Codes) -> Codes:
        if not stem:
            return (_PLACES["S"],)
        last = PHONES[stem[-1]]
        if last in {"S", "Z", "SH", "ZH", "CH", "JH"}:
            return (*stem, _PLACES["IH"], _PLACES["Z"])
        return (*stem, _PLACES["S" if last in {"P", "T", "K", "F", "TH"} else "Z"])


@cache
def english() -> Sounds:
    """The weights that ship, opened once: before a process gives up opening files."""
    return Sounds(shipped("pronunciations"))


def pronunciations(word: str) -> tuple[tuple[str, ...], ...]:
    """The word's pronunciations in ARPAbet without stress, likeliest first, each once.

    From the dictionary; by rule for a word that it lacks; none for one without Latin letters.
    """
    return tuple(tuple(PHONES[code] for code in codes) for codes in english().pronunciations(word))


def plain(word: str) -> str:
    """The word's letters a-z and apostrophes, accents taken off."""
    lowered = word[:PAGE_BYTES].lower().translate(_PLAIN)
    if not lowered.isascii():
        lowered = unicodedata.normalize("NFKD", lowered)
    return _LETTERS.sub("", lowered)[:MAX_WORD_CHARS].strip("'") or ""


def contexts(letters: str, at: int) -> Iterator[str]:
    """The letter at this place with its neighbours, in each of WINDOWS."""
    padded = f"____{letters}____"
    at += 4
    for left, right in WINDOWS:
        yield f"{left}{right}{padded[at - left : at + right + 1]}"


def probes(key: str, slots: int) -> Iterator[tuple[int, bytes]]:
    """The slots where a rule may stand, in order, and its mark there; the mark is never zero.

    They go on beyond the last slot, where room for them is left.
    """
    mark = (crc32(key.encode("ascii")) >> 16 or 1).to_bytes(2, "little")
    for slot in count(crc32(key.encode("ascii"), 1) % slots):
        yield slot, mark


def _codes(text: str) -> Codes:
    return tuple(ord(char) - FIRST_CODE for char in text)


def _pages(content: mmap.mmap | bytes, end: int) -> Iterator[int]:
    """Where the first line of every page begins; the file begins with a line's end."""
    for at in range(0, end, PAGE_BYTES):
        start = content.find(b"\n", at, end) + 1
        if 0 < start < end:
            yield start


_PLACES = {phone: code for code, phone in enumerate(PHONES)}
