"""A live conversation as one sealed file: every captured frame and every event, to replay it.

The format, which RECORDING.md specifies, and its reader; `recorder.py` writes it. Nothing here
has a clock, a device or a thread.
"""

from __future__ import annotations

import base64
import json
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, BinaryIO, get_args, get_origin, get_type_hints

from edge.dialogue import Event
from edge.errors import AudioError, SealError
from edge.keys import create_key_file
from edge.protocols import Frame
from edge.seal import (
    KEY_BYTES,
    MAX_CONTENT_BYTES,
    Binding,
    Cipher,
    Key,
    key_id_of,
    seal,
    unseal,
)

VERSION = 1
MAGIC = b"edge recording\n"
ID_BYTES = 16

_OPENING = struct.Struct(f">{len(MAGIC)}sB{ID_BYTES}s")
_LENGTH = struct.Struct(">I")
_RECORD = struct.Struct(">cI")
_TIME = struct.Struct(">d")
_HEADER, _FRAME, _EVENT, _END = b"H", b"F", b"E", b"Z"
_SEALED_BYTES_MAX = MAX_CONTENT_BYTES + 64
_EVENTS = {kind.__name__: kind for kind in get_args(Event)}


@dataclass(frozen=True, slots=True)
class Header:
    """What a replay needs to know first.

    context: whether what was asked helped to recognize the answers. models: name → SHA-256 of
    the manifests that ship. program: the version that recorded.
    """

    profile: str
    profile_text: str
    context: bool
    models: Mapping[str, str]
    program: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event, and when it reached the session."""

    event: Event
    at: float


Part = Frame | Happened


@dataclass
class Sealer:
    """Gives the bytes of one recording, in order: opening, chunks, end."""

    key: Key
    cipher: Cipher
    randomness: Callable[[int], bytes]
    _id: bytes = field(default=b"", init=False)
    _chunks: int = field(default=0, init=False)

    def opening(self, header: Header) -> bytes:
        """How the file begins."""
        self._id = self.randomness(ID_BYTES)
        begin = _OPENING.pack(MAGIC, VERSION, self._id)
        return begin + self.chunk(_record(_HEADER, json.dumps(asdict(header)).encode()))

    def chunk(self, content: bytes) -> bytes:
        """Records, sealed under the next number; StoreError when there are too many."""
        sealed = seal(
            self.key,
            content,
            _binding(self._id, self._chunks),
            cipher=self.cipher,
            seals=self._chunks,
            randomness=self.randomness,
        )
        self._chunks += 1
        return _LENGTH.pack(len(sealed)) + sealed

    def end(self) -> bytes:
        """How a whole file ends."""
        return self.chunk(_record(_END))


def record(part: Part) -> bytes:
    """One frame or event, as it stands in a chunk."""
    if isinstance(part, Frame):
        return _record(_FRAME, _TIME.pack(part.at) + part.pcm)
    named = {type(part.event).__name__: _plain(part.event)}
    return _record(_EVENT, _TIME.pack(part.at) + json.dumps(named).encode())


def recording_key(file: Path, randomness: Callable[[int], bytes]) -> Key:
    """The key in this file, made (0600) when there is none; StoreError when it cannot be."""
    if not file.exists():
        create_key_file(file, randomness)
    return read_key(file)


def read_key(file: Path) -> Key:
    """The key in this file; SealError when it is missing, not private or not 32 bytes."""
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode & 0o777
            secret = opened.read(KEY_BYTES + 1)
    except OSError as error:
        raise SealError(f"{file}: no key: {error.strerror}; give the recording's") from error
    if mode & 0o077:
        raise SealError(f"{file}: mode {mode:04o} lets others read this key; chmod go= {file}")
    if len(secret) != KEY_BYTES:
        raise SealError(f"{file}: is no key: it must hold exactly {KEY_BYTES} bytes")
    return Key(secret)


class Recording:
    """Reads one recording: its header at once, its frames and events by iterating over it.

    Where it was cut or changed, everything before is given, then AudioError or SealError.
    """

    def __init__(self, file: Path, key: Key) -> None:
        """AudioError: no recording, or a newer one. SealError: another key's, or changed."""
        self._file, self._key = file, key
        content = next(self._contents())
        with self._known("an edge that is newer"):
            self.header = _header(content)

    def __iter__(self) -> Iterator[Part]:
        """Frames and events in the order in which they were handed over."""
        contents = self._contents()
        next(contents)
        for content in contents:
            with self._known(f"edge {self.header.program}"):
                parts = _parts(content)
            yield from parts

    @contextmanager
    def _known(self, program: str) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, struct.error) as error:
            raise AudioError(
                f"{self._file}: holds what this edge does not know: read it with {program}"
            ) from error

    def _contents(self) -> Iterator[bytes]:
        """What was sealed, chunk by chunk, to the end that says so."""
        try:
            with self._file.open("rb") as opened:
                yield from self._unsealed(opened, self._opened(opened))
        except OSError as error:
            raise AudioError(f"{self._file}: cannot be read: {error.strerror}") from error

    def _opened(self, opened: BinaryIO) -> bytes:
        """The id that all chunks are bound to."""
        opening = opened.read(_OPENING.size)
        if not opening.startswith(MAGIC):
            raise AudioError(f"{self._file}: is not a recording of edge demo --live --record")
        if len(opening) < _OPENING.size:
            raise self._cut(0)
        _, version, identity = _OPENING.unpack(opening)
        if version != VERSION:
            raise AudioError(f"{self._file}: has format {version}; this edge reads {VERSION}")
        return bytes(identity)

    def _unsealed(self, opened: BinaryIO, identity: bytes) -> Iterator[bytes]:
        content, number = b"", 0
        while content != _record(_END):
            sealed = _sealed(opened)
            if sealed is None:
                raise self._cut(number)
            if number == 0:
                self._require_key(key_id_of(sealed))
            content = self._unseal(sealed, identity, number)
            yield content
            number += 1
        if opened.read(1):
            raise SealError(f"{self._file}: goes on after its end: take the file as recorded")

    def _require_key(self, needed: bytes) -> None:
        if needed != self._key.id:
            raise SealError(
                f"{self._file}: needs key {needed.hex()}, not {self._key.id.hex()}: "
                "give the one it was recorded with"
            )

    def _unseal(self, sealed: bytes, identity: bytes, number: int) -> bytes:
        try:
            return unseal(self._key, sealed, _binding(identity, number))
        except SealError:
            raise SealError(
                f"{self._file}: chunk {number} was changed: what came before it is as recorded"
            ) from None

    def _cut(self, number: int) -> AudioError:
        return AudioError(f"{self._file}: was cut off in chunk {number}: what follows is lost")


