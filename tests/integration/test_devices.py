"""`edge devices` as a process of its own: lists, tests, writes; every failure is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.devices import with_late_ms
from edge.errors import ProfileError
from edge.profile import load_profile, shipped_profiles
from tests.sound_server import SoundServer, missing, sound_server

pytestmark = pytest.mark.audio
needs_sound = pytest.mark.skipif(bool(missing()), reason=missing() or "all is there")

RUN = """
import sys
sys.path[:0] = [{root!r}]
import click
from edge.cli import Commands

@click.group(cls=Commands, modules={{"devices": "edge.devices:devices"}})
def main():
    pass
main(prog_name="edge")
"""
BOARD = '[board]\ntitle = "x"\ncores = 2\nmemory_mb = 1000\naes = true\n'


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with sound_server() as running:
        yield running


def edge_devices(*words: str) -> subprocess.CompletedProcess[str]:
    code = RUN.format(root=str(Path(__file__).parents[2]))
    command = [sys.executable, "-c", code, "devices", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


def profile(folder: Path, microphone: str, more: str = "") -> Path:
    path = folder / "mine.toml"
    names = f'[audio]\nmicrophone = "{microphone}"  # by name\nloudspeaker = "loudspeaker"\n'
    path.write_text(BOARD + "\n" + names + more)
    return path


@needs_sound
def test_it_lists_what_there_is_and_what_the_profile_takes(server, tmp_path):
    path = profile(tmp_path, "echo")
    ended = edge_devices("--profile", str(path))
    assert ended.returncode == 0, ended.stderr
    lines = {line.split()[6]: line for line in ended.stdout.splitlines()}
    assert lines["echo"].endswith("<- microphone")
    assert lines["loudspeaker"].endswith("<- loudspeaker")
    assert "<-" not in lines["microphone"]
    listed = json.loads(edge_devices("--json", "--profile", str(path)).stdout)
    assert {one["name"]: one["taken_as"] for one in listed}["echo"] == ["microphone"]
    assert all(one["inputs"] > 0 and one["rate_hz"] > 0 for one in listed)


@needs_sound
def test_a_test_hears_itself_and_writes_what_it_measured(server, tmp_path):
    path = profile(tmp_path, "echo", "late_ms = 500  # guessed\n\n[storage]\nttl_s = 60\n")
    before = path.read_text()
    ended = edge_devices("--profile", str(path), "--write", str(path), "--json")
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert abs(found["late_ms"]) < 40, "the devices say themselves when they sound"
    assert abs(found["echo_db"]) < 3
    assert found["snr_db"] > 20
    written = load_profile(str(path)).audio.late_ms
    assert written == pytest.approx(max(0.0, found["late_ms"]), abs=0.06)
    assert path.read_text() == before.replace("late_ms = 500", f"late_ms = {written:g}")


@needs_sound
def test_when_nothing_is_heard_it_says_so_and_writes_nothing(server, tmp_path):
    path = profile(tmp_path, "microphone")
    before = path.read_bytes()
    ended = edge_devices("--profile", str(path), "--write", str(path))
    assert ended.returncode == 1
    assert ended.stderr.startswith("edge: the sweep was not heard: ")
    assert ended.stderr.count("\n") == 1
    assert path.read_bytes() == before


@needs_sound
def test_a_device_that_is_not_there_is_one_line(server, tmp_path):
    ended = edge_devices("--test", "--profile", str(profile(tmp_path, "attic")))
    assert ended.returncode == 1
    assert ended.stderr.startswith("edge: microphone 'attic': is not there: ")
    assert ended.stderr.count("\n") == 1


@needs_sound
def test_without_a_sound_server_it_is_one_line(server, tmp_path, monkeypatch):
    monkeypatch.setenv("PULSE_SERVER", f"unix:{tmp_path}/nobody")
    ended = edge_devices("--test")
    assert ended.returncode == 1
    assert ended.stderr.startswith("edge: no microphone: ")
    assert ended.stderr.count("\n") == 1


def test_a_shipped_profile_is_never_written():
    path = shipped_profiles()["laptop"]
    before = path.read_bytes()
    ended = edge_devices("--write", str(path))
    assert ended.returncode == 1
    assert "came with the program: copy it and name the copy" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOARD, BOARD + "\n[audio]\nlate_ms = 12.5\n"),
        ("", "\n[audio]\nlate_ms = 12.5\n"),
        ("[audio]\nchannel = 1\n", "[audio]\nlate_ms = 12.5\nchannel = 1\n"),
        (
            "[audio] # mine\r\nchannel = 1\r\n",
            "[audio] # mine\r\nlate_ms = 12.5\r\nchannel = 1\r\n",
        ),
        ("[audio]\nlate_ms=3# x\n[turns]\n", "[audio]\nlate_ms = 12.5# x\n[turns]\n"),
        ("[a]\nlate_ms = 3\n[audio]", "[a]\nlate_ms = 3\n[audio]\nlate_ms = 12.5\n"),
        ("[audio]\n# late_ms = 9\n", "[audio]\nlate_ms = 12.5\n# late_ms = 9\n"),
    ],
)
def test_everything_else_in_a_profile_stays(text, expected):
    assert with_late_ms(text, 12.5, "mine.toml") == expected


@pytest.mark.parametrize("text", ["audio.late_ms = 3\n", "audio = {late_ms = 3}\n"])
def test_what_it_cannot_write_it_leaves_to_people(text):
    with pytest.raises(ProfileError, match=r"put 'late_ms = 12\.5' into \[audio\] yourself"):
        with_late_ms(text, 12.5, "mine.toml")
