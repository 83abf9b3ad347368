"""protocols.EchoCanceller by SpeexDSP, a library of the system; it needs the two sounds in step.

It follows one room as it goes, and never judges what is left.
"""

from __future__ import annotations

import ctypes
import weakref

from edge.dialogue import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ
from edge.errors import EngineError

LIBRARY = "libspeexdsp.so.1"
TAIL_S = 0.3
"""How long a room may ring: longer is dearer and slower to learn."""
_SET_SAMPLING_RATE = 24


class SpeexDsp:
    """One microphone and one loudspeaker; EngineError when the library is not installed."""

    def __init__(self) -> None:
        library = _library()
        state = library.speex_echo_state_init(FRAME_SAMPLES, round(TAIL_S * RATE_HZ))
        rate = ctypes.c_int(RATE_HZ)
        library.speex_echo_ctl(state, _SET_SAMPLING_RATE, ctypes.byref(rate))
        self._cancel = library.speex_echo_cancellation
        self._state = state
        weakref.finalize(self, library.speex_echo_state_destroy, state)

    def cancel(self, pcm: bytes, played: bytes) -> bytes:
        left = ctypes.create_string_buffer(FRAME_BYTES)
        self._cancel(self._state, pcm, played, left)
        return left.raw


def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        message = f"no echo canceller {LIBRARY}: sudo apt install libspeexdsp1"
        raise EngineError(message) from error
    pointer, buffer = ctypes.c_void_p, ctypes.c_char_p
    library.speex_echo_state_init.restype = pointer
    library.speex_echo_state_init.argtypes = [ctypes.c_int, ctypes.c_int]
    library.speex_echo_state_destroy.argtypes = [pointer]
    library.speex_echo_state_destroy.restype = None
    library.speex_echo_ctl.argtypes = [pointer, ctypes.c_int, pointer]
    library.speex_echo_cancellation.argtypes = [pointer, buffer, buffer, buffer]
    library.speex_echo_cancellation.restype = None
    return library
