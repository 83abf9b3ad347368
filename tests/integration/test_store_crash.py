"""The dialogue store when its process is killed, its disk is full, its card fails.

`EDGE_STORE_KILLS` sets the number of kills (20), for a campaign.
"""

from __future__ import annotations

import itertools
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.dialogue import Entry, Kind, Note, Payload
from edge.errors import Expired, StoreError
from edge.keys import create_key_file
from edge.store import SqliteStore

KILLS = int(os.environ.get("EDGE_STORE_KILLS", "20"))
WORKLOAD = Path(__file__).with_name("store_workload.py")
open_store = runpy.run_path(str(WORKLOAD))["open_store"]


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    create_key_file(directory / "master", os.urandom)
    yield directory
    shutil.rmtree(directory)


def start(home: Path, mode: str, seed: int, *limit: str) -> subprocess.Popen[bytes]:
    package = Path(sys.modules["edge"].__file__ or "").parents[1]
    return subprocess.Popen(
        [sys.executable, str(WORKLOAD), str(home), mode, str(seed), *limit],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(package)},
    )


class Acknowledged:
    """The last revision of every interaction that the workload was told of."""

    def __init__(self) -> None:
        self.revisions: dict[tuple[str, str], int] = {}
        self.forgotten: set[str] = set()

    def hear(self, lines: list[bytes]) -> None:
        for line in lines:
            match line.decode().split():
                case ["+", "forgot", dialogue]:
                    self.forgotten.add(dialogue)
                    for dead in [key for key in self.revisions if key[0] == dialogue]:
                        del self.revisions[dead]
                case ["+", dialogue, interaction, revision]:
                    self.revisions[dialogue, interaction] = int(revision)

    def check(self, store: SqliteStore, last_dialogue_may_be_gone: str) -> None:
        """All of it is there, and at most one operation more; the file is sound."""
        assert store.verify().faults == ()
        entries = {(entry.dialogue, entry.interaction): entry for entry in store.reader.entries()}
        missing = self.revisions.keys() - entries.keys()
        assert {dialogue for dialogue, _ in missing} <= {last_dialogue_may_be_gone}
        for key in self.revisions.keys() & entries.keys():
            assert 0 <= entries[key].revision - self.revisions[key] <= 1
        for key in missing:
            del self.revisions[key]
        self.revisions |= {key: entry.revision for key, entry in entries.items()}


@pytest.mark.timeout(60 + 2 * KILLS)
@pytest.mark.parametrize("mode", ["ram", "persistent"])
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(home: Path, mode: str) -> None:
    """One store lives through every kill; an unacknowledged last operation may have happened."""
    chance = random.Random(7)
    acknowledged = Acknowledged()
    for seed in range(KILLS // 2):
        writer = start(home, mode, seed)
        assert writer.stdout
        lines = [*itertools.islice(writer.stdout, chance.randint(1, 120))]
        writer.kill()
        lines += writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        acknowledged.hear(lines)
        store = open_store(home, mode)
        assert store.left_over == 0 or mode == "ram"
        begun = sum(b" 1" == line.rstrip()[-2:] for line in lines if line.startswith(b"+"))
        acknowledged.check(store, f"d{seed}-{begun // 4}")
        store.close()
    assert len(acknowledged.revisions) > 0


@pytest.mark.parametrize("limit_bytes", [*range(4_096, 40_000, 5_120), 70_001])
def test_a_disk_that_takes_no_more(home: Path, limit_bytes: int) -> None:
    """Every write beyond the limit fails: an error each time, and nothing acknowledged is lost."""
    writer = start(home, "persistent", 1, str(limit_bytes))
    output, _ = writer.communicate()
    assert writer.returncode == 0
    lines = output.splitlines()
    assert len(lines) == 101
    acknowledged = Acknowledged()
    acknowledged.hear(lines)
    store = open_store(home, "persistent")
    begun = sum(line.endswith(b" 1") for line in lines)
    acknowledged.check(store, f"d1-{begun // 4}")
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
    assert list(store.reader.entries()) == list(store.unseal("d1", Kind)) == []

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
