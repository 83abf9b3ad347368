"""A fleet's day: the same by its seed, and right where it can be counted by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from edge.fleet import (
    Assumptions,
    Turns,
    alive_bytes,
    assumed,
    drawn,
    fleet_day,
    spread,
    years,
)

SMALL = replace(Assumptions(), devices=600, turns=100)


def turns(device: list[int], at_s: list[float], sizes: list[float]) -> Turns:
    count = len(device)
    return Turns(
        np.array(device), np.array(at_s), np.zeros(count, bool), np.array(sizes), np.ones(count)
    )


def test_the_same_seed_is_the_same_day() -> None:
    assert fleet_day(SMALL, 1) == fleet_day(SMALL, 1)
    assert fleet_day(SMALL, 1) != fleet_day(SMALL, 2)


def test_turns_come_in_order_and_within_the_day() -> None:
    found = drawn(50, SMALL, np.random.default_rng(3))
    assert (np.diff(found.device) >= 0).all()
    assert all(
        (np.diff(found.at_s[found.device == one]) >= 0).all() for one in np.unique(found.device)
    )
    assert found.at_s.min() >= 0
    assert found.at_s.max() <= 86_400


def test_means_are_those_that_are_assumed() -> None:
    day = fleet_day(SMALL, 1)
    assert day.turns / SMALL.devices == pytest.approx(SMALL.turns, rel=0.1)
    assert day.questions / day.turns == pytest.approx(SMALL.asking_share, rel=0.1)
    assert day.reply_s.p50 == pytest.approx(12 / (170 / 60), rel=0.05)


def test_payloads_of_a_device_are_alive_for_their_ttl_and_no_longer() -> None:
    given = turns([0, 0, 0, 1], [0.0, 50.0, 100.0, 100.0], [10.0, 20.0, 40.0, 5.0])
    assert alive_bytes(given, 3, 60).tolist() == [60.0, 5.0, 0.0]
    assert alive_bytes(given, 3, 100.5).tolist() == [70.0, 5.0, 0.0]


def test_the_last_turn_of_a_day_does_not_reach_into_another_device() -> None:
    given = turns([0, 1], [86_399.0, 0.0], [10.0, 20.0])
    assert alive_bytes(given, 2, 3_600).tolist() == [10.0, 20.0]


def test_no_turns_keep_nothing_alive() -> None:
    assert alive_bytes(turns([], [], []), 2, 60).tolist() == [0.0, 0.0]


def test_a_longer_life_keeps_more_alive() -> None:
    alive = [one.p99 for one in fleet_day(SMALL, 1).alive_kb.values()]
    assert alive == sorted(alive)
    assert alive[0] < alive[-1]


def test_the_peak_hour_is_the_one_with_most_weight() -> None:
    given = replace(SMALL, hours=tuple(8 if hour == 7 else 1 for hour in range(24)))
    day = fleet_day(given, 1)
    assert day.peak_hour == 7
    assert day.requests_per_s == pytest.approx(day.turns * 8 / 31 / 3_600, rel=0.1)
    events = given.events + given.asking_share * given.asking_events
    assert day.commits_per_s == pytest.approx(day.requests_per_s * events, rel=0.1)


def test_years_are_what_the_maker_states_by_what_is_written() -> None:
    given = replace(Assumptions(), card_tb=1.0, card_amplification=2.0)
    assert years(1e6 / 2 / 365.25, given) == pytest.approx(1.0)
    busier = fleet_day(replace(SMALL, turns=200), 1)
    assert busier.years.p99 < busier.years.p50


def test_a_replays_day_takes_the_place_of_what_is_assumed() -> None:
    given = assumed(written_mb_per_day=4.9)
    assert given.written_bytes_per_event == pytest.approx(1_000.0)
    sources = {name: source for name, _, source in given.listed()}
    assert sources["written_bytes_per_event"].startswith("edge replay")
    assert sources["turns"] != sources["written_bytes_per_event"]


def test_a_bench_takes_the_place_of_what_is_assumed() -> None:
    assert assumed(written_bytes_per_event=2_000.0).written_bytes_per_event == 2_000.0
    assert assumed() == Assumptions()


def test_every_assumption_says_where_it_comes_from() -> None:
    listed = list(Assumptions().listed())
    assert len(listed) > 15
    assert all(len(source) > 10 for _, _, source in listed)


def test_a_day_is_json() -> None:
    found = json.loads(json.dumps(fleet_day(SMALL, 1).as_json()))
    assert found["alive_kb"]["300"]["p50"] > 0
    assert found["assumptions"]["devices"]["value"] == 600


def test_of_nothing_the_spread_is_zero() -> None:
    assert spread(np.array([])).p99 == 0.0
