"""The file: no word in it can be read, none of its rows moved or changed, and it is ours."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.dialogue import Kind, Note
from edge.errors import SealError, StoreError
from tests.unit.store_home import WORDS, Home, ask


def test_no_word_can_be_read_in_the_files(home: Home) -> None:
    store = home.open()
    ask(store)
    said = b" ".join(WORDS).lower().split()
    store.stats()
    for _ in range(2):
        raw = home.raw().lower()
        assert b"expect_speech(choose,contact):3:4" in raw
        assert [word for word in {*said, *WORDS} if len(word) > 3 and word.lower() in raw] == []
        store.expire()
        with closing(sqlite3.connect(home.path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(FULL)")
    store.close()
    assert b"bauer" not in home.raw().lower()


def test_the_schema_speaks_for_itself(home: Home) -> None:
    store = home.open()
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(home.path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        tables = {row[0] for row in rows} - {"_sqlite_migrations"}
        (step,) = connection.execute("SELECT migration_set, name FROM _sqlite_migrations")
    assert tables == {"interactions", "payloads"}
    assert step == ("edge.store", "1: two tables")
    assert store.stats().schema_version == 1


TAMPERINGS = {
    "wiped": "UPDATE payloads SET sealed = zeroblob(length(sealed)) WHERE number = 1",
    "truncated": "UPDATE payloads SET sealed = substr(sealed, 1, 37) WHERE number = 1",
    "another kind": "UPDATE payloads SET kind = 'reply' WHERE number = 1",
    "another number": "UPDATE payloads SET number = number + 4",
    "another interaction": "UPDATE payloads SET interaction = 'i3' WHERE interaction = 'i1'",
    "another dialogue": "UPDATE interactions SET dialogue = 'd2'",
    "a longer life": "UPDATE interactions SET expires_ms = expires_ms + 1",
    "replayed": "INSERT INTO payloads SELECT interaction, 9, kind, sealed FROM payloads"
    " WHERE number = 1 AND interaction = 'i1'",
    "in place of another": "UPDATE payloads SET sealed = (SELECT sealed FROM payloads"
    " WHERE interaction = 'i2' AND number = 1) WHERE interaction = 'i1' AND number = 1",
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_a_row_opens_only_as_what_it_was(home: Home, tampering: str) -> None:
    store = home.open()
    ask(store)
    ask(store, interaction="i2")
    store.begin("d1", "i3", Note.ANSWER)
    home.change(tampering)
    with pytest.raises(SealError):
        list(store.unseal("d2" if "'d2'" in tampering else "d1", Kind))
    assert store.verify().faults


def test_verify_knows_the_vocabulary(home: Home) -> None:
    store = home.open()
    for interaction in ("i1", "i2", "i3", "i4"):
        ask(store, interaction=interaction)
    assert store.verify() == replace(store.verify(), interactions=4, payloads=16, faults=())
    home.change("UPDATE interactions SET events = 'WAKE call meg' WHERE interaction = 'i1'")
    home.change("UPDATE interactions SET revision = 9 WHERE interaction = 'i2'")
    home.change("UPDATE interactions SET payloads = 9 WHERE interaction = 'i3'")
    home.change("DELETE FROM interactions WHERE interaction = 'i4'")
    assert store.verify().faults == (
        "payloads: 4 belong to no interaction",
        "interaction 'i1': an event outside the vocabulary",
        "interaction 'i2': 4 events at 9",
        "interaction 'i3': its events do not name its payloads",
    )


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


def foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name)")


def broken(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1024)
        file.write(b"\xff" * 8192)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


UNUSABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "newer": (newer, "has schema 2, this program knows 1: update the program"),
    "foreign": (foreign, "belongs to another program"),
    "no database": (lambda path: path.write_bytes(b"shopping list" * 99), "no dialogue store"),
    "broken": (broken, "move it away and start the daemon again"),
    "cut short": (lambda path: os.truncate(path, 2000), "move it away and start the daemon again"),
    "a directory": (directory, "Is a directory"),
}


@pytest.mark.parametrize(("spoil", "complaint"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_an_unusable_file_is_one_clear_line(
    home: Home, spoil: Callable[[Path], object], complaint: str
) -> None:
    store = home.open()
    for turn in range(20):
        ask(store, interaction=f"i{turn}")
    store.close()
    spoil(home.path)
    with pytest.raises(StoreError, match=complaint) as refused:
        home.open()
    assert str(refused.value).startswith(str(home.path))
    assert "\n" not in str(refused.value)


def test_no_place_for_a_store(home: Home) -> None:
    home.path = home.path.with_name("missing") / "store.db"
    with pytest.raises(StoreError, match="cannot lock it: No such file or directory"):
        home.open()
