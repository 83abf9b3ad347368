from hypothesis import given
from hypothesis import strategies as st

from edge.text import GRAM_SHARE, MAX_WORD_CHARS, Buckets, bags, ids, spoken

BUCKETS = Buckets(words=50, pairs=40, grams=30)
ANYTHING = st.text(st.characters(exclude_categories=()), max_size=400)


@given(ANYTHING, st.integers(0, 30))
def test_any_text_becomes_few_short_bare_words(written, limit):
    words = spoken(written, limit)
    assert len(words) <= limit
    assert all(0 < len(word) <= MAX_WORD_CHARS and word == word.lower() for word in words)
    letters = "".join(words).replace("'", "")
    assert not letters or (letters.isalnum() and not any(map(str.isdecimal, letters)))


@given(ANYTHING)
def test_what_is_spoken_stays_as_it_is(written):
    words = spoken(written, 30)
    assert spoken(" ".join(words), 1000) == words


@given(ANYTHING, st.integers(1, 60))
def test_ids_fit_the_table_and_their_bag(written, width):
    found = ids(spoken(written, 30), BUCKETS, width)
    flat, weights = bags([found], width, BUCKETS)
    assert len(found) <= width
    assert all(0 < row < BUCKETS.total for row in found)
    assert flat[: len(found)].tolist() == found
    spelled, grams = flat[flat > 0] < BUCKETS.first_gram, flat >= BUCKETS.first_gram
    assert abs((weights**2).sum() - 1 - GRAM_SHARE**2 * grams.any()) < 1e-5
    assert spelled.any()
