"""Going on from what was kept equals starting over, through the real store and encoder."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.context import STAMP_BYTES, Encoder
from edge.dialogue import Act, ContextReady, Expectation, Kind, Note, Payload, Slot
from edge.protocols import Round
from edge.store import SqliteStore
from edge.tflite import Manifest, shipped
from edge.window import ROUNDS, Window

WHICH = Expectation(Act.CHOOSE, Slot.PLACE)
SAID = ("find coffee", "call meg", "play some jazz", "at half past seven", "Zürich ☕", "no\0", "")
REPLIES = ("Which one?", "Calling.", "I found three. Which one would you like?", "What time?", "好")
ROUND = st.builds(Round, st.sampled_from(SAID), st.sampled_from(REPLIES))
SETTINGS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(Manifest.load(shipped("context-encoder")))


class Dialogue:
    """One dialogue in a store; questions are embedded in a window and what is kept is recorded."""

    def __init__(self, store: SqliteStore, encoder: Encoder) -> None:
        self.store, self.name = store, os.urandom(8).hex()
        self.window = Window(store, encoder, lambda: 0.0)
        self.rounds: list[Round] = []

    def take(self, past: Round, asks: bool) -> ContextReady | None:
        interaction = f"{self.name}-{len(self.rounds)}"
        self.rounds.append(past)
        self.store.begin(self.name, interaction, Note.WAKE)
        said = [Payload(Kind.UTTERANCE, past.utterance.encode())]
        self.store.append(interaction, Note.UTTERANCE, payloads=said)
        reply = [Payload(Kind.REPLY, past.reply.encode())]
        self.store.append(interaction, Note.SPEAK, payloads=reply)
        return self.ask(interaction) if asks else None

    def ask(self, interaction: str) -> ContextReady:
        entry = self.store.append(interaction, Note.EXPECT_SPEECH, WHICH)
        ready = self.window.embed(entry, WHICH)
        kept = [Payload(Kind.VECTOR, ready.vector), Payload(Kind.MEMORY, ready.memory)]
        self.store.append(interaction, Note.CONTEXT_READY, payloads=kept)
        return ready

    def opened(self) -> int:
        return self.window.unsealed[-1][1]


def cosine(ready: ContextReady | None, encoder: Encoder, rounds: list[Round]) -> float:
    assert ready is not None
    whole = encoder.encode(rounds, WHICH)
    return float(np.frombuffer(ready.vector, "<f4") @ np.frombuffer(whole.vector, "<f4"))


@SETTINGS
@given(turns=st.lists(st.tuples(ROUND, st.booleans()), min_size=6, max_size=14))
def test_going_on_equals_starting_over(encoder, home, turns):
    dialogue, since = Dialogue(home.open_now[-1] if home.open_now else home.open(), encoder), 0
    for number, (past, asks) in enumerate(turns):
        since += 1
        ready = dialogue.take(past, asks or number == 0)
        if ready:
            assert cosine(ready, encoder, dialogue.rounds) >= 0.9999
            assert dialogue.opened() == 2 * since + (number > 0)
            since = 0


def test_a_long_dialogue_opens_its_newest_words_only(encoder, home):
    dialogue = Dialogue(home.open(), encoder)
    for number in range(12):
        dialogue.take(Round(f"play number {number}", f"Number {number} is playing. More?"), True)
    assert [opened for _, opened in dialogue.window.unsealed] == [2, *[3] * 11]


@pytest.mark.parametrize("damage", ["tampered", "another model's", "too short"])
def test_what_cannot_be_gone_on_from_is_started_over(encoder, home, damage):
    dialogue = Dialogue(home.open(), encoder)
    for number in range(5):
        dialogue.take(Round(f"play number {number}", "More?"), number < 4)
    newest = f"{dialogue.name}-3"
    if damage == "tampered":
        home.change(
            "UPDATE payloads SET sealed = zeroblob(length(sealed))"
            " WHERE kind = 'memory' AND interaction = ?",
            newest,
        )
    else:
        kept = encoder.encode(dialogue.rounds, WHICH).memory
        other = bytes(STAMP_BYTES) + kept[STAMP_BYTES:] if "model" in damage else kept[:-4]
        dialogue.store.append(newest, Note.CONTEXT_READY, payloads=[Payload(Kind.MEMORY, other)])
    ready = dialogue.ask(f"{dialogue.name}-4")
    assert ready.vector == encoder.encode(dialogue.rounds[-ROUNDS:], WHICH).vector
    goes_on = dialogue.take(Round("louder", "How loud?"), True)
    assert cosine(goes_on, encoder, dialogue.rounds[-ROUNDS - 1 :]) >= 0.9999
    assert dialogue.opened() == 3
