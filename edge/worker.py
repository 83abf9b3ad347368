"""A child process that hosts an engine: started by exec, spoken to in length-prefixed messages.

It inherits no keys, locks or descriptors; when loaded it can open nothing any more. It may
hang, crash or eat memory: that costs the answer that was asked for and is never waited for
beyond a hard limit. Nothing here knows what an engine does.

A message is `u32 length | u32 header length | header (JSON object) | bytes`, big endian.
The first message to a child is its target and options; its first answer says it is ready.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import IO, Any

from edge.errors import EdgeError, EngineError, WorkerGone

Header = dict[str, Any]
Method = Callable[[Header, bytes], tuple[Header, bytes]]
Hosted = Mapping[str, Method]

MAX_MESSAGE_BYTES = 8 * 1024 * 1024
START_LIMIT_S = 30.0
BACK_OFF_S = (0.5, 2.0, 10.0, 60.0)
HEALTHY_S = 300.0  # a child that lived so long was not lost for the same reason again
CLOSED = float("inf")  # when a closed one may start its child again
_LENGTHS = struct.Struct(">II")


def engine(group: str, name: str) -> Callable[..., Any]:
    """The installed engine of this name, found by entry point (`edge.recognizer`, ...)."""
    found = {point.name: point for point in entry_points(group=group)}
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise EngineError(f"no {group} engine '{name}' is installed; there are: {known}")
    try:
        loaded: Callable[..., Any] = found[name].load()
    except ImportError as error:
        raise EngineError(f"{group} engine '{name}' needs the package '{error.name}'") from error
    return loaded


# ------------------------------------------------------------------ the parent's side


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a child may use at most. nice: how far it steps back behind everybody else."""

    memory_mb: int
    nice: int = 0


