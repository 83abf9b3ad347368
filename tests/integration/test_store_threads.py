"""The store on the thread that writes to it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.dialogue import Note
from edge.errors import StoreError
from edge.scheduler import Threads
from tests.campaigns import threads
from tests.campaigns.workload import open_store


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory)


def test_only_the_thread_that_made_it_writes(home: Path) -> None:
    with closing(Threads()) as workers:
        store = workers.do("store", lambda: open_store(home, "ram"))
        with pytest.raises(StoreError, match="thread"):
            store.begin("d1", "i1", Note.WAKE)
        assert workers.do("store", lambda: store.begin("d1", "i1", Note.WAKE)).revision == 1
        workers.do("store", store.close)


def test_no_entry_is_ever_stale_or_lost(home: Path) -> None:
    """Eight threads append to the same interactions; each compares with a reading of its own."""
    assert threads.run(home, 100, lambda: None) == []
