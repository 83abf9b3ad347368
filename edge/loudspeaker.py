"""The real loudspeaker: a stream that always runs, on silence where nothing is to be said.

Its own thread hands blocks to the device and opens it again after a loss; nobody else ever
calls the device, so nobody waits for one that hangs. What was queued before a loss is dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from threading import Condition, Event, Thread

import numpy as np
from numpy.typing import NDArray

from edge.audio import LOUDSPEAKER, PORT_AUDIO, Array, Device, DeviceFigures, Stream
from edge.dialogue import RATE_HZ
from edge.errors import AudioError, SoundHung
from edge.played import Played
from edge.profile import Audio
from edge.rates import resampled
from edge.sample_clock import SampleClock

HUNG_S = 1.0
"""A device that takes nothing for so long is gone."""
LATE_BLOCK_S = 0.03
"""A block that is not taken by then says that the device stands still."""
RETRY_FIRST_S, RETRY_LAST_S = 0.2, 2.0
REPLACED_S = 0.001
"""So far may what sounds be from where it was put down, before it is put down again."""
SETTLING_BLOCKS = 20
NOTHING: Array = np.zeros(0, "<i2")


class PortAudioLoudspeaker:
    """protocols.Loudspeaker on a device of the system's. For any thread.

    now: the monotonic clock. Every call but close() returns at once while the device is open
    or known to be gone; none waits longer than a second.
    """

    def __init__(self, audio: Audio, now: Callable[[], float]) -> None:
        self._audio, self._now = audio, now
        self._played = Played()
        self._changed = Condition()  # guards all of the following
        self._playback: Playback | None = None
        self._why_gone = ""
        self._opening_at = now()  # while it is neither open nor gone
        self._until = float("-inf")
        self._figures = DeviceFigures()
        self._opened = 0
        self._closing = Event()
        self._thread = Thread(target=self._run, name="edge-loudspeaker-device", daemon=True)
        self._thread.start()

    def play(self, pcm: bytes, rate_hz: int) -> float:
        """Queue sound (mono int16); the time at which its last sample will have sounded.

        AudioError when the device is gone, or has taken nothing for a second.
        """
        samples = np.frombuffer(pcm, "<i2")
        known = resampled(samples, rate_hz, RATE_HZ)
        while True:  # the device may be opened again meanwhile, at another rate
            playback = self._open_playback()
            sound = resampled(samples, rate_hz, playback.rate_hz)
            with self._changed:
                if playback is self._playback:
                    begins = playback.queue(sound)
                    self._played.add(begins, known.tobytes())
                    self._until = playback.end()
                    return self._until

    def stop(self) -> float:
        """Drop the queue; the time at which the device will be silent."""
        with self._changed:
            if self._playback is None:
                return min(self._until, self._now())
            silent_at = self._playback.drop()
            if self._until > silent_at:
                self._until = silent_at
                self._played.cut(silent_at)
            return self._until

    def sounding_until(self) -> float:
        """The end of what is queued or sounding, by the device's own clock.

        AudioError when the device is gone, or has taken nothing for a second.
        """
        with self._changed:
            if self._still_opening():
                return self._until
            playback = self._check(self._playback)
            stands_still_s = self._now() - playback.progress_at - LATE_BLOCK_S
            if self._until > playback.progress_at and stands_still_s > 0:
                return self._until + stands_still_s
            return self._until

    def played(self, since: float, samples: int) -> NDArray[np.int16]:
        """What sounds from `since` on, 16 kHz, also what is only queued."""
        return self._played.since(since, samples)

    def figures(self) -> DeviceFigures:
        """How the device fares."""
        with self._changed:
            if self._playback is None:
                return self._figures
            return replace(self._figures, alive_at=self._playback.progress_at)

    def close(self) -> None:
        """Give the device back; one that hangs is left alone after a second."""
        self._closing.set()
        self._thread.join(HUNG_S)

    def _open_playback(self) -> Playback:
        """Of the open device; the first opening is waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._playback or self._why_gone, HUNG_S)
            return self._check(self._playback)

    def _still_opening(self) -> bool:
        waited_s = self._now() - self._opening_at
        return not self._playback and not self._why_gone and waited_s <= HUNG_S

    def _check(self, playback: Playback | None) -> Playback:
        named = f"loudspeaker '{self._audio.loudspeaker or 'default'}'"
        if self._why_gone:
            raise AudioError(self._why_gone)
        if playback is None:
            raise AudioError(f"{named}: does not open: if this stays, restart the sound server")
        if self._now() - playback.progress_at > HUNG_S:
            raise SoundHung(f"{named}: has taken no sound for a second: restart the sound server")
        return playback

    # ------------------------------------------------- the device's own thread

    def _run(self) -> None:
        pause_s = RETRY_FIRST_S
        while not self._closing.is_set():
            try:
                with closing(self._open()) as stream:
                    pause_s = RETRY_FIRST_S
                    self._serve(stream)
            except Exception as error:  # a library may raise anything; the device may come back
                known = isinstance(error, AudioError)
                self._lose(str(error) if known else f"loudspeaker: {type(error).__name__}")
                self._closing.wait(pause_s)
                pause_s = min(2 * pause_s, RETRY_LAST_S)

    def _open(self) -> Stream:
        return PORT_AUDIO.open(LOUDSPEAKER, self._audio.loudspeaker, _channels)

    def _serve(self, stream: Stream) -> None:
        """Feed the device until it is lost, closed, or has to give way for a newer list."""
        playback = self._started(stream)
        with self._changed:
            self._playback, self._why_gone = playback, ""
            self._figures = replace(self._figures, name=stream.device.name, reopened=self._opened)
            self._opened += 1
            self._changed.notify_all()
        while not self._closing.is_set() and not self._gave_way():
            if self._feed(stream, playback):
                self._count(underflows=1)
        if self._closing.is_set():
            self._lose("loudspeaker: is closed: make another one")

    def _started(self, stream: Stream) -> Playback:
        """A device that has settled: its first blocks fill it, and servers take their time."""
        for _ in range(SETTLING_BLOCKS):
            stream.write(np.zeros(stream.block_frames, "<i2"))
        late_s = self._audio.late_ms / 1000
        return Playback(stream.rate_hz, late_s, stream.held_frames(), self._now())

    def _feed(self, stream: Stream, playback: Playback) -> bool:
        with self._changed:
            block = playback.next_block(stream.block_frames)
        underflowed = stream.write(block)
        held_frames = stream.held_frames()
        with self._changed:
            self._account(playback, held_frames)
        return underflowed

    def _account(self, playback: Playback, held_frames: int) -> None:
        """What has become known of the times at which things sound."""
        at, before = self._now(), playback.progress_at
        begins = playback.expected()
        stood_still_s = playback.took(held_frames, at)
        if at - before > HUNG_S:
            playback.drop()
            self._played.cut(begins)
        elif rest := playback.moved():
            self._played.cut(begins)
            self._played.add(playback.expected(), rest)
        if self._until > before:
            self._until = playback.end()
        if stood_still_s:
            self._count(lost_ms=stood_still_s * 1000)

    def _gave_way(self) -> bool:
        """Closed for a newer list of devices, and only while nothing sounds or waits."""
        with self._changed:
            gives_way = PORT_AUDIO.give_way and self._until < self._now()
            if gives_way:
                self._lose("")
            return gives_way

    def _count(self, underflows: int = 0, lost_ms: float = 0.0) -> None:
        self._figures = replace(
            self._figures,
            underflows=self._figures.underflows + underflows,
            lost_ms=self._figures.lost_ms + lost_ms,
        )

    def _lose(self, why: str) -> None:
        with self._changed:
            now, playback = self._now(), self._playback
            if playback:
                self._figures = replace(self._figures, alive_at=playback.progress_at)
            self._playback, self._why_gone, self._opening_at = None, why, now
            self._until = min(self._until, now)
            self._played.cut(now)
            self._figures = replace(self._figures, name="")
            self._changed.notify_all()


