"""What is said between the parts of a turn: frozen events, commands and entries.

Events carry facts, commands carry orders. Times are seconds of the monotonic clock;
audio is 16 kHz mono int16. Nothing here does I/O or keeps state.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

RATE_HZ = 16_000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = 2 * FRAME_SAMPLES


class Act(StrEnum):
    """What the assistant's question asks the customer to do."""

    CHOOSE = "choose"
    CONFIRM = "confirm"
    REQUEST = "request"


class Slot(StrEnum):
    """The type of the answer that a question asks for."""

    CONTACT = "contact"
    DEVICE = "device"
    PLACE = "place"
    LIST_ITEM = "list_item"
    ROOM = "room"
    MEDIA = "media"
    NAME = "name"
    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    YES_NO = "yes_no"
    OTHER = "other"


class Kind(StrEnum):
    """What a payload is."""

    UTTERANCE = "utterance"
    REPLY = "reply"
    CATALOGUE = "catalogue"
    ANCHOR = "anchor"
    VECTOR = "vector"
    MEMORY = "memory"


class Note(StrEnum):
    """The event names an entry may hold: with acts and slots, its whole vocabulary."""

    WAKE = "WAKE"
    ANSWER = "ANSWER"
    ANNOUNCE = "ANNOUNCE"
    UTTERANCE = "UTTERANCE"
    NOTHING_HEARD = "NOTHING_HEARD"
    SPEAK = "SPEAK"
    EXPECT_SPEECH = "EXPECT_SPEECH"
    EXPECT_SPEECH_REFUSED = "EXPECT_SPEECH_REFUSED"
    EXPECT_SPEECH_TIMED_OUT = "EXPECT_SPEECH_TIMED_OUT"
    CONTEXT_READY = "CONTEXT_READY"
    PLAYED = "PLAYED"
    REOPENED = "REOPENED"
    INTERRUPTED = "INTERRUPTED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"


BEGINNINGS = frozenset({Note.WAKE, Note.ANSWER, Note.ANNOUNCE})
"""The notes that insert an entry; every other note appends to one that is alive."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Typed phrases that an answer may name, most likely first."""

    slot: Slot
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of the audio; `score` is the recognizer's log probability, best is highest."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Recognized:
    """What a recognizer made of one capture.

    nbest: readings, best first; no context has a part in them. expected: readings that fit what
    was expected, best first, from a search of their own, with scores that compare with those of
    `nbest`; empty where the recognizer has no native biasing. frames: how many frames of 10 ms
    the scores sum over. native_ms: CPU time of the second search.
    """

    nbest: tuple[Hypothesis, ...] = ()
    expected: tuple[Hypothesis, ...] = ()
    frames: int = 0
    native_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Payload:
    """Words (UTF-8) or a vector (float32) on their way to be sealed; written once."""

    kind: Kind
    content: bytes = field(repr=False)


def catalogue_payload(catalogues: Iterable[Catalogue]) -> tuple[Payload, ...]:
    """The catalogues as one payload, `{slot: [phrase, ...]}` in JSON; none when there are none."""
    phrases: dict[Slot, tuple[str, ...]] = {}
    for one in catalogues:
        phrases[one.slot] = phrases.get(one.slot, ()) + one.phrases
    return (Payload(Kind.CATALOGUE, json.dumps(phrases).encode()),) if phrases else ()


@dataclass(frozen=True, slots=True)
class Entry:
    """The event-table row of one interaction, as the last write returned it.

    events: in order, each `NAME`, `NAME(act,slot)` or `NAME:n`, where n counts the
        interaction's payloads from 1.
    expires_at: seconds of CLOCK_BOOTTIME.
    """

    dialogue: str
    interaction: str
    revision: int
    events: tuple[str, ...]
    expires_at: float

    def holds(self, note: Note) -> bool:
        """Whether an event of this name was recorded."""
        return any(event.split("(")[0].split(":")[0] == note for event in self.events)


@dataclass(frozen=True, slots=True)
class Expectation:
    """What the open question tells about its answer."""

    act: Act
    slot: Slot
    catalogues: tuple[Catalogue, ...] = ()


# ------------------------------------------------------------------ events: facts


