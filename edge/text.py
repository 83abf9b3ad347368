"""What a recognizer would have printed for a text, and its hashed n-grams for the encoder.

Shared by training and runtime, so that both see the same numbers. It keeps no vocabulary,
caches no word, reads no file and never fails on any string.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
import numpy.typing as npt

MAX_WORD_CHARS = 24
CHARS_PER_WORD = 16
GRAM_CHARS = 3
GRAM_SHARE = 0.5
PAD = 0

# fmt: off
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_SPOKEN = {
    "mr": "mister",
    "dr": "doctor",
    "ok": "okay",
    "vs": "versus",
    ".": "point",
    "&": "and",
    "%": "percent",
    "+": "plus",
    "@": "at",
}
_PIECE = re.compile(
    r"(?P<oclock>\d{1,2}):00(?!\d|\s?[ap]\.?m\b)"
    r"|(?P<clock>\d{1,2}:\d\d)(?!\d)"
    r"|(?<=\d)\s?(?P<half>[ap])\.?m\b"
    r"|\$(?P<dollars>\d+)(?!\d)"
    r"|(?P<ordinal>\d{1,4})(?:st|nd|rd|th)\b"
    r"|(?P<number>\d+)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*|[&%+@]|(?<=\d)\.(?=\d))"
)


@dataclass(frozen=True, slots=True)
class Buckets:
    """How many ids each kind of n-gram may take; id 0 is padding, and ids run up to `total`."""

    words: int
    pairs: int
    grams: int

    @property
    def first_gram(self) -> int:
        """The lowest id of a character 3-gram."""
        return 1 + self.words + self.pairs

    @property
    def total(self) -> int:
        """The size of the embedding table."""
        return self.first_gram + self.grams


def spoken(text: str, max_words: int) -> tuple[str, ...]:
    """At most the last `max_words` words of the text: lower case, numbers in words, bare.

    The end is kept because that is where a reply asks. Work is bounded for any text.
    """
    tail = text[-max_words * CHARS_PER_WORD :] if max_words else ""
    plain = unicodedata.normalize("NFKC", tail).lower().replace("\u2019", "'")
    plain = plain[-max_words * CHARS_PER_WORD :]
    said = chain.from_iterable(map(_say, _PIECE.finditer(plain)))
    words = [word[:MAX_WORD_CHARS].rstrip("'") for word in said]
    return tuple(words[-max_words:]) if max_words else ()


def ids(words: Sequence[str], buckets: Buckets, max_ids: int) -> list[int]:
    """Embedding rows of the words, their pairs, then their character 3-grams, at most `max_ids`."""
    base = 1 + buckets.words
    found = [_own(word, buckets.words) for word in words]
    found += [base + _hash(f"{a} {b}", buckets.pairs) for a, b in pairwise(("", *words, ""))]
    for word in words:
        if len(found) >= max_ids:
            break
        found += _grams(word, base + buckets.pairs, buckets.grams)
    return found[:max_ids]


def marks(names: Sequence[str], buckets: Buckets) -> list[int]:
    """Embedding rows of names that no text can contain, such as `act=choose`."""
    return [_own(name, buckets.words) for name in names]


def bags(
    rows: Sequence[Sequence[int]], width: int, buckets: Buckets
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Ids and pooling weights of bags laid one after the other: int32 [width], float32 [n, width].

    A bag's n words and pairs weigh 1/sqrt(n) each and its n 3-grams `GRAM_SHARE` of that, so that
    short and long texts come out alike large. The caller's bags fit into `width` together.
    """
    flat = np.full(width, PAD, np.int32)
    alone = np.full((len(rows), width), PAD, np.int32)
    start = 0
    for row, found in enumerate(rows):
        end = start + len(found)
        flat[start:end] = alone[row, start:end] = found
        start = end
    return flat, _weights(alone, buckets)


def stacked(
    rows: Sequence[Sequence[int]], width: int, buckets: Buckets
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """As `bags`, each bag in a row of its own: int32 and float32 [n, width]."""
    alone = np.full((len(rows), width), PAD, np.int32)
    for row, found in enumerate(rows):
        alone[row, : len(found)] = found
    return alone, _weights(alone, buckets)


def _weights(alone: npt.NDArray[np.int32], buckets: Buckets) -> npt.NDArray[np.float32]:
    grams = alone >= buckets.first_gram
    spelled = (alone > PAD) & ~grams
    shares = 1.0 / np.sqrt(np.maximum(1, spelled.sum(1, keepdims=True)))
    gram_shares = GRAM_SHARE / np.sqrt(np.maximum(1, grams.sum(1, keepdims=True)))
    weights: npt.NDArray[np.float32] = (spelled * shares + grams * gram_shares).astype(np.float32)
    return weights


def _hash(token: str, buckets: int) -> int:
    return zlib.crc32(token.encode("utf-8", "replace")) % buckets


def _own(word: str, buckets: int) -> int:
    return 1 + _hash(word, buckets)


def _grams(word: str, base: int, buckets: int) -> list[int]:
    marked = f"<{word}>"
    last = max(1, len(marked) - GRAM_CHARS + 1)
    return [base + _hash(marked[i : i + GRAM_CHARS], buckets) for i in range(last)]


def _say(piece: re.Match[str]) -> Iterator[str]:
    kind = piece.lastgroup or "word"
    said = _SAYERS[kind](piece[kind])
    return iter(said.split())


def _word(text: str) -> str:
    return _SPOKEN.get(text, text)


def _oclock(text: str) -> str:
    return f"{_below_thousand(int(text))} o'clock"


def _half(text: str) -> str:
    return f"{text} m"


def _clock(text: str) -> str:
    hour, minute = (int(part) for part in text.split(":"))
    if minute == 0:
        return _below_thousand(hour)
    return f"{_below_thousand(hour)} {'oh ' if minute < 10 else ''}{_below_thousand(minute)}"


def _ordinal(text: str) -> str:
    head, _, last = _number(text).rpartition(" ")
    if last.endswith("y"):
        return f"{head} {last[:-1]}ieth"
    return f"{head} {_ORDINALS.get(last, last + 'th')}"


def _number(text: str) -> str:
    """Up to 999 as a number, four digits as two pairs, the rest digit by digit."""
    if len(text) < 4:
        return _below_thousand(int(text))
    if len(text) > 4 or text[0] == "0":
        return " ".join(_SMALL[int(digit)] for digit in text)
    high, low = int(text[:2]), int(text[2:])
    if high % 10 == 0 and low < 10:
        return f"{_below_thousand(high // 10)} thousand {_below_thousand(low) if low else ''}"
    if low == 0:
        return f"{_below_thousand(high)} hundred"
    return f"{_below_thousand(high)} {'oh ' if low < 10 else ''}{_below_thousand(low)}"


def _below_thousand(number: int) -> str:
    if number < 20:
        return _SMALL[number]
    if number < 100:
        ten, one = divmod(number, 10)
        return _TENS[ten - 2] + (f" {_SMALL[one]}" if one else "")
    hundred, rest = divmod(number, 100)
    return f"{_SMALL[hundred]} hundred" + (f" {_below_thousand(rest)}" if rest else "")


def _dollars(text: str) -> str:
    return f"{_number(text)} {'dollar' if text == '1' else 'dollars'}"


_SAYERS: dict[str, Callable[[str], str]] = {
    "word": _word,
    "oclock": _oclock,
    "clock": _clock,
    "half": _half,
    "ordinal": _ordinal,
    "number": _number,
    "dollars": _dollars,
}
