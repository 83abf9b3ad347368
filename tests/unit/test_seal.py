"""Sealed payloads: the vectors of SEALED.md, and 10^4 ways to tamper."""

from __future__ import annotations

import hashlib
import json
import os
import random
import runpy
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SealError, StoreError
from edge.seal import (
    MAX_CONTENT_BYTES,
    MAX_SEALS_PER_KEY,
    Binding,
    Cipher,
    Key,
    key_id_of,
    seal,
    traces,
    unseal,
)

HERE = Path(__file__).parent
VECTORS = json.loads((HERE / "seal_vectors.json").read_text())
MUTATIONS = int(os.environ.get("EDGE_STORE_MUTATIONS", "10000"))
KEY = Key(bytes(range(32)))
BINDING = Binding("d1", "i1", 1, "utterance", 90_000)


def sealed_by(key: Key, content: bytes, binding: Binding, cipher: Cipher, nonce: bytes) -> bytes:
    return seal(key, content, binding, cipher=cipher, seals=0, randomness=lambda n: nonce)


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=name_of)
def test_valid_vectors(vector: dict[str, Any]) -> None:
    key, binding = Key(bytes.fromhex(vector["key"])), Binding(**vector["binding"])
    content, sealed = bytes.fromhex(vector["content"]), bytes.fromhex(vector["sealed"])
    assert key.id.hex() == vector["key_id"]
    assert unseal(key, sealed, binding) == content
    nonce = bytes.fromhex(vector["nonce"])
    assert sealed_by(key, content, binding, Cipher(vector["cipher"]), nonce) == sealed


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=name_of)
def test_invalid_vectors_are_rejected_without_a_reason(vector: dict[str, Any]) -> None:
    key, binding = Key(bytes.fromhex(vector["key"])), Binding(**vector["binding"])
    with pytest.raises(SealError, match=r"^a sealed payload does not open$"):
        unseal(key, bytes.fromhex(vector["sealed"]), binding)


def test_the_vectors_are_what_their_generator_writes() -> None:
    assert runpy.run_path(str(HERE / "make_seal_vectors.py"))["vectors"]() == VECTORS


def test_the_first_vector_by_the_letter_of_the_specification() -> None:
    vector = VECTORS["valid"][0]
    secret, sealed = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"])
    key_id = hashlib.sha256(b"edge key id 1" + secret).digest()[:8]
    assert sealed[:10] == b"\x01\x01" + key_id
    associated = sealed[:10] + b"\x00\x04d1a7\x00\x0409c4\x00\x09utterance"
    associated += struct.pack(">IQ", 1, 1_234_567)
    assert AESGCM(secret).decrypt(sealed[10:22], sealed[22:], associated) == b"call meg bauer"


@given(st.binary(max_size=300), st.sampled_from(Cipher), st.binary(min_size=12, max_size=12))
def test_what_was_sealed_opens(content: bytes, cipher: Cipher, nonce: bytes) -> None:
    sealed = sealed_by(KEY, content, BINDING, cipher, nonce)
    assert unseal(KEY, sealed, BINDING) == content
    assert len(sealed) == 38 + len(content)
    assert key_id_of(sealed) == KEY.id
    assert sealed.startswith(traces(KEY.id))


def mutated(chance: random.Random, sealed: bytes) -> bytes:
    """The same bytes with bits flipped, cut, extended, or a piece of themselves misplaced."""
    at, raw = chance.randrange(len(sealed)), bytearray(sealed)
    match chance.randrange(4):
        case 0:
            for _ in range(chance.choice((1, 1, 2, 8))):
                raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
        case 1:
            del raw[at:]
        case 2:
            raw[at:at] = chance.randbytes(chance.randint(1, 20))
        case _:
            other = chance.randrange(len(raw))
            raw[at], raw[other] = raw[other], raw[at]
    return bytes(raw)


def test_every_mutation_is_rejected() -> None:
    chance = random.Random(3)
    bindings = [
        BINDING._replace(dialogue=dialogue, interaction=interaction, number=number, kind=kind)
        for dialogue in ("d1", "d2")
        for interaction in ("i1", "i2")
        for number, kind in ((1, "utterance"), (2, "reply"), (2, "utterance"))
    ]
    rows = [
        (binding, sealed_by(KEY, chance.randbytes(40), binding, cipher, chance.randbytes(12)))
        for binding in bindings
        for cipher in Cipher
    ]
    opened = 0
    for _ in range(MUTATIONS):
        (binding, sealed), (foreign, _) = chance.choice(rows), chance.choice(rows)
        raw = mutated(chance, sealed)
        where = foreign if chance.random() < 0.3 else binding
        if raw == sealed and where == binding:
            continue
        try:
            unseal(KEY, raw, where)
        except SealError:
            continue
        opened += 1
    assert opened == 0


def test_a_key_is_used_up() -> None:
    def once_more(seals: int) -> bytes:
        return seal(
            KEY, b"", BINDING, cipher=Cipher.AES_256_GCM, seals=seals, randomness=os.urandom
        )

    assert unseal(KEY, once_more(MAX_SEALS_PER_KEY - 1), BINDING) == b""
    with pytest.raises(StoreError, match="begin a new dialogue"):
        once_more(MAX_SEALS_PER_KEY)


def test_too_long_a_content_is_refused() -> None:
    with pytest.raises(StoreError, match="at most 16777216 bytes"):
        sealed_by(KEY, bytes(MAX_CONTENT_BYTES + 1), BINDING, Cipher.AES_256_GCM, bytes(12))


def test_a_key_has_32_bytes_and_never_shows_them() -> None:
    assert "000102" not in repr(KEY)
    with pytest.raises(SealError, match="32 bytes, this one 31"):
        Key(bytes(31))


def test_no_key_id_in_a_stump() -> None:
    with pytest.raises(SealError):
        key_id_of(bytes(37))
