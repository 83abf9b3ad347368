"""The keys of dialogues: where they live and how they go.

RamKeys never lets a key reach a disk; PersistentKeys never makes a master key on its own.
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

from edge.errors import Expired, SealError, StoreError
from edge.seal import KEY_BYTES, Binding, Cipher, Key, key_id_of, seal, unseal

_IN_RAM = frozenset({"tmpfs", "ramfs"})
_SUFFIX = ".key"


class RamKeys:
    """Keys as files of a tmpfs: they survive a restart of the daemon, never a power-off.

    Python cannot wipe its own memory; the service therefore runs without swap and core dumps.
    """

    persistent = False

    def __init__(self, directory: Path, randomness: Callable[[int], bytes]) -> None:
        """Take over `directory` (made if need be); StoreError when it is not private or in RAM."""
        self._directory = directory
        self._randomness = randomness
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            _require_private(directory, directory.stat())
            _require_ram(directory)
            self._lock = _lock(directory)
            files = {path.stem: path for path in directory.glob("*" + _SUFFIX)}
            self._keys = {key_id: _read(path, key_id) for key_id, path in files.items()}
        except OSError as error:
            raise StoreError(f"{directory}: no place for keys: {error.strerror}") from error

    def make(self, dialogue: str, expires_ms: int) -> tuple[Key, bytes | None]:
        """A new key, on its tmpfs before it is used."""
        key = Key(self._randomness(KEY_BYTES))
        try:
            _write(self._path(key.id.hex()), key.secret)
        except OSError as error:
            raise StoreError(
                f"{self._directory}: cannot keep a key: {error.strerror}; free some space there"
            ) from error
        self._keys[key.id.hex()] = key
        return key, None

    def find(self, key_id: str, wrapped: bytes | None, dialogue: str, expires_ms: int) -> Key:
        """A dialogue's key; Expired when it was dropped."""
        key = self._keys.get(key_id)
        if key is None:
            raise Expired(f"key {key_id} is gone with its dialogue")
        return key

    def holds(self, key_id: str) -> bool:
        """Whether the key is still there and whole."""
        return self._keys.get(key_id) is not None

    def drop(self, key_ids: Iterable[str]) -> None:
        """Overwrite and unlink; StoreError when a file cannot be removed."""
        for key_id in key_ids:
            self._keys.pop(key_id, None)
            try:
                _shred(self._path(key_id))
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StoreError(
                    f"{self._path(key_id)}: cannot drop this key: {error.strerror}; delete it"
                ) from error

    def drop_others(self, key_ids: Collection[str]) -> None:
        """Drop every key that no row names: what a crash left behind."""
        self.drop([key_id for key_id in self._keys if key_id not in key_ids])

    def close(self) -> None:
        """Release the directory; the files stay for the next start."""
        self._keys.clear()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _path(self, key_id: str) -> Path:
        return self._directory / (key_id + _SUFFIX)


