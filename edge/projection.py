"""How long work that was timed here takes on another board: an interval, never one number.

Pure arithmetic on two machines' figures. Whoever decides by it decides by its upper end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.board import PIVOT, Speeds, Work, slowness
from edge.errors import ProfileError

__all__ = ["Interval", "Speeds", "Work", "factor", "project_ms", "stands_in"]

SPREAD = (0.75, 1.5)
"""Around the ratio of two figures of the same kind of work: published kernels of one kind,
projected from one another across boards, were off by 8 to 24 %."""
WIDE_SPREAD = (0.5, 2.0)
"""Where another kind of work stands in, or no pair of the two units was published."""

STAND_INS: Mapping[Work, tuple[Work, ...]] = {
    Work.INT8: (Work.FP32, Work.SCALAR),
    Work.FP32: (Work.INT8, Work.SCALAR),
    Work.SCALAR: (),
    Work.MEMORY: (Work.SCALAR,),
    Work.CRYPTO: (Work.SCALAR,),
    Work.STORAGE: (),
}


@dataclass(frozen=True, slots=True)
class Interval:
    """Factors or milliseconds: the least, the likeliest and the most to be expected."""

    low: float
    mid: float
    high: float


def factor(work: Work, here: Speeds, there: Speeds) -> Interval:
    """How many times longer the work takes there than here.

    ProfileError when one of them has neither the figure nor one that stands in for it.
    """
    mid = _slowness(work, there) / _slowness(work, here)
    low, high = SPREAD if _alike(work, here, there) else WIDE_SPREAD
    return Interval(low * mid, mid, high * mid)


def project_ms(work: Work, ms: float, here: Speeds, there: Speeds) -> Interval:
    """How long work takes there that took so long here, in milliseconds."""
    times = factor(work, here, there)
    return Interval(times.low * ms, times.mid * ms, times.high * ms)


def stands_in(work: Work, speeds: Speeds) -> Work:
    """The kind of work whose figure is taken: its own, or the nearest that there is one of."""
    for one in (work, *STAND_INS[work]):
        if speeds.of(one) is not None:
            return one
    wanted = " or ".join(f"[speed.{one}]" for one in (work, *STAND_INS[work]))
    raise ProfileError(f"a profile without {wanted} cannot be projected to: add one")


def _slowness(work: Work, speeds: Speeds) -> float:
    """Of a missing kind: the pivot's, by how the kind that stands in compares with the pivot's.

    Between small Arm boards kinds of work differ little; between them and x86 they differ by six.
    """
    taken = stands_in(work, speeds)
    figure = speeds.of(taken)
    assert figure is not None
    own = slowness(taken, figure.value, figure.unit)
    if taken is work:
        return own
    return own * slowness(work, *PIVOT[work]) / slowness(taken, *PIVOT[taken])


def _alike(work: Work, here: Speeds, there: Speeds) -> bool:
    mine, theirs = here.of(work), there.of(work)
    if mine is None or theirs is None:
        return False
    return work is not Work.STORAGE or mine.unit == theirs.unit
