"""The kernels, timed for a moment, and the tool that writes them into a profile."""

from __future__ import annotations

import json
import shutil
import tomllib
from datetime import date
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from edge.board import YARDSTICKS, Speeds, Trust, Work, slowness
from edge.calibration import Timing, as_speeds, calibrate
from edge.errors import ProfileError, StoreError
from edge.profile import load_profile, shipped_profiles
from edge.projection import factor
from edge.seal import Cipher

TOOL = Path(__file__).resolve().parents[2] / "tools" / "calibrate"
TODAY = date(2026, 11, 22)
SPEEDS = as_speeds(
    [
        Timing(work, unit, value / 3, value / 2, value)
        for work, units in YARDSTICKS.items()
        for unit, value in list(units.items())[-1:]
    ],
    "a board",
    TODAY,
)


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    loader = SourceFileLoader("calibrate", str(TOOL))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    shutil.copy(shipped_profiles()["pi-zero-2-w"], path)
    return path


@pytest.mark.parametrize("cipher", Cipher)
def test_every_kind_of_work_is_timed_in_a_unit_that_profiles_know(
    tmp_path: Path, cipher: Cipher
) -> None:
    timings = list(calibrate(tmp_path, cipher, repeats=2))
    assert [timing.work for timing in timings] == list(Work)
    for timing in timings:
        assert timing.unit in YARDSTICKS[timing.work]
        assert 0 < timing.low <= timing.value <= timing.high
        assert timing.spread >= 0
        assert 0.01 < slowness(timing.work, timing.value, timing.unit) < 2000
    assert list(tmp_path.iterdir()) == []


def test_what_was_timed_can_be_projected(tmp_path: Path) -> None:
    here = as_speeds(calibrate(tmp_path, Cipher.AES_256_GCM, repeats=2), "here", TODAY)
    for work in Work:
        assert factor(work, here, load_profile("pi-zero-2-w").speed).high > 0
        found = here.of(work)
        assert found
        assert (found.trust, found.date, found.source) == (Trust.MEASURED, TODAY, "here")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written to"):
        list(calibrate(tmp_path / "none", Cipher.AES_256_GCM))


def test_a_profile_of_ones_own_gets_the_figures_and_keeps_the_rest(
    tool: ModuleType, own: Path
) -> None:
    before = tomllib.loads(own.read_text())
    own.write_text(f"# mine\n{own.read_text()}")
    for _ in range(2):
        tool.write(own, SPEEDS)
        after, text = load_profile(str(own)), own.read_text()
        for work in Work:
            found, wanted = after.speed.of(work), SPEEDS.of(work)
            assert found
            assert wanted
            assert found.value == pytest.approx(wanted.value, rel=1e-3)
            assert (found.trust, found.date) == (Trust.MEASURED, TODAY)
            assert text.count(f"[speed.{work}]") == 1
        assert text.startswith("# mine\n# Four")
        kept = tomllib.loads(text)
        assert kept["speed"].pop("synthesis") == before["speed"]["synthesis"]
        assert {**kept, "speed": 0} == {**before, "speed": 0}
    assert list(own.parent.iterdir()) == [own]


@pytest.mark.parametrize("ending", ["", "\n# the end", "\n[storage]\nttl_s = 60"])
def test_a_profile_without_figures_gets_all_of_them(
    tool: ModuleType, own: Path, ending: str
) -> None:
    own.write_text(f'[board]\ntitle = "x"\ncores = 4\nmemory_mb = 427\naes = false{ending}')
    tool.write(own, SPEEDS)
    assert load_profile(str(own)).speed.scalar
    assert ending.strip() in own.read_text()


def test_a_comment_behind_a_figure_stays(tool: ModuleType, own: Path) -> None:
    text = own.read_text().replace("[speed.fp32]", "# about floats\n[speed.fp32]")
    assert "# about floats\n" in tool.with_speeds(text, SPEEDS, "mine.toml")


def test_what_is_written_in_an_unusual_way_is_left_alone(tool: ModuleType, own: Path) -> None:
    usual = own.read_text()
    own.write_text(usual.replace("[speed.int8]", "[ speed.int8 ]"))
    before = own.read_text()
    with pytest.raises(ProfileError, match="unusual way"):
        tool.write(own, SPEEDS)
    assert own.read_text() == before
    assert list(own.parent.iterdir()) == [own]


def test_a_shipped_profile_is_never_written(
    tool: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shipped_profiles()["pi-4b"]
    before = path.read_bytes()
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    for name in (path, link):
        assert tool.main(["--write", str(name)]) == 1
        assert "came with the program" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_tool_measures_and_writes_with_the_profiles_cipher(
    tool: ModuleType, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = ["--json", "--write", str(own), "--date", "2026-11-20", "--folder", str(own.parent)]
    assert tool.main(told) == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown) == set(Work)
    assert shown["crypto"]["unit"] == "MB/s, ChaCha20-Poly1305"
    speed: Speeds = load_profile(str(own)).speed
    assert speed.crypto
    assert speed.crypto.date == date(2026, 11, 20)
    assert speed.crypto.value == pytest.approx(shown["crypto"]["value"], rel=1e-3)


def test_the_table_of_held_back_figures_says_how_many_are_inside(
    tool: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tool.main(["--check"]) == 0
    assert "39 of 43 inside; 43 no slower" in capsys.readouterr().out
    assert tool.main(["--check", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert sum(row["inside"] for row in rows) == 39
