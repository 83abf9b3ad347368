from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.board import PIVOT, YARDSTICKS, Figure, Trust
from edge.errors import ProfileError
from edge.profile import load_profile, shipped_profiles
from edge.projection import Interval, Speeds, Work, factor, project_ms, stands_in
from tools.held_back import PIVOT_BOARD, PUBLISHED, V1, HeldBack, expected, held_back

V2, ZIP = "ms, MobileNet v2, 4 threads", "MIPS, 7-Zip"
HERE = load_profile("ci").speed
BOARDS = {name: load_profile(name).speed for name in shipped_profiles()}
HELD_BACK = list(held_back())


def figure(value: float, unit: str) -> Figure:
    return Figure(value, unit, "a page", date(2022, 2, 8), Trust.PUBLISHED)


def speeds(**figures: tuple[float, str]) -> Speeds:
    return Speeds(**{work: figure(*one) for work, one in figures.items()})


def at_pace(kind: tuple[Work, str], pace: float) -> Speeds:
    """A board that is so many times slower than the yardsticks' machine."""
    work, unit = kind
    reference = YARDSTICKS[work][unit]
    return speeds(**{work: (reference * pace if unit[:2] == "ms" else reference / pace, unit)})


figures = st.sampled_from([(work, unit) for work in Work for unit in YARDSTICKS[work]])
ratios = st.floats(0.02, 1000.0)


def test_a_time_twice_as_long_is_work_twice_as_slow() -> None:
    here, there = speeds(int8=(17.0, V2)), speeds(int8=(34.0, V2))
    assert factor(Work.INT8, here, there) == Interval(1.5, 2.0, 3.0)
    assert project_ms(Work.INT8, 10.0, here, there) == Interval(15.0, 20.0, 30.0)


def test_a_rate_half_as_high_is_work_twice_as_slow() -> None:
    here, there = speeds(scalar=(3000.0, ZIP)), speeds(scalar=(1500.0, ZIP))
    assert factor(Work.SCALAR, here, there) == Interval(1.5, 2.0, 3.0)


def test_figures_in_other_units_meet_at_the_machine_that_has_both() -> None:
    """That machine's network takes 0.058 ms, its MobileNet v2 3.22 ms on one thread."""
    here, there = speeds(int8=(0.058, "ms, speaker encoder")), speeds(int8=(17.0, V2))
    assert factor(Work.INT8, here, there).mid == pytest.approx(17.0 * 2.58 / 3.22)


@settings(deadline=None)
@given(figures, ratios)
def test_a_board_is_as_fast_as_itself(kind: tuple[Work, str], ratio: float) -> None:
    same = at_pace(kind, ratio)
    found = factor(kind[0], same, same)
    assert found.mid == pytest.approx(1.0)
    assert found.low < 1.0 < found.high


@settings(deadline=None)
@given(figures, ratios, ratios, st.floats(0.0, 1e6))
def test_slower_there_is_never_projected_shorter(
    kind: tuple[Work, str], one: float, other: float, ms: float
) -> None:
    quick, slow = (at_pace(kind, pace) for pace in sorted((one, other)))
    work, _ = kind
    sooner, later = project_ms(work, ms, HERE, quick), project_ms(work, ms, HERE, slow)
    assert 0.0 <= sooner.low <= sooner.mid <= sooner.high
    for end in ("low", "mid", "high"):
        assert getattr(sooner, end) <= getattr(later, end)
        assert getattr(project_ms(work, ms / 2, HERE, quick), end) <= getattr(sooner, end)
        assert getattr(factor(work, slow, HERE), end) <= getattr(factor(work, quick, HERE), end)


@pytest.mark.parametrize("name", BOARDS)
@pytest.mark.parametrize("work", Work)
def test_every_shipped_board_can_be_projected_to(name: str, work: Work) -> None:
    there = BOARDS[name]
    found, own = factor(work, HERE, there), there.of(work)
    assert found.low < found.mid < found.high
    assert factor(work, there, there).mid == pytest.approx(1.0)
    loose = own is None or own.unit == "writes/s, 4 KiB"
    assert found.high / found.low == pytest.approx(4.0 if loose else 2.0)


def test_each_pi_is_slower_than_the_next() -> None:
    order = ["pi-zero-2-w", "pi-3b-plus", "cm4", "pi-4b", "pi-5", "ci"]
    for work in (Work.INT8, Work.FP32, Work.SCALAR):
        mids = [factor(work, HERE, BOARDS[name]).mid for name in order]
        assert mids == sorted(mids, reverse=True)


