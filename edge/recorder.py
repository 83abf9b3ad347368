"""Writes a recording on a thread of its own, so that nobody who hands something over ever waits.

A disk that is slow or full ends the recording with one warning; the conversation goes on.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from edge.dialogue import FRAME_BYTES, Event
from edge.errors import AudioError, StoreError
from edge.protocols import Frame
from edge.recording import Happened, Header, Part, Sealer, record
from edge.seal import Cipher, Key

CHUNK_S, CHUNK_BYTES = 1.0, 50 * FRAME_BYTES
"""Sealed together: so much, or what there is when nothing came for so long."""
QUEUED = 2000
"""Frames and events that may wait for the disk: 40 s."""
CLOSING_LIMIT_S = 5.0

_log = logging.getLogger(__name__)


class Recorder:
    """One recording. Hand over from any thread; close it when done.

    whole: whether everything was written, the end too; known when it is closed.
    """

    def __init__(
        self,
        file: Path,
        key: Key,
        header: Header,
        cipher: Cipher,
        randomness: Callable[[int], bytes],
    ) -> None:
        """Create the file; AudioError when there is one already, or it cannot be written."""
        self.file = file
        self.whole = False
        self._ended = False
        self._sealer = Sealer(key, cipher, randomness)
        self._inbox: queue.Queue[Part | None] = queue.Queue(QUEUED)
        try:
            self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            write(self._file, self._sealer.opening(header))
        except FileExistsError:
            raise AudioError(f"{file}: is there already: give the recording a new name") from None
        except OSError as error:
            raise AudioError(f"{file}: cannot be written: {error.strerror}") from error
        self._thread = threading.Thread(target=self._run, name="edge-recording", daemon=True)
        self._thread.start()

    def frame(self, frame: Frame) -> None:
        """Record what was captured; never waits."""
        self._offer(frame)

    def event(self, event: Event, at: float) -> None:
        """Record what reached the session at this time; never waits."""
        self._offer(Happened(event, at))

    def close(self) -> None:
        """Write what is left and the end; a disk that takes too long is left behind."""
        with suppress(queue.Full):
            self._inbox.put(None, timeout=CLOSING_LIMIT_S)
        self._thread.join(CLOSING_LIMIT_S)
        self._ended = True

    def _offer(self, part: Part) -> None:
        if self._ended:
            return
        try:
            self._inbox.put_nowait(part)
        except queue.Full:
            self._give_up("the disk is too slow")

    def _give_up(self, why: str) -> None:
        if not self._ended:
            self._ended = True
            _log.warning("recording %s ended: %s; what it holds can be read", self.file, why)

    def _run(self) -> None:
        try:
            while self._write_chunk():
                pass
        except OSError as error:
            self._give_up(str(error.strerror))
        except StoreError as error:
            self._give_up(str(error))
        except Exception as error:
            self._give_up(f"unexpected {type(error).__name__}")
        finally:
            os.close(self._file)

    def _write_chunk(self) -> bool:
        """Wait for about a second's records and write them; whether more may follow."""
        records, closed = bytearray(), False
        with suppress(queue.Empty):
            while len(records) < CHUNK_BYTES and not closed:
                part = self._inbox.get(timeout=CHUNK_S)
                closed = part is None
                records += b"" if part is None else record(part)
        if records:
            write(self._file, self._sealer.chunk(bytes(records)))
        if closed and not self._ended:
            write(self._file, self._sealer.end())
            self.whole = True
        return not closed and bool(records or not self._ended)


def write(file: int, content: bytes) -> None:
    """All of it; OSError when the disk takes no more."""
    left = memoryview(content)
    while left:
        left = left[os.write(file, left) :]
