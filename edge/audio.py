"""Sound devices, the one door to sounddevice and PortAudio: what there is, and open streams.

Blocking reads and writes only, since callbacks need memory that is written and executed. It
keeps no time and repeats nothing that failed: the microphone and the loudspeaker do.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ
from edge.errors import AudioError

Array = NDArray[Any]

MICROPHONE, LOUDSPEAKER = "microphone", "loudspeaker"
BLOCK_S = {MICROPHONE: 0.02, LOUDSPEAKER: 0.01}
PERIOD_S = 0.01
"""How often a device moves on. A sound server that is asked for 20 ms brings two blocks at once."""
LATENCY_S = {MICROPHONE: 0.06, LOUDSPEAKER: 0.06}
HARDWARE_CAPTURE_S = 0.2
"""Sound that a device's buffer holds beside one period: little for playback, since what is in
there still sounds after a stop; much where the buffer for capture is the card's, which costs
no delay. A sound server keeps more than it is asked for, and is slower the more it is asked."""
RATES_HZ = {MICROPHONE: (RATE_HZ, 48000, 44100, 32000), LOUDSPEAKER: (48000, 44100, RATE_HZ)}
"""What is tried, best first; the device's own favourite comes second."""
BAD_RATE = -9997
CARDS = Path("/proc/asound/cards")


@dataclass(frozen=True, slots=True)
class Device:
    """One sound device as PortAudio lists it. rate_hz: its favourite, where others may do."""

    index: int
    name: str
    inputs: int
    outputs: int
    rate_hz: int

    def channels(self, role: str) -> int:
        """How many it has in this role."""
        return self.inputs if role == MICROPHONE else self.outputs


@dataclass(frozen=True, slots=True)
class DeviceFigures:
    """How a device fares since the program began. name: empty while it is not open.

    overflows, underflows: as the device tells them; sound servers tell few. lost_ms: time for
    which it stood still while it was open. reopened: how often it came back. alive_at: when it
    last gave or took a block; one that hangs is silent.
    """

    name: str = ""
    overflows: int = 0
    underflows: int = 0
    lost_ms: float = 0.0
    reopened: int = 0
    alive_at: float = float("-inf")


class PortAudio:
    """The library, of which a process has one. Its list of devices is made when it begins.

    give_way: whether somebody waits for a newer list, which needs every stream closed.
    """

    def __init__(self) -> None:
        self.give_way = False
        self._lock = Lock()  # opening, closing and listing are not for two threads at once
        self._open = 0
        self._cards = ""

    def devices(self) -> tuple[Device, ...]:
        """What there is; AudioError when the library is missing."""
        with self._lock:
            return self._listed(self._library())

    def chosen(self, role: str, name: str) -> Device | None:
        """The device of this name, or the default one; None when it is not there."""
        with self._lock:
            return self._pick(self._library(), role, name)

    def open(self, role: str, name: str, channels: Callable[[Device], int]) -> Stream:
        """Open a device by its name, a part of it, or none for the default; AudioError.

        channels: how many to open of that device.
        """
        with self._lock:
            library = self._library()
            device = self._found(library, role, name)
            stream = Stream(self, library, role, device, channels(device))
            self._open += 1
            self.give_way = False  # asked for once more by whoever is still in want
            return stream

    def close(self, stream: Any) -> None:
        """Close an open stream of the library's; for Stream alone."""
        with self._lock:
            try:
                stream.close()
            finally:
                self._open -= 1

    def _found(self, library: ModuleType, role: str, name: str) -> Device:
        """The device; when it is not listed, the list is made again as soon as that can be."""
        if self.give_way and not self._open:
            self._begin_again(library)
        device = self._pick(library, role, name)
        if device is None and not self._open:
            self._begin_again(library)
            device = self._pick(library, role, name)
        if device is None:
            self.give_way = _cards() != self._cards
            raise AudioError(_missing(role, name))
        return device

    def _pick(self, library: ModuleType, role: str, name: str) -> Device | None:
        able = [device for device in self._listed(library) if device.channels(role)]
        if not name:
            default = library.default.device[role == LOUDSPEAKER]
            return next((device for device in able if device.index == default), None)
        exact = [device for device in able if device.name == name]
        part = [device for device in able if name.lower() in device.name.lower()]
        return next(iter(exact + part), None)

    def _listed(self, library: ModuleType) -> tuple[Device, ...]:
        try:
            found = library.query_devices()
        except library.PortAudioError as error:
            raise _broken(error) from error
        return tuple(
            Device(
                one["index"],
                one["name"],
                one["max_input_channels"],
                one["max_output_channels"],
                round(one["default_samplerate"]),
            )
            for one in found
        )

    def _begin_again(self, library: ModuleType) -> None:
        self._cards, self.give_way = _cards(), False
        with suppress(library.PortAudioError):  # it may have ended, and not begun again
            library._terminate()
        try:
            library._initialize()
        except library.PortAudioError as error:
            raise _broken(error) from error

    def _library(self) -> ModuleType:
        try:
            import sounddevice
        except OSError as error:
            message = "PortAudio is missing: sudo apt install libportaudio2"
            raise AudioError(message) from error
        except Exception as error:  # its own, which is not there to be named
            raise _broken(error) from error
        if not self._cards:
            self._cards = _cards()
            # At the end PortAudio would close its streams, and wait for a hung sound server.
            atexit.unregister(sounddevice._exit_handler)
        module: ModuleType = sounddevice
        return module


