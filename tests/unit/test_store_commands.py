"""`edge store`, as it is called: what it says, what it deletes, what it refuses."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from edge.cli import Commands
from edge.dialogue import Kind, Note, Payload
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.seal import Cipher
from edge.store import Clock, SqliteStore
from tests.unit.store_home import WORDS, ask

EDGE = Commands("edge", modules={"store": "edge.store_commands:store"})


class Places:
    """Where the commands find a store; a persistent one has a master key."""

    def __init__(self, state: Path, runtime: Path) -> None:
        self.state, self.runtime, self.key = state, runtime, state / "master"
        self.path = state / "dialogue.db"

    @contextmanager
    def open(self, *, persistent: bool = False) -> Iterator[SqliteStore]:
        if persistent and not self.key.exists():
            create_key_file(self.key, os.urandom)
        keys = (
            PersistentKeys(self.key, os.urandom, Cipher.AES_256_GCM)
            if persistent
            else RamKeys(self.runtime, os.urandom)
        )
        with closing(
            SqliteStore(
                self.path,
                keys,
                Clock.of_this_machine(),
                ttl_s=600.0,
                cipher=Cipher.AES_256_GCM,
                randomness=os.urandom,
            )
        ) as store:
            yield store

    def run(self, *words: str, persistent: bool = False) -> Result:
        places = ["--state", str(self.state), "--runtime", str(self.runtime)]
        key = ["--key", str(self.key)] if persistent else []
        return CliRunner().invoke(EDGE, ["store", *words, *places, *key])

    def answer(self, *words: str, persistent: bool = False) -> dict[str, Any]:
        result = self.run(*words, "--json", persistent=persistent)
        assert (result.exit_code, result.stderr) == (0, "")
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer


@pytest.fixture
def places(home: Any) -> Places:
    return Places(home.path.parent, home.keys)


def test_show_tells_events_and_sizes_and_words_only_when_asked(places: Places) -> None:
    with places.open() as store:
        ask(store)
    (shown,) = places.answer("show")["interactions"]
    assert shown["events"][:2] == ["WAKE", "UTTERANCE:1"]
    assert shown["sealed"][0] == {"kind": "utterance", "bytes": 38 + len(WORDS[0])}
    assert 0 < shown["expires_in_s"] <= 600
    for text in (places.run("show").stdout, json.dumps(shown)):
        assert "EXPECT_SPEECH(choose,contact):3:4" in text
        assert "bauer" not in text.lower()
    assert "call meg bauer" in places.run("show", "--open").stdout
    (opened,) = places.answer("show", "--open")["interactions"]
    assert [row["content"] for row in opened["sealed"]] == [
        *(word.decode() for word in WORDS),
        bytes(range(64)).hex(),
    ]


def test_looking_changes_nothing_even_with_the_wrong_keys(places: Places) -> None:
    with places.open() as store:
        ask(store)
    elsewhere = Places(places.state, places.runtime.with_name("elsewhere"))
    assert elsewhere.answer("show")["interactions"] == []
    assert elsewhere.answer("stats")["payloads"] == 4
    assert elsewhere.run("verify").exit_code == 1
    assert len(places.answer("show")["interactions"]) == 1


def test_verify_fails_where_something_was_changed(places: Places) -> None:
    with places.open() as store:
        ask(store)
    assert places.answer("verify") == {
        "interactions": 1,
        "payloads": 4,
        "discarded": 0,
        "faults": [],
    }
    with closing(sqlite3.connect(places.path)) as connection, connection:
        connection.execute("UPDATE interactions SET events = 'WAKE meg bauer'")
    result = places.run("verify")
    assert result.exit_code == 1
    assert "an event outside the vocabulary" in result.stdout
    assert result.stderr == f"edge: {places.path}: 1 faults: delete it, or what is named\n"


@pytest.mark.parametrize("persistent", [False, True])
def test_forget_proves_that_nothing_is_left(places: Places, persistent: bool) -> None:
    with places.open(persistent=persistent) as store:
        ask(store)
        ask(store, interaction="i2")
        ask(store, "d2", "i3")
    gone = places.answer("forget", "--dialogue", "d1", persistent=persistent)
    assert gone == gone | {"interactions": 2, "keys": 1, "left_over": 0, "remains": 0}
    assert gone["searched_bytes"] >= places.path.stat().st_size
    assert places.answer("verify", persistent=persistent)["payloads"] == 4
    assert places.answer("forget", "--all", persistent=persistent)["interactions"] == 1
    assert list(places.runtime.glob("*.key")) == []


@pytest.mark.parametrize("note", [None, Note.UTTERANCE, Note.SPEAK, Note.EXPECT_SPEECH])
def test_a_turn_is_forgotten_in_every_state(places: Places, note: Note | None) -> None:
    with places.open() as store:
        store.begin("d1", "i1", Note.WAKE, [Payload(Kind.ANCHOR, bytes(8))])
        if note:
            store.append("i1", note, payloads=[Payload(Kind.REPLY, WORDS[0])])
    gone = places.answer("forget", "--dialogue", "d1")
    assert (gone["interactions"], gone["keys"], gone["remains"]) == (1, 1, 0)


def test_forget_says_when_something_remains(places: Places) -> None:
    """Another program reads, so that the log cannot be emptied; the key is gone all the same."""
    with places.open() as store:
        ask(store)
        with closing(sqlite3.connect(places.path)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM payloads").fetchall()
            store.close()
            result = places.run("forget", "--all")
    assert result.exit_code == 1
    assert "another program still reads its log" in result.stderr
    assert list(places.runtime.glob("*.key")) == []


def test_expire_deletes_what_is_over(places: Places) -> None:
    with places.open() as store:
        ask(store)
    with closing(sqlite3.connect(places.path)) as connection, connection:
        connection.execute("UPDATE interactions SET expires_ms = 1")
    assert places.answer("expire") == {"interactions": 1, "left_over": 0}
    assert places.answer("stats")["pages"] > 0
    assert places.run("expire").stdout == "0 interactions expired\n"


def test_what_no_key_opens_goes_before_a_change_and_is_told(places: Places) -> None:
    with places.open() as store:
        ask(store)
    for key in places.runtime.iterdir():
        key.unlink()
    text = places.run("expire").stdout
    assert text == "0 interactions expired; 1 that no key opens were deleted\n"


def test_a_master_key_is_rotated(places: Places) -> None:
    with places.open(persistent=True) as store:
        ask(store)
    before = places.key.read_bytes()
    assert places.answer("rotate-key", persistent=True) == {"interactions": 1}
    assert places.key.read_bytes() != before
    assert places.answer("verify", persistent=True)["payloads"] == 4


COMMANDS = (
    ("show",),
    ("verify",),
    ("stats",),
    ("forget", "--all"),
    ("expire",),
    ("rotate-key",),
)


def complaint(result: Result) -> str:
    """The one line of an error."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("edge: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_store_that_a_daemon_has_is_left_alone(places: Places, words: tuple[str, ...]) -> None:
    with places.open() as store:
        ask(store)
        assert "another daemon" in complaint(places.run(*words))
        assert store.verify().payloads == 4


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_no_store_is_made(places: Places, words: tuple[str, ...]) -> None:
    assert "there is no store; --state" in complaint(places.run(*words))
    assert list(places.state.iterdir()) == []


