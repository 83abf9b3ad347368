from pathlib import Path

import numpy as np
import pytest

from edge.verification import Kinds, Trials, equal_error, interval, joined, rate
from edge.voices import Clip


def clip(speaker: str, text: str, session: str = "", kind: str = "word") -> Clip:
    return Clip(kind, speaker, session, text, Path(), 0.0, 1.0, len(text.split()) <= 3, None)


def trials(anchors: list[int], tests: list[int]) -> Trials:
    numbers = np.arange(len(anchors))
    return Trials(numbers, numbers, np.array(anchors), np.array(tests))


def pairs(heard: list[Clip], kind: str) -> set[tuple[int, int]]:
    found = joined([one for name, _, one in Kinds(heard).trials() if name == kind])
    return set(zip(found.anchors.tolist(), found.tests.tolist(), strict=True))


@pytest.mark.parametrize(
    ("scores", "same", "wanted"),
    [
        ([0.9, 0.8, 0.2, 0.1], [1, 1, 0, 0], 0.0),
        ([0.9, 0.8, 0.2, 0.1], [0, 0, 1, 1], 1.0),
        ([0.9, 0.4, 0.6, 0.1], [1, 1, 0, 0], 0.5),
        ([0.5, 0.5, 0.5, 0.5], [1, 1, 0, 0], 0.5),
        ([0.9, 0.8, 0.7, 0.3, 0.6, 0.2, 0.1, 0.0], [1, 1, 1, 1, 0, 0, 0, 0], 0.25),
    ],
)
def test_the_rate_is_where_misses_and_false_alarms_meet(scores, same, wanted):
    found = equal_error(np.array(scores), np.array(same, bool), np.ones(len(scores)))
    assert found == pytest.approx(wanted)


def test_the_rate_of_two_normal_distributions_is_the_known_one():
    draw = np.random.default_rng(1)
    scores = np.concatenate([draw.normal(1, 1, 20_000), draw.normal(-1, 1, 40_000)])
    same = np.arange(60_000) < 20_000
    assert equal_error(scores, same, np.ones(60_000)) == pytest.approx(0.1587, abs=0.005)


def test_every_speaker_counts_alike():
    many = trials([0] * 98 + [1] * 2 + [0] * 50 + [1] * 50, [0] * 98 + [1] * 2 + [2] * 100)
    scores = np.concatenate([np.ones(98), -np.ones(2), np.zeros(100)])
    assert rate(scores, many) == pytest.approx(0.5)


def test_the_interval_holds_the_rate_and_is_drawn_from_the_seed():
    draw = np.random.default_rng(1)
    anchors, tests = draw.integers(8, size=(2, 4000))
    many = trials(anchors.tolist(), tests.tolist())
    scores = many.targets + draw.normal(0, 0.7, 4000)
    low, high = interval(scores, many, seed=1)
    assert low < (rate(scores, many) or 0) < high
    assert interval(scores, many, seed=1) == [low, high]


@pytest.mark.parametrize("tests", [[0, 1], [1, 0]])
def test_one_kind_of_trials_alone_has_no_rate(tests):
    assert rate(np.array([0.1, 0.9]), trials([0, 1], tests)) is None


def test_trials_pair_clips_by_speaker_word_and_session():
    heard = [
        clip("ann", "alexa", "1"),
        clip("ann", "alexa", "1"),
        clip("ann", "alexa", "2"),
        clip("ann", "stop", "1"),
        clip("bob", "alexa", "3"),
        clip("bob", "turn the lamp on", "3"),
    ]
    same = pairs(heard, "same_word")
    assert {(0, 1), (1, 0), (0, 4), (4, 2)} <= same
    assert not {(0, 0), (0, 2), (0, 3)} & same
    assert pairs(heard, "other_word") >= {(0, 3), (3, 4), (4, 3)}
    assert pairs(heard, "same_word_other_session") >= {(0, 2), (2, 1), (0, 4)}
    assert pairs(heard, "sentence") == {(n, 5) for n in range(5)}
    assert pairs(heard, "sentence_other_session") == {(n, 5) for n in range(4)}


def test_without_sessions_there_are_no_trials_across_them():
    heard = [clip("ann", "alexa"), clip("ann", "alexa"), clip("bob", "alexa")]
    assert not pairs(heard, "same_word_other_session")
    assert (0, 1) in pairs(heard, "same_word")


def test_clips_whose_words_nobody_knows_are_all_different():
    heard = [clip("ann", ""), clip("ann", ""), clip("bob", "")]
    assert not pairs(heard, "same_word")
    assert pairs(heard, "other_word") == {(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)}


def test_only_sets_that_share_a_speaker_are_paired():
    heard = [clip("ann", "alexa"), clip("bob", "hello all of you", kind="read")]
    assert not [sets for _, sets, _ in Kinds(heard).trials() if sets == "word > read"]


def test_three_clips_of_a_word_are_one_anchor_and_are_not_tested():
    heard = [clip("ann", "alexa") for _ in range(5)] + [clip("bob", "alexa") for _ in range(4)]
    groups, found = Kinds(heard).shots()
    assert [group.tolist() for group in groups] == [[0, 1, 2], [5, 6, 7]]
    assert set(found.anchors) == {9, 10}
    assert set(found.tests) == {3, 4, 8}
    assert found.targets.sum() == 3


def test_targets_are_never_thinned(monkeypatch):
    monkeypatch.setattr("edge.verification.MOST_TRIALS", 10)
    many = trials([0] * 500, [0] * 20 + [1] * 480)
    thin = many.thinned(np.random.default_rng(1))
    assert (thin.targets.sum(), len(thin.targets)) == (20, 30)
