from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import pytest

from edge.dialogue import Act, Catalogue, Entry, Expectation, Kind, Payload, Slot
from edge.errors import EngineError
from edge.protocols import Round
from edge.window import ROUNDS, RemoteEncoder, Window
from edge.worker import Header, Supervised

ASKED = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Jones", "Bauer")),))
ENTRY = Entry("d1", "i2", 3, ("WAKE",), 99.0)
UNIT = struct.pack("<2f", 0.6, 0.8)


class Shelf:
    """The one method of a store that a window uses."""

    def __init__(self, *payloads: tuple[str, Kind, str]) -> None:
        self._payloads = payloads
        self.kinds: set[Kind] = set()

    def unseal(
        self, dialogue: str, kinds: Iterable[Kind], last: int
    ) -> Iterator[tuple[str, Payload]]:
        assert (dialogue, last) == ("d1", ROUNDS)
        self.kinds = set(kinds)
        for interaction, kind, text in self._payloads:
            yield interaction, Payload(kind, text.encode())


class Recording:
    """An encoder that keeps what it was asked."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation
    ) -> tuple[bytes, tuple[tuple[str, float], ...]]:
        self.rounds = list(rounds)
        return UNIT, (("Bauer", 0.5),)


class Answering(Supervised):
    """A child that gives one answer."""

    def __init__(self, header: Header, content: bytes) -> None:
        self._answer = (header, content)
        self.asked: Header = {}

    def call(
        self, method: str, header: Header, content: bytes, limit_s: float
    ) -> tuple[Header, bytes]:
        self.asked = header
        return self._answer


def test_rounds_are_put_together_by_interaction_and_every_unseal_is_counted() -> None:
    shelf = Shelf(
        ("i1", Kind.UTTERANCE, "find coffee"),
        ("i1", Kind.REPLY, "Which one?"),
        ("i2", Kind.UTTERANCE, "call meg"),
        ("i2", Kind.REPLY, "I found two."),
        ("i2", Kind.REPLY, "Jones or Bauer?"),
    )
    encoder, ticks = Recording(), iter([1.0, 1.25])
    window = Window(shelf, encoder, lambda: next(ticks))  # type: ignore[arg-type]
    ready = window.embed(ENTRY, ASKED)
    assert encoder.rounds == [
        Round("find coffee", "Which one?"),
        Round("call meg", "I found two. Jones or Bauer?"),
    ]
    assert (ready.interaction, ready.vector, ready.encode_ms) == ("i2", UNIT, 250)
    assert list(window.unsealed) == [("i2", 5)]
    assert shelf.kinds == {Kind.UTTERANCE, Kind.REPLY}


def test_the_child_is_asked_with_phrases_act_and_slot() -> None:
    child = Answering({"near": {"Bauer": 0.5}}, UNIT)
    vector, near = RemoteEncoder(child, 1.0).encode([Round("a", "b")], ASKED)
    assert (vector, near) == (UNIT, (("Bauer", 0.5),))
    assert child.asked == {
        "rounds": [("a", "b")],
        "act": "choose",
        "slot": "contact",
        "phrases": ["Jones", "Bauer"],
    }


@pytest.mark.parametrize(
    ("header", "content"),
    [
        ({"near": {}}, b""),
        ({"near": {}}, b"123"),
        ({"near": {}}, struct.pack("<2f", 3.0, 4.0)),
        ({"near": {}}, struct.pack("<2f", float("nan"), 1.0)),
        ({"near": {"power": 0.5}}, UNIT),
        ({"near": [0.5]}, UNIT),
        ({"near": {"Bauer": None}}, UNIT),
        ({"near": {"Bauer": float("nan")}}, UNIT),
        ({"near": {"Bauer": 1.5}}, UNIT),
        ({}, UNIT),
    ],
)
def test_what_is_no_vector_is_an_error(header: Header, content: bytes) -> None:
    with pytest.raises(EngineError, match="no vector"):
        RemoteEncoder(Answering(header, content), 1.0).encode([], ASKED)
