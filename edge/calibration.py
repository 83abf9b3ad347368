"""How fast this machine is: one short kernel per kind of work, timed again and again.

It judges nothing and knows no other machine. Compute is counted as this thread's CPU time,
storage as time that passes.
"""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import count
from pathlib import Path
from statistics import quantiles

import numpy as np

from edge import tflite
from edge.board import Figure, Speeds, Trust, Work
from edge.errors import StoreError
from edge.schema import Writer
from edge.seal import KEY_BYTES, Binding, Cipher, Key, seal

MODEL, MODEL_STEPS = "speaker-encoder", 64
SIDE, PRODUCTS = 64, 256  # a product this small stays on one thread
COPIED_BYTES = 1 << 26
SEALED_BYTES, SEALS = 1 << 14, 128
LOOPS = 40_000
COMMITS, COMMITTED_BYTES = 8, 200
REPEATS = 15
NAMES = {Cipher.AES_256_GCM: "AES-256-GCM", Cipher.CHACHA20_POLY1305: "ChaCha20-Poly1305"}

Run = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Timing:
    """One kernel's median, and the quartiles around it, in its unit."""

    work: Work
    unit: str
    low: float
    value: float
    high: float

    @property
    def spread(self) -> float:
        """The quartiles' distance as a share of the median."""
        return (self.high - self.low) / self.value


def calibrate(folder: Path, cipher: Cipher, repeats: int = REPEATS) -> Iterator[Timing]:
    """Time each kind of work, two seconds in all.

    folder: where the dialogue store would lie; gets a small file for a moment. cipher: the
    profile's. repeats: at least 2. EdgeError when the model or the folder is not usable.
    """
    with _writer(folder) as writer:
        for work, unit, run in _kernels(writer, cipher):
            run()
            low, median, high = quantiles((run() for _ in range(repeats)), method="inclusive")
            yield Timing(work, unit, low, median, high)


@contextmanager
def _writer(folder: Path) -> Iterator[Writer]:
    try:
        scratch = tempfile.TemporaryDirectory(dir=folder)
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written to ({error.strerror})") from error
    with scratch as path, closing(Writer(Path(path) / "commits.db", durable=True)) as writer:
        yield writer


def as_speeds(timings: Iterable[Timing], source: str, on: date) -> Speeds:
    """What was timed as a profile's figures."""
    return Speeds(
        **{
            timing.work.value: Figure(timing.value, timing.unit, source, on, Trust.MEASURED)
            for timing in timings
        }
    )


def _kernels(writer: Writer, cipher: Cipher) -> Iterator[tuple[Work, str, Run]]:
    yield Work.INT8, "ms, speaker encoder", _network()
    yield Work.FP32, "GFLOP/s, matrix product", _product()
    yield Work.SCALAR, "ms, Python loop", lambda: _cpu_s(_loop) * 1e3
    yield Work.MEMORY, "MB/s, copy", _copying()
    yield Work.CRYPTO, f"MB/s, {NAMES[cipher]}", _sealing(cipher)
    yield Work.STORAGE, "commits/s, SQLite", _committing(writer)


def _cpu_s(call: Callable[[], object]) -> float:
    begun = time.thread_time_ns()
    call()
    return max(1, time.thread_time_ns() - begun) / 1e9


def _network() -> Run:
    """Milliseconds a step, on even noise; the model proves itself on its golden vectors first."""
    manifest = tflite.Manifest.load(tflite.shipped(MODEL))
    model, shape = tflite.Model(manifest), manifest.inputs[0].shape
    spectra = np.random.default_rng(1).random(shape, np.float32)
    return lambda: (
        _cpu_s(lambda: [model.run(spectra) for _ in range(MODEL_STEPS)]) * (1e3 / MODEL_STEPS)
    )


def _product() -> Run:
    left = np.random.default_rng(2).random((PRODUCTS, SIDE, SIDE), np.float32)
    done = np.empty_like(left)
    operations = 2 * PRODUCTS * SIDE**3
    return lambda: operations / 1e9 / _cpu_s(lambda: np.matmul(left, left, out=done))


def _loop() -> int:
    """Whole numbers, a branch and a table: what the daemon's own Python does."""
    seen: dict[int, int] = {}
    state = 1
    for number in range(LOOPS):
        state = (state * 1103515245 + number) & 0x7FFFFFFF
        if state & 3:
            seen[state & 1023] = seen.get(state & 1023, 0) + 1
    return len(seen)


def _copying() -> Run:
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.zeros_like(source)
    return lambda: COPIED_BYTES / 1e6 / _cpu_s(lambda: np.copyto(target, source))


def _sealing(cipher: Cipher) -> Run:
    key, content = Key(bytes(range(KEY_BYTES))), bytes(SEALED_BYTES)
    binding = Binding("dialogue", "interaction", 1, "reply", 1 << 40)
    one = partial(seal, key, content, binding, cipher=cipher, seals=0)

    def sealing() -> None:
        for _ in range(SEALS):
            one(randomness=secrets.token_bytes)

    return lambda: SEALS * SEALED_BYTES / 1e6 / _cpu_s(sealing)


def _committing(writer: Writer) -> Run:
    numbers, content = count(), secrets.token_bytes(COMMITTED_BYTES)

    def commit() -> None:
        with writer.transaction():
            writer.change(
                "INSERT INTO payloads VALUES ('i', ?, 'reply', ?)", next(numbers), content
            )

    def commits_per_s() -> float:
        begun = time.perf_counter_ns()
        for _ in range(COMMITS):
            commit()
        return COMMITS * 1e9 / (time.perf_counter_ns() - begun)

    return commits_per_s
