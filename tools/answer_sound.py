"""An answer as sound: a synthesizer's voice, a room around it, noise beside it.

The same `Sound` is the same clip, sample by sample, and has the same name.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from edge.clip import read_clip, write_flac
from edge.dialogue import RATE_HZ
from edge.errors import EngineError

Samples = np.ndarray[Any, np.dtype[np.float64]]

PEAK = 32000.0


@dataclass(frozen=True)
class Sound:
    """How one answer is spoken. speed: of the tape, so that pitch and timbre change with it.

    noise and room are rows of the noise manifest, `at` is where in the noise it begins, as a share.
    """

    text: str
    voice: str
    speed: float = 1.0
    noise: Mapping[str, Any] | None = None
    at: float = 0.0
    snr_db: float = 0.0
    room: Mapping[str, Any] | None = None

    def file(self) -> Path:
        """A name that changes with everything that changes the sound."""
        told = json.dumps(asdict(self), sort_keys=True)
        name = hashlib.sha256(told.encode()).hexdigest()[:16]
        return Path("audio") / Path(self.voice).stem.replace(":", "-") / f"{name}.flac"


def speak(sound: Sound, path: Path) -> None:
    """Write one clip, whole or not at all."""
    samples = synthesized(sound)
    if sound.room:
        samples = in_room(
            samples, loaded(sound.room["file"], sound.room["start"], sound.room["dur"])
        )
    if sound.noise:
        noise = loaded(sound.noise["file"], sound.noise["start"], sound.noise["dur"])
        samples = with_noise(samples, noise, sound.at, sound.snr_db)
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".part")
    peak = max(1.0, float(np.abs(samples).max()) / PEAK)
    write_flac(begun, np.rint(samples / peak).astype("<i2").tobytes())
    begun.replace(path)


def synthesized(sound: Sound) -> Samples:
    """The voice's own sound; another speed is another rate in the file's head."""
    with tempfile.TemporaryDirectory() as folder:
        spoken, turned = Path(folder) / "spoken.wav", Path(folder) / "turned.flac"
        run(command(sound.voice, ascii_of(sound.text), spoken), sound)
        pcm = read_clip(spoken)
        if sound.speed != 1.0:
            write_flac(turned, pcm, round(RATE_HZ * sound.speed))
            pcm = read_clip(turned)
    return np.frombuffer(pcm, "<i2").astype(float)


def command(voice: str, text: str, path: Path) -> list[str]:
    """The synthesizer's command line; festival takes its text from stdin."""
    program, _, name = voice.rpartition(":")
    if program == "espeak":
        return ["espeak-ng", "-v", name, "-w", str(path), "--", text]
    if program == "festival":
        return ["text2wave", "-o", str(path), "-eval", f"(voice_{name})"]
    return ["flite", "-voice", voice, "-t", text, "-o", str(path)]


def run(line: Sequence[str], sound: Sound) -> None:
    """EngineError when the program is missing, fails or makes no sound."""
    try:
        done = subprocess.run(
            line, input=ascii_of(sound.text).encode(), capture_output=True, timeout=60, check=False
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{line[0]} is not installed or hangs: apt install it") from error
    if done.returncode:
        raise EngineError(f"{line[0]} failed with voice '{sound.voice}': does it have that voice?")


def ascii_of(text: str) -> str:
    """The text as the synthesizers know letters."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


@cache
def loaded(file: str, start_s: float, length_s: float) -> Samples:
    """A noise or a room."""
    return np.frombuffer(read_clip(Path(file), start_s, length_s), "<i2").astype(float)


def in_room(samples: Samples, response: Samples) -> Samples:
    """The sound as it arrives in the room, beginning with the direct one and as loud as before."""
    direct = response[int(np.abs(response).argmax()) :]
    size = len(samples) + len(direct)
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(direct, size), size)
    heard = heard[: len(samples)]
    louder: Samples = heard * (rms(samples) / max(rms(heard), 1e-9))
    return louder


def with_noise(samples: Samples, noise: Samples, at: float, snr_db: float) -> Samples:
    """The noise, from there on and around, so many decibels below the speech."""
    cut = np.take(noise, np.arange(len(samples)) + int(at * len(noise)), mode="wrap")
    mixed: Samples = samples + cut * (rms(samples) / max(rms(cut), 1e-9) / 10 ** (snr_db / 20))
    return mixed


def rms(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(samples**2)))
