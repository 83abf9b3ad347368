"""Recorded speech as the 16 kHz mono sound that the rest of the program knows, and back.

The one door to soundfile, which only offline work needs; it never touches a device.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ
from edge.errors import AudioError
from edge.rates import resampled

LENGTH_MAX_S = 3600.0
"""No clip is longer: a damaged header must not fill the memory."""


def read_clip(path: Path, start_s: float = 0.0, length_s: float | None = None) -> bytes:
    """16 kHz mono int16 of a wav, flac or opus file, or of a part of it.

    AudioError when the file is missing, damaged, truncated or holds no sound there.
    """
    samples, rate_hz = _read(path, start_s, length_s)
    if not samples.size:
        raise AudioError(f"{path}: holds no sound: record it again")
    if not np.isfinite(samples).all():
        raise AudioError(f"{path}: holds samples that are no numbers: record it again")
    mono = samples.mean(axis=1)
    return _int16(resampled(mono, rate_hz, RATE_HZ)).tobytes()


def write_flac(path: Path, pcm: bytes, rate_hz: int = RATE_HZ) -> None:
    """Write mono int16 sound as FLAC; AudioError when that fails."""
    soundfile = _soundfile()
    try:
        soundfile.write(path, np.frombuffer(pcm, "<i2"), rate_hz, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path}: cannot be written: check the folder") from error


def _read(path: Path, start_s: float, length_s: float | None) -> tuple[NDArray[np.float32], int]:
    soundfile = _soundfile()
    if not path.is_file():
        raise AudioError(f"{path}: no such audio file")
    try:
        with soundfile.SoundFile(path) as sound:
            rate_hz = int(sound.samplerate)
            whole = sound.frames - round(start_s * rate_hz)
            wanted = whole if length_s is None else min(whole, round(length_s * rate_hz))
            if not 0 <= wanted <= LENGTH_MAX_S * rate_hz or start_s < 0:
                raise AudioError(f"{path}: has no sound from {start_s:g} s on, or over an hour")
            sound.seek(round(start_s * rate_hz))
            samples = sound.read(wanted, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise AudioError(f"{path}: is damaged or no wav, flac or opus file") from error
    if len(samples) < wanted:
        raise AudioError(f"{path}: ends early, it was cut off: copy it again")
    return samples, rate_hz


def _int16(mono: NDArray[np.float32]) -> NDArray[np.int16]:
    whole: NDArray[np.int16] = np.clip(np.rint(mono * 32768.0), -32768, 32767).astype("<i2")
    return whole


def _soundfile() -> ModuleType:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the library below it is missing
        raise AudioError("reading recordings needs soundfile: install the extra 'demo'") from error
    module: ModuleType = soundfile
    return module
