from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import AudioError, ScenarioError
from edge.scenario import Faults, Line, Voice, load, shipped

HEAD = '{"title": "t", "about": "a", "voice": "rms"}\n'
LINE = '{"say": "call meg", "wake": "alexa"}\n'


def refusal(tmp_path: Path, text: str) -> str:
    path = tmp_path / "mine.jsonl"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(str(path))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_has_its_recordings(name: str) -> None:
    scenario = load(name)
    voice = Voice(scenario.voice)
    for line in scenario.lines:
        assert voice.clip(line.say)
        assert line.wake is None or voice.clip(line.wake)


def test_five_scenarios_at_least_are_shipped() -> None:
    assert {"meg", "coffee", "screen", "light", "slow"} <= set(shipped())


def test_a_scenario_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"title": "t", "about": "a", "voice": "rms", "faults": {"encoder_delay_s": 2.5}}\n'
        + LINE
        + '{"say": "bauer", "after_ms": 100}\n'
    )
    scenario = load(str(path))
    assert (scenario.name, scenario.faults) == ("mine", Faults(encoder_delay_s=2.5))
    assert scenario.lines == (Line("call meg", wake="alexa"), Line("bauer", after_ms=100))


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["mine.jsonl", "no utterance"]),
        (HEAD, ["no utterance"]),
        (HEAD + "{", ["line 2", "not JSON"]),
        (HEAD + "[]", ["line 2", "object"]),
        (HEAD + LINE + '{"sai": "x"}', ["line 3", "unknown key 'sai'"]),
        (HEAD + '{"say": "x"}', ["line 2", "either 'wake' or 'after_ms'"]),
        (HEAD + '{"say": "x", "wake": "alexa", "after_ms": 1}', ["line 2", "either"]),
        (HEAD + '{"say": 3, "wake": "alexa"}', ["line 2", "'say'"]),
        (HEAD + '{"say": "x", "after_ms": "soon"}', ["line 2", "'after_ms'"]),
        (HEAD + '{"say": "x", "after_ms": -5}', ["line 2", "'after_ms'"]),
        (HEAD + '{"say": "x", "after_ms": NaN}', ["line 2", "'after_ms'"]),
        (HEAD + '{"say": "x", "after_ms": 1e308}', ["line 2", "'after_ms'"]),
        (HEAD + '{"say": "x", "wake": ""}', ["line 2", "'wake'"]),
        (HEAD + "[" * 100_000, ["line 2", "not JSON"]),
        ('{"faults": {"fire": 1}}\n' + LINE, ["line 1", "unknown key 'fire'"]),
        ('{"faults": {"encoder_delay_s": "x"}}\n' + LINE, ["line 1", "encoder_delay_s"]),
        ('{"tittle": "x"}\n' + LINE, ["line 1", "unknown key 'tittle'"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = refusal(tmp_path, text)
    for part in parts:
        assert part in message


def test_an_unknown_scenario_gets_a_suggestion() -> None:
    with pytest.raises(ScenarioError, match="did you mean 'coffee'"):
        load("cofee")


def test_a_missing_file_is_said() -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load("/nowhere/at/all.jsonl")


def test_an_unknown_voice_names_those_there_are() -> None:
    with pytest.raises(ScenarioError, match="take awb, rms, slt"):
        Voice("nobody")


def test_no_voice_is_no_voice() -> None:
    with pytest.raises(ScenarioError, match="no voice ''"):
        Voice("")


def test_a_voice_without_the_recording_says_which(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"no recording call_meg\.flac"):
        Voice(str(tmp_path)).clip("Call Meg!")


def test_a_broken_recording_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "call_meg.wav").write_bytes(b"RIFF not really")
    with pytest.raises(AudioError) as caught:
        Voice(str(tmp_path)).clip("call meg")
    assert "\n" not in str(caught.value)
