from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence

import pytest

from edge.dialogue import Act, Catalogue, Entry, Expectation, Kind, Note, Payload, Slot
from edge.errors import EngineError, SealError, WorkerGone
from edge.protocols import Encoded, Round
from edge.store import SqliteStore
from edge.window import REACH, ROUNDS, TEXTS, RemoteEncoder, Window
from edge.worker import Header, Supervised
from tests.unit.store_home import Home

ASKED = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Jones", "Bauer")),))
ENTRY = Entry("d1", "i9", 3, ("WAKE",), 99.0)
UNIT = struct.pack("<2f", 0.6, 0.8)
KEPT = b"stamp and numbers"


class Shelf:
    """The one method of a store that a window uses, over one dialogue."""

    def __init__(self, *payloads: tuple[str, Kind, str]) -> None:
        self._payloads = payloads
        self.opened: set[Kind] = set()

    def unseal(
        self, dialogue: str, kinds: Iterable[Kind], last: int, since: Kind | None = None
    ) -> Iterator[tuple[str, Payload]]:
        assert (dialogue, last) == ("d1", REACH if since else ROUNDS)
        wanted = [one for one in self._payloads if one[1] in set(kinds)]
        if since:
            marks = [place for place, one in enumerate(wanted) if one[1] is since]
            wanted = wanted[marks[-1] :] if marks else []
        for interaction, kind, text in wanted:
            self.opened.add(kind)
            if text == "tampered":
                raise SealError("a payload does not open")
            yield interaction, Payload(kind, text.encode())


class Recording:
    """An encoder that keeps what it was asked, and may refuse a memory."""

    def __init__(self, refusal: EngineError | None = None) -> None:
        self.refusal = refusal
        self.rounds: list[Round] = []
        self.memory = b""

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        if memory and self.refusal:
            raise self.refusal
        self.rounds, self.memory = list(rounds), memory
        return Encoded(UNIT, (("Bauer", 0.5),), KEPT)


class Answering(Supervised):
    """A child that gives one answer."""

    def __init__(self, header: Header, content: bytes) -> None:
        self._answer = (header, content)
        self.asked: Header = {}
        self.given = b""

    def call(
        self, method: str, header: Header, content: bytes, limit_s: float
    ) -> tuple[Header, bytes]:
        self.asked, self.given = header, content
        return self._answer


def window_over(shelf: Shelf, encoder: Recording) -> Window:
    return Window(shelf, encoder, lambda: 0.0)  # type: ignore[arg-type]  # a window only reads


BEGUN = (
    ("i1", Kind.UTTERANCE, "find coffee"),
    ("i1", Kind.REPLY, "Which one?"),
    ("i2", Kind.UTTERANCE, "call meg"),
    ("i2", Kind.REPLY, "I found two."),
    ("i2", Kind.REPLY, "Jones or Bauer?"),
)
BOTH = [Round("find coffee", "Which one?"), Round("call meg", "I found two. Jones or Bauer?")]


def test_without_a_memory_the_last_rounds_are_put_together_and_every_unseal_is_counted() -> None:
    shelf, encoder, ticks = Shelf(*BEGUN), Recording(), iter([1.0, 1.25])
    window = Window(shelf, encoder, lambda: next(ticks))  # type: ignore[arg-type]
    ready = window.embed(ENTRY, ASKED)
    assert (encoder.rounds, encoder.memory) == (BOTH, b"")
    assert (ready.interaction, ready.vector, ready.encode_ms) == ("i9", UNIT, 250)
    assert ready.memory == KEPT
    assert list(window.unsealed) == [("i9", 5)]
    assert shelf.opened == set(TEXTS)


def test_a_memory_stands_for_all_before_it() -> None:
    older, newer = ("i1", Kind.MEMORY, "old"), ("i2", Kind.MEMORY, "new")
    after = (("i3", Kind.UTTERANCE, "bauer"), ("i4", Kind.REPLY, "Which number?"))
    encoder = Recording()
    window = window_over(Shelf(*BEGUN[:2], older, *BEGUN[2:], newer, *after), encoder)
    window.embed(ENTRY, ASKED)
    assert encoder.memory == b"new"
    assert encoder.rounds == [Round("bauer", ""), Round("", "Which number?")]
    assert list(window.unsealed) == [("i9", 3)]


