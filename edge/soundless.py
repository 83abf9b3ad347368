"""Turns through the session's table, the store and the compute window, with no sound in them.

For benches: nothing is recognized, synthesized or encoded here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import count

from edge.dialogue import (
    BEGINNINGS,
    Act,
    Catalogue,
    Command,
    Embed,
    EndOfSpeech,
    Entry,
    Event,
    Expectation,
    ExpectSpeech,
    OpenMic,
    PlaybackFinished,
    Recognize,
    Record,
    Recorded,
    Respond,
    Slot,
    Speak,
    Transcribed,
    WakeWordDetected,
)
from edge.protocols import DialogueStore, Encoded, Round
from edge.session import Rules, Session
from edge.window import Window

REQUEST = "call meg"
REPLY = "I found two. Do you mean Meg Jones or Meg Bauer?"
QUESTION = Expectation(
    Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer")),)
)


class Turns:
    """Requests of one customer, one a second, all in one dialogue."""

    def __init__(self, store: DialogueStore, name: str, *, asking: bool) -> None:
        """name: of the dialogue. asking: whether each reply re-opens the microphone."""
        ids = count()
        self._session = Session(Rules(reopens=1 << 30), lambda: f"{name}-{next(ids)}")
        self._store = store
        self._window = Window(store, _Encoder(), lambda: 0.0)
        self._asking = asking
        self._now_s = 0.0

    def take(self) -> None:
        """One wake word, request and reply."""
        self._now_s += 1.0
        self._happened(WakeWordDetected("alexa", self._now_s, self._now_s))

    def _happened(self, event: Event) -> None:
        for command in self._session.handle(event, self._now_s):
            for answer in self._answers(command):
                self._happened(answer)

    def _answers(self, command: Command) -> list[Event]:
        match command:
            case OpenMic(interaction):
                return [EndOfSpeech(interaction, self._now_s)]
            case Recognize(interaction):
                return [Transcribed(interaction, REQUEST, REQUEST)]
            case Respond(_, interaction):
                asked = [ExpectSpeech(interaction, 8000, QUESTION)] if self._asking else []
                return [
                    Speak(interaction, REPLY),
                    *asked,
                    PlaybackFinished(interaction, self._now_s),
                ]
            case Record():
                return [Recorded(self._recorded(command))]
            case Embed(entry, expectation):
                return [self._window.embed(entry, expectation)]
        return []

    def _recorded(self, order: Record) -> Entry:
        if order.note in BEGINNINGS:
            return self._store.begin(order.dialogue, order.interaction, order.note, order.payloads)
        return self._store.append(order.interaction, order.note, order.expectation, order.payloads)


class _Encoder:
    """protocols.ContextEncoder that gives one direction, whatever it is given."""

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        return Encoded(struct.pack("<f", 1.0), ())
