"""The dialogue store when its process is killed, its disk is full, its file system read-only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.dialogue import Entry, Kind, Note, Payload
from edge.errors import Expired, StoreError
from edge.keys import create_key_file
from edge.store import SqliteStore
from tests.campaigns import kills
from tests.campaigns.workload import open_store


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory)


@pytest.mark.parametrize("mode", ["ram", "persistent"])
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(home: Path, mode: str) -> None:
    """One store lives through every kill; an unacknowledged last operation may have happened."""
    assert kills.run(home, 7, 5, mode, lambda: None) == []


@pytest.mark.parametrize("limit_bytes", [4_096, 19_456, 70_001])
def test_a_disk_that_takes_no_more(home: Path, limit_bytes: int) -> None:
    """Every write beyond the limit fails: an error each time, and nothing acknowledged is lost."""
    create_key_file(home / "master", os.urandom)
    with kills.start(home, "persistent", 1, str(limit_bytes)) as writer:
        output, _ = writer.communicate()
    assert writer.returncode == 0
    lines = output.splitlines()
    assert len(lines) == 101
    acknowledged = kills.Acknowledged()
    acknowledged.hear(lines)
    store = open_store(home, "persistent")
    begun = sum(line.endswith(b" 1") for line in lines)
    assert acknowledged.wrong(store, f"d1-{begun // 4}") == []
    store.begin("d9", "i9", Note.WAKE)
    store.close()


@pytest.fixture
def full(home: Path) -> Iterator[Path]:
    """A file system of 256 KB, for the database alone."""
    place = home / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(store: SqliteStore, acknowledged: list[Entry]) -> None:
    for _ in range(300):
        reply = Payload(Kind.REPLY, bytes(3000))
        acknowledged.append(store.append("i1", Note.SPEAK, payloads=[reply]))


def test_a_full_disk(home: Path, full: Path) -> None:
    """The turn is told, what was acknowledged stays; forgetting drops the key at least."""
    store = open_store(home, "ram", full)
    store.begin("d1", "i1", Note.WAKE)
    acknowledged: list[Entry] = []
    with pytest.raises(StoreError, match="free some space"):
        fill(store, acknowledged)
    assert store.reader.entry("i1") == acknowledged[-1]
    assert len(list(store.unseal("d1", Kind))) == len(acknowledged)

    with pytest.raises(StoreError, match="free some space"):
        store.forget("d1")
    assert list((home / "keys").iterdir()) == []
    with pytest.raises(Expired):
        store.append("i1", Note.PLAYED)
    assert list(store.reader.entries()) == []
    assert list(store.unseal("d1", Kind)) == []

    subprocess.run(["mount", "-o", "remount,size=1m", str(full)], check=True)
    store.expire()
    assert store.reader.key_ids() == []
    store.begin("d2", "i2", Note.WAKE, [Payload(Kind.ANCHOR, bytes(900))])
    assert store.verify().faults == ()
    store.close()


def test_a_read_only_file_system(home: Path, full: Path) -> None:
    store = open_store(home, "ram", full)
    store.begin("d1", "i1", Note.WAKE)
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(full)], check=True)
    with pytest.raises(StoreError, match="Read-only file system"):
        open_store(home, "ram", full)
    subprocess.run(["mount", "-o", "remount,rw", str(full)], check=True)
    store = open_store(home, "ram", full)
    assert store.append("i1", Note.PLAYED).revision == 2
    store.close()