@pytest.mark.parametrize(
    ("memory", "later"),
    [
        ("foreign", [("i3", Kind.UTTERANCE, "bauer")]),
        ("tampered", [("i3", Kind.UTTERANCE, "bauer")]),
        ("known", []),
        ("known", [("i2", Kind.REPLY, "One more thing."), ("i3", Kind.UTTERANCE, "bauer")]),
    ],
    ids=["another model's", "tampered", "nothing was said since", "the reply went on"],
)
def test_a_memory_that_cannot_be_used_is_left_and_the_rounds_are_read(
    memory: str, later: list[tuple[str, Kind, str]]
) -> None:
    refusal = EngineError("not this encoder's") if memory == "foreign" else None
    shelf, encoder = Shelf(*BEGUN, ("i2", Kind.MEMORY, memory), *later), Recording(refusal)
    window_over(shelf, encoder).embed(ENTRY, ASKED)
    assert encoder.memory == b""
    assert encoder.rounds[0] == BOTH[0]
    assert encoder.rounds[-1].utterance == ("bauer" if later else "call meg")


def test_words_that_do_not_open_are_an_error() -> None:
    shelf = Shelf(*BEGUN, ("i2", Kind.MEMORY, "known"), ("i3", Kind.UTTERANCE, "tampered"))
    with pytest.raises(SealError):
        window_over(shelf, Recording()).embed(ENTRY, ASKED)


def test_an_encoder_that_is_gone_is_not_asked_again() -> None:
    encoder = Recording(WorkerGone("the child died"))
    shelf = Shelf(*BEGUN, ("i2", Kind.MEMORY, "known"), ("i3", Kind.UTTERANCE, "bauer"))
    window = window_over(shelf, encoder)
    with pytest.raises(WorkerGone):
        window.embed(ENTRY, ASKED)
    assert encoder.rounds == []
    assert list(window.unsealed) == [("i9", 2)]


def told(store: SqliteStore, number: int) -> None:
    interaction = f"i{number}"
    store.begin("d1", interaction, Note.WAKE)
    store.append(interaction, Note.SPEAK, payloads=[Payload(Kind.REPLY, b"%d" % number)])


def test_the_store_begins_with_the_newest_of_a_kind(home: Home) -> None:
    store = home.open()
    for number in range(4):
        told(store, number)
        if number in (1, 2):
            kept = [Payload(Kind.VECTOR, UNIT), Payload(Kind.MEMORY, b"m%d" % number)]
            store.append(f"i{number}", Note.CONTEXT_READY, payloads=kept)
    sequence = (*TEXTS, Kind.MEMORY)
    opened = [payload.content for _, payload in store.unseal("d1", sequence, -1, Kind.MEMORY)]
    assert opened == [b"m2", b"3"]
    assert store.reader.unseals() == 2
    assert list(store.unseal("d1", sequence, 1, Kind.MEMORY)) == []
    assert list(store.unseal("d1", sequence, -1, Kind.ANCHOR)) == []
    assert store.reader.unseals() == 2


def test_the_child_is_asked_with_phrases_act_slot_and_memory() -> None:
    child = Answering({"near": {"Bauer": 0.5}, "memory_bytes": len(KEPT)}, KEPT + UNIT)
    encoded = RemoteEncoder(child, 1.0).encode([Round("a", "b")], ASKED, b"before")
    assert encoded == Encoded(UNIT, (("Bauer", 0.5),), KEPT)
    assert child.given == b"before"
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
        ({"near": {}, "memory_bytes": -8}, UNIT),
        ({"near": {}, "memory_bytes": len(UNIT)}, UNIT),
        ({"near": {}, "memory_bytes": 1e3}, UNIT),
        ({"near": {}, "memory_bytes": None}, UNIT),
    ],
)
def test_what_is_no_vector_is_an_error(header: Header, content: bytes) -> None:
    child = Answering({"memory_bytes": 0, **header}, content)
    with pytest.raises(EngineError, match="no vector"):
        RemoteEncoder(child, 1.0).encode([], ASKED)


def test_phrases_that_do_not_fit_into_the_window_are_counted() -> None:
    names = Catalogue(Slot.CONTACT, ("Bauer", "Jones", "Power", "Jones"))
    window = window_over(Shelf(*BEGUN), Recording())
    for _ in range(2):
        window.embed(ENTRY, Expectation(Act.CHOOSE, Slot.CONTACT, (names,)))
    assert window.left_out == 2 * 2
