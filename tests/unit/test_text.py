import numpy as np
import pytest

from edge.text import GRAM_SHARE, PAD, Buckets, bags, ids, marks, spoken, stacked

BUCKETS = Buckets(words=50, pairs=40, grams=30)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Do you mean Meg Jones, or Meg Bauer?", "do you mean meg jones or meg bauer"),
        ("It's at 6:30 PM.", "it's at six thirty p m"),
        ("at 11:05", "at eleven oh five"),
        ("11:00-11:30", "eleven o'clock eleven thirty"),
        ("I am 7pm", "i am seven p m"),
        ("on the 2nd, 12th and 30th", "on the second twelfth and thirtieth"),
        ("$20 & 15%", "twenty dollars and fifteen percent"),
        ("room 525", "room five hundred twenty five"),
        ("in 1917, 1800 and 2005", "in nineteen seventeen eighteen hundred and two thousand five"),
        ("code 93103", "code nine three one zero three"),
        ("a t9, OK?", "a t nine okay"),
        ("\u2168 \uff21\uff22", "ix ab"),
        (
            "Gr\u00fc\u00dfe \U0001f600\x00\x1b[0m caf\u0065\u0301",
            "gr\u00fc\u00dfe zero m caf\u00e9",
        ),
        ("", ""),
    ],
)
def test_text_is_printed_as_a_recognizer_prints_it(written, said):
    assert " ".join(spoken(written, 40)) == said


def test_the_end_of_a_long_text_is_kept():
    assert spoken("one two three " * 10_000 + "which one", 3) == ("three", "which", "one")


def test_no_words_are_kept_when_none_are_wanted():
    assert spoken("anything", 0) == ()


def test_words_pairs_and_grams_take_rows_of_their_own():
    rows = ids(("meg", "bauer"), BUCKETS, 100)
    words, pairs, grams = rows[:2], rows[2:5], rows[5:]
    assert all(1 <= row <= 50 for row in words)
    assert all(51 <= row <= 90 for row in pairs)
    assert all(91 <= row < BUCKETS.total for row in grams)
    assert len(grams) == len("meg") + len("bauer")


def test_ids_stay_the_same_from_release_to_release():
    fixed = [12826, 18954, 25421, 26447, 26826, 30920]
    assert ids(("yes",), Buckets(14_000, 12_000, 6_000), 9) == fixed


def test_too_many_ids_are_cut_from_the_end():
    assert ids(("meg", "bauer"), BUCKETS, 4) == ids(("meg", "bauer"), BUCKETS, 100)[:4]


def test_marks_are_no_words():
    assert marks(["act=choose"], BUCKETS)[0] in range(1, 51)


def test_bags_share_a_row_of_ids_and_weigh_theirs_alone():
    flat, weights = bags([[3, 4, 5, 50], [], [7, 91, 92, 93, 94]], 10, BUCKETS)
    assert flat.tolist() == [3, 4, 5, 50, 7, 91, 92, 93, 94, PAD]
    assert weights[0] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0, 0])
    assert weights[1].tolist() == [0] * 10
    assert weights[2] == pytest.approx([0, 0, 0, 0, 1, 0.25, 0.25, 0.25, 0.25, 0])
    assert flat.dtype == np.int32
    assert weights.dtype == np.float32


def test_stacked_bags_have_a_row_each():
    rows, weights = stacked([[3, 91], []], 3, BUCKETS)
    assert rows.tolist() == [[3, 91, PAD], [PAD] * 3]
    assert weights.tolist() == [[1, GRAM_SHARE, 0], [0, 0, 0]]
