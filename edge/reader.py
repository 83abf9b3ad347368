"""Everything that is read from the dialogue store; nothing here can write.

What has expired or lost its key is invisible from that moment, deleted or not yet.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from edge import schema
from edge.dialogue import Entry, Kind, Payload
from edge.errors import Expired
from edge.keys import Keys
from edge.seal import Binding, unseal

_ENTRY = "SELECT * FROM interactions WHERE interaction = ? AND expires_ms > ?"
_ENTRIES = "SELECT * FROM interactions WHERE expires_ms > ? ORDER BY id"
_PAYLOADS = """
    SELECT dialogue, interaction, number, kind, expires_ms, key_id, wrapped, sealed
    FROM interactions JOIN payloads USING (interaction)
    WHERE expires_ms > ? AND kind IN (SELECT value FROM json_each(?)) AND interaction IN
        (SELECT interaction FROM interactions WHERE dialogue = ? ORDER BY id DESC LIMIT ?)
    ORDER BY id, number
"""
_MASTERS = "SELECT DISTINCT substr(wrapped, 3, 8) FROM interactions WHERE wrapped NOT NULL"
_SIZES = "SELECT kind, length(sealed) FROM payloads WHERE interaction = ? ORDER BY number"


class Row(NamedTuple):
    """One row of `interactions`, as RETURNING * and SELECT * give it."""

    id: int
    interaction: str
    dialogue: str
    revision: int
    events: str
    payloads: int
    key_id: str
    wrapped: bytes | None
    expires_ms: int
    boot: str

    def entry(self) -> Entry:
        """What the rest of the program sees of it."""
        _, interaction, dialogue, revision, events, _, _, _, expires_ms, _ = self
        return Entry(dialogue, interaction, revision, tuple(events.split(" ")), expires_ms / 1000)


class Sealed(NamedTuple):
    """One row of `payloads` with what its interaction's row says of key and expiry."""

    dialogue: str
    interaction: str
    number: int
    kind: str
    expires_ms: int
    key_id: str
    wrapped: bytes | None
    sealed: bytes

    def open(self, keys: Keys) -> bytes:
        """The content; Expired when the key was dropped, SealError when anything was changed."""
        key = keys.find(self.key_id, self.wrapped, self.dialogue, self.expires_ms)
        binding = Binding(self.dialogue, self.interaction, self.number, self.kind, self.expires_ms)
        return unseal(key, self.sealed, binding)


class Reader:
    """Reads the store from any thread, one at a time, on a connection of its own."""

    def __init__(self, path: Path, keys: Keys, now_ms: Callable[[], int]) -> None:
        """StoreError when the file cannot be read."""
        self._path = path
        self._keys = keys
        self._now_ms = now_ms
        self._connection = schema.open_reader(path)
        self._turn = Lock()
        self._unseals: Counter[str] = Counter()
        self._total_unseals = 0

    def entry(self, interaction: str) -> Entry:
        """The entry as it is now; Expired when it is not alive."""
        for entry in self._entries(_ENTRY, interaction, self._now_ms()):
            return entry
        raise Expired(f"interaction {interaction} is expired, forgotten or was never begun")

    def entries(self) -> Iterator[Entry]:
        """Every live entry, oldest first."""
        return self._entries(_ENTRIES, self._now_ms())

    def unseal(
        self, dialogue: str, kinds: Iterable[Kind], last: int = -1, since: Kind | None = None
    ) -> Iterator[tuple[str, Payload]]:
        """(interaction, payload) of a live dialogue, oldest first; every one opened is counted.

        last: open only those of so many newest interactions; -1: of all.
        since: begin with the newest payload of this kind; where there is none, open nothing.

        SealError at a payload that was changed; Expired when the dialogue goes meanwhile.
        """
        found = self._rows(_PAYLOADS, self._now_ms(), json.dumps([*kinds]), dialogue, last)
        rows = [row for row in map(Sealed._make, found) if self._keys.holds(row.key_id)]
        places = [place for place, row in enumerate(rows) if row.kind == since]
        begin = (places or [len(rows)])[-1] if since else 0
        return map(self._open, rows[begin:])

    def sealed(self, interaction: str) -> list[tuple[Kind, int]]:
        """Kind and sealed size in bytes of each payload; nothing is opened."""
        return [(Kind(kind), size) for kind, size in self._rows(_SIZES, interaction)]

    def unseals(self, interaction: str | None = None) -> int:
        """How many payloads were opened since the start: of one interaction, or of all."""
        return self._total_unseals if interaction is None else self._unseals[interaction]

    def key_ids(self) -> list[str]:
        """The ids of all keys that rows name, expired ones included."""
        return [row[0] for row in self._rows("SELECT DISTINCT key_id FROM interactions")]

    def master_ids(self) -> set[bytes]:
        """The ids of all master keys that rows need; none with keys in RAM."""
        return {row[0] for row in self._rows(_MASTERS)}

    def drop_counts(self, interactions: Iterable[str]) -> None:
        """Forget how often these were unsealed; the total stays."""
        for interaction in interactions:
            self._unseals.pop(interaction, None)

    def close(self) -> None:
        """Close the connection once nobody reads."""
        with self._turn:
            self._connection.close()

    def _entries(self, text: str, *values: str | int) -> Iterator[Entry]:
        rows = map(Row._make, self._rows(text, *values))
        return (row.entry() for row in rows if self._keys.holds(row.key_id))

    def _rows(self, text: str, *values: str | int) -> list[Any]:
        with self._turn:
            return self._connection.rows(text, *values)

    def _open(self, row: Sealed) -> tuple[str, Payload]:
        content = row.open(self._keys)
        self._unseals[row.interaction] += 1
        self._total_unseals += 1
        return row.interaction, Payload(Kind(row.kind), content)
