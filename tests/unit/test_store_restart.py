"""A store opened again: after a restart, a power-off, with its key, without it, with a new one."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from edge.dialogue import Kind, Note
from edge.errors import StoreError
from tests.unit.store_home import TTL_S, Home, ask


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


@pytest.mark.parametrize("written", [b"", bytes(31)])
def test_a_rotation_that_a_power_cut_left_half_written_is_no_obstacle(
    home: Home, written: bytes
) -> None:
    ask(home.open(home.master()))
    home.open_now[0].close()
    successor = home.path.with_name("master.new")
    successor.touch(0o600)
    successor.write_bytes(written)
    store = home.open(home.master())
    assert store.verify() == replace(store.verify(), payloads=4, faults=())
    assert store.rotate_key() == 1
    assert store.verify().faults == ()
    assert not successor.exists()


def test_what_is_read_during_a_rotation_opens_under_either_key(home: Home) -> None:
    """A process that died between the commit and the new file's name leaves both keys."""
    store = home.open(home.master())
    ask(store)
    old = home.path.with_name("master").read_bytes()
    store.rotate_key()
    store.close()
    master = home.path.with_name("master")
    master.rename(home.path.with_name("master.new"))
    master.touch(0o600)
    master.write_bytes(old)
    keys = home.master()
    keys.require(home.open(home.master()).reader.master_ids())
    assert home.open_now[-1].verify().payloads == 4