class Playback:
    """What an open stream was given and is yet to get, counted from 0, and when it sounds.

    late_s: how much later than it says it sounds. held_frames: given before and not yet sounded.
    progress_at: when the device last took a block.
    """

    def __init__(self, rate_hz: int, late_s: float, held_frames: int, at: float) -> None:
        self.rate_hz, self.progress_at = rate_hz, at
        self._late_s = late_s
        self._clock = SampleClock(rate_hz)
        self._clock.observe(-held_frames, at)
        self._given = self._end = 0
        self._ahead = NOTHING
        self._put_down_at = self._clock.time_of(0)

    def queue(self, sound: Array) -> float:
        """Append a sound; when it begins."""
        begin = self._given + len(self._ahead)
        self._ahead = np.concatenate([self._ahead, sound])
        self._end = begin + len(sound)
        return self._sounds_at(begin)

    def end(self) -> float:
        """When the last sample of all sounds has sounded."""
        return self._sounds_at(self._end)

    def expected(self) -> float:
        """When the next block begins to sound."""
        return self._sounds_at(self._given)

    def drop(self) -> float:
        """Drop what the device has not been given; when the rest will have sounded."""
        self._ahead, self._end = NOTHING, min(self._end, self._given)
        return self.expected()

    def next_block(self, frames: int) -> Array:
        """To be given to the device now; silence where nothing is queued."""
        block, self._ahead = self._ahead[:frames], self._ahead[frames:]
        self._given += frames
        if len(block) == frames:
            return block
        return np.concatenate([block, np.zeros(frames - len(block), "<i2")])

    def took(self, held_frames: int, at: float) -> float:
        """The device has all it was given; for how long it was now found to have stood still."""
        self.progress_at = at
        return self._clock.observe(self._given - held_frames, at)

    def moved(self) -> bytes:
        """What is queued, 16 kHz, when it sounds at another time than it was said to."""
        moved_s = abs(self._clock.time_of(0) - self._put_down_at)
        if len(self._ahead) and moved_s < REPLACED_S:
            return b""
        self._put_down_at = self._clock.time_of(0)
        if not len(self._ahead):
            return b""
        return resampled(self._ahead, self.rate_hz, RATE_HZ).tobytes()

    def _sounds_at(self, index: int) -> float:
        return self._clock.time_of(index) + self._clock.doubt_s + self._late_s


def _channels(device: Device) -> int:
    """The same on two where there are: on some devices one is only the left one's."""
    return min(2, device.outputs)
