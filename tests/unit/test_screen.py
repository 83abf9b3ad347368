"""What else would write into the terminal is kept away from the view, and not lost."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from edge.screen import NOTES_KEPT, STDERR, STDERR_KEPT_BYTES, stderr_kept, warnings

needs_terminals = pytest.mark.skipif(
    not os.path.exists("/dev/ptmx"), reason="there are no pseudo-terminals here"
)


@contextmanager
def terminal() -> Iterator[int]:
    """Our end of a terminal that stderr goes to meanwhile."""
    before = os.dup(STDERR)
    ours, theirs = os.openpty()
    os.dup2(theirs, STDERR)
    try:
        yield ours
    finally:
        os.dup2(before, STDERR)
        for file in (before, ours, theirs):
            os.close(file)


def shown(terminal: int) -> bytes:
    """What stands there just now."""
    found = b""
    while select.select([terminal], [], [], 0)[0]:
        found += os.read(terminal, 10_000)
    return found


@needs_terminals
def test_what_native_libraries_write_is_shown_when_the_view_is_over() -> None:
    with terminal() as screen:
        with stderr_kept():
            os.write(STDERR, b"ALSA lib: underrun occurred")
            meanwhile = shown(screen)
        then = shown(screen)
        os.write(STDERR, b"as before")
        assert (meanwhile, then, shown(screen)) == (
            b"",
            b"ALSA lib: underrun occurred",
            b"as before",
        )


@needs_terminals
def test_of_much_only_the_end_is_shown() -> None:
    with terminal() as screen:
        with stderr_kept():
            os.write(STDERR, b"a" * 100_000 + b"the end")
        found = shown(screen)
    assert len(found) == STDERR_KEPT_BYTES
    assert found.endswith(b"the end")


def test_stderr_that_is_no_terminal_is_left_alone() -> None:
    before = os.fstat(STDERR)
    with stderr_kept():
        assert os.path.samestat(before, os.fstat(STDERR))


def test_the_newest_warnings_are_noted(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("edge.daemon")
    with warnings() as notes:
        logger.info("unimportant")
        for number in range(NOTES_KEPT + 1):
            logger.warning("warning %d", number)
    assert list(notes) == [f"warning {number}" for number in range(1, NOTES_KEPT + 1)]
    assert caplog.text == ""
    logger.warning("afterwards")
    assert "afterwards" in caplog.text
    assert len(notes) == NOTES_KEPT
