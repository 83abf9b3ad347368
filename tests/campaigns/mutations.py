"""Sealed rows changed by somebody who has the file: none of them may open."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge.dialogue import Kind, Note, Payload
from edge.errors import StoreError
from edge.keys import create_key_file
from edge.seal import TAG_BYTES
from edge.store import SqliteStore
from tests.campaigns.workload import open_store

Place = tuple[str, int]
SEALED = "SELECT sealed FROM payloads WHERE (interaction, number) = (?, ?)"
FEWEST_BYTES = 22 + TAG_BYTES


def filled(home: Path, mode: str) -> SqliteStore:
    """Two dialogues of two interactions, each with payloads of every kind; their words differ."""
    store = open_store(home, mode)
    for interaction in range(4):
        name = f"i{interaction}"
        store.begin(f"d{interaction // 2}", name, Note.WAKE)
        said = [Payload(kind, os.urandom(4 + 40 * len(kind))) for kind in Kind]
        store.append(name, Note.UTTERANCE, payloads=said)
    return store


def run(home: Path, seed: int, mutations: int, mode: str, tick: Callable[[], None]) -> list[str]:
    """Change one row after the other, each back before the next; the changes that were not seen."""
    chance = random.Random(seed)
    faults: list[str] = []
    if mode == "persistent":
        create_key_file(home / "master", os.urandom)
    changes = CHANGES | (OF_WRAPPED_KEYS if mode == "persistent" else {})
    with closing(filled(home, mode)) as store, closing(_intruder(store.path)) as intruder:
        places: list[Place] = [(f"i{i}", n) for i in range(4) for n in range(1, len(Kind) + 1)]
        for number in range(mutations):
            what, may_open = list(changes.items())[number % len(changes)]
            place = chance.choice(places)
            intruder.execute("BEGIN")
            what(intruder, chance, place, places)
            intruder.execute("COMMIT")
            if _opened(store, place) > may_open:
                faults.append(f"{mode}, seed {seed}, mutation {number}, {what.__name__}: opened")
            _restore(intruder)
            tick()
        faults += store.verify().faults
    return faults


def _intruder(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("DROP TRIGGER payloads_are_written_once")
    for table in ("interactions", "payloads"):
        connection.execute(f"CREATE TEMP TABLE kept_{table} AS SELECT * FROM {table}")  # noqa: S608
    return connection


def _restore(intruder: sqlite3.Connection) -> None:
    intruder.execute("BEGIN")
    for table in ("interactions", "payloads"):
        intruder.execute(f"DELETE FROM {table}")  # noqa: S608
        intruder.execute(f"INSERT INTO {table} SELECT * FROM kept_{table}")  # noqa: S608
    intruder.execute("COMMIT")


def _opened(store: SqliteStore, place: Place) -> int:
    """How many payloads of the changed interaction open, whichever dialogue it is now in."""
    given = 0
    for dialogue in ("d0", "d1"):
        payloads = store.unseal(dialogue, Kind)
        while True:
            try:
                interaction, _ = next(payloads)
            except StopIteration:
                break
            except StoreError:
                continue  # the next payload may open
            given += interaction == place[0]
    return given


def _flip(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    """One bit."""
    sealed = bytearray(db.execute(SEALED, place).fetchone()[0])
    sealed[chance.randrange(len(sealed))] ^= 1 << chance.randrange(8)
    _put(db, place, bytes(sealed))


def _truncate(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    sealed = db.execute(SEALED, place).fetchone()[0]
    _put(db, place, sealed[: chance.randrange(len(sealed))])


def _extend(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    sealed = db.execute(SEALED, place).fetchone()[0]
    _put(db, place, sealed + chance.randbytes(chance.randint(1, 40)))


def _replay(
    db: sqlite3.Connection, chance: random.Random, place: Place, places: list[Place]
) -> None:
    """Another row's content: of another payload, kind, interaction or dialogue."""
    other = chance.choice([one for one in places if one != place])
    _put(db, place, db.execute(SEALED, other).fetchone()[0])


def _swap(db: sqlite3.Connection, chance: random.Random, place: Place, places: list[Place]) -> None:
    other = chance.choice([one for one in places if one != place])
    mine, theirs = (db.execute(SEALED, one).fetchone()[0] for one in (place, other))
    _put(db, place, theirs)
    _put(db, other, mine)


def _rename(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    """Another kind."""
    text = "SELECT kind FROM payloads WHERE (interaction, number) = (?, ?)"
    (kind,) = db.execute(text, place).fetchone()
    other = chance.choice([one for one in Kind if one != kind])
    text = "UPDATE payloads SET kind = ? WHERE (interaction, number) = (?, ?)"
    db.execute(text, (other, *place))


def _renumber(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    number = chance.randint(len(Kind) + 1, 1 << 31)
    text = "UPDATE payloads SET number = ? WHERE (interaction, number) = (?, ?)"
    db.execute(text, (number, *place))


def _prolong(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    """Another expiry."""
    text = "UPDATE interactions SET expires_ms = expires_ms + ? WHERE interaction = ?"
    db.execute(text, (chance.randint(1, 1 << 40), place[0]))


def _adopt(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    """The other dialogue, with its key or without."""
    text = "SELECT dialogue, key_id FROM interactions WHERE dialogue != (SELECT dialogue"
    text += " FROM interactions WHERE interaction = ?)"
    dialogue, key_id = db.execute(text, place[:1]).fetchone()
    db.execute("UPDATE interactions SET dialogue = ? WHERE interaction = ?", (dialogue, place[0]))
    if chance.random() < 0.5:
        db.execute("UPDATE interactions SET key_id = ? WHERE interaction = ?", (key_id, place[0]))


def _put(db: sqlite3.Connection, place: Place, sealed: bytes) -> None:
    text = "UPDATE payloads SET sealed = ? WHERE (interaction, number) = (?, ?)"
    db.execute(text, (sealed, *place))


def _rewrap(db: sqlite3.Connection, chance: random.Random, place: Place, _: list[Place]) -> None:
    """One bit of the wrapped key."""
    text = "SELECT wrapped FROM interactions WHERE interaction = ?"
    wrapped = bytearray(db.execute(text, place[:1]).fetchone()[0])
    wrapped[chance.randrange(len(wrapped))] ^= 1 << chance.randrange(8)
    text = "UPDATE interactions SET wrapped = ? WHERE interaction = ?"
    db.execute(text, (bytes(wrapped), place[0]))


_OTHERS = len(Kind) - 1
Change = Callable[[sqlite3.Connection, random.Random, Place, list[Place]], None]
CHANGES: dict[Change, int] = {
    _flip: _OTHERS,
    _truncate: _OTHERS,
    _extend: _OTHERS,
    _replay: _OTHERS,
    _swap: _OTHERS,
    _rename: _OTHERS,
    _renumber: _OTHERS,
    _prolong: 0,
    _adopt: 0,
}
"""Each with the number of the interaction's payloads that still open."""
OF_WRAPPED_KEYS: dict[Change, int] = {_rewrap: 0}
