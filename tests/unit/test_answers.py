"""Which words make an answer of a type."""

from __future__ import annotations

import pytest

from edge.answers import DATE, NUMBER, POSITION, TIME, YES_NO, expected_type, spelled
from edge.dialogue import Act, Expectation, Slot


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (YES_NO, "yes please"),
        (YES_NO, "no thanks"),
        (POSITION, "the second one"),
        (POSITION, "number two please"),
        (NUMBER, "twenty five"),
        (TIME, "half past seven in the evening"),
        (TIME, "noon"),
        (DATE, "next friday"),
        (DATE, "the twenty first of may"),
    ],
)
def test_answers_of_a_type(kind, text):
    assert kind.fits(text.split())


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (YES_NO, "please"),
        (YES_NO, "yes call meg"),
        (POSITION, "the red one"),
        (NUMBER, "a couple"),
        (TIME, "play noon"),
        (DATE, "the"),
        (YES_NO, ""),
    ],
)
def test_what_is_no_answer_of_the_type(kind, text):
    assert not kind.fits(text.split())


@pytest.mark.parametrize(
    ("act", "slot", "kind"),
    [
        (Act.CONFIRM, Slot.CONTACT, YES_NO),
        (Act.REQUEST, Slot.NUMBER, NUMBER),
        (Act.CHOOSE, Slot.CONTACT, POSITION),
        (Act.CHOOSE, Slot.TIME, TIME),
        (Act.REQUEST, Slot.CONTACT, None),
    ],
)
def test_act_and_slot_say_the_type(act, slot, kind):
    assert expected_type(Expectation(act, slot)) is kind


def test_letters_spell_a_name_and_words_do_not():
    assert spelled("b a u e r".split()) == "bauer"
    assert spelled("b. a. u.".split()) == "bau"
    assert spelled("i a".split()) == spelled("call a cab".split()) == spelled([]) == ""
