"""What was recorded is read back to the sample, and a file that was harmed never says otherwise."""

from __future__ import annotations

import hashlib
import os
import stat
import struct
from dataclasses import dataclass, is_dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.dialogue import (
    FRAME_BYTES,
    Event,
    MicLost,
    Transcribed,
)
from edge.errors import AudioError, SealError, StoreError
from edge.protocols import Frame
from edge.recording import (
    MAGIC,
    Happened,
    Part,
    Recording,
    Sealer,
    read_key,
    record,
    recording_key,
)
from edge.seal import Cipher, Key
from tests.unit.talk import HEADER, KEY, conversation, frame, read, recorded


def boundaries(content: bytes) -> list[int]:
    """Where each chunk ends."""
    ends = [len(MAGIC) + 17]
    while ends[-1] < len(content):
        (length,) = struct.unpack_from(">I", content, ends[-1])
        ends.append(ends[-1] + 4 + length)
    return ends


def test_it_is_read_back_sample_for_sample_and_event_for_event(tmp_path: Path) -> None:
    parts = conversation(5)
    assert recorded(tmp_path / "talk", parts).whole
    recording = Recording(tmp_path / "talk", KEY)
    assert recording.header == HEADER
    assert list(recording) == parts
    assert list(recording) == parts, "and again"


def example(hint: Any) -> Any:
    """Some value of a field's declared type."""
    if is_dataclass(hint) and isinstance(hint, type):
        return hint(**{name: example(one) for name, one in get_type_hints(hint).items()})
    values = {str: "a word", float: 0.1, int: 7, bytes: b"\x00\xff"}
    if hint in values:
        return values[hint]
    if type(None) in get_args(hint):
        return example(get_args(hint)[0])
    if isinstance(hint, type):
        return next(iter(hint))  # type: ignore[call-overload]
    kinds = get_args(hint)
    return (example(kinds[0]),) * 2 if kinds[-1] is ... else tuple(map(example, kinds))


@pytest.mark.parametrize("kind", get_args(Event))
def test_every_event_there_is_comes_back(tmp_path: Path, kind: type) -> None:
    parts: list[Part] = [Happened(example(kind), 1.5)]
    recorded(tmp_path / "talk", parts)
    assert list(Recording(tmp_path / "talk", KEY)) == parts


def test_no_word_is_readable_and_loud_speech_is_no_longer_than_silence(tmp_path: Path) -> None:
    recorded(tmp_path / "talk", conversation(1))
    content = (tmp_path / "talk").read_bytes()
    for word in (b"bauer", b"power", b"laptop", b"alexa", b"09c4", b"Transcribed"):
        assert word not in content
    silent: list[Part] = [Frame(bytes(FRAME_BYTES), number / 50) for number in range(100)]
    loud: list[Part] = [frame(number) for number in range(100)]
    recorded(tmp_path / "silent", silent)
    recorded(tmp_path / "loud", loud)
    assert (tmp_path / "silent").stat().st_size == (tmp_path / "loud").stat().st_size
    assert stat.S_IMODE((tmp_path / "loud").stat().st_mode) == 0o600


def test_the_format_is_what_it_was() -> None:
    """A change of a byte here is a new version of RECORDING.md."""
    sealer = Sealer(KEY, Cipher.AES_256_GCM, lambda size: bytes(range(size)))
    sound = Frame(bytes(range(256)) * 2 + bytes(128), 12.5)
    heard = Happened(Transcribed("09c4", "i mean bauer", "i mean power"), 3.25)
    records = record(sound) + record(heard) + record(Happened(MicLost(), 3.5))
    content = sealer.opening(HEADER) + sealer.chunk(records) + sealer.end()
    pinned = "c8ae5d22b1f6128d614ebab6ebb96b17b05dc639e4a401d3b26c0e0f1cd56eba"
    assert hashlib.sha256(content).hexdigest() == pinned


# ------------------------------------------------------------------- harmed


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[Part]]:
    file = tmp_path_factory.mktemp("whole") / "talk"
    parts = conversation(4)
    recorded(file, parts)
    return file.read_bytes(), parts


def test_a_cut_at_any_chunk_and_within_it_gives_all_before_and_an_error(
    tmp_path: Path, whole: tuple[bytes, list[Part]]
) -> None:
    content, parts = whole
    ends = boundaries(content)
    assert len(ends) >= 6
    file = tmp_path / "cut"
    given: list[int] = []
    for place in ends[:-1]:
        for cut in (place - 1, place, place + 2, place + 20):
            file.write_bytes(content[:cut])
            found, error = read(file)
            assert isinstance(error, AudioError)
            assert "cut off" in str(error)
            assert found == parts[: len(found)]
            given.append(len(found))
    assert given == sorted(given)
    assert given[-1] == len(parts), "only the end is missing"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_happens_to_the_file_nothing_wrong_is_read(
    tmp_path: Path, whole: tuple[bytes, list[Part]], data: st.DataObject
) -> None:
    """Cut anywhere, a byte changed, chunks swapped, left out or doubled, something added."""
    content, parts = whole
    file = tmp_path / "harmed"
    file.write_bytes(harmed(content, data))
    found, error = read(file)
    assert found == parts[: len(found)]
    assert error is not None
    assert "\n" not in str(error)
    assert "harmed" in str(error)


