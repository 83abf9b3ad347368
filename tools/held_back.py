"""What projection would have said of published figures, had they not been published.

Each figure is held back and projected from another of the same board; nothing is timed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from edge.board import YARDSTICKS, Figure, Speeds, Trust, Work
from edge.projection import STAND_INS, Interval, factor

READ = date(2026, 11, 22)
V1, V2 = "ms, MobileNet v1, 4 threads", "ms, MobileNet v2, 4 threads"
ZIP, COPY, AES = "MIPS, 7-Zip", "MB/s, copy", "MB/s, AES-256-CBC"
PIVOT_BOARD = "Raspberry Pi 4, 64 bit"
"""What stands in for a missing kind is measured by this board: it says nothing of itself."""

Published = tuple[Work, float, str]

PUBLISHED: Mapping[str, Sequence[Published]] = {
    "Raspberry Pi 2": (
        (Work.INT8, 128.0, V1),
        (Work.INT8, 82.0, V2),
        (Work.FP32, 302.0, V1),
        (Work.FP32, 191.0, V2),
    ),
    "Raspberry Pi 3+, with a fan": (
        (Work.INT8, 46.0, V1),
        (Work.INT8, 30.0, V2),
        (Work.FP32, 114.0, V1),
        (Work.FP32, 79.0, V2),
        (Work.SCALAR, 1046.0, ZIP),
        (Work.MEMORY, 1118.0, COPY),
    ),
    "Raspberry Pi 4, 32 bit": (
        (Work.INT8, 29.0, V1),
        (Work.INT8, 20.0, V2),
        (Work.FP32, 72.0, V1),
        (Work.FP32, 41.0, V2),
        (Work.SCALAR, 1897.0, ZIP),
        (Work.MEMORY, 2784.0, COPY),
    ),
    PIVOT_BOARD: (
        (Work.INT8, 24.0, V1),
        (Work.INT8, 17.0, V2),
        (Work.FP32, 77.0, V1),
        (Work.FP32, 46.0, V2),
    ),
    "Raspberry Pi 5": (
        (Work.INT8, 4.01, V2),
        (Work.FP32, 10.89, V2),
        (Work.SCALAR, 3305.0, ZIP),
        (Work.MEMORY, 6025.0, COPY),
        (Work.CRYPTO, 1368.0, AES),
    ),
    "Raspberry Pi Zero 2 W": ((Work.SCALAR, 838.0, ZIP), (Work.MEMORY, 1296.0, COPY)),
    "Radxa Zero 3W": (
        (Work.SCALAR, 1155.0, ZIP),
        (Work.MEMORY, 2400.0, COPY),
        (Work.CRYPTO, 750.0, AES),
    ),
}
"""Networks: XNNPACK README, 8 February 2022, Pi 5 learn.arm.com; the rest: sbc-bench results."""

CLOCKED: Sequence[tuple[str, float, str, float, float]] = (
    ("Raspberry Pi Zero 2 W, 1.0 GHz", 838.0, "Raspberry Pi 3B+, 1.4 GHz", 1046.0, 1.0 / 1.4),
    ("Raspberry Pi Zero 2 W, 0.6 GHz", 529.0, "the same, 1.0 GHz", 838.0, 0.6),
    ("Raspberry Pi Zero 2 W, 1.2 GHz", 1007.0, "the same, 1.0 GHz", 838.0, 1.2),
    ("Raspberry Pi 3B, 1.2 GHz", 977.0, "Raspberry Pi 3B+, 1.4 GHz", 1046.0, 1.2 / 1.4),
    ("Raspberry Pi 3B+, no fan", 914.0, "the same, 1.4 GHz", 1046.0, 1.2 / 1.4),
    ("Raspberry Pi 4B, 1.5 GHz", 1606.0, "the same, 1.8 GHz", 1769.0, 1.5 / 1.8),
)
"""Single-thread 7-Zip of one core at two clocks: how Zero 2 W, 3B+ and CM4 networks are derived."""


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A published figure, and what was projected for it, in its own unit."""

    board: str
    work: Work
    unit: str
    by: str
    projected: Interval
    published: float

    @property
    def inside(self) -> bool:
        """Whether the interval holds it."""
        return self.projected.low <= self.published <= self.projected.high

    @property
    def safe(self) -> bool:
        """Whether the board is at least as fast as the slow end, by which budgets are judged."""
        slow = self.projected.high if _is_time(self.unit) else self.projected.low
        return self.published <= slow if _is_time(self.unit) else self.published >= slow


def held_back() -> Iterator[HeldBack]:
    """Every published figure from every other of its board that may serve for it."""
    for board, figures in PUBLISHED.items():
        for held in figures:
            for other in figures:
                if _serves(board, held, other):
                    yield _projected(board, held, other)
    for board, published, by, value, times in CLOCKED:
        there = _only((Work.SCALAR, value * times, ZIP))
        found = expected(Work.SCALAR, ZIP, there)
        yield HeldBack(board, Work.SCALAR, ZIP, f"clock: {by}", found, published)


def expected(work: Work, unit: str, there: Speeds) -> Interval:
    """What a kernel is projected to give there, in this unit, from the yardsticks' machine."""
    reference = YARDSTICKS[work][unit]
    here = _only(*((kind, *_first(kind)) for kind in Work))
    times = factor(work, here, there)
    if _is_time(unit):
        return Interval(*(reference * one for one in (times.low, times.mid, times.high)))
    return Interval(*(reference / one for one in (times.high, times.mid, times.low)))


def _serves(board: str, held: Published, other: Published) -> bool:
    if held[0] is other[0]:
        return held[2] != other[2]
    return board != PIVOT_BOARD and held[2] != V1 != other[2] and other[0] in STAND_INS[held[0]]


def _projected(board: str, held: Published, other: Published) -> HeldBack:
    work, published, unit = held
    by = f"{other[0]}: {other[2].partition(', ')[2]}"
    return HeldBack(board, work, unit, by, expected(work, unit, _only(other)), published)


def _only(*figures: Published) -> Speeds:
    kept = {work: Figure(value, unit, "-", READ, Trust.PUBLISHED) for work, value, unit in figures}
    return Speeds(**{work.value: figure for work, figure in kept.items()})


def _first(work: Work) -> tuple[float, str]:
    unit, value = next(iter(YARDSTICKS[work].items()))
    return value, unit


def _is_time(unit: str) -> bool:
    return unit.startswith("ms,")
