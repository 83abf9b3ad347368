"""How alike two stretches of phones sound: a cost for each confusion, and a quick first look.

Costs come from how phones are made in the mouth; nothing here was learned from recordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from edge.sounds import PHONES, Codes

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]
Rows = npt.NDArray[np.uint8]

PAD = len(PHONES)  # stands after a row's last phone and costs nothing
NEVER = 9.0

# Tongue height and backness from 0 to 1, and what the vowel glides to.
_VOWELS = {
    "AA": (0.0, 0.7, ""),
    "AE": (0.2, 0.1, ""),
    "AH": (0.4, 0.5, ""),
    "AO": (0.2, 0.9, ""),
    "AW": (0.1, 0.6, "w"),
    "AY": (0.1, 0.5, "y"),
    "EH": (0.5, 0.1, ""),
    "ER": (0.5, 0.5, "r"),
    "EY": (0.7, 0.1, "y"),
    "IH": (0.8, 0.2, ""),
    "IY": (1.0, 0.0, ""),
    "OW": (0.5, 0.9, "w"),
    "OY": (0.4, 0.8, "y"),
    "UH": (0.8, 0.8, ""),
    "UW": (1.0, 0.9, ""),
}
# Manner, place from the lips (0) to the throat (6), voice.
_CONSONANTS = {
    "B": ("stop", 0, 1),
    "CH": ("affricate", 3, 0),
    "D": ("stop", 2, 1),
    "DH": ("weak", 1.5, 1),
    "F": ("weak", 0.5, 0),
    "G": ("stop", 5, 1),
    "HH": ("breath", 6, 0),
    "JH": ("affricate", 3, 1),
    "K": ("stop", 5, 0),
    "L": ("liquid", 2, 1),
    "M": ("nasal", 0, 1),
    "N": ("nasal", 2, 1),
    "NG": ("nasal", 5, 1),
    "P": ("stop", 0, 0),
    "R": ("liquid", 3, 1),
    "S": ("sibilant", 2, 0),
    "SH": ("sibilant", 3, 0),
    "T": ("stop", 2, 0),
    "TH": ("weak", 1.5, 0),
    "V": ("weak", 0.5, 1),
    "W": ("glide", 0, 1),
    "Y": ("glide", 4, 1),
    "Z": ("sibilant", 2, 1),
    "ZH": ("sibilant", 3, 1),
}
# What a change of manner costs; pairs that are not here cost OTHER_MANNER.
_MANNERS = {
    ("affricate", "sibilant"): 0.2,
    ("affricate", "stop"): 0.3,
    ("sibilant", "weak"): 0.3,
    ("stop", "weak"): 0.35,
    ("breath", "weak"): 0.4,
    ("breath", "stop"): 0.5,
    ("nasal", "stop"): 0.45,
    ("glide", "liquid"): 0.4,
    ("liquid", "nasal"): 0.5,
    ("glide", "weak"): 0.5,
}
OTHER_MANNER = 0.7
VOICE, PLACE, MOST_PLACE = 0.2, 0.12, 0.35
HEIGHT, BACKNESS, GLIDE = 0.6, 0.4, 0.2
VOWEL_FOR_CONSONANT = 1.2
_LIKE_VOWELS = {
    ("ER", "R"): 0.3,
    ("UW", "W"): 0.5,
    ("IY", "Y"): 0.5,
    ("AO", "L"): 0.8,
    ("OW", "L"): 0.8,
}
_INDELS = {"AH": 0.5, "IH": 0.6, "HH": 0.4, "T": 0.6, "D": 0.6, "Y": 0.5, "R": 0.6, "L": 0.7}
INDEL = 0.8

# The first look: soft counts of phones in thirds of the stretch, as a direction.
LIKE = 0.35  # phones whose cost is this count e times less than the same phone
TRAITS = 12
THIRDS = 3


def _vowels(one: str, other: str) -> float:
    (height, back, glide), (other_height, other_back, other_glide) = _VOWELS[one], _VOWELS[other]
    moved = HEIGHT * abs(height - other_height) + BACKNESS * abs(back - other_back)
    return moved + (GLIDE if glide != other_glide else 0.0)


def _consonants(one: str, other: str) -> float:
    (manner, place, voice), (other_manner, other_place, other_voice) = (
        _CONSONANTS[one],
        _CONSONANTS[other],
    )
    cost = min(MOST_PLACE, PLACE * abs(place - other_place)) + VOICE * abs(voice - other_voice)
    if manner != other_manner:
        pair = min(manner, other_manner), max(manner, other_manner)
        cost += _MANNERS.get(pair, OTHER_MANNER)
    return min(1.0, cost)


def _cost(one: str, other: str) -> float:
    if one in _VOWELS and other in _VOWELS:
        return _vowels(one, other)
    if one in _CONSONANTS and other in _CONSONANTS:
        return _consonants(one, other)
    return _LIKE_VOWELS.get((one, other), _LIKE_VOWELS.get((other, one), VOWEL_FOR_CONSONANT))


def _tables() -> tuple[Floats, Floats, Floats]:
    """What changing a phone costs, what putting one in or out costs, and traits of each phone."""
    changes = np.full((PAD + 1, PAD + 1), NEVER, np.float32)
    changes[:PAD, :PAD] = [[_cost(one, other) for other in PHONES] for one in PHONES]
    indels = np.array([*(_INDELS.get(phone, INDEL) for phone in PHONES), 0.0], np.float32)
    values, vectors = np.linalg.eigh(np.exp(-changes[:PAD, :PAD].astype(np.float64) / LIKE))
    traits = np.zeros((PAD + 1, TRAITS), np.float32)
    traits[:PAD] = vectors[:, -TRAITS:] * np.sqrt(values[-TRAITS:])
    return changes, indels, traits


CHANGES, INDELS, _TRAITS = _tables()


def rows(stretches: Sequence[Codes]) -> tuple[Rows, Places]:
    """The stretches one below the other, padded, and how long each is."""
    lengths = np.fromiter(map(len, stretches), np.intp, len(stretches))
    width = int(lengths.max(initial=1))
    table = np.full((len(stretches), width), PAD, np.uint8)
    table[np.arange(width) < lengths[:, None]] = np.fromiter(
        chain.from_iterable(stretches), np.uint8, int(lengths.sum())
    )
    return table, lengths


def looks(table: Rows, lengths: Places) -> Floats:
    """A direction for each row; rows that sound alike have a large cosine."""
    width = table.shape[1]
    places = (np.arange(width, dtype=np.float32) + 0.5) / np.maximum(lengths, 1)[:, None]
    centres = (np.arange(THIRDS, dtype=np.float32) + 0.5) / THIRDS
    shares = np.maximum(0.0, 1.0 - THIRDS * np.abs(places[:, None, :] - centres[:, None]))
    found = np.matmul(shares.astype(np.float32), _TRAITS[table])
    found = found.reshape(len(table), THIRDS * TRAITS)
    norms: Floats = np.sqrt((found * found).sum(1, keepdims=True))
    directions: Floats = found / np.maximum(norms, 1e-6)
    return directions


def distances(ones: Rows, others: Rows) -> Floats:
    """What it costs to turn each row of `ones` into the same row of `others`."""
    columns = np.ascontiguousarray(others.T, np.intp)
    taken_out = np.zeros((columns.shape[0] + 1, columns.shape[1]), np.float32)
    np.cumsum(INDELS[columns], axis=0, out=taken_out[1:])
    costs, taken = taken_out.copy(), INDELS[columns]
    flat = CHANGES.ravel()
    for code in np.ascontiguousarray(ones.T, np.intp):
        changed = flat.take(columns + code * (PAD + 1))
        changed += costs[:-1]
        costs += INDELS.take(code)
        np.minimum(costs[1:], changed, out=costs[1:])
        for at in range(1, len(costs)):  # ten times faster than accumulating over an axis
            np.minimum(costs[at], costs[at - 1] + taken[at - 1], out=costs[at])
    total: Floats = costs[-1]
    return total


_LETTERS = bytes(min(code & 31, PAD - 1) for code in range(256))


def letters(texts: Sequence[str]) -> tuple[Rows, Places]:
    """The texts' letters one below the other, padded as `rows` are."""
    return rows([tuple(text.encode("latin-1", "replace").translate(_LETTERS)) for text in texts])


def misspellings(ones: Rows, others: Rows) -> Floats:
    """How many letters to change, put in or take out, row by row; up to 64 letters count.

    Myers' bit-parallel edit distance (1999): a column of the table of costs is two words of bits,
    where the cost rises and where it falls.
    """
    every = np.arange(len(others))
    masks = np.zeros((PAD + 1, len(others)), np.uint64)
    for at, codes in enumerate(others.T[:64]):
        masks[codes, every] |= np.uint64(1 << at)
    masks[PAD] = 0
    lengths = np.minimum(64, (others != PAD).sum(1))
    last = np.left_shift(np.uint64(1), (np.maximum(1, lengths) - 1).astype(np.uint64))
    rises, falls = np.full(len(others), ~np.uint64(0)), np.zeros(len(others), np.uint64)
    total: Floats = lengths.astype(np.float32)
    one = np.uint64(1)
    for codes in ones.T:
        same = masks[codes, every]
        either = same | falls
        across = (((same & rises) + rises) ^ rises) | same
        up, down = falls | ~(across | rises), rises & across
        total += (codes != PAD) * (((up & last) != 0) * 1.0 - ((down & last) != 0))
        up, down = (up << one) | one, down << one
        rises, falls = down | ~(either | up), up & either
    return total
