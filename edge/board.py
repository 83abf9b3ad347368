"""What is known of a machine: its figures, where each comes from, and in which units they come.

Data and their bounds; it measures nothing and projects nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Work(StrEnum):
    """Kinds of work that no single factor between two machines serves."""

    INT8 = "int8"
    FP32 = "fp32"
    SCALAR = "scalar"
    MEMORY = "memory"
    CRYPTO = "crypto"
    STORAGE = "storage"


class Trust(StrEnum):
    """How a figure came to be: timed by us, printed by others, or computed from such."""

    MEASURED = "measured"
    PUBLISHED = "published"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of one machine. unit: says what was counted, see `YARDSTICKS`."""

    value: float
    unit: str
    source: str
    date: date
    trust: Trust


@dataclass(frozen=True, slots=True)
class Board:
    """The machine. memory_mb: what Linux sees. aes: whether its CPU has AES instructions.

    source, date, trust: where these come from.
    """

    title: str
    cores: int
    memory_mb: int
    aes: bool
    clock_mhz: int | None = None
    source: str = ""
    date: date | None = None
    trust: Trust | None = None


@dataclass(frozen=True, slots=True)
class Speeds:
    """A figure per kind of work; None where nobody published one.

    synthesis: what a voice costs, see `SYNTHESIZERS`.
    """

    int8: Figure | None = None
    fp32: Figure | None = None
    scalar: Figure | None = None
    memory: Figure | None = None
    crypto: Figure | None = None
    storage: Figure | None = None
    synthesis: Figure | None = None

    def of(self, work: Work) -> Figure | None:
        """The figure of this kind of work."""
        figure: Figure | None = getattr(self, work)
        return figure


@dataclass(frozen=True, slots=True)
class Budgets:
    """What must fit this board.

    vector_p99_ms: of the context vector. pss_mb: daemon and encoder child, without the
    recognizer. idle_core_share: of one core, with the wake word.
    """

    vector_p99_ms: float = 150.0
    pss_mb: float = 110.0
    idle_core_share: float = 0.15
    written_mb_per_day: float = 40.0
    end_of_speech_to_transcript_ms: float = 1500.0


FOUR_THREADS = 2.58
"""One thread takes so many times longer than four: mean of ten speech synthesis models on a
Raspberry Pi 4, 2.2 to 2.75 (k2-fsa/sherpa-onnx, rtf.rst)."""

YARDSTICKS: Mapping[Work, Mapping[str, float]] = {
    Work.INT8: {
        "ms, MobileNet v1, 4 threads": 3.92 / FOUR_THREADS,
        "ms, MobileNet v2, 4 threads": 3.22 / FOUR_THREADS,
        "ms, speaker encoder": 0.058,
    },
    Work.FP32: {
        "ms, MobileNet v1, 4 threads": 11.25 / FOUR_THREADS,
        "ms, MobileNet v2, 4 threads": 6.8 / FOUR_THREADS,
        "GFLOP/s, matrix product": 110.0,
    },
    Work.SCALAR: {"MIPS, 7-Zip": 4000.0, "ms, Python loop": 6.9},
    Work.MEMORY: {"MB/s, copy": 12158.0},
    Work.CRYPTO: {
        "MB/s, AES-256-CBC": 1016.0,
        "MB/s, AES-256-GCM": 3360.0,
        "MB/s, ChaCha20-Poly1305": 2080.0,
    },
    Work.STORAGE: {"writes/s, 4 KiB": 3600.0, "commits/s, SQLite": 3600.0},
}
"""Units per kind of work, and the figure in each of one and the same machine: a virtual core of
x86-64 (Zen 4), 2026-11-22, one thread. So figures in different units can be compared. A durable
commit is taken for one random write, which no published pair confirms."""

PIVOT: Mapping[Work, tuple[float, str]] = {
    Work.INT8: (17.0, "ms, MobileNet v2, 4 threads"),
    Work.FP32: (46.0, "ms, MobileNet v2, 4 threads"),
    Work.SCALAR: (1769.0, "MIPS, 7-Zip"),
    Work.MEMORY: (2326.0, "MB/s, copy"),
    Work.CRYPTO: (122.9, "MB/s, ChaCha20-Poly1305"),
}
"""The Raspberry Pi 4B, which has a published figure of every computing kind (pi-4b.toml)."""

SYNTHESIZERS = ("s/s, eSpeak NG", "s/s, Piper medium")
"""Units of synthesis: seconds that one core computes for a second of sound."""

MOST_SLOWER, MOST_FASTER = 2000.0, 100.0
"""Than the yardsticks' machine; a figure beyond them is a slip of the unit."""
SLOWEST_VOICE = 100.0
"""Seconds for a second of sound; the same."""


def slowness(work: Work, value: float, unit: str) -> float:
    """How many times longer this work takes than on the machine of the yardsticks."""
    reference = YARDSTICKS[work][unit]
    return value / reference if unit.startswith("ms,") else reference / value
