"""Words that a context makes likelier."""

from __future__ import annotations

import numpy as np
import pytest

from edge.weights import Weights
from edge.wording import Wording

WORDS = ("yes", "no", "seven", "the")


@pytest.fixture
def wording() -> Wording:
    """Two dimensions: the first asks for yes or no, the second for a number."""
    rows = np.array([[127, 0], [127, 0], [0, 127], [0, 0]], np.int8)
    columns = np.array([[3 / 127] * 4, [0.0] * 4, np.log([0.1, 0.1, 0.1, 0.7])], "<f4")
    content = rows.tobytes() + columns.tobytes() + "\n".join(WORDS).encode()
    return Wording(Weights({"words": 4, "size": 2, "encoder": "00"}, content))


def vector(*values: float) -> bytes:
    return np.array(values, "<f4").tobytes()


def test_what_is_asked_for_becomes_likelier_and_the_rest_less_so(wording: Wording) -> None:
    yes, seven = wording.gains(["yes", "seven"], vector(1, 0))
    assert yes > 0 > seven
    yes, seven = wording.gains(["yes", "seven"], vector(0, 1))
    assert seven > 0 > yes


def test_a_context_that_says_nothing_changes_nothing(wording: Wording) -> None:
    assert wording.gains(["yes the seven"], vector(0, 0)) == pytest.approx([0], abs=1e-6)


def test_gains_add_up_over_the_words(wording: Wording) -> None:
    both, yes, no = wording.gains(["yes no", "yes", "no"], vector(0.4, 0.3))
    assert both == pytest.approx(yes + no)


def test_the_shares_with_a_context_sum_to_one(wording: Wording) -> None:
    gains = wording.gains(WORDS, vector(0.6, -0.8))
    assert np.exp(gains) @ [0.1, 0.1, 0.1, 0.7] == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "bauer", "\0 \ud800 emoji \U0001f600"])
def test_unknown_words_say_nothing(wording: Wording, text: str) -> None:
    assert wording.gains([text], vector(1, 0)) == [0]


def test_the_vector_of_another_encoder_says_nothing(wording: Wording) -> None:
    assert wording.gains(["yes"], vector(1, 0, 0)) == [0]
    assert wording.gains(["yes"], b"") == [0]