def _record(tag: bytes, content: bytes = b"") -> bytes:
    return _RECORD.pack(tag, len(content)) + content


def _binding(identity: bytes, number: int) -> Binding:
    return Binding(identity.hex(), "", number, f"recording {VERSION}", 0)


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(tag, content) of a chunk's records; struct.error when it is not made of any."""
    place = 0
    while place < len(content):
        tag, length = _RECORD.unpack_from(content, place)
        place += _RECORD.size + length
        if place > len(content):
            raise struct.error("a record ends beyond its chunk")
        yield tag, content[place - length : place]


def _header(content: bytes) -> Header:
    ((tag, text),) = _records(content)
    if tag != _HEADER:
        raise ValueError("no header")
    return Header(**json.loads(text))


def _parts(content: bytes) -> list[Part]:
    return [_part(tag, one) for tag, one in _records(content) if tag != _END]


def _part(tag: bytes, content: bytes) -> Part:
    (at,) = _TIME.unpack_from(content)
    if tag == _FRAME:
        return Frame(content[_TIME.size :], at)
    if tag != _EVENT:
        raise ValueError("an unknown tag")
    ((name, given),) = json.loads(content[_TIME.size :]).items()
    return Happened(_typed(_EVENTS[name], given), at)


def _plain(value: Any) -> Any:
    """An event's field as JSON has it; bytes in base64."""
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _typed(hint: Any, given: Any) -> Any:
    """What `_plain` was given, by the type that its field declares."""
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{name: _typed(hints[name], one) for name, one in given.items()})  # type: ignore[operator]
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        kinds = kinds[:1] * len(given) if kinds[-1] is ... else kinds
        return tuple(_typed(kind, one) for kind, one in zip(kinds, given, strict=True))
    if type(None) in get_args(hint):
        return None if given is None else _typed(get_args(hint)[0], given)
    if hint is bytes:
        return base64.b64decode(given, validate=True)
    return hint(given) if isinstance(hint, type) and issubclass(hint, Enum) else given


def _sealed(opened: BinaryIO) -> bytes | None:
    """The next chunk; None where the file ends before it does."""
    length = opened.read(_LENGTH.size)
    if len(length) < _LENGTH.size:
        return None
    (wanted,) = _LENGTH.unpack(length)
    sealed = opened.read(min(wanted, _SEALED_BYTES_MAX))
    return sealed if len(sealed) == wanted else None
