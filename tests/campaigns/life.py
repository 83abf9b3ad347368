"""A store's life, one deed after the other, the same for the same seed.

`workload` tells its story to whoever kills it; here the outcome of every deed is known before.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from edge.dialogue import Act, Expectation, Kind, Note, Payload, Slot
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.seal import Cipher
from edge.store import Clock, SqliteStore

TTL_S = 600.0
SAID_BYTES = (0, 0, 0, 40, 700, 3000)

State = dict[str, tuple[object, ...]]
"""interaction → its entry and all its payloads, opened."""


@dataclass
class Life:
    """One store in one home, opened anew whenever a deed needs it."""

    home: Path
    seed: int
    persistent: bool = True
    now_s: float = 1.0e6
    boot: str = "b1"
    deed: int = field(default=0, init=False)
    opened: SqliteStore | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Make the master key."""
        if self.persistent and not (self.home / "master").exists():
            create_key_file(self.home / "master", os.urandom)

    @property
    def store(self) -> SqliteStore:
        """The store, opened if need be."""
        if self.opened is None:
            self.opened = SqliteStore(
                self.home / "store.db",
                PersistentKeys(self.home / "master", os.urandom, Cipher.AES_256_GCM)
                if self.persistent
                else RamKeys(self.home / "keys", os.urandom),
                Clock(lambda: self.now_s, self.boot, lambda: self.now_s),
                ttl_s=TTL_S,
                cipher=Cipher.AES_256_GCM,
                randomness=os.urandom,
            )
        return self.opened

    def close(self) -> None:
        """Close the store; it opens again by itself."""
        if self.opened is not None:
            store, self.opened = self.opened, None
            store.close()

    def state(self) -> State:
        """All that is alive, opened."""
        reader = self.store.reader
        found: State = {
            entry.interaction: (entry.dialogue, entry.revision, entry.events, entry.expires_at)
            for entry in reader.entries()
        }
        for dialogue in {str(values[0]) for values in found.values()}:
            for interaction, payload in reader.unseal(dialogue, Kind):
                found[interaction] += (payload.kind, payload.content)
        return found

    def now_at(self, number: int) -> float:
        """The time of the deed: every 25th begins long after the one before."""
        return 1.0e6 + number // 25 * (TTL_S / 2 + 1) + number % 25

    def do(self, number: int) -> None:
        """The deed of this number; done again after it failed, it does the same."""
        chance = random.Random(f"{self.seed}-{number}")
        self.deed, self.now_s = number, self.now_at(number)
        store = self.store
        alive = sorted(entry.interaction for entry in store.reader.entries())
        said = self._said(chance)
        roll = chance.random()
        if not alive or roll < 0.2:
            store.begin(f"d{number // 10}", f"i{number}", Note.WAKE, said)
        elif roll < 0.75:
            asked = chance.choice((None, None, Expectation(Act.CHOOSE, Slot.CONTACT)))
            note = Note.EXPECT_SPEECH if asked else chance.choice((Note.SPEAK, Note.PLAYED))
            store.append(chance.choice(alive), note, asked, said)
        elif roll < 0.8:
            store.discard(chance.choice(alive))
        elif roll < 0.85:
            store.forget(store.reader.entry(chance.choice(alive)).dialogue)
        elif roll < 0.93:
            store.expire()
        elif roll < 0.96 and self.persistent:
            store.rotate_key()
        else:
            self.close()
            self.store.expire()

    def _said(self, chance: random.Random) -> list[Payload]:
        size_bytes = chance.choice(SAID_BYTES)
        return [Payload(Kind.REPLY, chance.randbytes(size_bytes))] if size_bytes else []


def outcomes(life: Life, deeds: int) -> Iterator[tuple[State, State]]:
    """Do them all; what was alive before and after each deed, at its time."""
    life.prepare()
    for number in range(deeds):
        life.now_s = life.now_at(number)
        before = life.state()
        life.do(number)
        yield before, life.state()
    life.close()
