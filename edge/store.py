"""The dialogue store: short events of interactions in one table, sealed payloads in another.

An append never reads, opens or rewrites a payload; nothing readable here is a customer's word.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge import inspection
from edge.dialogue import BEGINNINGS, Entry, Expectation, Kind, Note, Payload
from edge.errors import Expired, StoreError
from edge.keys import PersistentKeys, RamKeys
from edge.reader import Reader, Row
from edge.schema import Value, Writer
from edge.seal import Binding, Cipher, Key, seal

_ID = re.compile(r"[0-9a-z-]{1,40}")
_BEGIN = """
    INSERT INTO interactions
        (interaction, dialogue, revision, events, payloads, key_id, wrapped, expires_ms, boot)
    VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?) RETURNING *
"""
APPEND = """
    UPDATE interactions SET events = events || ?, revision = revision + 1
    WHERE interaction = ? AND expires_ms > ? RETURNING *
"""
_APPEND_SEALED = """
    UPDATE interactions SET revision = revision + 1, payloads = payloads + ?, events = events || ?
        || (SELECT group_concat(':' || (payloads + value), '') FROM json_each(?))
    WHERE interaction = ? AND expires_ms > ? RETURNING *
"""
_KEEP = "INSERT INTO payloads (interaction, number, kind, sealed) VALUES (?, ?, ?, ?)"
_YOUNG = """
    SELECT * FROM interactions WHERE dialogue = ? AND expires_ms >= ?
    ORDER BY expires_ms DESC LIMIT 1
"""
_SEALS = "SELECT coalesce(sum(payloads), 0) FROM interactions WHERE dialogue = ? AND key_id = ?"
_EXPIRED = "SELECT * FROM interactions WHERE expires_ms <= ?"
_OF_DIALOGUE = "SELECT * FROM interactions WHERE dialogue = ?"
_ALL = "SELECT * FROM interactions"
_REWRAP = "UPDATE interactions SET wrapped = rewrap(wrapped, dialogue, expires_ms)"
_OF_RAM = "SELECT * FROM interactions WHERE wrapped IS NULL"
_DELETE_PAYLOADS = "DELETE FROM payloads WHERE interaction = ?"
_DELETE = "DELETE FROM interactions WHERE interaction = ?"


@dataclass(frozen=True, slots=True)
class Clock:
    """What the store takes for time; both clocks count seconds.

    boottime: CLOCK_BOOTTIME. wall: the wall clock, asked only with persistent keys.
    """

    boottime: Callable[[], float]
    boot_id: str
    wall: Callable[[], float]

    @classmethod
    def of_this_machine(cls) -> Clock:
        """The kernel's clocks and the id of its boot."""
        boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return cls(partial(time.clock_gettime, time.CLOCK_BOOTTIME), boot_id, time.time)


