"""Context signals: what each adds to a question, and to which questions."""

from __future__ import annotations

import pytest

from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.protocols import Round
from edge.signals import (
    LISTED,
    Contacts,
    Devices,
    Listed,
    Preferences,
    Question,
    Reply,
    Rooms,
    Rounds,
    Screen,
    WithoutActSlot,
    WithoutService,
    applied,
    options,
)

OFFERED = Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer"))
WHO = Question((), Expectation(Act.CHOOSE, Slot.CONTACT, (OFFERED,)))


def asking(slot: Slot, *catalogues: Catalogue) -> Question:
    return Question((), Expectation(Act.REQUEST, slot, catalogues))


def test_new_phrases_come_after_those_that_the_skill_offered() -> None:
    found = Contacts(("meg  BAUER", "Ann Power", "Ann Power")).applied(WHO)
    assert found.catalogues == (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer", "Ann Power")),)
    assert (found.act, found.slot) == (Act.CHOOSE, Slot.CONTACT)


def test_another_type_is_a_catalogue_of_its_own() -> None:
    found = Screen(("The Copper Kettle",)).applied(WHO)
    assert found.catalogues == (OFFERED, Catalogue(Slot.LIST_ITEM, ("The Copper Kettle",)))


@pytest.mark.parametrize("signal", [Screen(()), Contacts(("Meg Bauer",)), Contacts(("  ",))])
def test_what_adds_nothing_changes_nothing(signal: Listed) -> None:
    assert signal.applied(WHO) == WHO.expectation


@pytest.mark.parametrize(
    ("signal", "slots"),
    [
        (Contacts(("Ann",)), {Slot.CONTACT, Slot.NAME}),
        (Devices(("lamp",)), {Slot.DEVICE}),
        (Rooms(("attic",)), {Slot.ROOM, Slot.PLACE}),
        (Preferences(("oat milk",)), set(Slot)),
    ],
)
def test_a_list_is_added_where_it_may_be_the_answer(signal: Listed, slots: set[Slot]) -> None:
    added = {slot for slot in Slot if signal.applied(asking(slot)).catalogues}
    assert added == slots | {Slot.OTHER, Slot.LIST_ITEM}


def test_the_reply_names_its_options() -> None:
    reply = "I found two. Would you like Psychologist or Family Counselor?"
    question = Question((Round("", reply),), Expectation(Act.CHOOSE, Slot.LIST_ITEM))
    (offered,) = Reply().applied(question).catalogues
    assert offered.slot is Slot.LIST_ITEM
    assert {"Psychologist", "Family Counselor"} <= set(offered.phrases)
    assert Reply().applied(WHO) == WHO.expectation


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Do you mean Meg Jones or Meg Bauer?", {"Meg Jones", "Meg Bauer"}),
        ("Should I use your checking or savings account?", {"savings account"}),
        ("Josie and the Pussycats is one movie.", {"Josie and the Pussycats"}),
        ("Is Pickup on March 6th fine?", {"March 6th"}),
        ("What else can I do for you?", set()),
        ("Okay. Thanks!", set()),
        ("", set()),
    ],
)
def test_names_and_sides_of_an_or_are_options(reply: str, found: set[str]) -> None:
    assert found <= set(options(reply))
    assert found or not options(reply)


def test_earlier_rounds_give_their_names_the_latest_first() -> None:
    rounds = (Round("call Ann Power now", "Ann Power is out."), Round("then Meg Bauer", "Which?"))
    question = Question(rounds, Expectation(Act.CHOOSE, Slot.CONTACT))
    (named,) = Rounds().applied(question).catalogues
    assert named == Catalogue(Slot.CONTACT, ("Meg Bauer", "Ann Power"))


def test_what_the_skill_says_can_be_withheld() -> None:
    bare = applied([WithoutService(), Contacts(("Ann",)), WithoutActSlot()], WHO)
    assert bare == Expectation(Act.REQUEST, Slot.OTHER, (Catalogue(Slot.OTHER, ("Ann",)),))


def test_no_order_of_signals_makes_two_catalogues_of_a_type() -> None:
    every = [kind((f"a {name}", "the same")) for name, kind in LISTED.items()]
    for signals in every, every[::-1]:
        slots = [one.slot for one in applied(signals, asking(Slot.OTHER)).catalogues]
        assert len(slots) == len(set(slots))


def test_only_the_end_of_a_long_reply_is_looked_at() -> None:
    reply = "a word " * 50_000 + "tea or coffee?"
    assert options("Meg Jones. " + reply) == ["word tea", "coffee"]