@dataclass(frozen=True, slots=True)
class WakeWordDetected:
    """Heard while idle, thinking, playing or expecting.

    at: capture time of the frame that completed it. since: where the request's audio
    starts (the wake word's end, as far as the detector can tell). anchor: how it sounded.
    """

    word: str
    at: float
    since: float
    anchor: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class MicOpened:
    """From now on captured audio goes through to the recognizer."""

    interaction: str
    at: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began in the open capture of this interaction."""

    interaction: str
    at: float


@dataclass(frozen=True, slots=True)
class EndOfSpeech:
    """Speech ended in the open capture of this interaction."""

    interaction: str
    at: float


@dataclass(frozen=True, slots=True)
class NothingHeard:
    """The capture held no speech, no words, or only our own last reply."""

    interaction: str


@dataclass(frozen=True, slots=True)
class Transcribed:
    """What was recognized. `plain` is the same audio's reading without any context."""

    interaction: str
    text: str = field(repr=False)
    plain: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Speak:
    """Directive: say this text. interaction None: an announcement of its own."""

    interaction: str | None
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExpectSpeech:
    """Directive: re-open the microphone when the reply has sounded, for an answer."""

    interaction: str | None
    timeout_ms: int
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Responded:
    """The skill has nothing (more) to say to this interaction."""

    interaction: str


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The reply's sound has begun; `ends_at` is its known end."""

    interaction: str
    ends_at: float


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """The loudspeaker's queue is empty and the device has drained, at this time."""

    interaction: str
    at: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """The store's answer to a Record."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class ContextReady:
    """The context vector of a question, and how near each offered phrase is to it.

    vector: float32, little endian. similarities: phrase → cosine in [-1, 1].
    encode_ms: time the encoder took. memory: what the encoder keeps of the dialogue so far.
    """

    interaction: str
    vector: bytes
    similarities: tuple[tuple[str, float], ...]
    encode_ms: float
    memory: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """A part that the turn needs (recognizer, skill, loudspeaker) failed."""

    interaction: str
    part: str


@dataclass(frozen=True, slots=True)
class ContextFailed:
    """The encoder failed: best effort, the turn goes on without its vector."""

    interaction: str


@dataclass(frozen=True, slots=True)
class Muted:
    """The customer closed the microphone."""


@dataclass(frozen=True, slots=True)
class Unmuted:
    """The customer gave the microphone back."""


@dataclass(frozen=True, slots=True)
class MicLost:
    """The microphone is gone."""


@dataclass(frozen=True, slots=True)
class MicBack:
    """The microphone is there again."""


@dataclass(frozen=True, slots=True)
class LoudspeakerLost:
    """The loudspeaker is gone."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The customer had the current dialogue deleted."""


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The current state's deadline passed; made by the main loop, never queued."""


@dataclass(frozen=True, slots=True)
class ExpectSpeechRefused:
    """An ExpectSpeech while muted or over the cap on re-opens; made by the session only."""

    interaction: str | None


@dataclass(frozen=True, slots=True)
class ExpectSpeechRecorded:
    """The first returned entry that holds the open question; made by the session only."""

    entry: Entry


Event = (
    WakeWordDetected
    | MicOpened
    | SpeechStarted
    | EndOfSpeech
    | NothingHeard
    | Transcribed
    | Speak
    | ExpectSpeech
    | Responded
    | PlaybackStarted
    | PlaybackFinished
    | Recorded
    | ContextReady
    | ContextFailed
    | Failed
    | Muted
    | Unmuted
    | MicLost
    | MicBack
    | LoudspeakerLost
    | Forgotten
    | TimedOut
    | ExpectSpeechRefused
    | ExpectSpeechRecorded
)

# ---------------------------------------------------------------- commands: orders


@dataclass(frozen=True, slots=True)
class OpenMic:
    """Let speech captured at or after `since` through to the recognizer.

    no_speech_s: after so much audio without speech, NothingHeard. expectation: of the question
    that is being answered, for a recognizer with native biasing. anchor: of the only voice that
    is wanted; anybody's without one.
    """

    interaction: str
    since: float
    no_speech_s: float
    expectation: Expectation | None = None
    anchor: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class CloseMic:
    """Let nothing more through."""

    interaction: str


@dataclass(frozen=True, slots=True)
class Recognize:
    """End the recognizer's audio and give its transcript, biased by what is given."""

    interaction: str
    expectation: Expectation | None = None
    context: ContextReady | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Drop whatever is being recognized, answered or embedded for this interaction."""

    interaction: str


@dataclass(frozen=True, slots=True)
class Respond:
    """Ask the skill."""

    dialogue: str
    interaction: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Play:
    """Synthesize and queue this reply."""

    interaction: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StopPlayback:
    """Silence the loudspeaker now and forget its queue."""

    interaction: str


@dataclass(frozen=True, slots=True)
class Record:
    """Append an event to the interaction's entry; payloads are sealed beside it."""

    dialogue: str
    interaction: str
    note: Note
    expectation: Expectation | None = None
    payloads: tuple[Payload, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Embed:
    """Compute the context vector of the question that this entry holds."""

    entry: Entry
    expectation: Expectation


Command = OpenMic | CloseMic | Recognize | Cancel | Respond | Play | StopPlayback | Record | Embed
