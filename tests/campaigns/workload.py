"""A process that writes to a store until it is killed, and says what was acknowledged.

`python workload.py HOME MODE SEED [LIMIT_BYTES]`: one line an operation on stdout, `+` for
acknowledged, `!` for refused with a StoreError. MODE is ram or persistent. LIMIT_BYTES: no file
grows beyond it (RLIMIT_FSIZE), and 100 operations are enough.
"""

from __future__ import annotations

import os
import random
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.dialogue import Entry, Kind, Note, Payload
from edge.errors import StoreError
from edge.keys import PersistentKeys, RamKeys
from edge.seal import Cipher
from edge.store import Clock, SqliteStore

CLOCK = Clock(lambda: 1000.0, "b1", lambda: 1.7e9)


def open_store(home: Path, mode: str, files: Path | None = None) -> SqliteStore:
    """The store of this home; `files` when the database is to lie elsewhere."""
    keys = (
        RamKeys(home / "keys", os.urandom)
        if mode == "ram"
        else PersistentKeys(home / "master", os.urandom, Cipher.AES_256_GCM)
    )
    return SqliteStore(
        (files or home) / "store.db",
        keys,
        CLOCK,
        ttl_s=600,
        cipher=Cipher.AES_256_GCM,
        randomness=os.urandom,
    )


def operations(store: SqliteStore, seed: int) -> Iterator[str]:
    """Begin, append, forget at random; what each one acknowledged."""
    chance = random.Random(seed)
    begun: list[str] = []
    while True:
        dialogue, size = f"d{seed}-{len(begun) // 4}", chance.choice((0, 0, 40, 3000))
        payloads = [Payload(Kind.REPLY, chance.randbytes(size))] if size else []
        try:
            if not begun or chance.random() < 0.15:
                entry = store.begin(dialogue, f"i{seed}-{len(begun)}", Note.WAKE, payloads)
                begun.append(entry.interaction)
                yield told(entry)
            elif chance.random() < 0.05:
                store.forget(dialogue)
                yield f"+ forgot {dialogue}"
            else:
                yield told(store.append(chance.choice(begun), Note.SPEAK, payloads=payloads))
        except StoreError as error:
            yield f"! {type(error).__name__} {error}"


def told(entry: Entry) -> str:
    """One acknowledged entry."""
    return f"+ {entry.dialogue} {entry.interaction} {entry.revision}"


def main(home: str, mode: str, seed: str, limit_bytes: str = "") -> None:
    """Write until killed, or 100 operations against a limit."""
    store = open_store(Path(home), mode)
    if limit_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit_bytes),) * 2)
    for count, line in enumerate(operations(store, int(seed))):
        os.write(1, line.encode() + b"\n")
        if limit_bytes and count == 100:
            os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
