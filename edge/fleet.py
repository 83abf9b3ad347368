"""A day of many speakers, drawn by chance: how much they write, keep and ask of a hub.

On paper: it runs no speaker. All that it takes for granted stands in `Assumptions`, each with
where it comes from; the same seed gives the same day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

DAY_S, HOUR_S, DAYS_A_YEAR = 86_400, 3_600, 365.25
AT_A_TIME = 500  # devices whose turns are in memory together
HOURS = (1, 1, 1, 1, 1, 2, 5, 8, 7, 5, 4, 4, 5, 5, 4, 4, 5, 7, 9, 9, 8, 6, 4, 2)


def _assumed(default: Any, source: str) -> Any:
    """A field with where its value comes from."""
    return field(default=default, metadata={"source": source})


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What the day is drawn from. Counts of a day are of one device; words are medians."""

    devices: int = _assumed(10_000, "the fleet to be sized")
    turns: int = _assumed(1_000, "a day of a busy household; the mean of all devices")
    turns_shape: float = _assumed(
        4.0, "assumed: households differ as a gamma distribution of this shape does"
    )
    asking_share: float = _assumed(0.3, "assumed: of the turns, those that end with a question")
    asking_turns: float = _assumed(
        20.0, "assumed: shares differ between homes as in samples of so many turns"
    )
    reply_words: float = _assumed(
        12.0, "median of 27,347 questions of assistants in Schema-Guided Dialogue"
    )
    reply_spread: float = _assumed(
        0.6, "log-normal: gives that corpus's 4 to 5 words at 5 %, 3 words at 1 %"
    )
    words_per_s: float = _assumed(170 / 60, "170 words a minute, an unhurried voice")
    utterance_words: float = _assumed(4.0, "assumed: a command or an answer; spread as replies")
    word_bytes: float = _assumed(6.0, "English, with the space")
    offered_phrases: float = _assumed(5.0, "assumed: offered by a question; spread as replies")
    phrase_bytes: float = _assumed(14.0, "a first and a last name")
    vector_bytes: int = _assumed(776, "a context vector, 128 float32, and a memory of 264 bytes")
    anchor_bytes: int = _assumed(260, "the voice of the wake word; taken for every turn")
    sealing_bytes: int = _assumed(
        68, "nonce and tag of a sealed payload, 28 bytes, and its row, about 40"
    )
    events: int = _assumed(4, "commits of a turn: heard, recognized, answered, played")
    asking_events: int = _assumed(3, "more of them: the question, its vector, re-opened")
    written_bytes_per_event: float = _assumed(
        3_100.0, "measured: two-table commit, SQLite WAL, synchronous NORMAL, 1 KB pages"
    )
    card_tb: float = _assumed(
        29.25, "32 GB high-endurance card; maker: 128 GB take 10,000 h of 26 Mbit/s; a quarter"
    )
    card_amplification: float = _assumed(
        8.0, "assumed: cards are rated for video in long runs, and these are single pages"
    )
    ttls_s: tuple[int, ...] = _assumed((60, 300, 900, 3_600), "300 s is the shipped profiles'")
    hours: tuple[int, ...] = _assumed(
        HOURS, "assumed: weights of the hours from midnight, one time zone: the worst case"
    )

    found: tuple[tuple[str, str], ...] = ()
    """Names of values that were found and not assumed, each with where."""

    def listed(self) -> Iterator[tuple[str, Any, str]]:
        """Each name, its value and where that comes from."""
        found = dict(self.found)
        for one in fields(self):
            if one.name != "found":
                source = found.get(one.name, one.metadata["source"])
                yield one.name, getattr(self, one.name), source


def assumed(
    *, written_mb_per_day: float | None = None, written_bytes_per_event: float | None = None
) -> Assumptions:
    """With what was found of writing: of a day with so many turns, or else of an event."""
    given = Assumptions()
    if written_mb_per_day:
        events = given.turns * (given.events + given.asking_share * given.asking_events)
        written, source = written_mb_per_day * 1e6 / events, "edge replay: most of its boards"
    elif written_bytes_per_event:
        written, source = written_bytes_per_event, "edge bench store: synchronous NORMAL"
    else:
        return given
    named = (("written_bytes_per_event", source),)
    return replace(given, written_bytes_per_event=round(written, 1), found=named)


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the devices, the one in the middle and the one that 99 of 100 are below."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class FleetDay:
    """What the day came to. alive_kb: by TTL in seconds, each device's most at any one time.

    commits_per_s: at the peak hour, if the dialogues' store were a hub's and not the device's.
    """

    assumptions: Assumptions
    seed: int
    turns: int
    questions: int
    written_mb: Spread
    years: Spread
    alive_kb: Mapping[int, Spread]
    reply_s: Spread
    peak_hour: int
    requests_per_s: float
    requests_busiest_s: int
    commits_per_s: float

    def as_json(self) -> dict[str, Any]:
        """All of it; assumptions with their sources."""
        ends = {name: _ends(getattr(self, name)) for name in ("written_mb", "years", "reply_s")}
        plain = ("seed", "turns", "questions", "peak_hour", "requests_per_s")
        return {
            **{name: getattr(self, name) for name in (*plain, "requests_busiest_s")},
            "commits_per_s": self.commits_per_s,
            **ends,
            "alive_kb": {str(ttl_s): _ends(kb) for ttl_s, kb in self.alive_kb.items()},
            "assumptions": {
                name: {"value": value, "source": source}
                for name, value, source in self.assumptions.listed()
            },
        }


