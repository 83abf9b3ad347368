"""What the store is measured against: other ways to keep the same events in SQLite.

For `edge bench store` only; none of them promises what the store promises.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from edge.dialogue import Kind, Note, Payload
from edge.errors import StoreError
from edge.schema import PAGE_BYTES, PRAGMAS, TABLES
from edge.seal import Binding, Cipher, Key, seal, unseal
from edge.store import APPEND, SqliteStore

FOREVER_MS = 1 << 52
_BEGIN = """
    INSERT INTO interactions
        (interaction, dialogue, revision, events, payloads, key_id, wrapped, expires_ms, boot)
    VALUES (?, ?, 1, 'WAKE:1', 1, '0123456789abcdef', NULL, ?, 'b1')
"""
_KEEP = "INSERT INTO payloads (interaction, number, kind, sealed) VALUES (?, 1, 'utterance', ?)"
_FILL = """
    WITH RECURSIVE numbers (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)
    INSERT INTO interactions
        (interaction, dialogue, revision, events, payloads, key_id, wrapped, expires_ms, boot)
    SELECT 'row-' || n, 'd-' || n / 8, 3, 'WAKE PLAYED ENDED', 0, key_id, NULL, expires_ms, boot
    FROM numbers, (SELECT key_id, expires_ms, boot FROM interactions LIMIT 1)
"""


class Rival(Protocol):
    """Keeps interactions of one payload each."""

    def begin(self, interaction: str, content: bytes) -> None:
        """A new interaction with this payload."""

    def append(self, interaction: str) -> object:
        """One event more, committed; what the interaction then is."""

    def close(self) -> None:
        """Let go of the file."""


class Ours:
    """The store itself."""

    def __init__(self, store: SqliteStore) -> None:
        self.close = store.close
        self._store = store

    def begin(self, interaction: str, content: bytes) -> None:
        """As Rival says; sixteen interactions share a dialogue."""
        dialogue = interaction.rpartition("-")[0]
        self._store.begin(dialogue, interaction, Note.WAKE, [Payload(Kind.UTTERANCE, content)])

    def append(self, interaction: str) -> object:
        """As Rival says."""
        return self._store.append(interaction, Note.PLAYED)


class Tables:
    """The store's own tables, pragmas and statement, with nothing around them."""

    def __init__(self, connection: Any) -> None:
        """connection: as `sqlite3.connect` gives it, in autocommit."""
        self.close = connection.close
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute
        for statement in TABLES:
            self._execute(statement)

    def begin(self, interaction: str, content: bytes) -> None:
        """As Rival says."""
        self._execute("BEGIN IMMEDIATE")
        self._execute(_BEGIN, (interaction, interaction.rpartition("-")[0], FOREVER_MS))
        self._execute(_KEEP, (interaction, content))
        self._execute("COMMIT")

    def append(self, interaction: str) -> object:
        """As Rival says."""
        return self._execute(APPEND, (" PLAYED", interaction, 0)).fetchall()[0]


def bare(path: Path, synchronous: str) -> Tables:
    """Python's sqlite3, unsealed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    return Tables(_prepared(connection, synchronous))


def sqlcipher(path: Path, synchronous: str, secret: bytes) -> Tables:
    """SQLCipher with its own page size (4 KB), a raw key; ModuleNotFoundError without its wheel."""
    import sqlcipher3

    connection = sqlcipher3.connect(str(path), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{secret.hex()}'\"")
    return Tables(_prepared(connection, synchronous))


class Resealed:
    """One sealed record an interaction, opened and sealed again for each event."""

    def __init__(
        self, path: Path, synchronous: str, key: Key, randomness: Callable[[int], bytes]
    ) -> None:
        connection = _prepared(sqlite3.connect(path, isolation_level=None), synchronous)
        self.close = connection.close
        self._execute = connection.execute
        self._key = key
        self._randomness = randomness
        self._execute("CREATE TABLE records (interaction TEXT PRIMARY KEY, sealed BLOB NOT NULL)")

    def begin(self, interaction: str, content: bytes) -> None:
        """As Rival says."""
        record = {"dialogue": "d1", "revision": 1, "events": ["WAKE"], "said": content.decode()}
        self._execute(
            "INSERT INTO records VALUES (?, ?)", (interaction, self._sealed(interaction, record))
        )

    def append(self, interaction: str) -> object:
        """As Rival says."""
        self._execute("BEGIN IMMEDIATE")
        found = self._execute("SELECT sealed FROM records WHERE interaction = ?", (interaction,))
        content = unseal(self._key, found.fetchone()[0], _binding(interaction))
        record: dict[str, Any] = json.loads(content)
        record["events"].append("PLAYED")
        record["revision"] += 1
        sealed = self._sealed(interaction, record)
        self._execute("UPDATE records SET sealed = ? WHERE interaction = ?", (sealed, interaction))
        self._execute("COMMIT")
        return record

    def _sealed(self, interaction: str, record: dict[str, Any]) -> bytes:
        content, binding = json.dumps(record).encode(), _binding(interaction)
        cipher, randomness = Cipher.AES_256_GCM, self._randomness
        return seal(self._key, content, binding, cipher=cipher, seals=0, randomness=randomness)


def fill(path: Path, first: int, count: int) -> None:
    """Rows `first` to `count` beside those that the store has, alive as long as its oldest."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(_FILL, (first, count))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def said_plainly() -> Iterator[None]:
    """What a rival's SQLite complains of, as a StoreError."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"the bench cannot write its files: {error}; set TMPDIR") from error


def _binding(interaction: str) -> Binding:
    return Binding("d1", interaction, 1, "record", FOREVER_MS)


def _prepared(connection: Any, synchronous: str) -> Any:
    for pragma in ("journal_mode = WAL", f"synchronous = {synchronous}", *PRAGMAS):
        connection.execute(f"PRAGMA {pragma}")
    return connection