def harmed(content: bytes, data: st.DataObject) -> bytes:
    ends = boundaries(content)
    chunks = [content[begin:end] for begin, end in pairwise(ends)]
    some = st.integers(0, len(chunks) - 1)
    match data.draw(st.sampled_from(["cut", "change", "swap", "drop", "double", "add"])):
        case "cut":
            return content[: data.draw(st.integers(0, len(content) - 1))]
        case "change":
            place, by = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
            return content[:place] + bytes([content[place] ^ by]) + content[place + 1 :]
        case "swap":
            first, second = data.draw(st.lists(some, min_size=2, max_size=2, unique=True))
            chunks[first], chunks[second] = chunks[second], chunks[first]
        case "drop":
            del chunks[data.draw(some)]
        case "double":
            chunks.insert(data.draw(some), chunks[data.draw(some)])
        case "add":
            chunks.append(data.draw(st.binary(min_size=1, max_size=40)))
    return content[: ends[0]] + b"".join(chunks)


def test_a_chunk_of_another_recording_under_the_same_key_does_not_open(
    tmp_path: Path, whole: tuple[bytes, list[Part]]
) -> None:
    content, parts = whole
    recorded(tmp_path / "other", parts)
    other = (tmp_path / "other").read_bytes()
    begin, end = boundaries(content)[1:3]
    file = tmp_path / "mixed"
    file.write_bytes(content[:begin] + other[begin:end] + content[end:])
    found, error = read(file)
    assert isinstance(error, SealError)
    assert found == []


def test_another_key_is_named(tmp_path: Path, whole: tuple[bytes, list[Part]]) -> None:
    (tmp_path / "talk").write_bytes(whole[0])
    other = Key(bytes(32))
    with pytest.raises(SealError, match=f"needs key {KEY.id.hex()}, not {other.id.hex()}"):
        Recording(tmp_path / "talk", other)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a recording"),
        (b"fLaC" + bytes(100), "is not a recording"),
        (MAGIC + b"\x01", "cut off in chunk 0"),
        (MAGIC + b"\x02" + bytes(16), "has format 2; this edge reads 1"),
        (MAGIC + b"\x01" + bytes(16) + b"\xff\xff\xff\xff" + bytes(99), "cut off in chunk 0"),
    ],
)
def test_what_is_no_recording_is_said_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "talk").write_bytes(content)
    with pytest.raises(AudioError, match=message):
        Recording(tmp_path / "talk", KEY)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be read: No such file"):
        Recording(tmp_path / "talk", KEY)


@dataclass(frozen=True, slots=True)
class Unheard:
    """An event of some later version."""

    interaction: str


@pytest.mark.parametrize(
    "unknown",
    [
        record(Happened(Unheard("09c4"), 1.0)),  # type: ignore[arg-type]
        struct.pack(">cI", b"?", 8) + bytes(8),
        struct.pack(">cI", b"F", 900) + bytes(8),
    ],
    ids=["event", "record", "length"],
)
def test_what_a_later_program_wrote_names_that_program(tmp_path: Path, unknown: bytes) -> None:
    sealer = Sealer(KEY, Cipher.CHACHA20_POLY1305, os.urandom)
    known = frame(1)
    content = sealer.opening(HEADER) + sealer.chunk(record(known)) + sealer.chunk(unknown)
    (tmp_path / "talk").write_bytes(content + sealer.end())
    found, error = read(tmp_path / "talk")
    assert isinstance(error, AudioError)
    assert "read it with edge 0.1" in str(error)
    assert found == [known]


# --------------------------------------------------------------------- keys


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    file = tmp_path / "talk.key"
    made = recording_key(file, os.urandom)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert recording_key(file, os.urandom) == made == read_key(file)


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (bytes(31), 0o600, "exactly 32"),
        (bytes(33), 0o600, "exactly 32"),
        (bytes(32), 0o640, "0640"),
    ],
)
def test_a_file_that_is_no_key_stays_as_it_is(
    tmp_path: Path, content: bytes, mode: int, message: str
) -> None:
    file = tmp_path / "talk.key"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(SealError, match=message):
        recording_key(file, os.urandom)
    assert file.read_bytes() == content


def test_without_a_place_for_the_key_nothing_is_recorded(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"talk\.key: cannot write a new key"):
        recording_key(tmp_path / "nowhere" / "talk.key", os.urandom)
    with pytest.raises(SealError, match="no key: No such file"):
        read_key(tmp_path / "talk.key")
