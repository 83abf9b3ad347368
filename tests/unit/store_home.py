"""A home for stores under test, and one interaction with every kind of words in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from edge.dialogue import Act, Catalogue, Expectation, Kind, Note, Payload, Slot
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.protocols import DialogueStore
from edge.seal import Cipher
from edge.store import Clock, SqliteStore

TTL_S = 60.0
WORDS = (b"call meg bauer", b"Do you mean Meg Jones or Meg Bauer?", b"Meg Jones\nMeg Bauer")
CHOOSE_CONTACT = Expectation(
    Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer")),)
)


class Home:
    """A directory, a boot and two clocks, in which stores are opened one after the other."""

    def __init__(self, files: Path, keys: Path) -> None:
        self.path, self.keys = files / "store.db", keys
        self.boottime_s, self.wall_s, self.boot_id = 1000.0, 1.7e9, "b007"
        self.open_now: list[SqliteStore] = []

    def clock(self) -> Clock:
        return Clock(lambda: self.boottime_s, self.boot_id, lambda: self.wall_s)

    def open(self, keys: RamKeys | PersistentKeys | None = None) -> SqliteStore:
        keys = keys or RamKeys(self.keys, os.urandom)
        store = SqliteStore(
            self.path,
            keys,
            self.clock(),
            ttl_s=TTL_S,
            cipher=Cipher.CHACHA20_POLY1305,
            randomness=os.urandom,
        )
        self.open_now.append(store)
        return store

    def master(self, name: str = "master") -> PersistentKeys:
        file = self.path.with_name(name)
        if not file.exists():
            create_key_file(file, os.urandom)
        return PersistentKeys(file, os.urandom, Cipher.AES_256_GCM)

    def change(self, statement: str, *values: object) -> None:
        """What somebody with the file in his hands may do."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("DROP TRIGGER IF EXISTS payloads_are_written_once")
            connection.execute(statement, values)

    def raw(self) -> bytes:
        files = sorted(self.path.parent.glob("store.db*"))
        return b"".join(file.read_bytes() for file in files)

    def close(self) -> None:
        for store in self.open_now:
            store.close()


def ask(store: DialogueStore, dialogue: str = "d1", interaction: str = "i1") -> None:
    """One interaction with every kind of words in it."""
    store.begin(dialogue, interaction, Note.WAKE)
    store.append(interaction, Note.UTTERANCE, payloads=[Payload(Kind.UTTERANCE, WORDS[0])])
    store.append(interaction, Note.SPEAK, payloads=[Payload(Kind.REPLY, WORDS[1])])
    catalogue = [Payload(Kind.CATALOGUE, WORDS[2]), Payload(Kind.VECTOR, bytes(range(64)))]
    store.append(interaction, Note.EXPECT_SPEECH, CHOOSE_CONTACT, catalogue)
