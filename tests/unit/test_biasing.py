"""Which reading of an answer is believed, given what was offered."""

from __future__ import annotations

import pytest

from edge import wording
from edge.assembly import shipped_rescorer
from edge.biasing import Rescorer
from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot
from edge.errors import ModelError
from edge.sounds import english
from edge.weights import Weights, shipped

CONTACTS = ("Meg Jones", "Meg Bauer")
RESCORER = shipped_rescorer()
rescore = RESCORER.rescore


def choosing(*phrases: str, slot: Slot = Slot.CONTACT, act: Act = Act.CHOOSE) -> Expectation:
    return Expectation(act, slot, (Catalogue(slot, phrases),))


def heard(*texts: str, apart: float = 5.0) -> Recognized:
    return Recognized(
        tuple(Hypothesis(text, -2400.0 - apart * rank) for rank, text in enumerate(texts))
    )


@pytest.mark.parametrize(
    ("texts", "believed"),
    [
        (("power",), "bauer"),
        (("mega power",), "meg bauer"),
        (("manpower", "meg power", "meg bauer"), "meg bauer"),
        (("hour", "bauer", "our"), "bauer"),
        (("ben jones", "meg jones"), "meg jones"),
        (("call meg power please",), "call meg bauer please"),
    ],
)
def test_what_sounds_like_a_name_on_offer_becomes_it(texts, believed):
    assert rescore(heard(*texts), choosing(*CONTACTS), None) == believed


@pytest.mark.parametrize(
    "text",
    [
        "what time is it",
        "play some music please",
        "meg bauer",
        "turn the light off",
        "set a timer for ten minutes",
        "neither of them",
        "Call  MEG Bauer",
    ],
)
def test_an_answer_that_names_nothing_else_on_offer_is_left_alone(text):
    assert rescore(heard(text), choosing(*CONTACTS), None) == text


def test_a_number_is_never_taken_for_another():
    years = choosing("nineteen seventeen", "seven", slot=Slot.OTHER, act=Act.REQUEST)
    text = "music from nineteen seventy five"
    assert rescore(heard(text), years, None) == text


def test_a_name_that_was_hardly_heard_is_not_forced_on_the_answer():
    nbest = heard("never mind", "bauer", apart=400.0)
    assert rescore(nbest, choosing(*CONTACTS), None) == "never mind"


def test_several_names_in_one_answer_are_mended():
    drinks = choosing("cappuccino", "almond milk", "brown sugar", slot=Slot.OTHER, act=Act.REQUEST)
    nbest = heard("a cappuchino with amand milk and brown shugar please")
    assert rescore(nbest, drinks, None) == "a cappuccino with almond milk and brown sugar please"


def test_a_word_that_is_misspelled_becomes_the_one_on_offer():
    words = choosing("leocadia", "calmed", "pruning", slot=Slot.OTHER, act=Act.REQUEST)
    text = "while she begged leocardia to calm herself"
    assert rescore(heard(text), words, None) == "while she begged leocadia to calm herself"


def test_the_context_vector_decides_between_two_offers():
    nbest, pair = heard("meg baur"), choosing("Meg Bower", "Meg Bauer")
    assert rescore(nbest, pair, {"Meg Bower": 0.9, "Meg Bauer": -0.9}) == "meg bower"
    assert rescore(nbest, pair, {"Meg Bower": -0.9, "Meg Bauer": 0.9}) == "meg bauer"


@pytest.mark.parametrize(
    ("texts", "act", "slot", "believed"),
    [
        (("know",), Act.CONFIRM, Slot.YES_NO, "no"),
        (("guess", "yes please"), Act.CONFIRM, Slot.YES_NO, "yes please"),
        (("the second won",), Act.CHOOSE, Slot.CONTACT, "the second one"),
        (("number too",), Act.CHOOSE, Slot.CONTACT, "number two"),
        (("for thirty",), Act.REQUEST, Slot.TIME, "four thirty"),
        (("ate",), Act.REQUEST, Slot.NUMBER, "eight"),
        (("b a u e r",), Act.REQUEST, Slot.CONTACT, "bauer"),
    ],
)
def test_answers_of_the_type_that_was_asked_for(texts, act, slot, believed):
    assert rescore(heard(*texts), choosing(*CONTACTS, slot=slot, act=act), None) == believed


def test_a_type_is_not_forced_on_another_answer():
    asked = Expectation(Act.CONFIRM, Slot.YES_NO)
    for text in ("what is the weather", "call the office", "never mind"):
        assert rescore(heard(text), asked, None) == text


def native(plain: str, text: str, gain: float, frames: int = 100) -> Recognized:
    plain_reading = Hypothesis(plain, -2400.0)
    return Recognized((plain_reading,), (Hypothesis(text, -2400.0 + gain),), frames)


def test_a_search_for_expected_answers_is_believed_when_the_sound_agrees():
    asked = choosing(*CONTACTS)
    assert rescore(native("the sour", "meg bauer", -5.0), asked, None) == "meg bauer"
    assert rescore(native("play music", "meg bauer", -300.0), asked, None) == "play music"
    assert rescore(native("play music", "play much", -5.0), asked, None) == "play music"


def test_what_was_prepared_before_gives_the_same_answer():
    asked = choosing(*CONTACTS)
    prepared = RESCORER.prepare(asked)
    for text in ("power", "never mind", "the second won"):
        assert rescore(heard(text), asked, None, prepared) == rescore(heard(text), asked, None)


@pytest.mark.parametrize(
    "expectation",
    [
        Expectation(Act.REQUEST, Slot.CONTACT),
        choosing(act=Act.REQUEST),
        choosing("", "...", act=Act.REQUEST),
    ],
)
def test_without_offers_and_type_the_best_text_stays_as_it_is(expectation):
    nbest = heard(" The  Second ONE", "the second one")
    assert rescore(nbest, expectation, {"Jones": 1.0}) == " The  Second ONE"


def test_nothing_heard_stays_nothing():
    assert rescore(Recognized(), choosing(*CONTACTS), None) == ""


def test_a_very_long_reading_is_left_alone():
    text = " ".join(["power"] * 200)
    assert rescore(heard(text), choosing(*CONTACTS), None) == text


def test_weights_of_other_features_are_refused():
    weights = shipped("rescorer")
    other = Weights({**weights.parameters, "features": ["cost"]}, weights.content)
    with pytest.raises(ModelError, match="other features"):
        Rescorer(other, english(), wording.english())
