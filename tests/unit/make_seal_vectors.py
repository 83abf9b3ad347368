"""Write seal_vectors.json: `python tests/unit/make_seal_vectors.py`, after a change of SEALED.md.

Everything is fixed (keys, nonces, contents), so that the file changes only with the format.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from edge.seal import Binding, Cipher, Key, seal

FILE = Path(__file__).with_name("seal_vectors.json")
_BINDING = Binding("d1a7", "09c4", 1, "utterance", 1_234_567)


def _fixed(label: str, size: int) -> bytes:
    return hashlib.sha256(label.encode()).digest()[:size]


def _sealed(key: Key, content: bytes, binding: Binding, cipher: Cipher) -> bytes:
    return seal(
        key, content, binding, cipher=cipher, seals=0, randomness=lambda n: _fixed("nonce", n)
    )


def _vector(name: str, key: Key, sealed: bytes, binding: Binding) -> dict[str, Any]:
    return {
        "name": name,
        "key": key.secret.hex(),
        "binding": binding._asdict(),
        "sealed": sealed.hex(),
    }


def valid() -> list[dict[str, Any]]:
    """Both ciphers with a few contents and bindings."""
    key = Key(_fixed("key", 32))
    cases = [
        ("words", b"call meg bauer", _BINDING),
        ("empty", b"", _BINDING._replace(number=2, kind="reply")),
        ("not ASCII", "Wo ist die nächste Eisdiele?".encode(), _BINDING._replace(number=3)),
        ("a vector", bytes(range(256)), _BINDING._replace(number=4, kind="vector")),
        ("far expiry", b"x", _BINDING._replace(expires_ms=(1 << 63) - 1, number=65_535)),
        ("a wrapped key", _fixed("other key", 32), Binding("d1a7", "", 0, "key", 1_234_567)),
    ]
    return [
        _vector(f"{name}, {cipher.name}", key, _sealed(key, content, binding, cipher), binding)
        | {
            "cipher": int(cipher),
            "key_id": key.id.hex(),
            "nonce": _fixed("nonce", 12).hex(),
            "content": content.hex(),
        }
        for cipher in Cipher
        for name, content, binding in cases
    ]


def invalid() -> list[dict[str, Any]]:
    """One case for every reason to reject."""
    key, other = Key(_fixed("key", 32)), Key(_fixed("another", 32))
    good = _sealed(key, b"call meg bauer", _BINDING, Cipher.AES_256_GCM)
    bytes_wrong = {
        "empty": b"",
        "header only": good[:22],
        "no whole tag": good[:37],
        "version 0": b"\x00" + good[1:],
        "version 2": b"\x02" + good[1:],
        "cipher 0": good[:1] + b"\x00" + good[2:],
        "the other cipher": good[:1] + b"\x02" + good[2:],
        "cipher 3": good[:1] + b"\x03" + good[2:],
        "foreign key id": good[:2] + other.id + good[10:],
        "nonce changed": good[:10] + bytes([good[10] ^ 1]) + good[11:],
        "ciphertext changed": good[:22] + bytes([good[22] ^ 128]) + good[23:],
        "tag changed": good[:-1] + bytes([good[-1] ^ 1]),
        "cut short": good[:-1],
        "something appended": good + b"\x00",
    }
    bindings_wrong = {
        "another dialogue": _BINDING._replace(dialogue="d1a8"),
        "another interaction": _BINDING._replace(interaction="09c5"),
        "fields shifted": _BINDING._replace(dialogue="d1a70", interaction="9c4"),
        "another number": _BINDING._replace(number=2),
        "another kind": _BINDING._replace(kind="reply"),
        "a later expiry": _BINDING._replace(expires_ms=1_234_568),
    }
    return [
        *(_vector(name, key, sealed, _BINDING) for name, sealed in bytes_wrong.items()),
        *(_vector(name, key, good, binding) for name, binding in bindings_wrong.items()),
        _vector("another key", other, good, _BINDING),
        _vector("another key under this id", other, good[:2] + other.id + good[10:], _BINDING),
    ]


def vectors() -> dict[str, list[dict[str, Any]]]:
    """What the file holds."""
    return {"valid": valid(), "invalid": invalid()}


if __name__ == "__main__":
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")
