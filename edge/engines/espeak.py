"""The synthesizer: eSpeak NG, the installed program or else the library of a wheel.

It never plays sound, and never puts the text where other users of the machine could read it.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import wave
from collections.abc import Callable

import numpy as np

from edge.engines.espeak_library import EspeakLibrary
from edge.errors import EngineError

PROGRAM = "espeak-ng"
RATE_HZ = 22_050
"""What it is at when there was nothing to say."""
TIME_LIMIT_S = 10.0
TEXT_MAX = 5000
"""Characters; more would be minutes of speech."""
SILENT = 32
"""The highest sample value, -60 dBFS, that no listener misses."""
PAUSE_KEPT_S = 0.05
NO_SOUND_SERVER = {"PULSE_SERVER": "/nowhere"}
"""The program asks the sound server even for a file, and waits for one that hangs."""


class Espeak:
    """A Synthesizer; EngineError when neither program nor library is there or they fail."""

    def __init__(
        self,
        voice: str = "en-us",
        words_per_minute: int = 170,
        find: Callable[[str], str | None] = shutil.which,
    ) -> None:
        program = find(PROGRAM)
        self._synthesize: Callable[[str], tuple[bytes, int]] = (
            _Program(program, voice, words_per_minute).synthesize
            if program
            else EspeakLibrary(voice, words_per_minute).synthesize
        )

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """Mono int16 sound and its rate in Hz; no words, no samples."""
        if len(text) > TEXT_MAX:
            raise EngineError(f"a reply of over {TEXT_MAX} characters is not spoken: shorten it")
        # A zero byte ends the text for the library and is nothing that could be spoken.
        pcm, rate_hz = self._synthesize(text.replace("\0", " "))
        return _without_last_pause(pcm, rate_hz), rate_hz


class _Program:
    def __init__(self, path: str, voice: str, words_per_minute: int) -> None:
        self._command = [path, "--stdout", "--stdin", "-v", voice, "-s", str(words_per_minute)]

    def synthesize(self, text: str) -> tuple[bytes, int]:
        try:
            done = subprocess.run(
                self._command,
                input=text.encode(),
                capture_output=True,
                timeout=TIME_LIMIT_S,
                env=os.environ | NO_SOUND_SERVER,
                check=True,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(
                f"espeak-ng did not finish within {TIME_LIMIT_S:.0f} s: try it by hand"
            ) from None
        except (OSError, subprocess.CalledProcessError) as error:
            raise EngineError(
                "espeak-ng failed: check that its voice is installed (espeak-ng --voices)"
            ) from error
        return _samples(done.stdout)


def _samples(sound: bytes) -> tuple[bytes, int]:
    """The samples of a wav stream, whose header cannot know its own length; none of no stream."""
    if not sound:
        return b"", RATE_HZ
    try:
        with wave.open(io.BytesIO(sound)) as stream:
            if (stream.getnchannels(), stream.getsampwidth()) != (1, 2):
                raise EngineError("espeak-ng spoke in an unknown format: mono int16 is expected")
            return stream.readframes(len(sound) // 2), stream.getframerate()
    except (wave.Error, EOFError) as error:
        raise EngineError("espeak-ng gave no sound: try it by hand") from error


def _without_last_pause(pcm: bytes, rate_hz: int) -> bytes:
    """The sound without the third of a second of silence that eSpeak puts after a sentence."""
    heard = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > SILENT)
    if not heard.size:
        return b""
    return pcm[: 2 * (int(heard[-1]) + 1 + round(PAUSE_KEPT_S * rate_hz))]
