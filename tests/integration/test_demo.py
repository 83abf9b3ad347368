"""Every shipped scenario through the real pipeline on the virtual clock, by the command itself."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge.cli import main
from edge.dialogue import Act, Kind, Note, Slot
from edge.scenario import load, shipped


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["demo", *arguments])


def turns(*arguments: str) -> list[dict[str, Any]]:
    result = run("--fast", "--json", *arguments)
    assert result.exit_code == 0, result.output
    held: list[dict[str, Any]] = json.loads(result.stdout)["turns"]
    return held


@pytest.fixture(scope="module")
def every_turn() -> dict[str, list[dict[str, Any]]]:
    held = turns("--scenario", "all")
    return {name: [turn for turn in held if turn["scenario"] == name] for name in shipped()}


@pytest.mark.parametrize("name", shipped())
def test_every_scenario_is_held_to_its_end(
    every_turn: dict[str, list[dict[str, Any]]], name: str
) -> None:
    heard = [turn for turn in every_turn[name] if turn["recognized"] is not None]
    assert len(heard) == len(load(name).lines)


def test_bauer_is_bauer(every_turn: dict[str, list[dict[str, Any]]]) -> None:
    request, answer = every_turn["meg"]
    assert request["events"][-2:] == ["PLAYED", "REOPENED"]
    assert request["context"] == "not-needed"
    assert request["payloads_unsealed"] == 2
    assert 0 < request["encode_ms"] < request["window_ms"]
    assert 0 <= request["reopened_after_playback_ms"] < 100
    assert answer["context"] == "used"
    assert answer["recognized"] == "i mean bauer"
    assert "bauer" not in answer["recognized_without_context"]
    assert answer["replies"] == ["Calling Meg Bauer."]


def test_a_command_without_a_question_embeds_and_unseals_nothing(
    every_turn: dict[str, list[dict[str, Any]]],
) -> None:
    (turn,) = every_turn["light"]
    assert turn["context"] == "not-needed"
    assert (turn["payloads_unsealed"], turn["encode_ms"], turn["window_ms"]) == (0, None, None)
    assert not any(event.startswith(("EXPECT", "CONTEXT")) for event in turn["events"])


def test_a_slow_encoder_costs_the_vector_and_nothing_else(
    every_turn: dict[str, list[dict[str, Any]]],
) -> None:
    request, answer = every_turn["slow"]
    assert answer["context"] == "no-vector"
    assert request["payloads_unsealed"] == 2, "they were unsealed, in vain"
    assert 0 <= request["reopened_after_playback_ms"] < 100
    assert not any(event.startswith("CONTEXT_READY") for event in request["events"])


def test_with_context_off_nothing_is_changed() -> None:
    for turn in turns("--scenario", "screen", "--no-context"):
        assert turn["context"] == "off"
        assert turn["recognized"] == turn["recognized_without_context"]
        assert turn["payloads_unsealed"] == 0


def readable(path: Path) -> set[str]:
    """The words of what `strings` finds in a file."""
    found = re.findall(rb"[\x20-\x7e]{4,}", path.read_bytes())
    return {word for text in found for word in re.findall(r"[a-z]{3,}", text.decode().lower())}


def test_the_stores_files_hold_no_word_of_the_conversation(tmp_path: Path) -> None:
    held = turns("--scenario", "meg", "--store", str(tmp_path))
    said = {"i", "meg", "jones", "bauer", "calling", "mean", "call"}
    assert {word for turn in held for word in re.findall("[a-z]+", turn["recognized"])} <= said
    files = list((tmp_path / "meg").iterdir())
    assert files
    published = {str(word).lower() for kind in (Act, Kind, Note, Slot) for word in kind}
    published |= {part for word in published for part in word.split("_")}
    for file in files:
        assert not readable(file) & (said - published)


def test_it_is_told_as_it_goes() -> None:
    result = run("--fast")
    assert result.exit_code == 0
    for part in (
        "Do you mean Meg Jones or Meg Bauer?",
        "playback",
        "encode",
        "margin",
        "re-opened",
    ):
        assert part in result.output
    assert "EXPECT_SPEECH(choose,contact)" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "mag"], "did you mean 'meg'"),
        (["--profile", "labtop"], "did you mean 'laptop'"),
        (["--voice", "nobody"], "no voice 'nobody'"),
    ],
)
def test_what_is_unknown_is_said_in_one_line(arguments: list[str], message: str) -> None:
    result = run("--fast", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_broken_recording_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "call_meg.flac").write_bytes(b"fLaC and no more")
    result = run("--fast", "--voice", str(tmp_path))
    assert result.exit_code == 1
    assert "call_meg.flac" in result.stderr
    assert result.stderr.count("\n") == 1


def test_recordings_of_ones_own_are_a_voice(tmp_path: Path) -> None:
    from edge.scenario import CLIPS

    for clip in (CLIPS / "rms").iterdir():
        (tmp_path / clip.name).write_bytes(clip.read_bytes())
    result = run("--fast", "--json", "--voice", str(tmp_path))
    assert json.loads(result.stdout)["turns"][1]["recognized"] == "i mean bauer"


def test_a_model_that_was_changed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge import tflite

    shipped_models = tflite.shipped("context-encoder").parent
    for file in shipped_models.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    model = tmp_path / "context-encoder.tflite"
    changed = bytearray(model.read_bytes())
    changed[len(changed) // 2] ^= 1
    model.write_bytes(changed)
    monkeypatch.setattr(tflite, "_FOLDERS", (tmp_path,))
    result = run("--fast")
    assert result.exit_code == 1
    assert "context-encoder.tflite" in result.stderr
    assert "SHA-256" in result.stderr


@pytest.mark.parametrize(
    "line",
    ['{"say": "bauer", "after_ms": 200}', '{"say": "bauer", "after_ms": 50000}'],
    ids=["nobody asked", "too late"],
)
def test_a_conversation_that_went_astray_is_said(tmp_path: Path, line: str) -> None:
    first = "call meg" if "50000" in line else "bauer"
    path = tmp_path / "astray.jsonl"
    path.write_text(
        '{"title": "t", "about": "a", "voice": "rms"}\n'
        f'{{"say": "{first}", "wake": "alexa"}}\n{line}\n'
    )
    result = run("--fast", "--json", "--scenario", str(path))
    assert result.exit_code == 1
    assert "astray: took another course" in result.stderr
    assert json.loads(result.stdout)["turns"], "what was heard is printed all the same"


def test_a_place_that_cannot_hold_the_store_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run("--fast", "--store", str(tmp_path / "file"))
    assert result.exit_code == 1
    assert "no place for the store" in result.stderr
    assert result.stderr.count("\n") == 1


def children_of(pid: int) -> list[Path]:
    """Their folders in /proc; the fourth field of `stat` is the parent."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(stat.parent)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_key_and_no_child_behind(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "edge", "demo", "--store", str(tmp_path)]
    before = set(Path("/dev/shm").glob("edge-*"))  # noqa: S108
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, text=True, stdout=pipe, stderr=nowhere) as demo:
        try:
            assert demo.stdout is not None
            assert any("recognized" in line for line in demo.stdout)
            children = children_of(demo.pid)
            demo.send_signal(number)
            demo.stdout.close()
            assert demo.wait(20) != 0
        finally:
            demo.kill()
    assert set(Path("/dev/shm").glob("edge-*")) <= before  # noqa: S108
    assert len(children) >= 2
    assert not [child for child in children if child.exists()]


def test_a_board_without_time_for_the_vector_goes_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    board = tmp_path / "tiny.toml"
    board.write_text(
        '[board]\ntitle = "tiny"\ncores = 1\nmemory_mb = 64\naes = false\n'
        "[children]\nencoder_budget_ms = 0.001\n"
    )
    _, answer = turns("--profile", str(board))
    assert answer["context"] == "no-vector"
    assert answer["recognized"] == "i mean bauer"
    assert "context vector off" in caplog.text
