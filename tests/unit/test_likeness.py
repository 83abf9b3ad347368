"""What confusions cost, and that the quick first look agrees with it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.likeness import distances, letters, looks, misspellings, rows
from edge.sounds import english


def codes(text):
    return sum((english().entry(word)[1] for word in text.split()), ())


def cost(one, other):
    return float(distances(rows([codes(one)])[0], rows([codes(other)])[0])[0])


def test_the_same_sound_costs_nothing():
    assert cost("for", "four") == pytest.approx(0.0, abs=1e-6)
    assert cost("meg bauer", "meg bauer") == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [("bauer", "power", "jones"), ("meg", "mac", "lisa"), ("johns", "jones", "bauer")],
)
def test_near_sounds_cost_less_than_far_ones(word, near, far):
    assert cost(word, near) < cost(word, far)


def test_costs_are_symmetric_and_padding_costs_nothing():
    words = ["bauer", "manpower", "a", "second"]
    table, _ = rows([codes(word) for word in words])
    for at, word in enumerate(words):
        row = np.repeat(table[at : at + 1], len(words), axis=0)
        there, back = distances(row, table), distances(table, row)
        assert np.allclose(there, back, atol=1e-5)
        assert there == pytest.approx([cost(word, other) for other in words], abs=1e-5)


def test_looks_tell_near_from_far():
    table, lengths = rows([codes(word) for word in ("meg bauer", "mega power", "play music")])
    found = looks(table, lengths)
    assert found[0] @ found[1] > 0.85 > found[0] @ found[2]
    assert np.linalg.norm(found, axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)


def test_nothing_to_compare_is_no_error():
    table, lengths = rows([])
    assert looks(table, lengths).shape[0] == 0
    assert distances(table, table).shape == (0,)


def test_misspellings_count_letters():
    ones, _ = letters(["locatia", "colour", "bauer"])
    others, _ = letters(["leocadia", "color", "bauer"])
    assert misspellings(ones, others).tolist() == [2.0, 1.0, 0.0]
