"""The writer thread over a real store: order, draining, and entries that are never stale."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from edge.dialogue import Kind, Note, Payload
from edge.errors import Expired, StoreError
from edge.keys import RamKeys
from edge.seal import Cipher
from edge.store import Clock, SqliteStore
from edge.writer import WriterThread

THREADS = 8
OPERATIONS = int(os.environ.get("EDGE_STORE_OPERATIONS", "100"))


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
def open_store(home: Path) -> Callable[[], SqliteStore]:
    def opened() -> SqliteStore:
        return SqliteStore(
            home / "store.db",
            RamKeys(home / "keys", os.urandom),
            Clock(lambda: 1000.0, "b1", lambda: 1.7e9),
            ttl_s=600,
            cipher=Cipher.AES_256_GCM,
            randomness=os.urandom,
        )

    return opened


def test_it_owns_the_store_and_drains_before_it_closes(
    open_store: Callable[[], SqliteStore],
) -> None:
    thread = WriterThread(open_store)
    store = thread.store
    with pytest.raises(StoreError, match="thread"):
        store.begin("d1", "i1", Note.WAKE)
    thread.submit(store.begin, "d1", "i1", Note.WAKE)
    entries = [thread.submit(store.append, "i1", Note.PLAYED) for _ in range(50)]
    refused = thread.submit(store.append, "i2", Note.PLAYED)
    thread.close()
    thread.close()
    assert [entry.result().revision for entry in entries] == list(range(2, 52))
    assert isinstance(refused.exception(), Expired)
    with pytest.raises(StoreError, match="the store is closed"):
        thread.submit(store.append, "i1", Note.PLAYED)


def test_it_raises_what_opening_raises(home: Path, open_store: Callable[[], SqliteStore]) -> None:
    (home / "store.db").write_bytes(b"shopping list" * 99)
    with pytest.raises(StoreError, match="no dialogue store"):
        WriterThread(open_store)


def test_no_entry_is_ever_stale_or_lost(home: Path, open_store: Callable[[], SqliteStore]) -> None:
    """Eight threads append to the same interactions; each compares with a reading of its own."""
    thread = WriterThread(open_store)
    store = thread.store
    for n in range(4):
        thread.submit(store.begin, "d1", f"i{n}", Note.WAKE).result()
    revisions: list[tuple[str, int]] = []

    def work(worker: int) -> None:
        with closing(sqlite3.connect(home / "store.db")) as other:
            for n in range(OPERATIONS):
                payloads = [Payload(Kind.REPLY, b"word")] if n % 10 == worker else []
                interaction = f"i{(n + worker) % 4}"
                entry = thread.submit(
                    store.append, interaction, list(Note)[3 + n % 10], None, payloads
                ).result()
                text = "SELECT events FROM interactions WHERE interaction = ?"
                (events,) = other.execute(text, (interaction,)).fetchone()
                assert tuple(events.split(" "))[: entry.revision] == entry.events
                revisions.append((interaction, entry.revision))

    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(work, range(THREADS)))
    assert sorted(revisions) == [
        (f"i{n}", revision)
        for n in range(4)
        for revision in range(2, 2 + THREADS * OPERATIONS // 4)
    ]
    assert store.verify().faults == ()
    thread.close()
