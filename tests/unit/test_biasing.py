"""Which reading of an answer is believed, given what was offered."""

from __future__ import annotations

import pytest

from edge.biasing import rescore
from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot

CONTACTS = ("Meg Jones", "Meg Bauer", "Jones", "Bauer")


def choosing(*phrases: str, slot: Slot = Slot.CONTACT, act: Act = Act.CHOOSE) -> Expectation:
    return Expectation(act, slot, (Catalogue(slot, phrases),))


def heard(*texts: str, apart: float = 5.0) -> Recognized:
    return Recognized(
        tuple(Hypothesis(text, -2400.0 - apart * rank) for rank, text in enumerate(texts))
    )


@pytest.mark.parametrize(
    ("texts", "believed"),
    [
        (("the hour", "our", "bauer", "hour"), "bauer"),
        (("manpower", "meg power", "meg bauer"), "meg bauer"),
        (("mega power", "mega bauer"), "mega bauer"),
        (("ben jones", "meg jones"), "meg jones"),
        (("number too", "number two"), "number two"),
        (("the second won", "the second one"), "the second one"),
    ],
)
def test_an_offered_name_or_position_wins_over_better_scores(texts, believed):
    assert rescore(heard(*texts), choosing(*CONTACTS), None) == believed


@pytest.mark.parametrize(
    "texts",
    [
        ("never mind", "never mined", "bauer never"),
        ("what time is it", "what time is this"),
        ("the red one", "the first red one"),
        ("neither of them", "meg"),
    ],
)
def test_an_answer_that_names_nothing_offered_is_left_alone(texts):
    nbest = heard(*texts, apart=90.0)
    assert rescore(nbest, choosing(*CONTACTS), None) == texts[0]


def test_a_name_that_was_hardly_heard_is_not_forced_on_the_answer():
    nbest = Recognized((Hypothesis("never mind", -2400.0), Hypothesis("bauer", -2600.0)))
    assert rescore(nbest, choosing(*CONTACTS), None) == "never mind"


def test_a_word_that_all_share_tells_nothing():
    assert rescore(heard("mac", "meg"), choosing("Meg Jones", "Meg Bauer"), None) == "mac"


def test_all_telling_words_count_even_apart():
    places = choosing("The Copper Kettle", "Harbor Coffee", slot=Slot.PLACE)
    nbest = heard("copper cable", "kettle of copper")
    assert rescore(nbest, places, None) == "kettle of copper"


def test_a_long_list_moves_less_than_a_short_one():
    nbest = heard("eller", "bauer", apart=30.0)
    crowd = [f"Person{at} Name{at}" for at in range(200)]
    assert rescore(nbest, choosing("Bauer"), None) == "bauer"
    assert rescore(nbest, choosing("Bauer", *crowd), None) == "eller"


def test_the_context_vector_decides_between_two_offers():
    nbest = heard("jones", "bauer", apart=8.0)
    pair = choosing("Jones", "Bauer")
    assert rescore(nbest, pair, None) == "jones"
    assert rescore(nbest, pair, {"Jones": 0.1, "Bauer": 0.6}) == "bauer"
    assert rescore(nbest, pair, {"Jones": 0.6, "Bauer": 0.1}) == "jones"


def test_yes_and_no_count_where_they_are_asked_for():
    nbest = heard("guess", "yes please")
    offered = ("kitchen light",)
    yes_no = choosing(*offered, slot=Slot.YES_NO, act=Act.CONFIRM)
    assert rescore(nbest, yes_no, None) == "yes please"
    assert rescore(nbest, choosing(*offered, slot=Slot.DEVICE), None) == "guess"


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation(Act.CHOOSE, Slot.CONTACT),
        choosing(),
        choosing("", "..."),
        Expectation(Act.CONFIRM, Slot.YES_NO),
    ],
)
def test_without_offers_the_best_text_stays_as_it_is(expectation):
    nbest = heard(" The  Second ONE", "the second one")
    assert rescore(nbest, expectation, {"Jones": 1.0}) == " The  Second ONE"


def test_nothing_heard_stays_nothing():
    assert rescore(Recognized(), choosing(*CONTACTS), None) == ""
