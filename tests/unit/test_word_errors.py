"""Word errors: small alignments that can be counted by hand."""

from __future__ import annotations

from edge.word_errors import aligned, counted


def test_words_stand_beside_each_other() -> None:
    (words,) = aligned(["call meg bauer now"], ["call the meg power"])
    assert words == [
        ("call", "call"),
        (None, "the"),
        ("meg", "meg"),
        ("bauer", "power"),
        ("now", None),
    ]


def test_errors_are_counted_by_utterance() -> None:
    said = ["a b c", "", "d", "e f"]
    assert counted(said, ["a x c", "q r", "", "e f"]) == [1, 2, 1, 0]


def test_nothing_has_no_errors() -> None:
    assert counted([], []) == []
    assert aligned([""], [""]) == [[]]
