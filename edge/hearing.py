"""From frames to facts: wake word, start and end of speech, and the pre-roll they reach back to.

Counts time in samples and keeps a few seconds of sound in RAM; it never reads a clock, a
device or a file, and never decides whether the microphone is open: the session does.
A capture with an anchor is the anchor's speaker's: other voices neither start it, nor prolong
it, nor are they handed over. Neither is what the loudspeaker sounds, and its echo.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile

import webrtcvad

from edge.dialogue import (
    FRAME_BYTES,
    FRAME_MS,
    RATE_HZ,
    EndOfSpeech,
    NothingHeard,
    SpeechStarted,
    WakeWordDetected,
)
from edge.echo import AHEAD_FRAMES, EchoGate
from edge.protocols import EchoCanceller, Frame, WakeWordDetector
from edge.voice import Anchor, Judge, Judged, Sieve, VoiceEncoder, anchored

FRAME_S = FRAME_MS / 1000
PLAYED_FRAMES = AHEAD_FRAMES + 1
SILENCE = bytes(PLAYED_FRAMES * FRAME_BYTES)
WORD_S = 0.55
"""Of a wake word so much at least lies before its latency: 95 % of people take longer."""
SHORTEST_WORD_MS, PATIENCE = 100, 3
"""Where voices are told apart, and after its beginning the wanted one went on for less, that was
no word in all likelihood: so many times the silence is waited for one."""
AFTER_WORD_S = 0.06
"""What lies between a wake word's last sound and its detection, at least."""


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


class Hearing:
    """One microphone's stream. Every frame goes through `take`, in order.

    encoder: compares voices; without one, everybody's is the customer's. canceller: takes our
    own sound out, so that one can be heard over it.
    """

    def __init__(
        self,
        listening: Listening,
        detectors: Sequence[WakeWordDetector],
        encoder: VoiceEncoder | None = None,
        canceller: EchoCanceller | None = None,
    ) -> None:
        self._encoder = encoder
        self._canceller = canceller
        self._echo = EchoGate()
        self._listening = listening
        self._detectors = detectors
        self._vad = webrtcvad.Vad(listening.vad_mode)
        self._preroll: deque[Judged] = deque(maxlen=round(listening.preroll_s / FRAME_S))
        self._deaf_until = float("-inf")
        self._capture: Capture | None = None

    def take(self, frame: Frame, played: bytes = SILENCE) -> tuple[Heard, ...]:
        """What this frame made known.

        played: what the loudspeaker sounds from the frame's beginning on, `PLAYED_FRAMES` long.
        """
        if self._canceller:
            frame = Frame(self._canceller.cancel(frame.pcm, played[:FRAME_BYTES]), frame.at)
        judged = self._judged(frame, played[-FRAME_BYTES:])
        self._preroll.append(judged)
        return (*self._wake_words(frame), *self._captured(judged))

    @property
    def cancels(self) -> bool:
        """Whether people are heard over our own sound."""
        return self._canceller is not None

    @property
    def alike(self) -> float | None:
        """How much the open capture sounds like its anchor by now, a cosine; for people to see."""
        capture = self._capture  # who asks is another thread
        return capture.alike if capture else None

    def open(
        self, interaction: str, since: float, no_speech_s: float, anchor: bytes = b""
    ) -> tuple[Heard, ...]:
        """Begin a capture at `since`; speech already going on in the pre-roll is reported.

        since: what was captured before is none of it, also where that lies ahead.
        anchor: of the only voice that is wanted; anybody's without one.
        """
        sieve = Sieve(self._judge(anchor))
        self._capture = Capture(interaction, self._listening, since, no_speech_s, sieve)
        past = tuple(self._preroll)
        return tuple(heard for judged in past for heard in self._captured(judged))

    def close(self, interaction: str) -> None:
        """End this interaction's capture, if it is the open one."""
        if self._capture and self._capture.interaction == interaction:
            self._capture = None

    def _judged(self, frame: Frame, ahead: bytes) -> Judged:
        """Our own sound is nobody's voice, and goes nowhere; but who speaks is not cut by it."""
        ours = self._echo.take(frame.pcm, ahead)
        voiced = self._vad.is_speech(frame.pcm, RATE_HZ) and not ours
        if ours and not (self._capture and self._capture.speaking):
            return Judged(Frame(bytes(FRAME_BYTES), frame.at), voiced=False, silenced=True)
        return Judged(frame, voiced)

    def _judge(self, content: bytes) -> Judge | None:
        anchor = Anchor.of(content)
        return Judge(self._encoder, anchor) if self._encoder and anchor else None

    def _captured(self, judged: Judged) -> Iterator[Heard]:
        if self._capture and judged.frame.at >= self._capture.since:
            yield from self._capture.take(judged)
            if self._capture.ended:
                self._capture = None

    def _wake_words(self, frame: Frame) -> Iterator[WakeWordDetected]:
        fired = [detector for detector in self._detectors if detector.detect(frame.pcm)]
        at = frame.at + FRAME_S
        if fired and at >= self._deaf_until and not self._said_ourselves(at - fired[0].latency_s):
            self._deaf_until = at + self._listening.refractory_s
            latency_s = fired[0].latency_s
            since, anchor = self._end_of_word(at, latency_s), self._anchor(latency_s)
            yield WakeWordDetected(fired[0].word, at, since, anchor)

    def _said_ourselves(self, end_of_word: float) -> bool:
        """Whether most of the wake word was nothing but our own sound."""
        word = [j.silenced for j in self._preroll if j.frame.at >= end_of_word - WORD_S]
        return 2 * sum(word) > len(word)

    def _anchor(self, latency_s: float) -> bytes:
        """Of the samples that are the wake word in all likelihood."""
        if self._encoder is None:
            return b""
        begin, end = latency_s + WORD_S, AFTER_WORD_S  # before now
        pcm = b"".join(judged.frame.pcm for judged in self._preroll)
        places = (max(0, len(pcm) - 2 * round(ago_s * RATE_HZ)) for ago_s in (begin, end))
        anchor = anchored(self._encoder, pcm[slice(*places)])
        return anchor.payload().content if anchor else b""

    def _end_of_word(self, at: float, latency_s: float) -> float:
        """Where the request may begin: the last pause since the word, else `latency_s` ago."""
        recent = [j for j in self._preroll if j.frame.at >= at - latency_s - 2 * FRAME_S]
        pauses = [judged.frame.at for judged in recent if not judged.voiced]
        return pauses[-1] if pauses else at - latency_s


