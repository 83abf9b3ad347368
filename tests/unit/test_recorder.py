"""Who records never waits: a disk that is slow or full ends the recording and nothing else."""

from __future__ import annotations

import logging
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge import recorder as recorder_module
from edge.errors import AudioError
from edge.recorder import QUEUED, Recorder
from edge.recording import Part, Recording
from edge.seal import Cipher
from tests.unit.talk import HEADER, KEY, conversation, frame, hand_over, read, recorded


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "talk").write_text("dear to somebody")
    with pytest.raises(AudioError, match="is there already"):
        recorded(tmp_path / "talk", [])
    assert (tmp_path / "talk").read_text() == "dear to somebody"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="cannot be written: No such file"):
        recorded(tmp_path / "nowhere" / "talk", [])


@contextmanager
def no_file_longer_than(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_the_recording_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    parts = conversation(8)
    with no_file_longer_than(100_000):
        recorder = recorded(tmp_path / "talk", parts)
        hand_over(recorder, parts[0])  # which is no longer recorded, and no error
    assert not recorder.whole
    assert [one.levelno for one in caplog.records] == [logging.WARNING]
    assert "talk ended: File too large; what it holds can be read" in caplog.text
    found, error = read(tmp_path / "talk")
    assert isinstance(error, AudioError)
    assert 50 <= len(found) < len(parts)
    assert found == parts[: len(found)]


def test_a_slow_disk_delays_nobody_and_ends_the_recording_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    write, writes = recorder_module.write, 0

    def slow(file: int, content: bytes) -> None:
        nonlocal writes
        writes += 1
        assert writes == 1 or goes_on.wait(30)
        write(file, content)

    monkeypatch.setattr(recorder_module, "write", slow)
    recorder = Recorder(tmp_path / "talk", KEY, HEADER, Cipher.AES_256_GCM, os.urandom)
    parts: list[Part] = [frame(number) for number in range(QUEUED + 200)]
    for part in parts:
        hand_over(recorder, part)  # the disk does nothing meanwhile: it would wait for ever
    assert "talk ended: the disk is too slow" in caplog.text
    goes_on.set()
    recorder.close()
    assert not recorder.whole
    assert len(caplog.records) == 1
    found, error = read(tmp_path / "talk")
    assert isinstance(error, AudioError)
    assert QUEUED <= len(found) < len(parts)
    assert found == parts[: len(found)]


def test_what_waits_for_the_disk_at_the_end_is_written(tmp_path: Path) -> None:
    parts: list[Part] = [frame(number) for number in range(QUEUED)]
    assert recorded(tmp_path / "talk", parts).whole
    assert list(Recording(tmp_path / "talk", KEY)) == parts


def test_nothing_at_all_is_a_recording_too(tmp_path: Path) -> None:
    recorded(tmp_path / "talk", [])
    assert list(Recording(tmp_path / "talk", KEY)) == []
