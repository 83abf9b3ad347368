"""A made-up conversation to record, and how tests read it back."""

from __future__ import annotations

import os
from pathlib import Path

from edge.dialogue import (
    FRAME_BYTES,
    Act,
    Catalogue,
    ContextReady,
    Entry,
    Event,
    Expectation,
    ExpectSpeech,
    MicLost,
    PlaybackFinished,
    Recorded,
    Slot,
    Speak,
    TimedOut,
    Transcribed,
    WakeWordDetected,
)
from edge.errors import EdgeError
from edge.protocols import Frame
from edge.recorder import Recorder
from edge.recording import Happened, Header, Part, Recording
from edge.seal import Cipher, Key

KEY = Key(bytes(range(32)))
HEADER = Header("laptop", '[board]\ntitle = "laptop"\n', True, {"rescorer": "ab" * 32}, "0.1")
QUESTION = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Bauer", "Jones")),))
EVENTS: tuple[Event, ...] = (
    WakeWordDetected("alexa", 3.125, 3.0, bytes(range(256))),
    Transcribed("09c4", "i mean bauer", "i mean power"),
    Speak(None, "Café? “Sí.”"),
    ExpectSpeech("09c4", 8000, QUESTION),
    Recorded(Entry("d1", "09c4", 3, ("WAKE:1", "SPEAK:2"), 1234.5678)),
    ContextReady("09c4", b"\x00\x01", (("Bauer", 0.7), ("Jones", 1 / 3)), 4.25, b"\xff"),
    PlaybackFinished("09c4", 0.1 + 0.2),
    MicLost(),
    TimedOut(),
)


def frame(number: int) -> Frame:
    return Frame(os.urandom(FRAME_BYTES), 100.0 + number / 50)


def conversation(seconds: int) -> list[Part]:
    """Sound, and between its frames every event of the list above."""
    parts: list[Part] = [frame(number) for number in range(50 * seconds)]
    for number, event in enumerate(EVENTS):
        parts.insert(number * 11, Happened(event, 100.0 + number / 7))
    return parts


def recorded(file: Path, parts: list[Part], key: Key = KEY) -> Recorder:
    recorder = Recorder(file, key, HEADER, Cipher.AES_256_GCM, os.urandom)
    for part in parts:
        hand_over(recorder, part)
    recorder.close()
    return recorder


def hand_over(recorder: Recorder, part: Part) -> None:
    if isinstance(part, Frame):
        recorder.frame(part)
    else:
        recorder.event(part.event, part.at)


def read(file: Path, key: Key = KEY) -> tuple[list[Part], EdgeError | None]:
    """All that is given, and the error that ends it."""
    parts: list[Part] = []
    try:
        for part in Recording(file, key):
            parts.append(part)  # noqa: PERF402 - what came before an error is wanted
    except EdgeError as error:
        return parts, error
    return parts, None
