"""How words sound, from the dictionary and by rule."""

from __future__ import annotations

import pytest

from edge.sounds import PHONES, RAREST, english, plain, pronunciations


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("bauer", "B AW ER"),
        ("power", "P AW ER"),
        ("Jones", "JH OW N Z"),
        ("Zoë", "Z OW IY"),
        ("o'shea", "OW SH EY"),
    ],
)
def test_listed_words_sound_as_the_dictionary_says(word, phones):
    assert pronunciations(word)[0] == tuple(phones.split())


def test_a_word_may_have_several_sounds_each_once():
    assert set(pronunciations("read")) == {("R", "EH", "D"), ("R", "IY", "D")}


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("stobbin", "S T AA B IH N"),
        ("torkins", "T AO R K IH N Z"),
        ("stobbin's", "S T AA B IH N Z"),
        ("torkich's", "T AO R K IH CH IH Z"),
        ("bvd", "B IY V IY D IY"),
    ],
)
def test_words_that_no_dictionary_knows_are_sounded_by_rule(word, phones):
    assert english().entry(word)[0] == RAREST
    assert pronunciations(word) == (tuple(phones.split()),)


@pytest.mark.parametrize("word", ["", "...", "привет", "12", "東京", "'"])
def test_what_has_no_latin_letters_has_no_sound(word):
    assert pronunciations(word) == ()


def test_every_sound_is_a_phone_of_the_set_and_common_words_are_frequent():
    for word in ("the", "strengths", "rhythm", "queue", "xylophone"):
        assert all(phone in PHONES for said in pronunciations(word) for phone in said)
    assert english().entry("the")[0] > english().entry("power")[0] > english().entry("bauer")[0]


def test_the_first_and_last_word_of_the_dictionary_are_found():
    words = [word for word, _ in english().lines()]
    assert len(words) == len(set(words)) > 100_000
    for word in (words[0], words[-1], words[4096]):
        assert english().entry(word)[1]


def test_letters_are_what_remains_of_a_word():
    assert plain("Müller-Lüdenscheidt") == "mullerludenscheidt"
    assert plain("\u2019Tis") == "tis"
    assert len(plain("a" * 10_000)) == 24
