"""Sections of a report about trials: gain and harm, re-opening, the store, a fleet's day.

They show figures beside what they are compared with, and judge nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from edge.findings import Figures, number
from edge.fleet import FleetDay, Spread
from edge.plots import Change, figure, framed, plotted, share, tabled

GAIN_HEADS = (
    "set",
    "answers",
    "WER without",
    "with",
    "values missed without",
    "with",
    "helped",
    "harmed",
)
RATIOS = (
    ("append, beside plain SQLite, times", ("append_vs_sqlite3",), "≤ 1.25"),
    ("append, beside SQLCipher, times", ("append_vs_sqlcipher",), "≤ 0.67"),
    ("sealing 20 KB again, beside an append, times", ("reseal_20kb_vs_append",), "≥ 8"),
    ("20 KB of payload beside 20 bytes, times", ("payload_growth",), "0.95 … 1.05"),
    ("written per event, NORMAL, bytes", ("bytes_written_per_event", "normal"), "≤ 4,096"),
    ("written per event, FULL, bytes", ("bytes_written_per_event", "full"), "≤ 8,192"),
    ("sealing's share of a commit", ("seal_share_of_commit",), "≤ 0.05"),
    ("hop to the store's thread, µs", ("queue_hop_us",), ""),
    ("payloads opened without a question", ("unseals_without_expect_speech",), "0"),
)
STATS = {
    "interactions": "interactions",
    "dialogues": "dialogues",
    "payloads": "payloads",
    "database_bytes": "bytes of its file",
    "wal_bytes": "bytes of its log",
    "free_pages": "free pages",
}


def gain(followups: Sequence[Figures]) -> Iterator[str]:
    """What the context is worth, per set, and whom it harms."""
    if not followups:
        return
    yield "<h2>Gain and harm</h2>"
    yield "<p>Change of the word error rate when the context is used; left of the line is better. "
    yield "Intervals are 95 %. Harmed: utterances that the context made worse.</p>"
    for one in followups:
        yield f"<h3>{escape(str(one.get('recognizer', '')))}</h3>"
        kinds = one.get("kinds")
        listed = kinds.items() if isinstance(kinds, Mapping) else ()
        groups = {**one["sets"], **{f"kind: {name}": group for name, group in listed}}
        yield framed(plotted([_change(name, group) for name, group in groups.items()]))
        yield tabled([GAIN_HEADS, *(_gained(name, group) for name, group in groups.items())])


def _change(name: str, group: Any) -> Change:
    ends = group.get("ci95") if isinstance(group, Mapping) else None
    low, high = ends if isinstance(ends, list) and len(ends) == 2 else (None, None)
    shares = (number(group, "relative"), number({"": low}, ""), number({"": high}, ""))
    return Change(name, *(None if one is None else 100 * one for one in shares))


def _gained(name: str, group: Figures) -> list[str]:
    shares = ("wer_without", "wer_with", "entity_error_without", "entity_error_with")
    counts = ("helped", "harmed")
    return [
        name,
        figure(number(group, "utterances")),
        *(share(number(group, key)) for key in shares),
        *(figure(number(group, key)) for key in counts),
    ]


def reopening(found: Figures) -> Iterator[str]:
    """How the microphone re-opens, beside a voice detector alone."""
    if not found:
        return
    yield "<h2>Re-opening the microphone</h2>"
    yield "<p>After replies in rooms that echo; beside it what a voice detector alone does.</p>"
    rows = (
        ("replies", ("replies",)),
        ("own speech accepted", ("own_speech_accepted",)),
        ("first words lost", ("first_words_lost",)),
        ("opened early", ("opened_early",)),
        ("never opened", ("never_opened",)),
        ("re-opened after, median, ms", ("reopen_ms", "p50")),
        ("99 %, ms", ("reopen_ms", "p99")),
        ("at most, ms", ("reopen_ms", "max")),
    )
    alone = ("voice_detector_alone",)
    yield tabled(
        [
            ["", "edge", "voice detector alone"],
            *(
                [name, figure(number(found, *path)), figure(number(found, *alone, *path))]
                for name, path in rows
            ),
        ]
    )


def store(bench: Figures, stats: Figures) -> Iterator[str]:
    """What sealing and keeping costs, and what a store holds."""
    if not (bench or stats):
        return
    yield "<h2>The store</h2>"
    if bench:
        yield tabled([["", "measured", "wanted"], *_ratios(bench)])
    if stats:
        yield "<h3>A store, counted</h3>"
        rows = [[STATS[key], figure(number(stats, key))] for key in STATS]
        yield tabled([["", "alive"], *rows])


def _ratios(bench: Figures) -> Iterator[list[str]]:
    for name, path, wanted in RATIOS:
        yield [name, figure(number(bench, *path)), wanted]


def fleet(day: FleetDay) -> Iterator[str]:
    """A day of many devices, on paper, with all that it takes for granted."""
    given = day.assumptions
    yield "<h2>A fleet's day, on paper</h2>"
    yield f"<p>{given.devices:,} devices, {day.turns:,} turns, of which {day.questions:,} ended "
    yield f"with a question. Drawn by chance, seed {day.seed}. Homes differ in how "
    yield f"much they talk; a board's budget is for {given.turns:,} turns a day.</p>"
    rows = [
        ["written to the card a day, MB", *_both(day.written_mb)],
        ["years until it took what its maker states", *_both(day.years)],
        ["a question's reply, seconds", *_both(day.reply_s)],
        *(
            [f"sealed bytes alive at most, TTL {ttl_s} s, kB", *_both(kb)]
            for ttl_s, kb in day.alive_kb.items()
        ),
    ]
    yield tabled([["of the devices", "median", "1 in 100 is beyond"], *rows])
    yield f"<p>Peak hour, from {day.peak_hour}:00: <b>{day.requests_per_s:,} requests a second</b> "
    yield f"reach a skill that all share, {day.requests_busiest_s:,} in its busiest second. If the "
    yield f"dialogues were kept in a hub, it would commit {day.commits_per_s:,} times a second.</p>"
    yield "<details><summary>Assumptions</summary>"
    yield tabled([["assumed", "value", "from"], *map(_assumption, given.listed())])
    yield "</details>"


def _both(spread: Spread) -> tuple[str, str]:
    return figure(spread.p50), figure(spread.p99)


def _assumption(listed: tuple[str, Any, str]) -> list[str]:
    name, value, source = listed
    told = " ".join(map(str, value)) if isinstance(value, tuple) else f"{value:,.6g}"
    return [name.replace("_", " "), told, source]
