"""The store's file: its two tables, its pragmas, its lock. Never reads or writes a dialogue."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from edge.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database

Value = str | int | bytes | None
APPLICATION_ID = 0x65646765
SCHEMA_VERSION = 1
PAGE_BYTES = 512
"""An append rewrites one page, so small ones wear a card least: measured 0.9 KB an event in
NORMAL and 5.1 in FULL, against 1.6 and 5.7 with 1024 and 5.6 and 9.7 with 4096, no slower."""

_BUSY_S = 0.1
_ADVICE = {
    "SQLITE_BUSY": "another program is writing to it: stop that one",
    "SQLITE_CANTOPEN": "its directory must exist and let the daemon write",
    "SQLITE_CORRUPT": "it is broken: move it away and start the daemon again",
    "SQLITE_FULL": "free some space",
    "SQLITE_IOERR": "check the card and the kernel's log",
    "SQLITE_NOTADB": "it is no dialogue store: move it away",
    "SQLITE_READONLY": "let the daemon write there",
}
PRAGMAS = (
    "secure_delete = ON",
    "temp_store = MEMORY",
    "cell_size_check = ON",
    "trusted_schema = OFF",
)
TABLES = (
    """
    CREATE TABLE interactions (
        id INTEGER PRIMARY KEY,
        interaction TEXT NOT NULL UNIQUE,
        dialogue TEXT NOT NULL,
        revision INTEGER NOT NULL,
        events TEXT NOT NULL,
        payloads INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        wrapped BLOB,
        expires_ms INTEGER NOT NULL,
        boot TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX interactions_by_dialogue ON interactions (dialogue)",
    "CREATE INDEX interactions_by_expiry ON interactions (expires_ms)",
    """
    CREATE TABLE payloads (
        interaction TEXT NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (interaction, number)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TRIGGER payloads_are_written_once BEFORE UPDATE ON payloads
    BEGIN SELECT RAISE (ABORT, 'payloads are written once'); END
    """,
)


class Connection:
    """A connection whose every failure is a StoreError of one line."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def rows(self, text: str, *values: Value) -> list[Any]:
        """Run one statement to its end; all its rows."""
        try:
            return self._connection.execute(text, values).fetchall()
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error

    def stream(self, text: str, *values: Value) -> Iterator[Any]:
        """The rows of one statement, one by one."""
        try:
            yield from self._connection.execute(text, values)
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error

    def close(self) -> None:
        """Close it; a second call does nothing."""
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error


class Writer(Connection):
    """The one connection that writes; it belongs to the thread that made it.

    A lock beside the file keeps every other writer away until `close`.
    """

    def __init__(self, path: Path, *, durable: bool) -> None:
        """Open or create the file, its schema up to date.

        durable: every commit survives a power cut (synchronous FULL, else NORMAL).
        """
        self._lock = _lock(path)
        try:
            super().__init__(path, _open(path, "FULL" if durable else "NORMAL"))
        except StoreError:
            os.close(self._lock)
            raise

    def change(self, text: str, *values: Value) -> int:
        """Run one statement; how many rows it changed."""
        try:
            return self._connection.execute(text, values).rowcount
        except sqlite3.Error as error:
            raise _fault(self._path, error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One commit of all the statements within, or nothing of them."""
        self.rows("BEGIN IMMEDIATE")
        try:
            yield
            self.rows("COMMIT")
        except BaseException:
            # A full disk may have rolled back already.
            if self._connection.in_transaction:
                self.rows("ROLLBACK")
            raise

    def define(self, name: str, function: Callable[..., bytes], arguments: int) -> None:
        """Make a function known to SQL."""
        self._connection.create_function(name, arguments, function)

    def tidy(self) -> bool:
        """Empty the write-ahead log; False when a reader still holds it."""
        (busy, *_) = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        return not busy

    def close(self) -> None:
        """Close the file and let go of it; a second call does nothing."""
        if self._lock >= 0:
            super().close()
            os.close(self._lock)
            self._lock = -1


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every writer away; StoreError when one is at work."""
    descriptor = _lock(path)
    try:
        yield
    finally:
        os.close(descriptor)


def open_reader(path: Path) -> Connection:
    """A connection that cannot write; its user sees to it that one thread at a time uses it."""
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=_BUSY_S,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise _fault(path, error) from error
    return Connection(path, connection)


def _fault(path: Path, error: sqlite3.Error) -> StoreError:
    """SQLite's complaint as one line that says what to do."""
    name = getattr(error, "sqlite_errorname", "")
    advice = next((text for code, text in _ADVICE.items() if name.startswith(code)), "")
    return StoreError(f"{path}: {error}" + (f"; {advice}" if advice else ""))


def _lock(path: Path) -> int:
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StoreError(f"{path}: cannot lock it: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreError(f"{path}: another daemon owns it; ask that one, or stop it") from None
    return descriptor


def _open(path: Path, synchronous: str) -> sqlite3.Connection:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    except OSError as error:
        raise StoreError(f"{path}: cannot open it: {error.strerror}") from error
    try:
        _prepare(connection, path, synchronous)
    except sqlite3.Error as error:
        connection.close()
        raise _fault(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, synchronous: str) -> None:
    application = _pragma(connection, "application_id")
    if application != APPLICATION_ID:
        if application or connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise StoreError(f"{path}: belongs to another program; give the store its own file")
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    version = _pragma(connection, "user_version")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path}: has schema {version}, this program knows {SCHEMA_VERSION}: update the program"
        )
    if _pragma(connection, "journal_mode = WAL") != "wal":
        raise StoreError(f"{path}: its file system cannot keep a write-ahead log; move the store")
    for pragma in (f"synchronous = {synchronous}", *PRAGMAS):
        connection.execute(f"PRAGMA {pragma}")
    if version < SCHEMA_VERSION:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        _migrate(connection)


def _pragma(connection: sqlite3.Connection, pragma: str) -> Any:
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def _migrate(connection: sqlite3.Connection) -> None:
    # Imported here: it costs a board 85 ms and 13 MB, and only a new schema needs it.
    from sqlite_utils import Database, Migrations

    migrations = Migrations("edge.store")
    migrations(name="1: two tables")(_step_1)
    migrations.apply(Database(connection, recursive_triggers=False, execute_plugins=False))


def _step_1(database: Database) -> None:
    for statement in TABLES:
        database.execute(statement)
    database.execute("PRAGMA user_version = 1")
