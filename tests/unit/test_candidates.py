"""What an answer may name, and where a reading may have been it."""

from __future__ import annotations

import numpy as np
import pytest

from edge.candidates import FEATURES, propose
from edge.offers import named, offers
from edge.sounds import english

CONTACTS = offers(["Meg Jones", "Meg Bauer"], english())


def proposed(*texts, offered=CONTACTS):
    found = propose([tuple(text.split()) for text in texts], offered, english())
    return {
        (int(start), int(end), " ".join(offered.texts[item]))
        for start, end, item in zip(found.start, found.end, found.item, strict=True)
    }


def test_phrases_and_their_telling_words_are_items():
    assert CONTACTS.texts == (("meg", "jones"), ("meg", "bauer"), ("jones",), ("bauer",))
    assert CONTACTS.partial.tolist() == [False, False, True, True]
    assert CONTACTS.phrases[3] == ("Meg Bauer",)


def test_a_word_that_is_itself_on_offer_is_no_part():
    both = offers(["Bauer", "Meg Bauer"], english())
    assert not both.partial[both.places["bauer",]]


def test_phrases_without_words_are_not_on_offer():
    assert len(offers(["", "...", "!"], english())) == 0


def test_the_longest_name_at_each_place_counts():
    assert named(("call", "meg", "bauer", "or", "jones"), CONTACTS) == [(1, 3, 1), (4, 5, 2)]
    assert named((), CONTACTS) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("power", (0, 1, "bauer")),
        ("mega power", (0, 2, "meg bauer")),
        ("call meg johns please", (1, 3, "meg jones")),
        ("ma bower", (1, 2, "bauer")),
    ],
)
def test_stretches_that_sound_like_a_name_are_proposed(text, place):
    assert place in proposed(text)


def test_what_stands_there_already_is_not_proposed():
    assert (0, 2, "meg bauer") not in proposed("meg bauer")


def test_nothing_is_proposed_for_what_sounds_different():
    assert proposed("play some music") == set()


def test_a_reading_below_proposes_a_place_in_the_first():
    assert (2, 3, "bauer") in proposed("call the hour please", "call the bauer please")
    assert (2, 3, "bauer") in proposed("call the hour please", "oh call the bauer please")


def test_every_proposal_has_finite_features_of_the_right_number():
    found = propose([("mega", "power"), ("power", "\u00e9"), ()], CONTACTS, english())
    assert found.features.shape == (len(found.item), len(FEATURES))
    assert np.isfinite(found.features).all()


@pytest.mark.parametrize("readings", [[], [()], [(), ("power",)]])
def test_without_words_nothing_is_proposed(readings):
    assert len(propose(readings, CONTACTS, english()).item) == 0


def test_a_name_is_found_among_ten_thousand():
    syllables = ["bar", "ten", "lo", "mi", "sor", "ka", "ven", "du", "gri", "pol"]
    crowd = [
        f"{a}{b} {c}{d}" for a in syllables for b in syllables for c in syllables for d in syllables
    ]
    many = offers(["Meg Bauer", *crowd[:4000]], english())
    assert (0, 2, "meg bauer") in proposed("mega power", offered=many)
