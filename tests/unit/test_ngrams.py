"""The counted language model: whole probabilities, and the file that says them."""

from __future__ import annotations

import pytest

from tools.ngrams import END, START, arpa, count, estimate

SAID = [
    text.split()
    for text in (
        "call meg",
        "call meg bauer",
        "call bauer please",
        "meg please",
        "play some music",
        "please play music",
        "call the unheard",
        "call meg",
    )
]
WORDS = ("call", "meg", "bauer", "please", "play", "some", "music", "the", "never", END)
FLOOR = dict.fromkeys(WORDS, 1 / len(WORDS))
MODEL = estimate(count(SAID, 3), FLOOR, 1)
SPARSE = estimate(count(SAID, 3), FLOOR, 2)


@pytest.mark.parametrize("model", [MODEL, SPARSE])
@pytest.mark.parametrize(
    "context",
    [(), (START,), ("meg",), ("never",), (START, "call"), ("call", "meg"), ("the", "meg")],
)
def test_what_may_follow_adds_up_to_one(model, context):
    assert sum(10 ** model.after((*context, word)) for word in WORDS) == pytest.approx(1.0)


def test_what_was_said_is_likelier_than_what_was_not():
    assert MODEL.score(["call", "meg"]) > MODEL.score(["meg", "call"])
    assert MODEL.score(["call", "meg"]) > MODEL.score(["call", "never"])


def test_words_outside_the_vocabulary_are_left_out():
    assert not [gram for gram in MODEL.probabilities if "unheard" in gram]


def test_rare_triples_are_left_out_where_wanted():
    kept = {gram for gram in SPARSE.probabilities if len(gram) == 3}
    assert kept == {(START, "call", "meg"), ("call", "meg", END)}


def test_the_file_says_how_many_there_are_and_all_of_them():
    lines = list(arpa(MODEL))
    sizes = [sum(len(gram) == size for gram in MODEL.probabilities) for size in (1, 2, 3)]
    assert lines[1:4] == [f"ngram {size}={n}" for size, n in enumerate(sizes, 1)]
    assert lines[-1] == "\\end\\"
    assert sum("\t" in line for line in lines) == sum(sizes)
    assert f"{MODEL.probabilities['call', 'meg']:.4f}\tcall meg\t" in "\n".join(lines)
