"""What the network of answers holds, and which sentences of it are answers."""

from __future__ import annotations

import pytest

from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.grammar import END, MAX_ANSWERS, NAME, START, Carriers, Grammar, grammar

CARRIERS = Carriers.read(
    "\n".join(
        f"{word}\t{follower}\t{share}"
        for word, follower, share in (
            (START, NAME, 0.4),
            (START, "i", 0.3),
            (START, "yes", 0.2),
            (START, "second", 0.1),
            (START, END, 0.01),
            ("i", "mean", 0.5),
            ("mean", NAME, 0.5),
            ("mean", END, 0.1),
            ("yes", END, 0.5),
            ("yes", NAME, 0.1),
            ("second", END, 0.9),
            (NAME, "and", 0.1),
            (NAME, "please", 0.2),
            (NAME, END, 0.7),
            ("and", NAME, 0.9),
            ("please", END, 1.0),
        )
    )
)
MENU = Catalogue(Slot.OTHER, ("green tea", "large pot", "honey", "lemon"))
OFFERED = Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer", "The Duke of York"))


def network(act: Act, slot: Slot, *catalogues: Catalogue) -> Grammar:
    found = grammar(Expectation(act, slot, catalogues), CARRIERS)
    assert found
    return found


@pytest.mark.parametrize(
    "said",
    [
        "meg bauer",
        "bauer",
        "i mean meg",
        "jones please",
        "meg jones and bauer please",
        "the duke of york",
        "duke of york",
        "york",
    ],
)
def test_phrases_and_their_parts_answer_in_what_people_say_around_them(said):
    assert network(Act.CHOOSE, Slot.CONTACT, OFFERED).answers(said.split())


@pytest.mark.parametrize(
    "said",
    ["", "i mean", "yes", "meg bauer and", "the", "of york", "please", "power", "bauer meg"],
)
def test_parts_of_sentences_and_sentences_without_an_answer_do_not(said):
    assert not network(Act.CHOOSE, Slot.CONTACT, OFFERED).answers(said.split())


@pytest.mark.parametrize(
    "said",
    [
        "a large pot",
        "large pot green tea with honey please",
        "i'd like a green tea and honey or lemon",
        "can i have lemon",
        "make it green",
        "tea please",
    ],
)
def test_phrases_are_listed_when_something_is_asked_for(said):
    assert network(Act.REQUEST, Slot.OTHER, MENU).answers(said.split())


@pytest.mark.parametrize(
    "said", ["", "i'd like a", "please", "green and honey", "honey tea", "honey with", "yes"]
)
def test_parts_are_not_listed_and_carriers_alone_are_no_answer(said):
    assert not network(Act.REQUEST, Slot.OTHER, MENU).answers(said.split())


def test_a_list_also_takes_what_the_question_asks_for():
    assert network(Act.REQUEST, Slot.YES_NO, MENU).answers(["yes"])
    assert network(Act.REQUEST, Slot.YES_NO, MENU).answers("yes green tea".split())


def test_where_a_time_is_asked_for_carriers_are_free():
    assert network(Act.REQUEST, Slot.TIME, OFFERED).answers("i mean meg jones".split())


def test_what_the_question_asks_for_answers_by_itself():
    assert network(Act.CONFIRM, Slot.YES_NO).answers(["yes"])
    assert network(Act.CHOOSE, Slot.CONTACT, OFFERED).answers(["second"])
    assert not network(Act.REQUEST, Slot.CONTACT, OFFERED).answers(["second"])


def test_a_question_for_nothing_known_has_no_network():
    assert grammar(Expectation(Act.REQUEST, Slot.OTHER), CARRIERS) is None
    nothing = Catalogue(Slot.OTHER, ("", "!"))
    assert grammar(Expectation(Act.REQUEST, Slot.OTHER, (nothing,)), CARRIERS) is None


@pytest.mark.parametrize("act", [Act.CHOOSE, Act.REQUEST])
def test_no_two_steps_without_a_word_follow_one_another(act):
    found = network(act, Slot.CONTACT, OFFERED)
    silent = {(start, end) for start, end, _, word in found.arcs if not word}
    assert not {end for _, end in silent} & {start for start, _ in silent}


def test_shares_are_probabilities_and_names_share_one():
    found = network(Act.CHOOSE, Slot.CONTACT, OFFERED)
    assert all(0.0 < share <= 1.0 for _, _, share, _ in found.arcs)
    entering = sum(share for start, _, share, _ in found.arcs if start in found.names)
    assert entering == pytest.approx(1.0)


def test_a_long_list_is_cut_and_what_is_left_out_is_counted():
    many = Catalogue(
        Slot.MEDIA, tuple(f"song {first}{second}" for first in WORDS for second in WORDS)
    )
    found = network(Act.CHOOSE, Slot.MEDIA, many)
    entering = sum(start in found.names for start, *_ in found.arcs)
    assert MAX_ANSWERS <= entering < MAX_ANSWERS + 10
    assert 0 < found.left_out < len(many.phrases)


WORDS = tuple(a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u"))


def test_a_line_that_is_no_pair_is_refused():
    with pytest.raises(ValueError, match="values to unpack"):
        Carriers.read("one\ttwo")