def test_what_stands_in_is_said_and_is_measured_by_the_pivot() -> None:
    """A board with the pivot's 7-Zip has the pivot's network, within a wider interval."""
    assert stands_in(Work.INT8, BOARDS["pi-4b"]) is Work.INT8
    assert stands_in(Work.INT8, BOARDS["radxa-zero-3w"]) is Work.SCALAR
    without = speeds(scalar=PIVOT[Work.SCALAR])
    for work in (Work.INT8, Work.FP32, Work.MEMORY, Work.CRYPTO):
        assert stands_in(work, without) is Work.SCALAR
        found = factor(work, HERE, without)
        assert found.mid == pytest.approx(factor(work, HERE, BOARDS["pi-4b"]).mid)
        assert (found.low, found.high) == pytest.approx((found.mid / 2, found.mid * 2))
    with_floats = speeds(scalar=PIVOT[Work.SCALAR], fp32=(46.0, V2))
    assert stands_in(Work.INT8, with_floats) is Work.FP32


def test_the_pivot_is_the_board_whose_profile_ships() -> None:
    for work, (value, unit) in PIVOT.items():
        found = BOARDS["pi-4b"].of(work)
        assert found
        assert (found.value, found.unit) == (value, unit)


@pytest.mark.parametrize("work", [Work.SCALAR, Work.STORAGE])
def test_what_nothing_stands_in_for_is_asked_for_in_one_line(work: Work) -> None:
    with pytest.raises(ProfileError, match=rf"\[speed\.{work}\].*add one") as caught:
        factor(work, HERE, replace(HERE, scalar=None, storage=None))
    assert "\n" not in str(caught.value)


def test_a_commit_against_a_bare_write_has_the_wider_interval() -> None:
    writes = speeds(storage=(500.0, "writes/s, 4 KiB"))
    commits = speeds(storage=(500.0, "commits/s, SQLite"))
    assert factor(Work.STORAGE, commits, writes) == Interval(0.5, 1.0, 2.0)
    assert factor(Work.STORAGE, commits, commits) == Interval(0.75, 1.0, 1.5)


@pytest.mark.parametrize("row", HELD_BACK, ids=lambda row: f"{row.board}, {row.work}, {row.by}")
def test_a_held_back_figure_is_told_from_another_kind_of_figure(row: HeldBack) -> None:
    """The arithmetic of the table: what is shown as an interval is one, around its middle."""
    low, mid, high = row.projected.low, row.projected.mid, row.projected.high
    assert low < mid < high
    assert row.inside == (low <= row.published <= high)
    assert row.safe or not row.inside
    assert high / low == pytest.approx(2.0 if row.by.startswith((row.work, "clock")) else 4.0)


@pytest.mark.parametrize(
    ("board", "name"),
    [
        ("Raspberry Pi Zero 2 W", "pi-zero-2-w"),
        (PIVOT_BOARD, "pi-4b"),
        ("Raspberry Pi 5", "pi-5"),
        ("Radxa Zero 3W", "radxa-zero-3w"),
    ],
)
def test_what_is_held_back_is_what_the_profiles_hold(board: str, name: str) -> None:
    for work, value, unit in PUBLISHED[board]:
        found = BOARDS[name].of(work)
        assert found
        assert unit == V1 or (found.value, found.unit) == (value, unit)


def test_the_expected_kernel_of_the_yardsticks_own_machine_is_its_own() -> None:
    for work, units in YARDSTICKS.items():
        for unit, value in units.items():
            there = speeds(**{work: (value, unit)})
            assert expected(work, unit, there).mid == pytest.approx(value)


def test_one_row_by_hand() -> None:
    """INT8 MobileNet v2 on a Pi 3+ from v1: 46 ms there, 3.92 here; 3.22 here, 30 published."""
    (row,) = (
        one
        for one in HELD_BACK
        if one.board.startswith("Raspberry Pi 3+")
        and (one.work, one.unit, one.by.partition(":")[0]) == (Work.INT8, V2, "int8")
    )
    assert row.projected.mid == pytest.approx(46.0 * 3.22 / 3.92)
    assert row.published == 30.0
    assert row.inside


def test_a_kernel_of_the_same_kind_is_inside_and_nothing_is_slower_than_the_upper_end() -> None:
    """The claim that budgets rest on; that the Pi 5 beats what its 7-Zip says is known."""
    assert all(row.inside for row in HELD_BACK if row.by.startswith((row.work, "clock")))
    assert all(row.safe for row in HELD_BACK)
    outside = {(row.board, row.work) for row in HELD_BACK if not row.inside}
    assert outside == {
        ("Raspberry Pi 5", Work.INT8),
        ("Raspberry Pi 5", Work.FP32),
        ("Raspberry Pi 5", Work.CRYPTO),
        ("Radxa Zero 3W", Work.CRYPTO),
    }
