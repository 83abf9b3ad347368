"""The real microphone: frames of 20 ms with the times at which they were captured.

It opens when it is read, and opens again after it failed; it never judges what it hears.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Lock, Thread

import numpy as np

from edge.audio import MICROPHONE, PORT_AUDIO, Array, Device, DeviceFigures, Stream
from edge.dialogue import FRAME_SAMPLES, RATE_HZ
from edge.errors import AudioError
from edge.profile import Audio
from edge.protocols import Frame
from edge.rates import Stream as Resampler
from edge.sample_clock import SampleClock

CLOSING_LIMIT_S = 1.0
SETTLING_S = 0.5
"""Until then a server may still be waiting for the device: nothing counts as lost."""


class PortAudioMicrophone:
    """protocols.Microphone on a device of the system's. One thread reads, any other may close.

    now: the monotonic clock. A sound server that hangs makes `read` wait for as long.
    """

    def __init__(self, audio: Audio, now: Callable[[], float]) -> None:
        self._audio, self._now = audio, now
        self._reading = Lock()  # only close() waits for it, and not for long
        self._closed = False
        self._capture: Capture | None = None
        self._figures = DeviceFigures()
        self._opened = 0

    def read(self) -> Frame:
        """Block until the next frame is captured; AudioError when the device is gone.

        The next call after an error tries to open the device again.
        """
        with self._reading:
            if self._closed:
                raise AudioError("microphone: is closed: make another one")
            try:
                return self._read()
            except AudioError:
                self._let_go()
                raise

    def figures(self) -> DeviceFigures:
        """How the device fares; from any thread."""
        return self._figures

    def close(self) -> None:
        """Give the device back; one that hangs is left alone after a second."""
        self._closed = True
        if not self._reading.acquire(timeout=CLOSING_LIMIT_S):
            return
        self._reading.release()
        closing = Thread(target=self._let_go, daemon=True)
        closing.start()
        closing.join(CLOSING_LIMIT_S)

    def _read(self) -> Frame:
        if self._capture and PORT_AUDIO.give_way:
            raise AudioError("microphone: the sound devices have changed: it is opened again")
        if self._capture is None:
            self._capture = self._open()
        while (frame := self._capture.frame()) is None:
            overflowed, lost_s = self._capture.take(self._now)
            self._figures = replace(
                self._figures,
                overflows=self._figures.overflows + overflowed,
                lost_ms=self._figures.lost_ms + lost_s * 1000,
                alive_at=self._now(),
            )
        return frame

    def _open(self) -> Capture:
        stream = PORT_AUDIO.open(MICROPHONE, self._audio.microphone, self._channels)
        self._figures = replace(self._figures, name=stream.device.name, reopened=self._opened)
        self._opened += 1
        return Capture(stream, self._audio.channel)

    def _channels(self, device: Device) -> int:
        """Two at least where there are, since a server mixes them when asked for one."""
        if self._audio.channel >= device.inputs:
            had = f"microphone '{device.name}': has {device.inputs} channels"
            raise AudioError(f"{had}: 'channel' in [audio] counts from 0")
        return min(device.inputs, max(2, self._audio.channel + 1))

    def _let_go(self) -> None:
        capture, self._capture = self._capture, None
        self._figures = replace(self._figures, name="")
        if capture:
            capture.close()


class Capture:
    """One open stream's sound as frames of 16 kHz, and its own clock."""

    def __init__(self, stream: Stream, channel: int) -> None:
        self._stream, self._channel = stream, channel
        self._resampler = Resampler(stream.rate_hz, RATE_HZ)
        self._clock = SampleClock(stream.rate_hz)
        self._captured_frames = 0
        self._given = 0  # samples at 16 kHz
        self._samples: Array = np.zeros(0, "<i2")

    def take(self, now: Callable[[], float]) -> tuple[bool, float]:
        """Wait for a block; whether the device says that it lost sound, and for how long it did."""
        block, overflowed = self._stream.read()
        self._captured_frames += len(block)
        passed = self._captured_frames + self._stream.waiting_frames()
        stood_still_s = self._clock.observe(passed, now())
        settled = self._captured_frames > SETTLING_S * self._stream.rate_hz
        more = self._resampler.take(np.ascontiguousarray(block[:, self._channel]))
        self._samples = np.concatenate([self._samples, more])
        return overflowed, stood_still_s if settled else 0.0

    def frame(self) -> Frame | None:
        """The next frame, as soon as there is enough for one."""
        if len(self._samples) < FRAME_SAMPLES:
            return None
        pcm, self._samples = self._samples[:FRAME_SAMPLES], self._samples[FRAME_SAMPLES:]
        at = self._clock.time_of(self._given * self._stream.rate_hz / RATE_HZ)
        self._given += FRAME_SAMPLES
        return Frame(pcm.tobytes(), at)

    def close(self) -> None:
        """Give the device back."""
        self._stream.close()