@pytest.mark.parametrize("words", [("show",), ("verify",), ("forget", "--all"), ("expire",)])
def test_a_persistent_store_needs_its_key(places: Places, words: tuple[str, ...]) -> None:
    with places.open(persistent=True) as store:
        ask(store)
    assert "needs its persistent key" in complaint(places.run(*words))
    kept = places.key.read_bytes()
    places.key.write_bytes(bytes(32))
    assert "give that key back" in complaint(places.run(*words, persistent=True))
    places.key.write_bytes(kept)
    assert places.answer("verify", persistent=True)["payloads"] == 4


def test_keys_in_ram_are_not_rotated(places: Places) -> None:
    with places.open():
        pass
    assert "nothing to rotate" in complaint(places.run("rotate-key"))


@pytest.mark.parametrize("options", [(), ("--all", "--dialogue", "d1")])
def test_forget_wants_to_know_what(places: Places, options: tuple[str, ...]) -> None:
    result = places.run("forget", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "either --dialogue ID or --all" in result.stderr


def test_systemd_names_the_directories(places: Places) -> None:
    with places.open() as store:
        ask(store)
    env = {"STATE_DIRECTORY": str(places.state), "RUNTIME_DIRECTORY": str(places.runtime)}
    result = CliRunner(env=env).invoke(EDGE, ["store", "stats", "--json"])
    assert json.loads(result.stdout)["payloads"] == 4
