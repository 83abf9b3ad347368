"""The dialogue store against a model of it: whatever is done to it, in whatever order."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.dialogue import BEGINNINGS, Act, Expectation, Kind, Note, Payload, Slot
from edge.errors import Expired, StoreError
from edge.inspection import residue
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.seal import Cipher
from edge.store import Clock, SqliteStore

TTL_S = 64.0
LATER = [note for note in Note if note not in BEGINNINGS]
PAYLOADS = st.lists(
    st.builds(Payload, st.sampled_from(Kind), st.binary(min_size=1, max_size=40)), max_size=3
)
ASKED = st.none() | st.builds(Expectation, st.sampled_from(Act), st.sampled_from(Slot))


@dataclass
class Known:
    """What the model knows of one interaction that was begun."""

    dialogue: str
    expires_at: float
    events: list[str]
    payloads: list[Payload] = field(default_factory=list)
    sealed: int = 0

    def told(self, event: str, payloads: list[Payload]) -> None:
        numbers = range(self.sealed + 1, self.sealed + 1 + len(payloads))
        self.events.append(event + "".join(f":{number}" for number in numbers))
        self.payloads += payloads
        self.sealed += len(payloads)


class StoreMachine(RuleBasedStateMachine):
    """Keys in RAM: dialogues come and go, clocks jump, the daemon restarts, the power fails."""

    persistent = False

    @initialize()
    def start(self) -> None:
        self.home = Path(tempfile.mkdtemp(dir="/dev/shm"))
        self.path = self.home / "store.db"
        self.boottime_s, self.wall_s, self.boot = 100.0, 1.7e9, 1
        self.known: dict[str, Known] = {}
        self.dead: list[str] = []
        self.gone_keys: set[str] = set()
        if self.persistent:
            create_key_file(self.home / "master", os.urandom)
        self.open()

    def open(self) -> None:
        clock = Clock(lambda: self.boottime_s, f"b{self.boot}", lambda: self.wall_s)
        keys = (
            PersistentKeys(self.home / "master", os.urandom, Cipher.AES_256_GCM)
            if self.persistent
            else RamKeys(self.home / "keys", os.urandom)
        )
        self.store = SqliteStore(
            self.path, keys, clock, ttl_s=TTL_S, cipher=Cipher.AES_256_GCM, randomness=os.urandom
        )

    @property
    def now_s(self) -> float:
        return self.wall_s if self.persistent else self.boottime_s

    def alive(self) -> dict[str, Known]:
        return {i: known for i, known in self.known.items() if known.expires_at > self.now_s}

    def die(self, interactions: list[str]) -> None:
        for interaction in interactions:
            del self.known[interaction]
        self.dead += interactions

    def fresh_read(self, interaction: str) -> tuple[object, ...]:
        with closing(sqlite3.connect(self.path)) as other:
            text = "SELECT dialogue, revision, events FROM interactions WHERE interaction = ?"
            row: tuple[object, ...] = other.execute(text, (interaction,)).fetchone()
            return row

    @rule(dialogue=st.sampled_from("abc"), note=st.sampled_from(sorted(BEGINNINGS)), said=PAYLOADS)
    def begin(self, dialogue: str, note: Note, said: list[Payload]) -> None:
        interaction = f"i{len(self.known) + len(self.dead)}"
        entry = self.store.begin(dialogue, interaction, note, said)
        assert TTL_S / 2 <= entry.expires_at - self.now_s <= TTL_S
        self.known[interaction] = known = Known(dialogue, entry.expires_at, [])
        known.told(note, said)
        assert entry == self.store.reader.entry(interaction)
        assert self.fresh_read(interaction) == (dialogue, 1, " ".join(entry.events))

    @precondition(lambda self: self.alive())
    @rule(choice=st.randoms(), note=st.sampled_from(LATER), asked=ASKED, said=PAYLOADS)
    def append(
        self, choice: Random, note: Note, asked: Expectation | None, said: list[Payload]
    ) -> None:
        interaction = choice.choice(list(self.alive()))
        known = self.known[interaction]
        known.told(f"{note}({asked.act},{asked.slot})" if asked else note, said)
        entry = self.store.append(interaction, note, asked, said)
        assert entry.events == tuple(known.events)
        assert (entry.revision, entry.expires_at) == (len(known.events), known.expires_at)
        row = (known.dialogue, entry.revision, " ".join(entry.events))
        assert self.fresh_read(interaction) == row

    @rule(choice=st.randoms(), note=st.sampled_from(LATER), said=PAYLOADS)
    def append_late(self, choice: Random, note: Note, said: list[Payload]) -> None:
        over = [i for i in self.known if i not in self.alive()] + self.dead + ["never-begun"]
        interaction = choice.choice(over)
        with pytest.raises(Expired):
            self.store.append(interaction, note, None, said)
        with pytest.raises(Expired):
            self.store.reader.entry(interaction)

    @precondition(lambda self: self.alive())
    @rule(choice=st.randoms())
    def begin_again(self, choice: Random) -> None:
        interaction = choice.choice(list(self.alive()))
        with pytest.raises(StoreError):
            self.store.begin("a", interaction, Note.WAKE)

    @precondition(lambda self: self.alive())
    @rule(choice=st.randoms())
    def discard(self, choice: Random) -> None:
        interaction = choice.choice(list(self.alive()))
        known = self.known[interaction]
        asked = any(
            event.startswith(("EXPECT_SPEECH(", "EXPECT_SPEECH:")) for event in known.events
        )
        asked = asked or "EXPECT_SPEECH" in known.events
        assert self.store.discard(interaction) == (0 if asked else len(known.payloads))
        if not asked:
            known.payloads.clear()

    @rule(dialogue=st.sampled_from("abc"))
    def forget(self, dialogue: str) -> None:
        over = [i for i, known in self.known.items() if known.dialogue == dialogue]
        before = set(self.store.reader.key_ids())
        assert self.store.forget(dialogue) == len(over)
        self.die(over)
        self.gone_keys |= before - set(self.store.reader.key_ids())

    @rule(step_s=st.sampled_from((0.5, 8, 31, 65)))
    def time_passes(self, step_s: float) -> None:
        self.boottime_s += step_s
        self.wall_s += step_s

    @precondition(lambda self: not self.persistent)
    @rule(jump_s=st.sampled_from((-1e6, -3600, 3600, 1e6)))
    def wall_clock_jumps(self, jump_s: float) -> None:
        self.wall_s += jump_s

    @rule()
    def expire(self) -> None:
        over = [i for i in self.known if i not in self.alive()]
        before = set(self.store.reader.key_ids())
        assert self.store.expire() == len(over)
        self.die(over)
        self.gone_keys |= before - set(self.store.reader.key_ids())

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()
        assert self.store.left_over == 0

    @rule()
    def power_fails(self) -> None:
        self.store.close()
        self.boot, self.boottime_s = self.boot + 1, 3.0
        if not self.persistent:
            shutil.rmtree(self.home / "keys")
        self.open()
        if not self.persistent:
            assert self.store.left_over == len(self.known)
            self.die(list(self.known))

    @precondition(lambda self: self.persistent)
    @rule()
    def rotate(self) -> None:
        assert self.store.rotate_key() == len(self.known)

    @invariant()
    def everything_alive_is_there_and_nothing_else(self) -> None:
        alive = self.alive()
        entries = {entry.interaction: entry.events for entry in self.store.reader.entries()}
        assert entries == {i: tuple(known.events) for i, known in alive.items()}
        opened: dict[str, list[Payload]] = {i: [] for i in alive}
        for dialogue in "abc":
            for interaction, payload in self.store.unseal(dialogue, Kind):
                opened[interaction].append(payload)
        assert opened == {i: known.payloads for i, known in alive.items()}

    @invariant()
    def nothing_is_left_of_a_dropped_key(self) -> None:
        assert residue(self.path, self.gone_keys) == 0

    @invariant()
    def the_keys_are_those_of_the_rows(self) -> None:
        if not self.persistent:
            files = {file.stem for file in (self.home / "keys").iterdir()}
            assert files == set(self.store.reader.key_ids())

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.home)


class PersistentStoreMachine(StoreMachine):
    """The same with a master key, which outlives the power."""

    persistent = True


@pytest.mark.parametrize("machine", [StoreMachine, PersistentStoreMachine])
def test_the_store_does_what_its_model_does(machine: type[StoreMachine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("EDGE_STORE_EXAMPLES", "25")),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        ),
    )
