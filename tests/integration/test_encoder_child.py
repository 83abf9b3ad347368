"""The encoder's real child, confined as on a device, and whatever may be said to it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import closing

import pytest

from edge.assembly import encoder_child
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.profile import load_profile
from edge.protocols import Round
from edge.window import RemoteEncoder
from edge.worker import Supervised

SIZE = 128
MOST_PHRASES = 200
SCRIPTS = (
    "\u0645\u0631\u062d\u0628\u0627 \u4f60\u597d \u041f\u0440\u0438\u0432\u0435\u0442 "
    "\u0928\u092e\u0938\u094d\u0924\u0947 Z\u00fcrich"
)
CONTROL = "\x00\x01\x1b[31m\x7f\u200b\u202e\ufeff\ud800 \udfff\U000e0001"
EMOJI = "\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467\u2615\ufe0f"
TEXTS = {
    "nothing": "",
    "emoji": EMOJI,
    "control characters": CONTROL,
    "NUL bytes": "\0" * 1000,
    "other scripts": SCRIPTS,
    "10^4 words": "which one would you like " * 2000,
    "10^4 words of another script": f"{SCRIPTS} " * 2000,
    "one word without an end": "x" * 100_000,
    "digits without an end": "9" * 100_000,
    "marks that pile up": "z" + "\u0301" * 100_000,
    "a ligature that becomes eighteen letters": "\ufdfa" * 10_000,
}


@pytest.fixture(scope="module")
def child() -> Iterator[Supervised]:
    with closing(encoder_child(load_profile("laptop"), Supervised)) as running:
        yield running


def asking(*phrases: str) -> Expectation:
    return Expectation(Act.CHOOSE, Slot.PLACE, (Catalogue(Slot.PLACE, phrases),))


@pytest.mark.parametrize("said", TEXTS.values(), ids=TEXTS)
def test_any_text_gives_a_vector_within_the_limits(child, said):
    pid = child.running().pid
    encoder = RemoteEncoder(child, load_profile("laptop").children.encoder_limit_s)
    first = encoder.encode([Round(said, said)], asking(said, "power"))
    then = encoder.encode([Round(said, said)] * 3, asking(said), first.memory)
    for encoded in (first, then):
        vector = struct.unpack(f"<{SIZE}f", encoded.vector)
        assert sum(number * number for number in vector) == pytest.approx(1.0, abs=1e-4)
        assert encoded.similarities[0][0] == said
    assert child.running().pid == pid, "no fault of the child's was hidden by another child"


def test_no_rounds_and_many_entries_are_encoded_in_one_limit(child):
    pid = child.running().pid
    encoder = RemoteEncoder(child, load_profile("laptop").children.encoder_limit_s)
    entries = [f"{EMOJI} entry {n} {SCRIPTS}" for n in range(10_000)]
    encoded = encoder.encode([], asking(*entries))
    assert [phrase for phrase, _ in encoded.similarities] == entries[:MOST_PHRASES]
    assert child.running().pid == pid
