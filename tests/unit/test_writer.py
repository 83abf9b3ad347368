"""The writer thread over a real store: order, draining, and entries that are never stale."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.dialogue import Note
from edge.errors import Expired, StoreError
from edge.keys import RamKeys
from edge.seal import Cipher
from edge.store import Clock, SqliteStore
from edge.writer import WriterThread
from tests.campaigns import threads


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


def test_no_entry_is_ever_stale_or_lost(home: Path) -> None:
    """Eight threads append to the same interactions; each compares with a reading of its own."""
    assert threads.run(home, 100, lambda: None) == []
