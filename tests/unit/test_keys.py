"""Keys: private, in RAM or wrapped, and gone when they are dropped."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import Expired, SealError, StoreError
from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.seal import Cipher, key_id_of


@pytest.fixture
def ram() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory / "keys"
    shutil.rmtree(directory)


def wrapping(file: Path) -> PersistentKeys:
    return PersistentKeys(file, os.urandom, Cipher.AES_256_GCM)


@pytest.fixture
def master(tmp_path: Path) -> Path:
    create_key_file(tmp_path / "master", os.urandom)
    return tmp_path / "master"


def test_a_key_in_ram_survives_a_restart_and_not_its_dropping(ram: Path) -> None:
    keys = RamKeys(ram, os.urandom)
    key, wrapped = keys.make("d1", 1)
    name = key.id.hex()
    assert wrapped is None
    assert stat.S_IMODE(ram.stat().st_mode) == 0o700
    assert stat.S_IMODE((ram / f"{name}.key").stat().st_mode) == 0o600
    keys.close()

    keys = RamKeys(ram, os.urandom)
    assert keys.find(name, None, "d1", 1) == key
    keys.drop([name, name])
    assert not keys.holds(name)
    assert list(ram.iterdir()) == []
    with pytest.raises(Expired):
        keys.find(name, None, "d1", 1)
    keys.close()


def test_dropping_overwrites(ram: Path) -> None:
    keys = RamKeys(ram, os.urandom)
    key, _ = keys.make("d1", 1)
    with (ram / f"{key.id.hex()}.key").open("rb") as held:
        keys.drop([key.id.hex()])
        assert held.read() == bytes(32)
    keys.close()


def test_what_a_crash_left_is_dropped(ram: Path) -> None:
    keys = RamKeys(ram, os.urandom)
    named, orphan = (keys.make("d1", 1)[0].id.hex() for _ in range(2))
    (ram / "0011223344556677.key").write_bytes(b"cut short")
    keys.close()
    keys = RamKeys(ram, os.urandom)
    assert not keys.holds("0011223344556677")
    keys.drop_others({named})
    assert [path.stem for path in ram.iterdir()] == [named]
    assert not keys.holds(orphan)
    keys.close()


def test_keys_never_reach_a_disk(tmp_path: Path) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    if f" {tmp_path.parents[-2]} " in mounts and " - tmpfs " in mounts:
        pytest.skip("the temporary directory is a tmpfs itself")
    with pytest.raises(StoreError, match="keys need a tmpfs"):
        RamKeys(tmp_path / "keys", os.urandom)


def test_a_directory_open_to_others_is_refused(ram: Path) -> None:
    ram.mkdir(mode=0o755)
    ram.chmod(0o755)
    with pytest.raises(StoreError, match=r"mode 0755 lets others read keys; chmod go= "):
        RamKeys(ram, os.urandom)


def test_two_daemons_cannot_share_a_directory(ram: Path) -> None:
    keys = RamKeys(ram, os.urandom)
    with pytest.raises(StoreError, match="another daemon holds these keys"):
        RamKeys(ram, os.urandom)
    keys.close()
    RamKeys(ram, os.urandom).close()


def test_no_place_for_keys(ram: Path) -> None:
    with pytest.raises(StoreError, match="no place for keys"):
        RamKeys(ram / "deeper", os.urandom)


def test_a_wrapped_key_opens_only_as_what_it_was(master: Path) -> None:
    keys = wrapping(master)
    key, wrapped = keys.make("d1", 1)
    assert wrapped is not None
    assert wrapping(master).find(key.id.hex(), wrapped, "d1", 1) == key
    for name, blob, dialogue, expires_ms in (
        (key.id.hex(), wrapped, "d2", 1),
        (key.id.hex(), wrapped, "d1", 2),
        (key.id.hex(), wrapped[:-1], "d1", 1),
        (key.id.hex(), None, "d1", 1),
        ("0011223344556677", wrapped, "d1", 1),
    ):
        with pytest.raises(SealError):
            keys.find(name, blob, dialogue, expires_ms)


def test_a_master_key_must_be_private_and_whole(master: Path) -> None:
    assert stat.S_IMODE(master.stat().st_mode) == 0o600
    master.chmod(0o640)
    with pytest.raises(StoreError, match="mode 0640 lets others"):
        wrapping(master)
    master.chmod(0o600)
    master.write_bytes(bytes(33))
    with pytest.raises(StoreError, match="exactly 32 bytes"):
        wrapping(master)


def test_a_missing_master_key_is_no_reason_for_a_new_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no master key"):
        wrapping(tmp_path / "master")
    assert not (tmp_path / "master").exists()


def test_a_key_file_is_never_overwritten(master: Path) -> None:
    before = master.read_bytes()
    with pytest.raises(StoreError, match="cannot write a new key"):
        create_key_file(master, os.urandom)
    assert master.read_bytes() == before


def test_a_wrong_master_key_is_named(master: Path) -> None:
    keys = wrapping(master)
    _, wrapped = keys.make("d1", 1)
    assert wrapped is not None
    other = master.with_name("other")
    create_key_file(other, os.urandom)
    with pytest.raises(StoreError, match=f"the store needs {key_id_of(wrapped).hex()}"):
        wrapping(other).settle({key_id_of(wrapped)}, wraps=1)


@pytest.mark.parametrize("adopted", [False, True])
def test_an_interrupted_rotation_is_ended_at_the_next_start(master: Path, adopted: bool) -> None:
    """adopted: the crash came after the rows were rewrapped, and before the file was replaced."""
    keys = wrapping(master)
    key, wrapped = keys.make("d1", 1)
    assert wrapped is not None
    keys.stage()
    rewrapped = keys.rewrap(wrapped, "d1", 1)

    row = rewrapped if adopted else wrapped
    restarted = wrapping(master)
    restarted.settle({key_id_of(row)}, wraps=1)
    assert restarted.find(key.id.hex(), row, "d1", 1) == key
    assert [path.name for path in master.parent.iterdir()] == ["master"]


def test_a_successor_is_staged_once_and_rewraps_only_then(master: Path) -> None:
    keys = wrapping(master)
    _, wrapped = keys.make("d1", 1)
    assert wrapped is not None
    with pytest.raises(StoreError, match="no key is staged"):
        keys.rewrap(wrapped, "d1", 1)
    keys.stage()
    with pytest.raises(StoreError, match="rotated by its owner"):
        keys.stage()
