"""The process killed at random moments, one store living through all of them."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from edge.keys import create_key_file
from edge.store import SqliteStore
from tests.campaigns import workload

ROOT = Path(__file__).parents[2]


def start(home: Path, mode: str, seed: int, *limit: str) -> subprocess.Popen[bytes]:
    """A process that writes; modes are ram and persistent."""
    return subprocess.Popen(
        [sys.executable, str(workload.__file__), str(home), mode, str(seed), *limit],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


class Acknowledged:
    """The last revision of every interaction that the workload was told of."""

    def __init__(self) -> None:
        self.revisions: dict[tuple[str, str], int] = {}

    def hear(self, lines: list[bytes]) -> None:
        """What the workload wrote."""
        for line in lines:
            match line.decode().split():
                case ["+", "forgot", dialogue]:
                    for dead in [key for key in self.revisions if key[0] == dialogue]:
                        del self.revisions[dead]
                case ["+", dialogue, interaction, revision]:
                    self.revisions[dialogue, interaction] = int(revision)

    def wrong(self, store: SqliteStore, may_be_gone: str) -> list[str]:
        """What is not as acknowledged; one operation more may have happened, in `may_be_gone` too.

        From here on, what was found counts as acknowledged.
        """
        entries = {(entry.dialogue, entry.interaction): entry for entry in store.reader.entries()}
        missing = self.revisions.keys() - entries.keys()
        faults = list(store.verify().faults)
        faults += [f"{lost}: is lost" for lost in missing if lost[0] != may_be_gone]
        faults += [
            f"{key}: revision {entries[key].revision} after {self.revisions[key]}"
            for key in self.revisions.keys() & entries.keys()
            if entries[key].revision - self.revisions[key] not in (0, 1)
        ]
        self.revisions = {key: entry.revision for key, entry in entries.items()}
        return faults


def run(home: Path, seed: int, kills: int, mode: str, tick: Callable[[], None]) -> list[str]:
    """Kill so many; what was wrong after which."""
    chance = random.Random(seed)
    acknowledged = Acknowledged()
    faults: list[str] = []
    if mode == "persistent":
        create_key_file(home / "master", os.urandom)
    for number in range(kills):
        with start(home, mode, number) as writer:
            assert writer.stdout
            lines = [*itertools.islice(writer.stdout, chance.randint(1, 120))]
            writer.kill()
            lines += writer.stdout.read().splitlines()
        acknowledged.hear(lines)
        store = workload.open_store(home, mode)
        begun = sum(line.startswith(b"+") and line.split()[-1] == b"1" for line in lines)
        wrong = acknowledged.wrong(store, f"d{number}-{begun // 4}")
        store.close()
        faults += [f"{mode}, seed {seed}, kill {number}: {one}" for one in wrong]
        tick()
    return faults
