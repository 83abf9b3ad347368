"""From frames to facts: wake word, start and end of speech, and the pre-roll they reach back to.

Counts time in samples and keeps a few seconds of sound in RAM; it never reads a clock, a
device or a file, and never decides whether the microphone is open: the session does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import webrtcvad

from edge.dialogue import (
    FRAME_MS,
    RATE_HZ,
    EndOfSpeech,
    NothingHeard,
    SpeechStarted,
    WakeWordDetected,
)
from edge.protocols import Frame, WakeWordDetector

FRAME_S = FRAME_MS / 1000


@dataclass(frozen=True, slots=True)
class Listening:
    """How a profile listens.

    vad_mode: webrtcvad's aggressiveness, 0 to 3. start_ms: unbroken voice that begins
    speech. silence_ms: silence that ends it. lead_ms: sound handed over from before it
    began. preroll_s: how far hearing reaches back. refractory_s: deafness to the wake
    word after it was heard.
    """

    vad_mode: int = 3
    start_ms: int = 60
    silence_ms: int = 700
    lead_ms: int = 240
    preroll_s: float = 2.0
    refractory_s: float = 1.5


@dataclass(frozen=True, slots=True)
class Piece:
    """Captured sound for the recognizer."""

    interaction: str
    pcm: bytes


Heard = WakeWordDetected | SpeechStarted | EndOfSpeech | NothingHeard | Piece


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame and whether the voice activity detector calls it voice."""

    frame: Frame
    voiced: bool


class Hearing:
    """One microphone's stream. Every frame goes through `take`, in order."""

    def __init__(self, listening: Listening, detectors: Sequence[WakeWordDetector]) -> None:
        self._listening = listening
        self._detectors = detectors
        self._vad = webrtcvad.Vad(listening.vad_mode)
        self._preroll: deque[Judged] = deque(maxlen=round(listening.preroll_s / FRAME_S))
        self._deaf_until = float("-inf")
        self._capture: Capture | None = None

    def take(self, frame: Frame) -> tuple[Heard, ...]:
        """What this frame made known."""
        judged = Judged(frame, self._vad.is_speech(frame.pcm, RATE_HZ))
        self._preroll.append(judged)
        return (*self._wake_words(frame), *self._captured(judged))

    def open(self, interaction: str, since: float, no_speech_s: float) -> tuple[Heard, ...]:
        """Begin a capture at `since`; speech already going on in the pre-roll is reported."""
        self._capture = Capture(interaction, self._listening, no_speech_s)
        past = [judged for judged in self._preroll if judged.frame.at >= since]
        return tuple(heard for judged in past for heard in self._captured(judged))

    def close(self, interaction: str) -> None:
        """End this interaction's capture, if it is the open one."""
        if self._capture and self._capture.interaction == interaction:
            self._capture = None

    def _captured(self, judged: Judged) -> Iterator[Heard]:
        if self._capture:
            yield from self._capture.take(judged)
            if self._capture.ended:
                self._capture = None

    def _wake_words(self, frame: Frame) -> Iterator[WakeWordDetected]:
        fired = [detector for detector in self._detectors if detector.detect(frame.pcm)]
        at = frame.at + FRAME_S
        if fired and at >= self._deaf_until:
            self._deaf_until = at + self._listening.refractory_s
            yield WakeWordDetected(fired[0].word, at, self._end_of_word(at, fired[0].latency_s))

    def _end_of_word(self, at: float, latency_s: float) -> float:
        """Where the request may begin: the last pause since the word, else `latency_s` ago."""
        recent = [j for j in self._preroll if j.frame.at >= at - latency_s - 2 * FRAME_S]
        pauses = [judged.frame.at for judged in recent if not judged.voiced]
        return pauses[-1] if pauses else at - latency_s


class Capture:
    """One open microphone: waits for speech, hands it over, says when it is over."""

    def __init__(self, interaction: str, listening: Listening, no_speech_s: float) -> None:
        self.interaction = interaction
        self.ended = False
        self._listening = listening
        self._no_speech_ms = no_speech_s * 1000
        lead_frames = (listening.lead_ms + listening.start_ms) // FRAME_MS
        self._lead: deque[Judged] = deque(maxlen=lead_frames)
        self._speaking = False
        self._waited_ms = 0
        self._voiced_ms = 0
        self._silent_ms = 0

    def take(self, judged: Judged) -> Iterator[Heard]:
        self._voiced_ms = self._voiced_ms + FRAME_MS if judged.voiced else 0
        step = self._in_speech if self._speaking else self._before_speech
        return step(judged)

    def _before_speech(self, judged: Judged) -> Iterator[Heard]:
        self._lead.append(judged)
        self._waited_ms += FRAME_MS
        if self._voiced_ms >= self._listening.start_ms:
            self._speaking = True
            begun_at = judged.frame.at + FRAME_S - self._voiced_ms / 1000
            yield SpeechStarted(self.interaction, begun_at)
            yield Piece(self.interaction, b"".join(led.frame.pcm for led in self._lead))
        elif self._waited_ms >= self._no_speech_ms:
            self.ended = True
            yield NothingHeard(self.interaction)

    def _in_speech(self, judged: Judged) -> Iterator[Heard]:
        yield Piece(self.interaction, judged.frame.pcm)
        resumed = self._voiced_ms >= self._listening.start_ms
        self._silent_ms = 0 if resumed else self._silent_ms + FRAME_MS
        if self._silent_ms >= self._listening.silence_ms:
            self.ended = True
            yield EndOfSpeech(self.interaction, judged.frame.at + FRAME_S)