class Stream:
    """An open device: int16, blocks of `block_frames`. It must be closed by whoever uses it.

    For one thread; that thread waits for as long as the device makes it wait.
    """

    def __init__(
        self, door: PortAudio, library: ModuleType, role: str, device: Device, channels: int
    ) -> None:
        self._door, self._failures = door, library.PortAudioError
        self.device, self.role, self.channels = device, role, channels
        self._stream = self._opened(library)
        self.rate_hz = round(self._stream.samplerate)
        self.block_frames = round(self.rate_hz * BLOCK_S[role])

    def read(self) -> tuple[Array, bool]:
        """The next block [frames, channels]; whether sound was lost before it."""
        try:
            pcm, overflowed = self._stream.read(self.block_frames)
        except self._failures as error:
            raise self._lost(error) from error
        return np.frombuffer(pcm, "<i2").reshape(-1, self.channels), bool(overflowed)

    def write(self, mono: Array) -> bool:
        """Hand over a block [frames] for all channels; whether the device had run dry before."""
        try:
            return bool(self._stream.write(np.repeat(mono, self.channels).tobytes()))
        except self._failures as error:
            raise self._lost(error) from error

    def waiting_frames(self) -> int:
        """Captured and not yet read."""
        try:
            return int(self._stream.read_available)
        except self._failures as error:
            raise self._lost(error) from error

    def held_frames(self) -> int:
        """Handed over and not yet sounded."""
        try:
            return max(0, self._capacity_frames - int(self._stream.write_available))
        except self._failures as error:
            raise self._lost(error) from error

    def close(self) -> None:
        """Give the device back; what it holds does not sound."""
        self._door.close(self._stream)

    def _opened(self, library: ModuleType) -> Any:
        first, *others = RATES_HZ[self.role]
        for rate_hz in dict.fromkeys((first, self.device.rate_hz, *others)):
            try:
                return self._running(library, rate_hz)
            except self._failures as error:
                if error.args[1:2] != (BAD_RATE,):
                    raise self._closed_to_us(error) from error
        raise AudioError(f"{self._named()}: takes none of the usual rates: choose another")

    def _running(self, library: ModuleType, rate_hz: int) -> Any:
        microphone = self.role == MICROPHONE
        stream = (library.RawInputStream if microphone else library.RawOutputStream)(
            samplerate=rate_hz,
            blocksize=round(rate_hz * PERIOD_S),
            device=self.device.index,
            channels=self.channels,
            dtype="int16",
            latency=self._latency_s(),
        )
        try:
            stream.start()
            self._capacity_frames = 0 if microphone else int(stream.write_available)
        except self._failures:
            stream.close()
            raise
        return stream

    def _latency_s(self) -> float:
        card = self.role == MICROPHONE and "(hw:" in self.device.name
        return HARDWARE_CAPTURE_S if card else LATENCY_S[self.role]

    def _named(self) -> str:
        return f"{self.role} '{self.device.name}'"

    def _closed_to_us(self, error: Exception) -> AudioError:
        advice = "is it plugged in, and does nothing else use it?"
        return AudioError(f"{self._named()}: cannot be opened ({_reason(error)}): {advice}")

    def _lost(self, error: Exception) -> AudioError:
        advice = "plug it in again, or restart the sound server"
        return AudioError(f"{self._named()}: is gone ({_reason(error)}): {advice}")


def _missing(role: str, name: str) -> str:
    if name:
        return f"{role} '{name}': is not there: plug it in, or choose one that `edge devices` lists"
    return f"no {role}: the system has none: plug one in, or start the sound server"


def _broken(error: Exception) -> AudioError:
    return AudioError(f"PortAudio does not start ({_reason(error)}): restart the sound server")


def _reason(error: Exception) -> str:
    """What PortAudio says, and the system below it."""
    text, _, system, *_ = (*error.args, "", ())
    return " ".join(", ".join(filter(None, (text, *system[2:]))).split())


def _cards() -> str:
    try:
        return CARDS.read_text()
    except OSError:
        return "none"


PORT_AUDIO = PortAudio()
