"""The dialogue store: what is written returns, and comes back to whoever may read it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.dialogue import Kind, Note, Payload
from edge.errors import Expired, StoreError
from edge.keys import RamKeys
from edge.protocols import DialogueStore
from edge.seal import MAX_SEALS_PER_KEY
from tests.unit.store_home import CHOOSE_CONTACT, TTL_S, WORDS, Home, ask


def test_every_write_returns_the_updated_entry(home: Home) -> None:
    store: DialogueStore = home.open()
    entry = store.begin("d1", "i1", Note.WAKE, [Payload(Kind.ANCHOR, b"\0" * 8)])
    assert (entry.dialogue, entry.interaction, entry.revision) == ("d1", "i1", 1)
    assert entry.events == ("WAKE:1",)
    assert entry.expires_at == 1000.0 + TTL_S
    entry = store.append("i1", Note.UTTERANCE, payloads=[Payload(Kind.UTTERANCE, WORDS[0])])
    assert entry.events == ("WAKE:1", "UTTERANCE:2")
    payloads = [Payload(Kind.CATALOGUE, word) for word in WORDS]
    entry = store.append("i1", Note.EXPECT_SPEECH, CHOOSE_CONTACT, payloads)
    assert entry.events[-1] == "EXPECT_SPEECH(choose,contact):3:4:5"
    assert entry.holds(Note.EXPECT_SPEECH)
    entry = store.append("i1", Note.PLAYED)
    assert (entry.revision, entry.events[-1]) == (4, "PLAYED")
    assert home.open_now[0].reader.entry("i1") == entry
    assert list(home.open_now[0].reader.entries()) == [entry]


def test_payloads_come_back_oldest_first_and_are_counted(home: Home) -> None:
    store = home.open()
    ask(store)
    ask(store, interaction="i2")
    ask(store, "d2", "i3")
    assert store.reader.unseals() == 0
    words = [(i, p.content) for i, p in store.unseal("d1", (Kind.UTTERANCE, Kind.REPLY))]
    assert words == [("i1", WORDS[0]), ("i1", WORDS[1]), ("i2", WORDS[0]), ("i2", WORDS[1])]
    assert store.reader.unseals() == 4
    assert store.reader.unseals("i1") == 2
    assert store.reader.unseals("i3") == 0
    newest = [i for i, _ in store.unseal("d1", (Kind.UTTERANCE, Kind.REPLY), last=1)]
    assert set(newest) == {words[-1][0]}
    assert store.reader.unseals() == 4 + len(newest)
    assert list(store.unseal("d9", Kind)) == []


def test_only_the_first_event_inserts(home: Home) -> None:
    store = home.open()
    with pytest.raises(Expired):
        store.append("i1", Note.PLAYED)
    store.begin("d1", "i1", Note.WAKE)
    with pytest.raises(StoreError, match="UNIQUE"):
        store.begin("d1", "i1", Note.WAKE)
    with pytest.raises(StoreError, match="WAKE is no later event"):
        store.append("i1", Note.WAKE)
    with pytest.raises(StoreError, match="PLAYED begins nothing"):
        store.begin("d1", "i2", Note.PLAYED)
    assert store.reader.entry("i1").events == ("WAKE",)
    assert len(list(home.keys.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "Meg Bauer", "meg bauer", "i1\n", "x" * 41])
def test_an_id_is_no_place_for_words(home: Home, name: str) -> None:
    store = home.open()
    for ids in ((name, "i1"), ("d1", name)):
        with pytest.raises(StoreError, match="an id is") as refused:
            store.begin(*ids, Note.WAKE)
        assert "meg" not in str(refused.value).lower()


def test_payloads_are_written_once(home: Home) -> None:
    ask(home.open())
    with (
        closing(sqlite3.connect(home.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="payloads are written once"),
    ):
        connection.execute("UPDATE payloads SET number = 9")


def test_a_used_up_key_seals_no_more(home: Home) -> None:
    store = home.open()
    ask(store)
    home.change("UPDATE interactions SET payloads = ?", MAX_SEALS_PER_KEY)
    with pytest.raises(StoreError, match="begin a new dialogue"):
        store.append("i1", Note.SPEAK, payloads=[Payload(Kind.REPLY, b"x")])
    assert store.reader.entry("i1").revision == 4


def test_a_closed_store_says_so(home: Home) -> None:
    store = home.open()
    store.close()
    store.close()
    for call in (
        lambda: store.append("i1", Note.PLAYED),
        lambda: store.unseal("d1", Kind),
        store.expire,
    ):
        with pytest.raises(StoreError, match="closed"):
            call()


def test_one_daemon_at_a_time(home: Home, tmp_path: Path) -> None:
    home.open()
    elsewhere = RamKeys(home.keys.with_name("others"), os.urandom)
    with pytest.raises(StoreError, match="another daemon owns it"):
        home.open(elsewhere)