class Capture:
    """One open microphone: waits for speech, hands it over, says when it is over.

    speaking: whether speech has begun.
    """

    def __init__(
        self,
        interaction: str,
        listening: Listening,
        since: float,
        no_speech_s: float,
        sieve: Sieve,
    ) -> None:
        self.interaction = interaction
        self.since = since
        self.ended = False
        self._listening = listening
        self._no_speech_ms = no_speech_s * 1000
        self._sieve = sieve
        lead_frames = (listening.lead_ms + listening.start_ms) // FRAME_MS
        self._lead: deque[Judged] = deque(maxlen=lead_frames)
        self.speaking = False
        self._waited_ms = 0
        self._begun_ms = 0  # unbroken voice in what the sieve let out
        self._voiced_ms = 0  # unbroken voice of the customer until now
        self._silent_ms = 0
        self._heard_ms = 0  # such silence-breaking voice in all

    @property
    def alike(self) -> float | None:
        """See Hearing."""
        return self._sieve.alike

    def take(self, judged: Judged) -> Iterator[Heard]:
        for sieved in self._sieve.take(judged):
            if self.ended:
                return
            yield from [self._piece(sieved)] if self.speaking else self._before_speech(sieved)
        self._count(judged.voiced and self._sieve.present)
        if self.speaking and self._silent_ms >= self._patience_ms():
            yield from map(self._piece, self._sieve.flush())
            self.ended = True
            yield EndOfSpeech(self.interaction, judged.frame.at + FRAME_S)

    def _before_speech(self, judged: Judged) -> Iterator[Heard]:
        self._lead.append(judged)
        self._waited_ms += FRAME_MS
        self._begun_ms = self._begun_ms + FRAME_MS if judged.voiced else 0
        if self._begun_ms >= self._listening.start_ms:
            self.speaking = True
            yield SpeechStarted(self.interaction, judged.frame.at + FRAME_S - self._begun_ms / 1000)
            lead = dropwhile(lambda led: led.silenced, self._lead)
            yield Piece(self.interaction, b"".join(led.frame.pcm for led in lead))
        elif self._waited_ms >= self._no_speech_ms:
            self.ended = True
            yield NothingHeard(self.interaction)

    def _piece(self, judged: Judged) -> Piece:
        return Piece(self.interaction, judged.frame.pcm)

    def _patience_ms(self) -> int:
        said = not self._sieve.judges or self._heard_ms >= SHORTEST_WORD_MS
        return self._listening.silence_ms * (1 if said else PATIENCE)

    def _count(self, voiced: bool) -> None:
        """Silence is broken by as much voice as begins speech, not by a click."""
        self._voiced_ms = self._voiced_ms + FRAME_MS if voiced else 0
        resumed = self._voiced_ms >= self._listening.start_ms
        self._silent_ms = 0 if resumed else self._silent_ms + FRAME_MS
        self._heard_ms += FRAME_MS if resumed else 0
