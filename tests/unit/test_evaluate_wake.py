"""Wake words judged on clips: what is a trial, what is a false alarm, and what tells nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.clip import write_flac
from edge.dialogue import RATE_HZ
from edge.errors import QuestionError
from edge.evaluate_wake import Spoken, evaluate, listened, read, shipped_words

ALEXA = Path(__file__).parents[1] / "audio" / "alexa.flac"


class Loud:
    """A detector that fires in the first loud frame after a quiet one."""

    latency_s = 0.0

    def __init__(self, word: str) -> None:
        self.word = word
        self._quiet = True

    def detect(self, pcm: bytes) -> bool:
        loud = int(np.abs(np.frombuffer(pcm, "<i2")).max()) > 1000
        fires, self._quiet = loud and self._quiet, not loud
        return fires


def clip(folder: Path, name: str, loudness: int, text: str) -> Spoken:
    path = folder / f"{name}.flac"
    write_flac(path, np.full(RATE_HZ, loudness, "<i2").tobytes())
    return Spoken(path, 0.0, 1.0, text)


def test_hits_misses_and_false_alarms(tmp_path: Path) -> None:
    clips = [
        clip(tmp_path, "hit", 9000, "hey jarvis"),
        clip(tmp_path, "miss", 0, "hey jarvis"),
        clip(tmp_path, "false", 9000, "computer"),
        clip(tmp_path, "right", 0, ""),
        clip(tmp_path, "inside", 9000, "so hey jarvis please"),
    ]
    tally = listened(clips, [Loud("hey_jarvis")])["hey_jarvis"]
    assert (tally.clips, tally.missed, tally.false) == (2, 1, 1)
    assert tally.figures() == {
        "clips": 2,
        "missed": 1,
        "false": 1,
        "false_per_hour": 1800.0,
        "hours": 0.0006,
    }


def test_no_other_sound_has_no_rate(tmp_path: Path) -> None:
    tally = listened([clip(tmp_path, "hit", 9000, "alexa")], [Loud("alexa")])["alexa"]
    assert tally.figures()["false_per_hour"] is None


def test_every_word_whose_model_ships_is_known() -> None:
    assert sorted(shipped_words()) == ["alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"]


def test_the_models_that_ship_hear_a_real_wake_word(tmp_path: Path) -> None:
    rows = [
        {"file": str(ALEXA), "start": 0.0, "dur": 0.895, "text": "Alexa"},
        {"file": str(ALEXA), "start": 0.0, "dur": 0.895, "text": None},
    ]
    path = tmp_path / "manifest.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = evaluate(path, ["alexa", "okay_nabu"])["words"]
    assert words["alexa"]["clips"] == 1
    assert words["alexa"]["missed"] == 0
    assert words["alexa"]["false"] == 1, "a clip that nobody wrote down counts as another word"
    assert words["okay_nabu"] == {
        "clips": 0,
        "missed": 0,
        "false": 0,
        "false_per_hour": 0.0,
        "hours": round(1.79 / 3600, 4),
    }


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"file": "a.flac"}', "line 1: field 'dur' is missing"),
        ('{"file": "a.flac", "dur": "long"}', "line 1: "),
        ('{"file": "a.flac", "dur": 1, "text": 7}', "line 1: "),
    ],
)
def test_a_line_that_is_no_clip_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(QuestionError, match=says):
        list(read(path))


def test_an_empty_manifest_is_said(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n")
    with pytest.raises(QuestionError, match="holds no clip"):
        evaluate(path, ["alexa"])
