"""A layer below SQLite, in the library that `sqlite3` uses: it records every write, or fails some.

It sees what SQLite asks of the operating system for its files and passes it on; the log's shared
index (-shm) is memory and is not seen.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, POINTER, Structure, addressof, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

OK, FULL = 0, 13
FAILURES = {
    "write": 10 | 3 << 8,
    "sync": 10 | 4 << 8,
    "truncate": 10 | 6 << 8,
    "delete": 10 | 10 << 8,
}
"""SQLITE_IOERR_WRITE, _FSYNC, _TRUNCATE, _DELETE."""

# Paths stay pointers: SQLite keeps the one that it opened a file with.
_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_WRITE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


_KEPT: list[object] = []
"""What a connection that nobody closed may still call."""


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int),
        ("file_bytes", c_int),
        ("path_bytes", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("application", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
        ("others", c_void_p * 14),
    )


class _Methods(Structure):
    _fields_ = (
        ("version", c_int),
        ("close", c_void_p),
        ("read", c_void_p),
        ("write", c_void_p),
        ("truncate", c_void_p),
        ("sync", c_void_p),
        ("others", c_void_p * 13),
    )


@dataclass(frozen=True, slots=True)
class Access:
    """One thing that SQLite asked for. file: which of all files that ever had this name."""

    what: str
    name: str
    file: int
    offset: int = 0
    content: bytes = b""


def library() -> Any:
    """The SQLite that Python's `sqlite3` uses; None where it cannot be reached."""
    found = ctypes.util.find_library("sqlite3")
    if found is None:
        return None
    loaded = ctypes.CDLL(found)
    loaded.sqlite3_libversion.restype = c_char_p
    loaded.sqlite3_vfs_find.restype = POINTER(_Vfs)
    same = loaded.sqlite3_libversion().decode() == sqlite3.sqlite_version
    return loaded if same and _in_use(found) else None


def _in_use(name: str) -> bool:
    """Whether `_sqlite3` brought this library into the process, rather than one of its own."""
    import _sqlite3

    wanted = Path(name).name.encode()
    return wanted in Path(_sqlite3.__file__).read_bytes()


class Disk:
    """Between SQLite and the files, while `installed`.

    gate: asked before each access; what it returns is SQLite's result code, OK to go on.
    """

    def __init__(self, gate: Callable[[Access], int]) -> None:
        self._gate = gate
        self._numbers = count(1)
        self._open_files: dict[int, tuple[str, int]] = {}
        self._bound: dict[str, int] = {}
        self._methods: dict[int, _Methods] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Every connection that is opened meanwhile goes through here; close them before."""
        sqlite = library()
        self._real = sqlite.sqlite3_vfs_find(None).contents
        ours = _Vfs.from_buffer_copy(self._real)
        ours.name = b"recorded"
        ours.open = self._hook(_OPEN, self._opened)
        ours.delete = self._hook(_DELETE, self._deleted)
        _KEPT.append(ours)
        sqlite.sqlite3_vfs_register(ctypes.byref(ours), 1)
        try:
            yield
        finally:
            sqlite.sqlite3_vfs_register(ctypes.byref(self._real), 1)
            sqlite.sqlite3_vfs_unregister(ctypes.byref(ours))

    def _hook(self, kind: Any, function: Callable[..., int]) -> c_void_p:
        made = kind(function)
        _KEPT.append(made)
        return ctypes.cast(made, c_void_p)

    def _opened(self, _: int, path: int, file: int, flags: int, got: int) -> int:
        place = _path(path)
        name, new = place.name, not place.exists()
        if new and (refused := self._gate(Access("create", name, 0))):
            return refused
        code = _OPEN(self._real.open)(addressof(self._real), path, file, flags, got)
        methods = c_void_p.from_address(file)
        if code == OK and methods.value:
            if new or name not in self._bound:
                self._bound[name] = next(self._numbers)
                self._gate(Access("created", name, self._bound[name]))
            self._open_files[file] = name, self._bound[name]
            methods.value = addressof(self._patched(methods.value))
        return int(code)

    def _patched(self, address: int) -> _Methods:
        """The methods of one kind of file, with three of them ours."""
        if address not in self._methods:
            real = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(real)
            write, truncate, sync = _WRITE(real.write), _TRUNCATE(real.truncate), _SYNC(real.sync)

            def written(file: int, data: int, size: int, offset: int) -> int:
                content = ctypes.string_at(data, size)
                refused = self._asked("write", file, offset, content)
                if refused:  # some of it may have arrived
                    write(file, data, size // 2, offset)
                return refused or int(write(file, data, size, offset))

            def truncated(file: int, size: int) -> int:
                return self._asked("truncate", file, size) or int(truncate(file, size))

            def synced(file: int, flags: int) -> int:
                return self._asked("sync", file) or int(sync(file, flags))

            ours.write = self._hook(_WRITE, written)
            ours.truncate = self._hook(_TRUNCATE, truncated)
            ours.sync = self._hook(_SYNC, synced)
            self._methods[address] = ours
        return self._methods[address]

    def _asked(self, what: str, file: int, offset: int = 0, content: bytes = b"") -> int:
        name, number = self._open_files[file]
        return self._gate(Access(what, name, number, offset, content))

    def _deleted(self, _: int, path: int, sync: int) -> int:
        name = _path(path).name
        access = Access("delete", name, self._bound.get(name, 0), sync)
        if _path(path).exists() and (refused := self._gate(access)):
            return refused
        return int(_DELETE(self._real.delete)(addressof(self._real), path, sync))


def _path(address: int) -> Path:
    return Path(ctypes.string_at(address).decode())
