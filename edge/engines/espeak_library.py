"""The eSpeak NG library of the espeakng-loader wheel, for machines without the program.

It never opens a sound device. The C library keeps one state per process: one speaks at a time.
"""

from __future__ import annotations

import ctypes
from threading import Lock

from edge.errors import EngineError

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
_UTF8 = 1
_BY_CHARACTER = 1
_RATE = 1

_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)
_ONE_AT_A_TIME = Lock()


class EspeakLibrary:
    """Speaks through ctypes; EngineError when the wheel is missing or refuses."""

    def __init__(self, voice: str, words_per_minute: int) -> None:
        self._library, folder = _load()
        self._voice = voice.encode()
        self._words_per_minute = words_per_minute
        with _ONE_AT_A_TIME:
            self._rate_hz = int(
                self._library.espeak_Initialize(_SYNCHRONOUS, 0, folder.encode(), _DO_NOT_EXIT)
            )
        if self._rate_hz <= 0:
            raise EngineError("the espeak-ng library does not start: reinstall espeakng-loader")

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """Mono int16 sound and its rate in Hz; `text` holds no zero byte."""
        if not text.strip():
            return b"", self._rate_hz
        pieces: list[bytes] = []

        def collect(samples: ctypes._Pointer[ctypes.c_short], count: int, _: int | None) -> int:
            if count > 0:
                pieces.append(ctypes.string_at(samples, 2 * count))
            return 0

        with _ONE_AT_A_TIME:
            self._speak(text.encode(), _CALLBACK(collect))
        return b"".join(pieces), self._rate_hz

    def _speak(self, text: bytes, callback: ctypes._FuncPointer) -> None:
        library = self._library
        library.espeak_SetSynthCallback(callback)
        try:
            if library.espeak_SetVoiceByName(self._voice):
                raise EngineError("the espeak-ng library has no such voice: try en-us")
            library.espeak_SetParameter(_RATE, self._words_per_minute, 0)
            size = ctypes.c_size_t(len(text) + 1)
            if library.espeak_Synth(text, size, 0, _BY_CHARACTER, 0, _UTF8, None, None):
                raise EngineError("the espeak-ng library refused a reply")
            library.espeak_Synchronize()
        finally:
            library.espeak_SetSynthCallback(_CALLBACK())


def _load() -> tuple[ctypes.CDLL, str]:
    try:
        import espeakng_loader
    except ImportError as error:
        raise EngineError(
            "no speech synthesizer: install the program espeak-ng or the extra 'demo'"
        ) from error
    try:
        return ctypes.CDLL(espeakng_loader.get_library_path()), espeakng_loader.get_data_path()
    except (OSError, RuntimeError) as error:
        raise EngineError(
            "the espeak-ng library cannot be loaded: reinstall espeakng-loader"
        ) from error
