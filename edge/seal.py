"""Sealed payloads: bytes that only their dialogue's key opens, and only as what they were.

The one door to cryptography; pure, so it never reads a file, a clock or a random source.
The byte format is specified in SEALED.md.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from edge.errors import SealError, StoreError

VERSION = 1
KEY_BYTES = 32
KEY_ID_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16
MAX_CONTENT_BYTES = 1 << 24
MAX_SEALS_PER_KEY = 1 << 20
"""Random 96-bit nonces are safe to 2^32 seals under one key; a dialogue needs a few dozen."""

_MARK = struct.Struct(f">BB{KEY_ID_BYTES}s")
_HEADER_BYTES = _MARK.size + NONCE_BYTES
_LENGTH = struct.Struct(">H")
_COUNTED = struct.Struct(">IQ")
_KEY_ID_LABEL = b"edge key id 1"
_SHUT = "a sealed payload does not open"


class Cipher(IntEnum):
    """The cipher id of a sealed payload; the device profile chooses it for new ones."""

    AES_256_GCM = 1
    CHACHA20_POLY1305 = 2


Aead = AESGCM | ChaCha20Poly1305
_AEAD: dict[int, type[Aead]] = {
    Cipher.AES_256_GCM: AESGCM,
    Cipher.CHACHA20_POLY1305: ChaCha20Poly1305,
}


@dataclass(frozen=True, slots=True)
class Key:
    """A 32-byte secret and the id by which sealed payloads name it."""

    secret: bytes = field(repr=False)
    id: bytes = field(init=False)
    _suites: dict[Cipher, tuple[bytes, Aead]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """SealError when the secret has another length."""
        if len(self.secret) != KEY_BYTES:
            raise SealError(f"a key has {KEY_BYTES} bytes, this one {len(self.secret)}")
        digest = hashlib.sha256(_KEY_ID_LABEL + self.secret).digest()
        object.__setattr__(self, "id", digest[:KEY_ID_BYTES])
        object.__setattr__(self, "_suites", {})

    def suite(self, cipher: Cipher) -> tuple[bytes, Aead]:
        """How all that is sealed so begins, and the cipher under this key; set up once."""
        found = self._suites.get(cipher)
        if found is None:
            mark = _MARK.pack(VERSION, cipher, self.id)
            found = self._suites[cipher] = mark, _AEAD[cipher](self.secret)
        return found


class Binding(NamedTuple):
    """What a sealed payload is bound to; under any other binding it does not open.

    number: counts an interaction's payloads from 1; 0 for a wrapped key.
    kind: the payload's Kind, or "key" for a wrapped key.
    expires_ms: expiry in whole milliseconds of the store's clock.
    """

    dialogue: str
    interaction: str
    number: int
    kind: str
    expires_ms: int

    def associated(self, mark: bytes) -> bytes:
        """The associated data: unambiguous, every field fixed or length-prefixed."""
        dialogue, interaction = self.dialogue.encode(), self.interaction.encode()
        kind = self.kind.encode()
        return (
            mark
            + _LENGTH.pack(len(dialogue))
            + dialogue
            + _LENGTH.pack(len(interaction))
            + interaction
            + _LENGTH.pack(len(kind))
            + kind
            + _COUNTED.pack(self.number, self.expires_ms)
        )


def seal(
    key: Key,
    content: bytes,
    binding: Binding,
    *,
    cipher: Cipher,
    seals: int,
    randomness: Callable[[int], bytes],
) -> bytes:
    """Seal content so that only `key` and `binding` open it.

    seals: how many payloads this key has sealed before. randomness: n → n fresh random
    bytes, for the nonce. StoreError when the key is used up or the content too long.
    """
    if seals >= MAX_SEALS_PER_KEY:
        raise StoreError(f"key {key.id.hex()} has sealed {seals} payloads: begin a new dialogue")
    if len(content) > MAX_CONTENT_BYTES:
        raise StoreError(f"a payload holds at most {MAX_CONTENT_BYTES} bytes, not {len(content)}")
    nonce = randomness(NONCE_BYTES)
    mark, aead = key.suite(cipher)
    return mark + nonce + aead.encrypt(nonce, content, binding.associated(mark))


def unseal(key: Key, sealed: bytes, binding: Binding) -> bytes:
    """The content, or SealError: not intact, not this key's, or bound to something else."""
    if len(sealed) < _HEADER_BYTES + TAG_BYTES:
        raise SealError(_SHUT)
    mark, nonce = sealed[: _MARK.size], sealed[_MARK.size : _HEADER_BYTES]
    version, cipher, key_id = _MARK.unpack(mark)
    if version != VERSION or cipher not in _AEAD or key_id != key.id:
        raise SealError(_SHUT)
    _, aead = key.suite(Cipher(cipher))
    try:
        return aead.decrypt(nonce, sealed[_HEADER_BYTES:], binding.associated(mark))
    except InvalidTag:
        raise SealError(_SHUT) from None


def key_id_of(sealed: bytes) -> bytes:
    """The id of the key that a sealed payload says it needs; SealError when it is cut short."""
    if len(sealed) < _HEADER_BYTES + TAG_BYTES:
        raise SealError(_SHUT)
    return sealed[2 : 2 + KEY_ID_BYTES]


def traces(key_id: bytes) -> tuple[bytes, ...]:
    """The first bytes of anything sealed under this key: what to search a raw file for."""
    return tuple(_MARK.pack(VERSION, cipher, key_id) for cipher in Cipher)
