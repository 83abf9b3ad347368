"""tools/make_mixtures on made voices: what it writes is what `edge eval mixtures` reads."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.clip import read_clip, write_flac
from edge.dialogue import RATE_HZ
from edge.mixtures import labelled, read
from edge.voice import Calibration
from tests.unit.timbre import customer, silence, spoken, television

TOOL = Path(__file__).parents[2] / "tools" / "make_mixtures"


def recordings(folder: Path) -> Path:
    """Two speakers with two orders each, and one who reads."""
    rows: list[dict[str, Any]] = []
    for number, pcm in enumerate([customer(1.0), customer(1.4), spoken(1.2, (500, 1900))]):
        name = f"order{number}.flac"
        write_flac(folder / name, silence(0.5) + pcm + silence(1.0))
        speaker = "one" if number < 2 else "two"
        rows.append({"id": f"o{number}", "set": "command", "speaker": speaker, "file": name})
        rows[-1] |= {"text": f"order {number}", "slots": {"drink": f"drink {number}"}}
    write_flac(folder / "read.flac", television(3.0))
    rows.append({"id": "r", "set": "read-notext", "speaker": "three", "file": "read.flac"})
    return _manifest(folder / "voices.jsonl", rows)


def noises(folder: Path) -> Path:
    noise = np.random.default_rng(1).normal(0, 500, 3 * RATE_HZ).astype("<i2")
    write_flac(folder / "noise.flac", noise.tobytes())
    return _manifest(folder / "noise.jsonl", [{"set": "noise", "file": "noise.flac"}])


def _manifest(path: Path, rows: list[dict[str, Any]]) -> Path:
    told = {"start": 0.0, "text": None, "license": "made"}
    lines = [
        json.dumps(told | {"dur": len(read_clip(path.parent / row["file"])) / 2 / RATE_HZ} | row)
        for row in rows
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(TOOL), str(recordings(folder)), "--noise", str(noises(folder))]
    line += ["--out", str(folder / "out"), *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=50, check=False)


def test_mixtures_are_of_one_speaker_with_another_and_labelled(tmp_path: Path) -> None:
    done = make(tmp_path, "--snr=0,clean")
    assert done.returncode == 0, done.stderr
    mixtures = {mixture.id: mixture for mixture in read(tmp_path / "out" / "manifest.jsonl")}
    assert sorted(mixtures) == ["o0_0", "o0_clean", "o1_0", "o1_clean"], "o2 has no second clip"
    loud, clean = mixtures["o1_0"], mixtures["o1_clean"]
    assert (loud.ratio, clean.ratio) == ("0", "clean")
    assert not clean.other
    assert loud.record["target_values"] == ["drink 1"]
    assert loud.record["entities"] == ["drink 0", "drink 1", "drink 2"]
    samples = np.frombuffer(clean.pcm, "<i2").astype(float)
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320).std(axis=1)
    said = labelled(clean.target, len(frames))
    assert frames[said].min() > 20 * frames[~said].mean()
    assert 1.3 <= said.sum() * 0.02 <= 1.5
    both = labelled(loud.target, len(loud.pcm) // 640) & labelled(loud.other, len(loud.pcm) // 640)
    assert both.any()
    assert len(loud.anchor) >= 0.8 * 2 * RATE_HZ


def test_the_same_seed_makes_the_same_mixtures(tmp_path: Path) -> None:
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        assert make(folder, "--snr=5", "--limit=1").returncode == 0
        (mixture,) = read(folder / "out" / "manifest.jsonl")
        made.append(mixture.pcm)
    assert made[0] == made[1]


@pytest.mark.parametrize("group", ["word", "nonsense"])
def test_a_set_without_two_clips_of_a_speaker_is_said(tmp_path: Path, group: str) -> None:
    done = make(tmp_path, f"--set={group}")
    assert done.returncode == 1
    assert "no speaker has two clips" in done.stderr


def test_a_calibration_is_fitted_on_mixtures(tmp_path: Path) -> None:
    assert make(tmp_path, "--snr=0,10").returncode == 0
    line = [sys.executable, str(TOOL.with_name("calibrate_voice"))]
    line.append(str(tmp_path / "out" / "manifest.jsonl"))
    done = subprocess.run(line, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    fitted = dict(pair.strip().split("=") for pair in done.stdout.split("\n", 4)[4].split(","))
    assert fitted.keys() == {field.name for field in fields(Calibration)}
    assert all(np.isfinite(float(value)) for value in fitted.values())
