"""Vosk without a model: what it is asked to find, and what it says is missing."""

from __future__ import annotations

import importlib.util
import json

import pytest

from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Slot
from edge.engines import vosk
from edge.errors import EngineError

installed = importlib.util.find_spec("vosk") is not None


@pytest.mark.skipif(installed, reason="vosk is installed")
def test_a_missing_library_is_named_in_one_line():
    with pytest.raises(EngineError, match=r"^vosk is not installed: install the extra 'vosk'$"):
        vosk.Vosk()


@pytest.mark.skipif(not installed, reason="vosk is not installed")
def test_a_missing_model_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(EngineError, match=rf"^{tmp_path}/edge/models/vosk: no vosk model: .*$"):
        vosk.Vosk()


@pytest.mark.skipif(not installed, reason="vosk is not installed")
def test_a_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(EngineError, match=rf"^{tmp_path}: vosk cannot load this model: .*$"):
        vosk.Vosk(tmp_path)


def test_phrases_are_as_they_are_spoken_once_and_not_too_many():
    many = tuple(f"Track {number}" for number in range(2 * vosk.PHRASES_MAX))
    names = Catalogue(Slot.CONTACT, ("Meg Bauer", "meg bauer!", "...", "Dr. Who"))
    asked = Expectation(Act.CHOOSE, Slot.CONTACT, (names, Catalogue(Slot.MEDIA, many)))
    found = vosk.phrases(asked)
    assert found[:3] == ["meg bauer", "doctor who", "track zero"]
    assert len(found) == vosk.PHRASES_MAX


def test_earlier_segments_lead_every_reading_of_the_last():
    answer = {
        "alternatives": [{"text": " bauer", "confidence": 9.5}, {"text": "", "confidence": 1}]
    }
    readings = vosk._readings(json.dumps(answer))
    assert vosk._behind(["i mean"], readings) == [
        Hypothesis("i mean bauer", 9.5),
        Hypothesis("i mean", 1.0),
    ]
    assert vosk._behind([], readings) == [Hypothesis("bauer", 9.5)]
    assert vosk._readings("{}") == []