class Child:
    """One child process. Not for use by several threads at once, except `kill`."""

    def __init__(self, target: str, options: Header, confinement: Confinement) -> None:
        """Start `module:factory`; the factory gets the options and returns what is hosted."""
        self._target = target
        self._popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "edge.worker"],  # -P: no module of the current folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # native libraries print what they recognized
            bufsize=0,
            env={"PATH": os.defpath, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
        limits = {"memory_mb": confinement.memory_mb, "nice": confinement.nice}
        try:
            self.call("host", {"target": target, "options": options, "limits": limits})
        except EngineError:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def call(
        self, method: str, header: Header, content: bytes = b"", limit_s: float = START_LIMIT_S
    ) -> tuple[Header, bytes]:
        """Ask and wait. WorkerGone: dead, or silent past the limit (then killed)."""
        until = time.monotonic() + limit_s
        try:
            self._write(_packed({**header, "method": method}, content), until)
            answer, data = self._read(until)
        except WorkerGone:
            self.kill()
            raise
        if "error" in answer:
            raise EngineError(f"{self._target}: {answer['error']}")
        return answer, data

    def kill(self) -> None:
        """End it now; safe to repeat."""
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe:
                pipe.close()

    def _write(self, message: bytes, until: float) -> None:
        pipe = self._popen.stdin
        assert pipe is not None
        left = memoryview(message)
        try:
            while left:
                self._wait([], [pipe], until)
                left = left[pipe.write(left) or 0 :]
        except (OSError, ValueError) as error:
            raise WorkerGone(f"{self._target}: the child is gone") from error

    def _read(self, until: float) -> tuple[Header, bytes]:
        try:
            length, header_length = _LENGTHS.unpack(self._exactly(_LENGTHS.size, until))
            if header_length <= length <= MAX_MESSAGE_BYTES:
                body = self._exactly(length, until)
                header = json.loads(body[:header_length])
                if isinstance(header, dict):
                    return header, body[header_length:]
        except (OSError, ValueError) as error:
            raise WorkerGone(f"{self._target}: the child is gone") from error
        raise WorkerGone(f"{self._target}: the child sent a broken message")

    def _exactly(self, count: int, until: float) -> bytes:
        pipe = self._popen.stdout
        assert pipe is not None
        read = bytearray()
        while len(read) < count:
            self._wait([pipe], [], until)
            part = pipe.read(count - len(read))
            if not part:
                raise WorkerGone(f"{self._target}: the child died")
            read += part
        return bytes(read)

    def _wait(self, to_read: list[IO[bytes]], to_write: list[IO[bytes]], until: float) -> None:
        ready = select.select(to_read, to_write, [], max(0.0, until - time.monotonic()))
        if not (ready[0] or ready[1]):
            raise WorkerGone(f"{self._target}: no answer within its limit")


class Supervised:
    """A child that is started when needed and started again, later each time, when it died."""

    def __init__(self, start: Callable[[], Child], now: Callable[[], float]) -> None:
        self._start = start
        self._now = now
        self._child: Child | None = None
        self._not_before = float("-inf")
        self._started_at = 0.0
        self.losses = 0

    def call(
        self, method: str, header: Header, content: bytes, limit_s: float
    ) -> tuple[Header, bytes]:
        """As Child.call; WorkerGone at once while backing off."""
        child = self.running()
        try:
            return child.call(method, header, content, limit_s)
        except WorkerGone:
            self._lost()
            raise

    def running(self) -> Child:
        """The child, started if there is none; EngineError when that fails."""
        if self._child is None:
            if self._now() < self._not_before:
                raise WorkerGone("the child is kept down after a failure")
            self._started_at = self._now()
            try:
                self._child = child = self._start()
            except EngineError:
                self._lost()
                raise
            if self._not_before == CLOSED:  # while it was starting
                self.close()
            return child
        return self._child

    def close(self) -> None:
        """End the child; from then on there is none."""
        if self._child:
            self._child.kill()
        self._child = None
        self._not_before = CLOSED

    def _lost(self) -> None:
        self._child = None
        if self._now() - self._started_at > HEALTHY_S:
            self.losses = 0
        pause_s = BACK_OFF_S[min(self.losses, len(BACK_OFF_S) - 1)]
        self._not_before = max(self._not_before, self._now() + pause_s)
        self.losses += 1


def _packed(header: Header, content: bytes) -> bytes:
    text = json.dumps(header).encode()
    return _LENGTHS.pack(len(text) + len(content), len(text)) + text + content


# ------------------------------------------------------------------- the child's side


def serve() -> None:
    """Answer messages until the parent closes the pipe."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a native library prints must not reach the parent
    hosted: Hosted = {}
    while lengths := incoming.read(_LENGTHS.size):
        length, header_length = _LENGTHS.unpack(lengths)
        body = incoming.read(length)
        header = json.loads(body[:header_length])
        if header["method"] == "host":
            answer, hosted = _hosted(header)
            content = b""
        else:
            answer, content = _answered(hosted, header, body[header_length:])
        outgoing.write(_packed(answer, content))
        outgoing.flush()


def _hosted(header: Header) -> tuple[Header, Hosted]:
    module, _, factory = header["target"].partition(":")
    limits = header["limits"]
    os.nice(limits["nice"])  # first: loading is most of the work
    try:
        hosted: Hosted = getattr(importlib.import_module(module), factory)(**header["options"])
        _confine(limits["memory_mb"])
    except EdgeError as error:
        return {"error": str(error)}, {}
    except Exception as error:  # no customer's word is here yet
        return {"error": f"cannot start: {error!r}"}, {}
    return {"ready": True}, hosted


def _answered(hosted: Hosted, header: Header, content: bytes) -> tuple[Header, bytes]:
    try:
        return hosted[header["method"]](header, content)
    except EdgeError as error:
        return {"error": str(error)}, b""


def _confine(memory_mb: int) -> None:
    """No core dump, no file written, nothing opened any more, bounded memory."""
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_DATA: memory_mb * 1024 * 1024,
    }
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    serve()
