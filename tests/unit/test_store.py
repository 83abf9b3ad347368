"""The dialogue store: what is written returns, what is sealed stays shut, what is over is gone."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from edge.dialogue import Act, Catalogue, Expectation, Kind, Note, Payload, Slot
from edge.errors import Expired, SealError, StoreError
from edge.inspection import residue
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.protocols import DialogueStore, Round
from edge.seal import MAX_SEALS_PER_KEY, Cipher
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


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    ram = Path(tempfile.mkdtemp(dir="/dev/shm"))
    home = Home(tmp_path, ram / "keys")
    yield home
    home.close()
    shutil.rmtree(ram)


def ask(store: DialogueStore, dialogue: str = "d1", interaction: str = "i1") -> None:
    """One interaction with every kind of words in it."""
    store.begin(dialogue, interaction, Note.WAKE)
    store.append(interaction, Note.UTTERANCE, payloads=[Payload(Kind.UTTERANCE, WORDS[0])])
    store.append(interaction, Note.SPEAK, payloads=[Payload(Kind.REPLY, WORDS[1])])
    catalogue = [Payload(Kind.CATALOGUE, WORDS[2]), Payload(Kind.VECTOR, bytes(range(64)))]
    store.append(interaction, Note.EXPECT_SPEECH, CHOOSE_CONTACT, catalogue)


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
    assert store.rounds("d1") == [Round(WORDS[0].decode(), WORDS[1].decode())] * 2
    assert store.rounds("d9") == []


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
    assert len(store.rounds("d1")) == 3


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
    assert store.append("i2", Note.ENDED).revision == 4
    assert store.verify().discarded == 1
    assert store.verify().faults == ()


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


def test_payloads_are_written_once(home: Home) -> None:
    ask(home.open())
    with (
        closing(sqlite3.connect(home.path)) as connection,
        pytest.raises(sqlite3.IntegrityError, match="payloads are written once"),
    ):
        connection.execute("UPDATE payloads SET number = 9")


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


def test_a_restart_goes_on(home: Home) -> None:
    ask(home.open())
    home.open_now[0].close()
    store = home.open()
    assert store.left_over == 0
    assert store.append("i1", Note.PLAYED).revision == 5
    assert len(list(store.unseal("d1", Kind))) == 4


def test_what_another_boot_left_is_deleted_and_counted(home: Home) -> None:
    ask(home.open())
    home.open_now[0].close()
    home.boot_id, home.boottime_s = "b008", 5.0
    store = home.open()
    assert store.left_over == 1
    assert list(home.keys.iterdir()) == []
    assert store.reader.key_ids() == []


def test_rows_that_lost_their_keys_are_deleted_and_counted(home: Home) -> None:
    ask(home.open())
    home.open_now[0].close()
    shutil.rmtree(home.keys)
    assert home.open().left_over == 1


def test_a_persistent_log_survives_a_power_off(home: Home) -> None:
    ask(home.open(home.master()))
    home.open_now[0].close()
    home.boot_id, home.boottime_s = "b008", 5.0
    store = home.open(home.master())
    assert store.left_over == 0
    assert store.append("i1", Note.PLAYED).expires_at == home.wall_s + TTL_S
    assert len(list(store.unseal("d1", Kind))) == 4
    home.wall_s += TTL_S
    assert store.expire() == 1


def test_a_persistent_log_needs_its_key(home: Home) -> None:
    ask(home.open(home.master()))
    home.open_now[0].close()
    with pytest.raises(StoreError, match="give that key back"):
        home.open(home.master("other"))
    with pytest.raises(StoreError, match="needs its persistent key"):
        home.open()
    assert len(list(home.open(home.master()).unseal("d1", Kind))) == 4


@pytest.mark.parametrize("rows", [0, 2])
def test_rotation(home: Home, rows: int) -> None:
    store = home.open(home.master())
    for row in range(rows):
        ask(store, f"d{row}", f"i{row}")
    before = home.path.with_name("master").read_bytes()
    assert store.rotate_key() == rows
    assert home.path.with_name("master").read_bytes() != before
    ask(store, "d7", "i7")
    assert store.verify().faults == ()
    store.close()
    store = home.open(home.master())
    assert store.verify().payloads == 4 * (rows + 1)


def test_a_rotation_that_fails_changes_nothing(home: Home) -> None:
    store = home.open(home.master())
    ask(store)
    home.change("UPDATE interactions SET expires_ms = expires_ms + 1")
    before = home.path.with_name("master").read_bytes()
    with pytest.raises(StoreError, match="user-defined function"):
        store.rotate_key()
    assert home.path.with_name("master").read_bytes() == before
    assert not home.path.with_name("master.new").exists()


def test_keys_in_ram_are_not_rotated(home: Home) -> None:
    with pytest.raises(StoreError, match="nothing to rotate"):
        home.open().rotate_key()


def test_a_used_up_key_seals_no_more(home: Home) -> None:
    store = home.open()
    ask(store)
    home.change("UPDATE interactions SET payloads = ?", MAX_SEALS_PER_KEY)
    with pytest.raises(StoreError, match="begin a new dialogue"):
        store.append("i1", Note.SPEAK, payloads=[Payload(Kind.REPLY, b"x")])
    assert store.reader.entry("i1").revision == 4


def test_one_daemon_at_a_time(home: Home, tmp_path: Path) -> None:
    home.open()
    elsewhere = RamKeys(home.keys.with_name("others"), os.urandom)
    with pytest.raises(StoreError, match="another daemon owns it"):
        home.open(elsewhere)


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


def test_a_closed_store_says_so(home: Home) -> None:
    store = home.open()
    store.close()
    store.close()
    for call in (lambda: store.append("i1", Note.PLAYED), lambda: store.rounds("d1"), store.expire):
        with pytest.raises(StoreError, match="closed"):
            call()


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