class PersistentKeys:
    """A master key from a file or a systemd credential; it wraps the keys kept beside the rows.

    For opted-in logs only: what it opens survives a power-off.
    """

    persistent = True

    def __init__(self, file: Path, randomness: Callable[[int], bytes], cipher: Cipher) -> None:
        """Read the master key; StoreError when it is missing, not private or not 32 bytes."""
        self._file = file
        self._randomness = randomness
        self._cipher = cipher
        self._wraps = 0
        self._next: Key | None = None
        self._master = _read_master(file)
        # One that is cut short was never used: `stage` had not returned.
        if self._successor.exists() and self._successor.stat().st_size >= KEY_BYTES:
            self._next = _read_master(self._successor)

    def make(self, dialogue: str, expires_ms: int) -> tuple[Key, bytes | None]:
        """A new key and its wrapped form."""
        key = Key(self._randomness(KEY_BYTES))
        return key, self._wrap(self._master, key, dialogue, expires_ms)

    def find(self, key_id: str, wrapped: bytes | None, dialogue: str, expires_ms: int) -> Key:
        """A dialogue's key; SealError when its wrapped form is not what was kept."""
        if wrapped is None:
            raise SealError(f"key {key_id} was never kept")
        staged = self._next is not None and self._next.id == key_id_of(wrapped)
        master = self._next if self._next and staged else self._master
        key = Key(unseal(master, wrapped, _key_binding(dialogue, expires_ms)))
        if key.id.hex() != key_id:
            raise SealError(f"key {key_id} is not the one its row names")
        return key

    def holds(self, key_id: str) -> bool:
        """Always."""
        return True

    def drop(self, key_ids: Iterable[str]) -> None:
        """Nothing lives outside the rows."""

    def settle(self, master_ids: Collection[bytes], wraps: int) -> None:
        """Check the master key against those that the existing rows name; `wraps` of them.

        Ends a rotation that a crash interrupted; StoreError when the rows need another key.
        """
        self._wraps = max(self._wraps, wraps)
        if self._next is not None:
            self._finish_rotation(self._next, self._next.id in master_ids)
        self.require(master_ids)

    def require(self, master_ids: Collection[bytes]) -> None:
        """StoreError when one of these master keys is not here."""
        foreign = set(master_ids) - {key.id for key in (self._master, self._next) if key}
        if foreign:
            needed = ", ".join(sorted(key_id.hex() for key_id in foreign))
            raise StoreError(
                f"{self._file}: holds key {self._master.id.hex()}, but the store needs {needed}:"
                " give that key back, or delete the store"
            )

    def stage(self) -> bytes:
        """Write a successor of the master key beside it; its id. `settle` puts it in place."""
        try:
            if self._next is None:
                self._successor.unlink(missing_ok=True)
            create_key_file(self._successor, self._randomness)
        except (OSError, StoreError) as error:
            raise StoreError(f"{error}; a systemd credential is rotated by its owner") from error
        self._next = _read_master(self._successor)
        return self._next.id

    def rewrap(self, wrapped: bytes, dialogue: str, expires_ms: int) -> bytes:
        """A wrapped key under the staged master key; SealError when it does not open."""
        if self._next is None:
            raise StoreError(f"{self._successor}: no key is staged")
        key = Key(unseal(self._master, wrapped, _key_binding(dialogue, expires_ms)))
        return self._wrap(self._next, key, dialogue, expires_ms)

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def _successor(self) -> Path:
        return self._file.with_name(self._file.name + ".new")

    def _wrap(self, master: Key, key: Key, dialogue: str, expires_ms: int) -> bytes:
        self._wraps += 1
        return seal(
            master,
            key.secret,
            _key_binding(dialogue, expires_ms),
            cipher=self._cipher,
            seals=self._wraps - 1,
            randomness=self._randomness,
        )

    def _finish_rotation(self, successor: Key, adopted: bool) -> None:
        try:
            if adopted:
                os.replace(self._successor, self._file)
                _sync_directory(self._file.parent)
                self._master = successor
            else:
                _shred(self._successor)
        except OSError as error:
            raise StoreError(
                f"{self._successor}: cannot end the rotation: {error.strerror}; let it be written"
            ) from error
        self._next = None


Keys = RamKeys | PersistentKeys
"""Both make, find and drop one key per dialogue; key ids are written in hex."""


def create_key_file(file: Path, randomness: Callable[[int], bytes]) -> None:
    """Write a new master key, 0600 and synced; StoreError when the file exists or cannot be."""
    try:
        _write(file, randomness(KEY_BYTES))
        _sync_directory(file.parent)
    except OSError as error:
        raise StoreError(f"{file}: cannot write a new key: {error.strerror}") from error


def _key_binding(dialogue: str, expires_ms: int) -> Binding:
    return Binding(dialogue, "", 0, "key", expires_ms)


def _read_master(file: Path) -> Key:
    try:
        with file.open("rb") as opened:
            _require_private(file, os.fstat(opened.fileno()))
            secret = opened.read(KEY_BYTES + 1)
    except OSError as error:
        raise StoreError(f"{file}: no master key: {error.strerror}; give the one it had") from error
    if len(secret) != KEY_BYTES:
        raise StoreError(f"{file}: not a master key: it must hold exactly {KEY_BYTES} bytes")
    return Key(secret)


def _read(file: Path, key_id: str) -> Key | None:
    """The key of one file; None when a crash left it cut short."""
    with suppress(SealError):
        key = Key(file.read_bytes())
        if key.id.hex() == key_id:
            return key
    return None


def _write(file: Path, secret: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(secret)
        opened.flush()
        os.fsync(descriptor)


def _shred(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.pwrite(descriptor, bytes(KEY_BYTES), 0)
    finally:
        os.close(descriptor)
    file.unlink()


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(directory: Path) -> int:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreError(f"{directory}: another daemon holds these keys; stop it first") from None
    return descriptor


def _require_private(path: Path, status: os.stat_result) -> None:
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise StoreError(f"{path}: mode {mode:04o} lets others read keys; chmod go= {path}")
    if status.st_uid not in (0, os.geteuid()):
        raise StoreError(f"{path}: belongs to user {status.st_uid}; chown it to the daemon's user")


def _require_ram(directory: Path) -> None:
    """Keys on a disk would outlive their dialogue in worn-out blocks."""
    place = directory.resolve()
    file_system, longest = "", -1
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mount, _, rest = line.partition(" - ")
        point = mount.split()[4].encode().decode("unicode_escape")
        if place.is_relative_to(point) and len(point) >= longest:
            file_system, longest = rest.split()[0], len(point)
    if file_system not in _IN_RAM:
        raise StoreError(f"{directory}: is on {file_system}; keys need a tmpfs such as /run/edge")
