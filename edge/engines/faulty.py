"""A hosted engine that misbehaves on order, for tests and fault injection."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from edge.errors import EngineError, ModelError
from edge.worker import Header, Hosted


def hosted(refuse: bool = False) -> Hosted:
    """refuse: fail to start, as an engine does whose model is damaged."""
    if refuse:
        raise ModelError("the model is not the one that is pinned")
    return {
        "echo": _echo,
        "fail": _fail,
        "hang": _hang,
        "crash": _crash,
        "exit": _exit,
        "hoard": _hoard,
        "open": _open,
        "print": _print,
        "surprise": _surprise,
    }


def _echo(header: Header, content: bytes) -> tuple[Header, bytes]:
    return {"nice": os.nice(0), "said": header.get("say")}, content


def _fail(header: Header, content: bytes) -> tuple[Header, bytes]:
    raise EngineError("cannot do this one")


def _hang(header: Header, content: bytes) -> tuple[Header, bytes]:
    time.sleep(header.get("seconds", 3600))
    return {}, b""


def _crash(header: Header, content: bytes) -> tuple[Header, bytes]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}, b""


def _exit(header: Header, content: bytes) -> tuple[Header, bytes]:
    os._exit(3)


def _hoard(header: Header, content: bytes) -> tuple[Header, bytes]:
    return {"hoarded": len(bytearray(header["megabytes"] << 20))}, b""


def _open(header: Header, content: bytes) -> tuple[Header, bytes]:
    return {"read": len(Path(header["path"]).read_bytes())}, b""


def _print(header: Header, content: bytes) -> tuple[Header, bytes]:
    os.write(1, b"words that a native library prints\n")
    return {}, b""


def _surprise(header: Header, content: bytes) -> tuple[Header, bytes]:
    return {"surprise": header["not there"]}, b""
