"""Eight threads at one store: every entry that a write returns equals a fresh read."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Barrier

from edge.dialogue import Entry, Kind, Note, Payload
from edge.scheduler import Threads
from edge.store import SqliteStore
from tests.campaigns.workload import open_store

THREADS = 8
LENGTH = 400
"""Operations of each thread before all go on to the next four interactions."""
NOTES = (Note.UTTERANCE, Note.SPEAK, Note.PLAYED, Note.REOPENED)
EVENTS = "SELECT events, revision FROM interactions WHERE interaction = ?"


class Bout:
    """Four interactions that all threads append to, one of which is checked at each step."""

    def __init__(self, writer: Threads, store: SqliteStore, number: int) -> None:
        self.names = [f"i{number}-{one}" for one in range(4)]
        self.revisions: Counter[tuple[str, int]] = Counter()
        self._writer, self._store = writer, store
        for name in self.names:
            writer.do("store", partial(store.begin, f"d{number}", name, Note.WAKE))

    def step(self, worker: int, number: int, other: sqlite3.Connection) -> str | None:
        """One append and one fresh read; what was wrong."""
        name, note = self.names[(number + worker) % 4], NOTES[number % 4]
        said = [Payload(Kind.REPLY, b"word")] if number % 10 == worker else []
        entry = self._writer.do("store", partial(self._store.append, name, note, None, said))
        events, revision = other.execute(EVENTS, (name,)).fetchone()
        self.revisions[name, entry.revision] += 1
        return _difference(entry, note, events.split(" "), revision)

    def lost(self, appends: int) -> list[str]:
        """Revisions that nobody was given, or two were."""
        each = range(2, 2 + appends // 4)
        wanted = Counter((name, revision) for name in self.names for revision in each)
        return [f"{one}: given {self.revisions[one]} times" for one in wanted - self.revisions]


def _difference(entry: Entry, note: Note, events: list[str], revision: int) -> str | None:
    """The fresh read was later, so it may hold more; up to the entry's revision it is the same."""
    same = tuple(events[: entry.revision]) == entry.events and revision == len(events)
    mine = entry.events[-1].split(":")[0] == note and len(entry.events) == entry.revision
    return None if same and mine else f"{entry.interaction}: stale at {entry.revision}"


def run(home: Path, operations: int, tick: Callable[[], None]) -> list[str]:
    """So many operations of each thread; what was wrong."""
    with closing(Threads()) as writer:
        store = writer.do("store", lambda: open_store(home, "ram"))
        try:
            return [*_bouts(home, writer, store, operations, tick), *store.verify().faults]
        finally:
            writer.do("store", store.close)


def _bouts(
    home: Path, writer: Threads, store: SqliteStore, operations: int, tick: Callable[[], None]
) -> list[str]:
    faults: list[str] = []
    together = Barrier(THREADS)
    bout = [Bout(writer, store, 0)]

    def work(worker: int) -> None:
        with closing(sqlite3.connect(home / "store.db")) as other:
            for number in range(operations):
                if wrong := bout[0].step(worker, number, other):
                    faults.append(wrong)
                tick()
                done = number + 1
                if done % LENGTH == 0 or done == operations:
                    together.wait()
                    if worker == 0:
                        since = (done - 1) % LENGTH + 1
                        faults.extend(bout[0].lost(since * THREADS))
                        bout[0] = Bout(writer, store, done)
                    together.wait()

    with ThreadPoolExecutor(THREADS) as workers:
        list(workers.map(work, range(THREADS)))
    return faults
