"""Gains: counts by hand, and an interval that holds the change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.dialogue import Recognized
from edge.followups import Followup
from edge.gains import Outcome, figures, grouped, interval, outcomes, percent, quantiles


def followup(reference: str, *values: str, stale: bool = False) -> Followup:
    return Followup("i", "s", "k", (), None, None, Recognized(), reference, values, stale, {}, {})


SAID = [
    followup("meg bauer", "bauer"),
    followup("the second one"),
    followup("call ann power", "ann power", "power"),
]


def test_every_figure_of_a_set() -> None:
    judged = outcomes(
        SAID,
        ["meg power", "the second one", "call ann bauer"],
        ["Meg Bauer", "the second won", "call an power"],
    )
    found = figures(judged)
    assert (found["utterances"], found["words"]) == (3, 8)
    assert (found["wer_without"], found["wer_with"], found["relative"]) == (0.25, 0.25, 0.0)
    assert (found["entity_error_without"], found["entity_error_with"]) == (1.0, 0.5)
    assert found["utterances_with_values"] == 2
    assert (found["helped"], found["harmed"]) == (1, 1)
    assert "net_harmed_per_1000" not in found


def test_a_value_counts_as_words_and_not_as_letters() -> None:
    (judged,) = outcomes([followup("meg bauer", "bauer")], ["bauers"], ["bauer"])
    assert (judged.missed_without, judged.missed_with) == (True, False)


def test_numbers_and_case_are_compared_as_they_are_said() -> None:
    (judged,) = outcomes([followup("at half past seven", "seven")], ["At half past 7!"], [""])
    assert (judged.errors_without, judged.errors_with) == (0, 4)


def test_a_stale_set_says_the_net_harm() -> None:
    stale = [replace(one, stale=True) for one in SAID]
    judged = outcomes(stale, ["meg bauer"] * 3, ["meg bauer", "no", "call ann power"])
    found = figures(judged)
    assert (found["helped"], found["harmed"], found["net_harmed_per_1000"]) == (1, 0, -333.33)


def test_the_interval_holds_the_change_and_is_the_same_each_time() -> None:
    judged = [Outcome(3, 2, at % 2, None, None, False) for at in range(100)]
    low, high = interval(judged)
    assert low is not None
    assert high is not None
    assert -1 < low < -0.75 < high < -0.5
    assert interval(judged) == [low, high]


def test_what_had_no_errors_has_no_relative_change() -> None:
    judged = [Outcome(2, 0, 1, None, None, False)]
    found = figures(judged)
    assert (found["relative"], found["ci95"]) == (None, [None, None])
    assert found["entity_error_with"] is None
    assert figures([])["wer_with"] is None


def test_groups_keep_the_order_of_their_first() -> None:
    judged = [Outcome(words, 0, 0, None, None, False) for words in range(3)]
    groups = grouped(["b", "a", "b"], judged)
    assert {name: [one.words for one in group] for name, group in groups.items()} == {
        "b": [0, 2],
        "a": [1],
    }
    assert list(groups) == ["b", "a"]


def test_quantiles_are_values_that_occurred() -> None:
    assert quantiles([1.0, 2.0, 3.0]) == {"p50": 2.0, "p99": 3.0}
    assert quantiles([]) == {"p50": None, "p99": None}


@pytest.mark.parametrize(("share", "said"), [(None, "-"), (-0.256, "-25.6"), (0.0, "0.0")])
def test_shares_are_printed_in_percent(share: float | None, said: str) -> None:
    assert percent(share) == said
