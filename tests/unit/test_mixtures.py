"""Mixtures: read strictly, played as a microphone plays them, and judged by their labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.clip import write_flac
from edge.dialogue import RATE_HZ, Act
from edge.errors import AudioError, QuestionError
from edge.evaluate_mixtures import Ears, evaluated, tried
from edge.evaluate_mixtures import _expectation as expectation
from edge.hearing import Listening
from edge.mixtures import captured, labelled, read
from edge.voice import anchored
from tests.unit.timbre import Timbre, customer, mixed, silence, television

WORD_S, LEAD_S, SAID_S = 0.6, 0.8, 1.2
SCENE = silence(LEAD_S) + customer(SAID_S) + silence(3.0)


def manifest(folder: Path, **changed: Any) -> Path:
    """One mixture: a wake word, a request, and a television all the time."""
    scene = mixed(customer(WORD_S) + SCENE, silence(WORD_S) + television(5.0))
    write_flac(folder / "one.flac", scene)
    record = {
        "id": "one",
        "set": "made",
        "audio": "one.flac",
        "start": WORD_S,
        "dur": 5.0,
        "anchor": {"audio": "one.flac", "start": 0.0, "dur": WORD_S},
        "target": [[LEAD_S, LEAD_S + SAID_S]],
        "other": [[0.0, 5.0]],
        "snr_db": 10,
        "reference": "A latte, please!",
        "target_values": ["latte"],
        "entities": ["latte", "mocha"],
    }
    record = {key: value for key, value in (record | changed).items() if value is not ...}
    path = folder / "manifest.jsonl"
    path.write_text(json.dumps(record) + "\n")
    return path


def test_a_mixture_is_read_with_its_anchor(tmp_path: Path) -> None:
    (mixture,) = read(manifest(tmp_path))
    assert (mixture.id, mixture.group, mixture.ratio) == ("one", "made", "10")
    assert len(mixture.pcm) == 2 * RATE_HZ * 5
    assert len(mixture.anchor) == 2 * RATE_HZ * WORD_S
    assert mixture.target == [(LEAD_S, LEAD_S + SAID_S)]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"target": ...}, "line 1: field 'target' is missing"),
        ({"anchor": {"start": 0}}, "line 1: field 'audio' is missing"),
        ({"target": [[0.1]]}, "line 1: "),
        ({"other": 3}, "line 1: "),
        ({"start": "soon"}, "line 1: "),
    ],
)
def test_a_line_that_is_no_mixture_is_named(
    tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(QuestionError, match=says):
        list(read(manifest(tmp_path, **changed)))


def test_a_missing_recording_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"two\.flac"):
        list(read(manifest(tmp_path, audio="two.flac")))


def test_a_clean_mixture_may_have_neither_anchor_nor_ratio_nor_another(tmp_path: Path) -> None:
    (mixture,) = read(manifest(tmp_path, snr_db=None, anchor=..., other=...))
    assert (mixture.ratio, mixture.anchor, list(mixture.other)) == ("clean", b"", [])


def test_frames_belong_to_a_stretch_by_their_middle() -> None:
    assert labelled([(0.02, 0.05)], 5).tolist() == [False, True, False, False, False]
    assert labelled([], 3).tolist() == [False] * 3


def test_what_was_kept_is_what_was_handed_over_unchanged() -> None:
    one = captured(SCENE, Listening(), Timbre(), None)
    assert one.began_s == pytest.approx(LEAD_S, abs=0.06)
    assert one.ended_s == pytest.approx(LEAD_S + SAID_S + 0.7, abs=0.15)
    assert one.ended_s is not None
    assert one.kept[labelled([(LEAD_S, LEAD_S + SAID_S)], len(one.kept))].all()
    assert not one.kept[: round((LEAD_S - 0.4) / 0.02)].any()
    assert not one.kept[round(one.ended_s / 0.02) :].any()


def test_speech_to_the_very_end_of_a_recording_still_ends() -> None:
    pcm = customer(1.0)
    one = captured(pcm, Listening(), Timbre(), anchored(Timbre(), customer(WORD_S)))
    assert one.ended_s == pytest.approx(1.7, abs=0.15)
    assert one.kept.all()


def test_the_figures_of_a_filter_that_knows_the_customer(tmp_path: Path) -> None:
    ears = Ears(Listening(), Timbre(), None, tmp_path)
    results = [tried(ears, mixture) for mixture in read(manifest(tmp_path))]
    figures = evaluated(results)["made"]["10"]
    assert figures["mixtures"] == 1
    assert figures["target_cut"] == figures["target_cut_without"] == 0.0
    assert figures["interferer_removed_without"] < 0.1
    assert figures["interferer_removed"] > 0.6
    assert 600 < figures["endpoint_delay_ms"] < 2000
    assert figures["endpoint_delay_ms_without"] > 3500, "a television keeps the microphone open"
    assert figures["begun_by_another_without"] == 1.0
    assert figures["begun_by_another"] == 0.0
    assert figures["never_begun"] == 0
    assert figures["all_values_right_with"] is None, "nobody recognized anything"


def test_what_a_skill_would_offer_is_expected_but_not_what_was_said() -> None:
    asked = expectation({"entities": ["latte"], "reference": "mocha", "target_values": ["mocha"]})
    assert asked is not None
    assert asked.act is Act.REQUEST
    assert [one.phrases for one in asked.catalogues] == [("latte",)]
    assert expectation({"reference": "mocha"}) is None


def test_a_filter_without_an_anchor_changes_no_sample(tmp_path: Path) -> None:
    ears = Ears(Listening(), Timbre(), None, tmp_path)
    (mixture,) = read(manifest(tmp_path, anchor={"audio": "one.flac", "start": 0, "dur": 0.05}))
    one = tried(ears, mixture)
    assert one.filtered.pcm == one.without.pcm
    assert np.array_equal(one.filtered.kept, one.without.kept)
