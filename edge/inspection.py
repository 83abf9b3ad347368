"""What can be told of a whole store: its counts and sizes, and whether it is sound.

Never changes it and never shows a word; what it opens is looked at by nobody.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from edge.dialogue import Act, Note, Slot
from edge.errors import StoreError
from edge.keys import Keys
from edge.reader import Row, Sealed
from edge.schema import Connection, open_reader
from edge.seal import traces

_ENTRIES = "SELECT * FROM interactions WHERE expires_ms > ?"
_PAYLOADS = """
    SELECT dialogue, interaction, number, kind, expires_ms, key_id, wrapped, sealed
    FROM payloads JOIN interactions USING (interaction) WHERE expires_ms > ?
"""
_STRAYS = """
    SELECT count(*) FROM payloads LEFT JOIN interactions USING (interaction) WHERE id IS NULL
"""
_SEALED_UNDER = """
    SELECT DISTINCT key_id, substr(wrapped, 1, 22) FROM interactions
    WHERE dialogue = coalesce(?, dialogue)
"""
_COUNTS = """
    SELECT count(*), count(DISTINCT dialogue), coalesce(sum(payloads), 0)
    FROM interactions WHERE expires_ms > ?
"""
_KEPT = """
    SELECT count(*) FROM payloads JOIN interactions USING (interaction) WHERE expires_ms > ?
"""
_EVENT = re.compile(
    rf"({'|'.join(Note)})(\(({'|'.join(Act)}),({'|'.join(Slot)})\))?((:[1-9][0-9]*)*)"
)


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of what is alive, and the sizes of the files."""

    interactions: int
    dialogues: int
    payloads: int
    schema_version: int
    page_bytes: int
    pages: int
    free_pages: int
    database_bytes: int
    wal_bytes: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of everything alive found; `faults` is empty when the store is sound.

    payloads: how many opened. discarded: how many were sealed and are no longer there.
    """

    interactions: int
    payloads: int
    discarded: int
    faults: tuple[str, ...]


def stats(path: Path, now_ms: int) -> Stats:
    """Count and measure; StoreError when the file cannot be read."""
    with closing(open_reader(path)) as connection:
        interactions, dialogues, _ = _one(connection, _COUNTS, now_ms)
        return Stats(
            interactions=interactions,
            dialogues=dialogues,
            payloads=_one(connection, _KEPT, now_ms)[0],
            schema_version=_one(connection, "PRAGMA user_version")[0],
            page_bytes=_one(connection, "PRAGMA page_size")[0],
            pages=_one(connection, "PRAGMA page_count")[0],
            free_pages=_one(connection, "PRAGMA freelist_count")[0],
            database_bytes=_size_bytes(path),
            wal_bytes=_size_bytes(Path(f"{path}-wal")),
        )


def verify(path: Path, keys: Keys, now_ms: int) -> Verdict:
    """Check the file, hold every event against the vocabulary, open every payload."""
    with closing(open_reader(path)) as connection:
        interactions, _, sealed = _one(connection, _COUNTS, now_ms)
        (kept,) = _one(connection, _KEPT, now_ms)
        payload_faults = list(_payload_faults(connection, keys, now_ms))
        faults = [*_file_faults(connection), *_event_faults(connection, now_ms), *payload_faults]
        return Verdict(interactions, kept - len(payload_faults), sealed - kept, tuple(faults))


def residue(path: Path, key_ids: Iterable[str]) -> int:
    """How often anything sealed under these keys is found in the raw files."""
    return remains(path, [mark for key_id in key_ids for mark in traces(bytes.fromhex(key_id))])


def marks_of(path: Path, dialogue: str | None) -> list[bytes]:
    """How all that is sealed in a dialogue (None: in any) begins, and each of its wrapped keys."""
    with closing(open_reader(path)) as connection:
        rows = connection.rows(_SEALED_UNDER, dialogue)
    marks = {mark for key_id, _ in rows for mark in traces(bytes.fromhex(key_id))}
    return sorted(marks | {beginning for _, beginning in rows if beginning})


def remains(path: Path, marks: Iterable[bytes]) -> int:
    """How often any of these is found in the raw files."""
    marks = list(marks)
    return sum(_occurrences(file, marks) for file in files(path))


def files(path: Path) -> list[Path]:
    """The files that a store has now."""
    return [file for end in ("", "-wal", "-shm") if (file := Path(f"{path}{end}")).exists()]


def _one(connection: Connection, text: str, *values: int) -> tuple[int, ...]:
    row: tuple[int, ...] = connection.rows(text, *values)[0]
    return row


def _file_faults(connection: Connection) -> Iterator[str]:
    for (finding,) in connection.rows("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"file: {finding}"
    (strays,) = _one(connection, _STRAYS)
    if strays:
        yield f"payloads: {strays} belong to no interaction"


def _event_faults(connection: Connection, now_ms: int) -> Iterator[str]:
    for row in map(Row._make, connection.stream(_ENTRIES, now_ms)):
        events = [_EVENT.fullmatch(event) for event in row.events.split(" ")]
        numbers = [n for event in events if event for n in event[5].split(":")[1:]]
        if not all(events):
            yield f"interaction {row.interaction!r}: an event outside the vocabulary"
        elif len(events) != row.revision:
            yield f"interaction {row.interaction!r}: {len(events)} events at {row.revision}"
        elif numbers != [str(n + 1) for n in range(row.payloads)]:
            yield f"interaction {row.interaction!r}: its events do not name its payloads"


def _payload_faults(connection: Connection, keys: Keys, now_ms: int) -> Iterator[str]:
    for row in map(Sealed._make, connection.stream(_PAYLOADS, now_ms)):
        try:
            row.open(keys)
        except StoreError as error:
            yield f"interaction {row.interaction!r}, payload {row.number}: {error}"


def _occurrences(file: Path, marks: Iterable[bytes]) -> int:
    if not _size_bytes(file):
        return 0
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, prot=mmap.PROT_READ) as raw:
        return sum(_count(raw, mark) for mark in marks)


def _count(raw: mmap.mmap, mark: bytes) -> int:
    found, place = 0, raw.find(mark)
    while place >= 0:
        found, place = found + 1, raw.find(mark, place + 1)
    return found


def _size_bytes(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
