"""The distribution: its requirements, what is in its wheel, and what it offers to be plugged in."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from hatchling.builders.wheel import WheelBuilder

import edge

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT: dict[str, Any] = PYPROJECT["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
REQUIREMENTS = PROJECT["dependencies"] + [line for extra in EXTRAS.values() for line in extra]
LOCK = (ROOT / "requirements.txt").read_text()
ENTRY_POINTS = [
    EntryPoint(name, value, group)
    for group, points in PROJECT["entry-points"].items()
    for name, value in points.items()
] + [EntryPoint(name, value, "scripts") for name, value in PROJECT["scripts"].items()]


def distribution(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_-]+", requirement)
    assert found, requirement
    return found[0].lower().replace("_", "-")


def test_lock_file_holds_only_names_versions_and_markers() -> None:
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+( ; [^/:@]+)?", line), line
    assert "://" not in LOCK


def test_lock_file_pins_whatever_a_tool_installs() -> None:
    pinned = {line.split("==")[0] for line in LOCK.splitlines() if "==" in line}
    by_hand = EXTRAS["train"] + EXTRAS["vosk"] + EXTRAS["sherpa-onnx"]
    installed = {distribution(line) for line in REQUIREMENTS if line not in by_hand}
    assert installed - {"edge"} <= pinned


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_requirement_has_a_floor(requirement: str) -> None:
    assert distribution(requirement) == "edge" or re.search(r"[>=]=\d", requirement)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(folder), versions=["standard"])
    return ZipFile(built)


@pytest.mark.parametrize(
    ("source", "inside"),
    [
        ("edge", "edge"),
        ("models", "edge/_models"),
        ("device_profiles", "edge/_device_profiles"),
    ],
)
def test_wheel_holds_every_file_of(wheel: ZipFile, source: str, inside: str) -> None:
    files = [path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*.*")]
    kept = [path for path in files if "__pycache__" not in path.parts]
    assert kept
    assert {f"{inside}/{path.as_posix()}" for path in kept} <= set(wheel.namelist())


def test_wheel_holds_the_scenarios_and_their_clips(wheel: ZipFile) -> None:
    suffixes = {
        Path(name).suffix for name in wheel.namelist() if name.startswith("edge/scenarios/")
    }
    assert {".jsonl", ".flac"} <= suffixes


def test_wheel_holds_nothing_else(wheel: ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert tops == {"edge", f"edge-{edge.__version__}.dist-info"}


@pytest.mark.parametrize("point", ENTRY_POINTS, ids=lambda point: f"{point.group}:{point.name}")
def test_entry_point_loads(point: EntryPoint) -> None:
    assert callable(point.load())
