"""The synthesizer: sound from the program or the library, nothing of the text in `ps`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edge.engines.espeak import Espeak
from edge.errors import EngineError


def without_program(_: str) -> None:
    return None


def ways() -> list[object]:
    missing = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="no espeak-ng program")
    return [pytest.param(shutil.which, marks=missing, id="program"), without_program]


def own_program(folder: Path, script: str) -> str:
    path = folder / "espeak-ng"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("find", ways())
def test_a_sentence_sounds_for_about_its_length(find):
    pcm, rate_hz = Espeak(find=find).synthesize("Do you mean Meg Jones or Meg Bauer?")
    assert 1.5 < len(pcm) / 2 / rate_hz < 3.0
    assert np.abs(np.frombuffer(pcm, "<i2").astype(int)).max() > 3000


@pytest.mark.parametrize("find", ways())
@pytest.mark.parametrize("text", ["", "  \n", "\0"])
def test_no_words_no_sound(find, text):
    pcm, rate_hz = Espeak(find=find).synthesize(text)
    assert pcm == b""
    assert rate_hz == 22_050


@pytest.mark.parametrize("find", ways())
def test_it_ends_soon_after_the_last_sound(find):
    pcm, rate_hz = Espeak(find=find).synthesize("Calling Meg Bauer.")
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > 32)
    assert (len(pcm) // 2 - loud[-1]) / rate_hz < 0.06


@pytest.mark.parametrize("find", ways())
def test_an_unknown_voice_is_one_line(find):
    with pytest.raises(EngineError, match="voice"):
        Espeak("nosuch", find=find).synthesize("hello")


def test_the_library_speaks_again_after_a_refusal():
    with pytest.raises(EngineError):
        Espeak("nosuch", find=without_program).synthesize("hello")
    assert Espeak(find=without_program).synthesize("hello")[0]


def test_the_text_is_not_on_the_command_line(tmp_path):
    seen = tmp_path / "seen"
    program = own_program(tmp_path, f'echo "$@" > {seen}')
    assert Espeak(find=lambda _: program).synthesize("a secret name") == (b"", 22_050)
    assert seen.read_text().split() == ["--stdout", "--stdin", "-v", "en-us", "-s", "170"]


@pytest.mark.parametrize("script", ["exit 3", "echo no sound at all", "printf RIFF"])
def test_a_broken_program_is_one_line_without_the_text(tmp_path, script):
    program = own_program(tmp_path, script)
    with pytest.raises(EngineError) as caught:
        Espeak(find=lambda _: program).synthesize("a secret name")
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_vanished_program_is_an_engine_error(tmp_path):
    with pytest.raises(EngineError, match="espeak-ng failed"):
        Espeak(find=lambda _: str(tmp_path / "gone")).synthesize("hello")


def test_an_endless_text_is_refused():
    with pytest.raises(EngineError, match="5000 characters"):
        Espeak(find=without_program).synthesize("a" * 5001)