def _ends(spread: Spread) -> dict[str, float]:
    return {"p50": spread.p50, "p99": spread.p99}


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of some devices, in the order of device and time. at_s: from midnight."""

    device: NDArray[np.int64]
    at_s: Values
    asks: NDArray[np.bool_]
    payload_bytes: Values
    reply_s: Values


def drawn(devices: int, given: Assumptions, draw: np.random.Generator) -> Turns:
    """The turns of a day of so many devices."""
    mean_turns = draw.gamma(given.turns_shape, given.turns / given.turns_shape, devices)
    counts = draw.poisson(mean_turns)
    share, weight = given.asking_share, given.asking_turns
    shares = draw.beta(share * weight, (1 - share) * weight, devices)
    device = np.repeat(np.arange(devices), counts)
    cumulated = np.cumsum((0.0, *given.hours)) / sum(given.hours)
    hours_s = np.arange(len(cumulated)) * float(HOUR_S)
    at_s = np.interp(draw.random(len(device)), cumulated, hours_s)
    asks = draw.random(len(device)) < shares[device]
    reply_words = _words(given.reply_words, given, len(device), draw)
    words = reply_words + _words(given.utterance_words, given, len(device), draw)
    offered = _words(given.offered_phrases, given, len(device), draw) * given.phrase_bytes
    payloads = np.where(asks, 6, 3)  # utterance, reply, anchor; catalogue, vector, memory
    payload_bytes = (
        words * given.word_bytes
        + given.anchor_bytes
        + asks * (offered + given.vector_bytes)
        + payloads * given.sealing_bytes
    )
    order = np.argsort(device * float(DAY_S) + at_s)
    reply_s = reply_words / given.words_per_s
    return Turns(device, at_s[order], asks[order], payload_bytes[order], reply_s[order])


def _words(median: float, given: Assumptions, count: int, draw: np.random.Generator) -> Values:
    return np.maximum(1.0, draw.lognormal(np.log(median), given.reply_spread, count).round())


def alive_bytes(turns: Turns, devices: int, ttl_s: float) -> Values:
    """Each device's most sealed bytes at one time, if every payload lives its whole TTL.

    That is the upper end: a store lets them live between half of it and all.
    """
    if not len(turns.device):
        return np.zeros(devices)
    apart_s = DAY_S + 2 * ttl_s  # no turn of one device reaches into another's
    at_s = turns.device * apart_s + turns.at_s
    total = np.concatenate(((0.0,), np.cumsum(turns.payload_bytes)))
    first = np.searchsorted(at_s, at_s - ttl_s, side="right")
    most = np.zeros(devices)
    np.maximum.at(most, turns.device, total[1:] - total[first])
    return most


def fleet_day(given: Assumptions, seed: int) -> FleetDay:
    """Draw the day, some devices at a time."""
    draw = np.random.default_rng(seed)
    requests, commits = np.zeros(DAY_S), np.zeros(DAY_S)
    written: list[Values] = []
    replied: list[Values] = []
    alive: dict[int, list[Values]] = {ttl_s: [] for ttl_s in given.ttls_s}
    questions = 0
    for begin in range(0, given.devices, AT_A_TIME):
        count = min(AT_A_TIME, given.devices - begin)
        turns = drawn(count, given, draw)
        events = given.events + given.asking_events * turns.asks
        second = turns.at_s.astype(np.int64).clip(0, DAY_S - 1)
        requests += np.bincount(second, minlength=DAY_S)
        commits += np.bincount(second, weights=events, minlength=DAY_S)
        a_device = np.bincount(turns.device, weights=events, minlength=count)
        written.append(a_device * given.written_bytes_per_event)
        replied.append(turns.reply_s[turns.asks])
        questions += int(turns.asks.sum())
        for ttl_s, parts in alive.items():
            parts.append(alive_bytes(turns, count, ttl_s))
    written_mb = spread(np.concatenate(written) / 1e6)
    by_hour = requests.reshape(-1, HOUR_S)
    peak = int(by_hour.sum(axis=1).argmax())
    return FleetDay(
        assumptions=given,
        seed=seed,
        turns=int(requests.sum()),
        questions=questions,
        written_mb=written_mb,
        years=Spread(years(written_mb.p50, given), years(written_mb.p99, given)),
        alive_kb={ttl_s: spread(np.concatenate(one) / 1e3) for ttl_s, one in alive.items()},
        reply_s=spread(np.concatenate(replied)),
        peak_hour=peak,
        requests_per_s=round(float(by_hour[peak].mean()), 1),
        requests_busiest_s=int(by_hour[peak].max()),
        commits_per_s=round(float(commits.reshape(-1, HOUR_S)[peak].mean()), 1),
    )


def years(written_mb: float, given: Assumptions) -> float:
    """Until a card has taken what its maker states, at so much a day; endless of nothing."""
    if not written_mb:
        return float("inf")
    days = given.card_tb * 1e6 / (written_mb * given.card_amplification)
    return round(days / DAYS_A_YEAR, 1)


def spread(values: Values) -> Spread:
    """Of no values: zeros."""
    p50, p99 = np.percentile(values, (50, 99)) if len(values) else (0.0, 0.0)
    return Spread(round(float(p50), 3), round(float(p99), 3))