class SqliteStore:
    """A `DialogueStore` in one SQLite file.

    Writing belongs to the thread that made the store; unseal, rounds, stats, verify and
    everything of `reader` are open to all threads.

    An interaction lives at most `ttl_s`, and at least half of it: a key serves what its
    dialogue begins in the first half of the key's life, and what is begun later gets a new
    one. So all that a key opens expires in the same moment, and the key with it.
    """

    def __init__(
        self,
        path: Path,
        keys: RamKeys | PersistentKeys,
        clock: Clock,
        *,
        ttl_s: float,
        cipher: Cipher,
        randomness: Callable[[int], bytes],
    ) -> None:
        """Open or create; what another boot left is deleted and counted in `left_over`.

        The keys are closed with the store, or when it does not open: StoreError when the file
        is no store, newer than the program, another daemon's, or needs another master key.
        """
        self.path = path
        self.left_over = 0
        self._keys = keys
        self._clock_s = clock.wall if keys.persistent else clock.boottime
        self._boot = "" if keys.persistent else clock.boot_id
        self._ttl_ms = round(ttl_s * 1000)
        self._seal = partial(seal, cipher=cipher, randomness=randomness)
        self._untidy = False
        with ExitStack() as opened:
            opened.callback(keys.close)
            self._writer = Writer(path, durable=keys.persistent)
            opened.callback(self._writer.close)
            self.reader = Reader(path, keys, self._now_ms)
            opened.callback(self.reader.close)
            self._settle()
            self._opened = opened.pop_all()

    def begin(
        self, dialogue: str, interaction: str, note: Note, payloads: Sequence[Payload] = ()
    ) -> Entry:
        """Insert the interaction's entry with its first event; StoreError when it has one."""
        if note not in BEGINNINGS:
            raise StoreError(f"interaction {interaction}: {note} begins nothing: append it")
        if not (_ID.fullmatch(dialogue) and _ID.fullmatch(interaction)):
            raise StoreError("an id is 1 to 40 of 0-9, a-z and -: give the interaction another")
        event = note + "".join(f":{number + 1}" for number in range(len(payloads)))
        with self._young_key(dialogue) as (key, wrapped, expires_ms), self._writer.transaction():
            values = (interaction, dialogue, event, len(payloads), key.id.hex(), wrapped)
            row = self._alive(interaction, _BEGIN, *values, expires_ms, self._boot)
            self._keep(row, key, payloads)
        return row.entry()

    def append(
        self,
        interaction: str,
        note: Note,
        expectation: Expectation | None = None,
        payloads: Sequence[Payload] = (),
    ) -> Entry:
        """Append one event; Expired when the interaction is not alive."""
        if note in BEGINNINGS:
            raise StoreError(f"interaction {interaction}: {note} is no later event: begin with it")
        event = f" {note}({expectation.act},{expectation.slot})" if expectation else " " + note
        if payloads:
            return self._append_sealed(interaction, event, payloads)
        return self._alive(interaction, APPEND, event, interaction, self._now_ms()).entry()

    def discard(self, interaction: str) -> int:
        """Delete the payloads of an interaction that asked nothing; how many went.

        For profiles that keep nothing of a finished request; one that asked keeps its own.
        """
        if self.reader.entry(interaction).holds(Note.EXPECT_SPEECH):
            return 0
        gone = self._writer.change(_DELETE_PAYLOADS, interaction)
        self._untidy |= not self._writer.tidy()
        return gone

    def forget(self, dialogue: str) -> int:
        """Delete a dialogue, its key first; how many interactions went."""
        return self._erase(self._writer.rows(_OF_DIALOGUE, dialogue))

    def forget_all(self) -> int:
        """Delete every dialogue, the keys first; how many interactions went."""
        return self._erase(self._writer.rows(_ALL))

    def expire(self) -> int:
        """Delete what has expired, the keys first; how many interactions went.

        To be called about once a second: it writes only when there is something to delete.
        """
        if self._untidy:
            self._erase(self._keyless())
            self._untidy = not self._writer.tidy()
        return self._erase(self._writer.rows(_EXPIRED, self._now_ms()))

    def rotate_key(self) -> int:
        """Put a new master key in place of the old one; how many interactions have it now."""
        if not isinstance(self._keys, PersistentKeys):
            raise StoreError(f"{self.path}: keys live in RAM, one per dialogue: nothing to rotate")
        staged = self._keys.stage()
        self._writer.define("rewrap", self._keys.rewrap, 3)
        try:
            count = self._writer.change(_REWRAP)
        finally:
            self._keys.settle(self.reader.master_ids() or {staged}, wraps=self._count())
        self._untidy |= not self._writer.tidy()
        return count

    def close(self) -> None:
        """Close the file; again does nothing, and any other call then raises StoreError."""
        self._opened.close()

    def unseal(
        self, dialogue: str, kinds: Iterable[Kind], last: int = -1, since: Kind | None = None
    ) -> Iterator[tuple[str, Payload]]:
        """(interaction, payload) of a live dialogue, oldest first; every one opened is counted."""
        return self.reader.unseal(dialogue, kinds, last, since)

    def stats(self) -> inspection.Stats:
        """Counts of what is alive, and the sizes of the files."""
        return inspection.stats(self.path, self._now_ms())

    def verify(self) -> inspection.Verdict:
        """Check the file and everything alive in it."""
        return inspection.verify(self.path, self._keys, self._now_ms())

    def _now_ms(self) -> int:
        return int(self._clock_s() * 1000)

    def _alive(self, interaction: str, text: str, *values: Value) -> Row:
        """Run one statement to its end; its row, or Expired when there is none to return."""
        rows = self._writer.rows(text, *values)
        if rows:
            row = Row._make(rows[0])
            if self._keys.holds(row.key_id):
                return row
        raise Expired(f"interaction {interaction} is expired, forgotten or was never begun")

    def _append_sealed(self, interaction: str, event: str, payloads: Sequence[Payload]) -> Entry:
        numbers = json.dumps([*range(1, len(payloads) + 1)])
        with self._writer.transaction():
            values = (len(payloads), event, numbers, interaction, self._now_ms())
            row = self._alive(interaction, _APPEND_SEALED, *values)
            self._keep(row, self._key(row), payloads)
        return row.entry()

    def _key(self, row: Row) -> Key:
        return self._keys.find(row.key_id, row.wrapped, row.dialogue, row.expires_ms)

    def _keep(self, row: Row, key: Key, payloads: Sequence[Payload]) -> None:
        """Seal and insert the payloads that the row's last event names."""
        if not payloads:
            return
        ((seals,),) = self._writer.rows(_SEALS, row.dialogue, row.key_id)
        first = row.payloads - len(payloads) + 1
        for number, payload in enumerate(payloads, first):
            binding = Binding(row.dialogue, row.interaction, number, payload.kind, row.expires_ms)
            sealed = self._seal(key, payload.content, binding, seals=seals)
            self._writer.change(_KEEP, row.interaction, number, payload.kind, sealed)

    @contextmanager
    def _young_key(self, dialogue: str) -> Iterator[tuple[Key, bytes | None, int]]:
        """(key, its wrapped form, expiry) for a new interaction; a new key goes if that fails."""
        now_ms = self._now_ms()
        for row in map(Row._make, self._writer.rows(_YOUNG, dialogue, now_ms + self._ttl_ms // 2)):
            if self._keys.holds(row.key_id):
                yield self._key(row), row.wrapped, row.expires_ms
                return
        key, wrapped = self._keys.make(dialogue, now_ms + self._ttl_ms)
        try:
            yield key, wrapped, now_ms + self._ttl_ms
        except BaseException:
            self._keys.drop([key.id.hex()])
            raise

    def _erase(self, found: list[Any]) -> int:
        """Drop the keys of these rows, delete them, empty the log; how many went."""
        if not found:
            return 0
        rows = [Row._make(row) for row in found]
        untidy, self._untidy = self._untidy, True
        self._keys.drop({row.key_id for row in rows})
        names = [row.interaction for row in rows]
        with self._writer.transaction():
            for name in names:
                self._writer.change(_DELETE_PAYLOADS, name)
                self._writer.change(_DELETE, name)
        self.reader.drop_counts(names)
        self._untidy = not self._writer.tidy() or untidy
        return len(rows)

    def _keyless(self) -> list[Any]:
        """Rows that nothing opens: of another boot, or their key was dropped."""
        if isinstance(self._keys, PersistentKeys):
            return self._writer.rows(_OF_RAM)
        rows = map(Row._make, self._writer.rows(_ALL))
        return [r for r in rows if r.boot != self._boot or not self._keys.holds(r.key_id)]

    def _settle(self) -> None:
        """Make rows and keys agree: what no key can open goes, and so does a key without rows."""
        master_ids = self.reader.master_ids()
        if isinstance(self._keys, PersistentKeys):
            self._keys.settle(master_ids, wraps=self._count())
        elif master_ids:
            raise StoreError(f"{self.path}: needs its persistent key; give it or delete the store")
        self.left_over = self._erase(self._keyless())
        if isinstance(self._keys, RamKeys):
            self._keys.drop_others(self.reader.key_ids())

    def _count(self) -> int:
        ((count,),) = self._writer.rows("SELECT count(*) FROM interactions")
        return int(count)
