"""Faults for an encoder's child, done to a real process: for benches and tests.

Each fault is one thing that can happen to a process or its answer; the encoder around it is real.
"""

from __future__ import annotations

import os
import random
import resource
import signal
from collections import Counter
from collections.abc import Callable, Sequence

from edge.dialogue import Expectation
from edge.protocols import Encoded, Round
from edge.window import RemoteEncoder
from edge.worker import Child, Header, Supervised

FAULTS = ("hang", "crash", "kill", "memory", "shape", "slow")


class Sabotaged(Supervised):
    """A supervised child to which `fault` happens before, or instead of, its next answer.

    injected: how often each fault happened to a child that was running.
    """

    def __init__(self, start: Callable[[], Child], now: Callable[[], float]) -> None:
        super().__init__(start, now)
        self.fault: str | None = None
        self.injected: Counter[str] = Counter()

    def call(
        self, method: str, header: Header, content: bytes, limit_s: float
    ) -> tuple[Header, bytes]:
        """As Supervised.call, with the fault."""
        pid = self.running().pid
        if self.fault:
            self.injected[self.fault] += 1
        match self.fault:
            case "hang":
                os.kill(pid, signal.SIGSTOP)
            case "crash":
                os.kill(pid, signal.SIGSEGV)
            case "kill":
                os.kill(pid, signal.SIGKILL)
            case "memory":  # and a message that needs more than there is
                resource.prlimit(pid, resource.RLIMIT_AS, (1 << 20, 1 << 20))
                content = bytes(4 << 20)
        answer, data = super().call(method, header, content, limit_s)
        return (answer, data[:-3]) if self.fault == "shape" else (answer, data)


class SabotagedEncoder:
    """protocols.ContextEncoder to which one fault happens at every call, drawn with a seed."""

    def __init__(
        self, child: Sabotaged, limit_s: float, sleep: Callable[[float], None], seed: int
    ) -> None:
        self._child = child
        self._encoder = RemoteEncoder(child, limit_s)
        self._slow_s = limit_s
        self._sleep = sleep
        self._random = random.Random(seed)

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """What the encoder gives under the fault: usually an EngineError."""
        self._child.fault = self._random.choice(FAULTS)
        if self._child.fault == "slow":
            self._sleep(self._slow_s)
        return self._encoder.encode(rounds, expectation, memory)
