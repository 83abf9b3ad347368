"""What an engine, a detector, a sound device or a store must offer; structural, nothing to inherit.

Implementations may block and may raise EdgeError; they know nothing of sessions or threads.
Audio is 16 kHz mono int16, little endian, as bytes, unless a rate is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import (
    Entry,
    Expectation,
    ExpectSpeech,
    Kind,
    Note,
    Payload,
    Recognized,
    Responded,
    Speak,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of captured sound; `at` is the capture time of its first sample."""

    pcm: bytes
    at: float


class Microphone(Protocol):
    """A capture device that is always open."""

    def read(self) -> Frame:
        """Block until the next frame is captured; AudioError when the device is gone."""


class Loudspeaker(Protocol):
    """A playback device that is always open."""

    def play(self, pcm: bytes, rate_hz: int) -> float:
        """Queue sound (mono int16); return the time at which its last sample will have sounded."""

    def stop(self) -> float:
        """Drop the queue; return the time at which the device will be silent."""

    def sounding_until(self) -> float:
        """The end of what is queued or sounding, by the device's own clock (past when silent).

        AudioError when the device is gone.
        """

    def played(self, since: float, samples: int) -> NDArray[np.int16]:
        """What sounds from `since` on, 16 kHz, also what is only queued; zeros where nothing does.

        From any thread.
        """


class EchoCanceller(Protocol):
    """Takes what is played out of what is captured, frame by frame, in order."""

    def cancel(self, pcm: bytes, played: bytes) -> bytes:
        """What is left of a captured frame; `played` sounded while it was captured."""


class WakeWordDetector(Protocol):
    """Listens for one wake word in a stream."""

    word: str
    latency_s: float

    def detect(self, pcm: bytes) -> bool:
        """Take the stream's next 20 ms; True in the frame that completes the wake word."""


class Recognizer(Protocol):
    """Turns one capture at a time into readings."""

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; whatever was going on is dropped.

        expected: what a native bias may use; the n-best list is the same with and without it.
        """

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture (any length)."""

    def finish(self) -> Recognized:
        """End the capture; no readings when nothing was heard."""


class Synthesizer(Protocol):
    """Turns text into sound."""

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """Mono int16 sound and its rate in Hz."""


class Skill(Protocol):
    """The dialogue manager: what to do and say about an utterance."""

    def respond(
        self, dialogue: str, interaction: str, text: str
    ) -> Iterable[Speak | ExpectSpeech | Responded]:
        """Directives in order; Responded alone when there is nothing to say."""

    def forget(self, dialogue: str) -> None:
        """Drop what is known of this dialogue."""


@dataclass(frozen=True, slots=True)
class Round:
    """One past exchange as the context encoder sees it, oldest first in a sequence."""

    utterance: str
    reply: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """A dialogue's context vector (float32, unit length) and each catalogue phrase's cosine to it.

    memory: what the encoder keeps of the dialogue; it stands for all its rounds so far.
    """

    vector: bytes
    similarities: tuple[tuple[str, float], ...]
    memory: bytes = b""


class ContextEncoder(Protocol):
    """Two towers in one space: the dialogue so far, and phrases that may answer it."""

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """Encode the rounds that came after `memory`, or all there are without one.

        EngineError when the memory is not this encoder's.
        """


class DialogueStore(Protocol):
    """The two tables. Every write returns the updated entry."""

    def begin(
        self, dialogue: str, interaction: str, note: Note, payloads: Sequence[Payload] = ()
    ) -> Entry:
        """Insert the interaction's entry with its first event."""

    def append(
        self,
        interaction: str,
        note: Note,
        expectation: Expectation | None = None,
        payloads: Sequence[Payload] = (),
    ) -> Entry:
        """Append one event; Expired when the interaction is not alive."""

    def unseal(
        self, dialogue: str, kinds: Iterable[Kind], last: int = -1, since: Kind | None = None
    ) -> Iterator[tuple[str, Payload]]:
        """(interaction, payload) of a live dialogue, oldest first; every one opened is counted.

        last: open only those of so many newest interactions; -1: of all.
        since: begin with the newest payload of this kind; where there is none, open nothing.
        """

    def forget(self, dialogue: str) -> int:
        """Delete a dialogue, its key first; how many interactions went."""

    def expire(self) -> int:
        """Delete what has expired, keys first; to be called once a second."""
