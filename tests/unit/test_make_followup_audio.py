"""The tool that speaks answers: what is drawn, lent and mixed; with flite, the clips themselves."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from edge.clip import read_clip, write_flac
from edge.followups import read

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "make_followup_audio"
MEG = {
    "dialogue_id": "a/1",
    "turn": 2,
    "domain": "calls",
    "turns": [
        {"role": "user", "text": "call Meg"},
        {"role": "system", "text": "Do you mean Meg Jones or Meg Bauer?"},
    ],
    "entities": ["Meg Jones", "Meg Bauer"],
    "system_asks": True,
    "target_spoken": "the bauer one",
    "target_slots": ["Bauer"],
    "target_values": ["Bauer"],
    "kind": "choice",
    "act": "confirm",
}
ROOMS = {
    "dialogue_id": "b/1",
    "turn": 2,
    "domain": "lights",
    "turns": [{"role": "system", "text": "Which room?"}],
    "entities": ["kitchen", "attic"],
    "system_asks": True,
    "target_spoken": "no thanks",
}
OPEN = {"dialogue_id": "c/1", "domain": "x", "turns": [], "target_spoken": "stop the music"}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = SourceFileLoader("make_followup_audio", str(TOOL))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def dialogues(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "dialogues.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=50, check=False)


def test_an_answer_names_what_was_offered_or_a_part_of_it(tool: ModuleType) -> None:
    assert tool.names_offered(MEG)
    assert tool.names_offered(MEG | {"target_spoken": "meg jones please", "target_slots": []})
    assert not tool.names_offered(MEG | {"target_spoken": "neither of them"})
    assert not tool.names_offered(MEG | {"system_asks": False})
    assert not tool.names_offered(ROOMS)


def test_act_and_slot_are_those_of_the_question(tool: ModuleType) -> None:
    assert tool.asked(MEG) == {"act": "choose", "slot": "other"}
    assert tool.asked(MEG) == tool.asked({"turns": MEG["turns"]})
    assert tool.asked(OPEN) == {}


def test_a_stale_context_is_of_another_dialogue_and_offers_nothing_said(tool: ModuleType) -> None:
    assert tool.strange(ROOMS, MEG)
    assert not tool.strange(MEG, MEG)
    assert not tool.strange(ROOMS | {"domain": "calls"}, MEG)
    assert not tool.strange(ROOMS, MEG | {"target_spoken": "the attic lamp"})


def test_noise_and_room_keep_length_and_loudness() -> None:
    sys.path.insert(0, str(ROOT))
    from tools.answer_sound import in_room, rms, with_noise

    draw = np.random.default_rng(1)
    speech, noise = draw.normal(0, 1000, 4000), draw.normal(0, 10, 700)
    mixed = with_noise(speech, noise, at=0.5, snr_db=10.0)
    assert len(mixed) == len(speech)
    assert 20 * np.log10(rms(speech) / rms(mixed - speech)) == pytest.approx(10.0)
    echoing = in_room(speech, np.array([0.0, 0.0, 1.0, 0.0, 0.5]))
    assert len(echoing) == len(speech)
    assert rms(echoing) == pytest.approx(rms(speech))
    assert np.allclose(in_room(speech, np.array([0.0, 1.0])), speech)


def test_a_broken_line_or_a_missing_file_is_one_line(tmp_path: Path) -> None:
    path = dialogues(tmp_path, MEG, {"turns": []})
    done = run(path, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "dialogues.jsonl: line 2: no answer in it" in done.stderr
    assert run(tmp_path / "none", "--out", tmp_path / "out").returncode == 1


def test_without_sound_the_answer_is_its_own_reading(tmp_path: Path) -> None:
    path, out = dialogues(tmp_path, MEG, ROOMS, OPEN), tmp_path / "out"
    assert run(path, "--out", out, "--stale", path, "--text").returncode == 0
    found = list(read(out / "manifest.jsonl"))
    assert len(found) == 5
    assert all(one.recognized.nbest[0].text == one.reference for one in found)
    assert not list(out.rglob("*.flac"))


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_clips_and_manifest_are_the_same_each_time_and_are_kept(tmp_path: Path) -> None:
    path, out = dialogues(tmp_path, MEG, ROOMS, OPEN), tmp_path / "out"
    hiss = np.random.default_rng(1).integers(-99, 99, 8000).astype("<i2").tobytes()
    write_flac(tmp_path / "hiss.flac", hiss)
    noise = tmp_path / "noise.jsonl"
    noise.write_text(json.dumps({"set": "noise", "file": "hiss.flac", "start": 0, "dur": 0.5}))
    arguments = path, "--out", out, "--stale", path, "--noise", noise, "--vary"
    assert run(*arguments).returncode == 0
    written = (out / "manifest.jsonl").read_text()
    clips = {clip: clip.stat().st_mtime_ns for clip in out.rglob("*.flac")}
    assert run(*arguments).returncode == 0
    assert (out / "manifest.jsonl").read_text() == written
    assert {clip: clip.stat().st_mtime_ns for clip in out.rglob("*.flac")} == clips
    found = {one.id: one for one in read(out / "manifest.jsonl")}
    assert found.keys() == {"a/1-2", "a/1-2-stale", "b/1-2", "b/1-2-stale", "c/1-stale"}
    assert found["a/1-2-stale"].clip == found["a/1-2"].clip
    assert found["a/1-2-stale"].stale
    assert found["a/1-2-stale"].expectation != found["a/1-2"].expectation
    assert not found["a/1-2"].stale
    for one in found.values():
        assert one.clip
        assert len(read_clip(one.clip.path)) > 16_000


@pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")
def test_a_voice_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = run(dialogues(tmp_path, MEG), "--out", tmp_path / "out", "--voices", "espeak:zzz")
    assert done.returncode == 1
    assert "espeak" in done.stderr
