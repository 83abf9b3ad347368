"""Names that a search of its own heard, put into the first reading."""

from __future__ import annotations

import pytest

from edge.grafting import graft
from edge.offers import Offers, offers
from edge.sounds import english


@pytest.fixture(scope="module")
def offered() -> Offers:
    return offers(["Jason Aldean", "Meg Bauer", "iced coffee", "brown sugar"], english())


@pytest.mark.parametrize(
    ("plain", "found", "grafted"),
    [
        (
            "have you any country songs by jason all done",
            "have you any country sons my jason aldean",
            "have you any country songs by jason aldean",
        ),
        ("i mean power", "i mean bauer", "i mean bauer"),
        ("my cough ian brown sugar", "iced coffee brown sugar", "iced coffee brown sugar"),
    ],
)
def test_names_are_taken_and_other_words_stay(offered, plain, found, grafted):
    result = graft(tuple(plain.split()), tuple(found.split()), offered)
    assert " ".join(result.words) == grafted
    assert result.brought
    assert not result.lost


def test_a_name_in_between_is_no_reason_to_insert_it(offered):
    plain = tuple("what is the rating i also need the phone number".split())
    found = tuple("what is the rating bauer i also need the phone number".split())
    assert graft(plain, found, offered).words == plain


def test_what_names_nothing_brings_nothing(offered):
    result = graft(("never", "mind"), ("never", "mine"), offered)
    assert result.words == ("never", "mind")
    assert not result.brought | result.lost


def test_a_name_that_would_be_lost_is_told(offered):
    result = graft(("meg", "bauer"), ("iced", "coffee"), offered)
    assert result.brought
    assert result.lost


def test_nothing_is_nothing(offered):
    assert graft((), (), offered).words == ()
