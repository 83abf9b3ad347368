"""The end of a dialogue: it expires or is forgotten, and nothing of it can be opened again."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from edge.dialogue import Kind, Note, Payload
from edge.errors import Expired
from edge.inspection import residue
from tests.unit.store_home import TTL_S, WORDS, Home, ask


def test_what_has_expired_is_invisible_at_once(home: Home) -> None:
    store = home.open()
    ask(store)
    home.boottime_s += TTL_S - 0.001
    store.append("i1", Note.PLAYED)
    home.boottime_s += 0.001
    with pytest.raises(Expired):
        store.append("i1", Note.REOPENED)
    with pytest.raises(Expired):
        store.append("i1", Note.SPEAK, payloads=[Payload(Kind.REPLY, b"late")])
    with pytest.raises(Expired):
        store.reader.entry("i1")
    assert list(store.unseal("d1", Kind)) == []
    assert list(store.reader.entries()) == []
    assert store.stats().interactions == store.verify().interactions == 0


def test_what_has_expired_is_deleted_and_its_key_first(home: Home) -> None:
    store = home.open()
    ask(store)
    (key_id,) = store.reader.key_ids()
    assert residue(home.path, [key_id]) > 0
    assert store.expire() == 0
    home.boottime_s += TTL_S
    assert store.expire() == 1
    assert list(home.keys.iterdir()) == []
    assert store.reader.key_ids() == []
    assert residue(home.path, [key_id]) == 0
    assert store.stats().wal_bytes == 0


def test_the_wall_clock_means_nothing(home: Home) -> None:
    store = home.open()
    ask(store)
    for jump_s in (36_000, -720_000):
        home.wall_s += jump_s
        assert store.expire() == 0
        store.append("i1", Note.PLAYED)


def test_all_that_a_key_opens_expires_together(home: Home) -> None:
    """A dialogue that goes on gets a fresh key when half the life of its key is over."""
    store = home.open()
    expiries = []
    for turn in range(6):
        ask(store, interaction=f"i{turn}")
        expiries.append(store.reader.entry(f"i{turn}").expires_at)
        home.boottime_s += 15
    assert expiries == [1060, 1060, 1060, 1105, 1105, 1105]
    assert len(list(home.keys.iterdir())) == 2
    assert store.expire() == 3
    assert len(list(home.keys.iterdir())) == 1
    assert len({interaction for interaction, _ in store.unseal("d1", Kind)}) == 3


def test_forget_leaves_nothing_of_a_dialogue_and_everything_of_others(home: Home) -> None:
    store = home.open()
    ask(store)
    ask(store, interaction="i2")
    kept = store.reader.key_ids()
    ask(store, "d2", "i3")
    assert store.forget("d1") == 2
    assert store.forget("d1") == 0
    assert residue(home.path, kept) == 0
    assert list(store.unseal("d1", Kind)) == []
    with pytest.raises(Expired):
        store.append("i1", Note.PLAYED)
    assert len(list(store.unseal("d2", Kind))) == 4
    assert store.forget_all() == 1
    assert list(home.keys.iterdir()) == []


def test_what_is_being_unsealed_ends_with_its_dialogue(home: Home) -> None:
    store = home.open()
    ask(store)
    payloads = store.unseal("d1", Kind)
    next(payloads)
    store.forget("d1")
    with pytest.raises(Expired):
        next(payloads)


def test_discard_keeps_what_a_question_needs(home: Home) -> None:
    store = home.open()
    ask(store)
    assert store.discard("i1") == 0
    store.begin("d1", "i2", Note.WAKE)
    store.append("i2", Note.UTTERANCE, payloads=[Payload(Kind.UTTERANCE, WORDS[0])])
    store.append("i2", Note.EXPECT_SPEECH_REFUSED)
    assert store.discard("i2") == 1
    assert {interaction for interaction, _ in store.unseal("d1", Kind)} == {"i1"}
    assert store.append("i2", Note.PLAYED).revision == 4
    assert store.verify().discarded == 1
    assert store.verify().faults == ()


def test_a_reader_delays_the_emptying_of_the_log_and_nothing_else(home: Home) -> None:
    store = home.open()
    ask(store)
    with closing(sqlite3.connect(home.path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM interactions").fetchall()
        assert store.forget("d1") == 1
        assert store.stats().wal_bytes > 0
        assert list(home.keys.iterdir()) == []
    assert store.expire() == 0
    assert store.stats().wal_bytes == 0
