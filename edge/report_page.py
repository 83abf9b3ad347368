"""A report as one HTML page: what fits which board, how a turn goes, what the context is worth.

Puts sections together and compares two runs; of a conversation it knows no word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby

from edge import report_boards, report_trials
from edge.findings import Difference, Findings, Source, number
from edge.fleet import FleetDay
from edge.plots import document, share, tabled_html
from edge.profile import Profile

TITLE = "Does it fit, and does it help?"
BETTER_UP = ("ready_share", "margin_ms", "helped", "turns_per_s", "times_real_time", "reseal")
BETTER_DOWN = (
    "_p99_ms",
    "encode_",
    "pss",
    "rss",
    "idle_",
    "written",
    "lost",
    "accepted",
    "reopen",
    "wer_with ",
    "entity_error_with ",
    "relative",
    "harmed",
    "late_",
    "missed",
    "append_vs",
    "context_ms",
    "unseals_without",
)
"""Parts of a figure's name by which one knows whether more is better; of others nobody says."""


def report(
    findings: Findings,
    profiles: Mapping[str, Profile],
    day: FleetDay | None,
    changed: Sequence[Difference] | None,
) -> str:
    """The page. profiles: of boards whose budgets are known; changed: None of a single run."""
    sections = (
        report_boards.boards(findings, profiles),
        report_boards.windows(findings),
        report_boards.one_turn(findings.turns),
        report_trials.gain(findings.followups),
        report_trials.reopening(findings.of(Source.REOPEN)),
        report_trials.store(findings.of(Source.BENCH_STORE), findings.of(Source.STORE)),
        report_boards.memory(findings, profiles),
        report_trials.fleet(day) if day else iter(()),
        _changed(changed) if changed is not None else iter(()),
    )
    body = [f"<section>{text}</section>" for one in sections if (text := "\n".join(one))]
    return document(f"edge · {TITLE}", [*_opening(findings, changed), *body, _sources(findings)])


def _opening(findings: Findings, changed: Sequence[Difference] | None) -> Iterator[str]:
    yield f"<header><p class=soft>edge</p><h1>{TITLE}</h1>"
    yield "<p>What was measured and projected, with intervals. Budgets are held at the slow end."
    yield "</p></header><div class=tiles>"
    yield from (_tile(value, name) for value, name in _tiles(findings))
    if changed is not None:
        judged = [improved(one) for one in changed]
        told = f"{judged.count(True)} : {judged.count(False)}"
        yield _tile(told, "figures better and worse than before")
    yield "</div>"


def _tile(value: str, name: str) -> str:
    return f"<div class=tile><b>{value}</b><span>{name}</span></div>"


def _tiles(findings: Findings) -> Iterator[tuple[str, str]]:
    """What one wants to know first; all of it is made here, or a number."""
    judged = [one["fits"] for one in findings.boards.values() if isinstance(one.get("fits"), bool)]
    if judged:
        yield f"{sum(judged)} of {len(judged)}", "boards keep all their budgets"
    ready = [number(one, "ready_share_ge_900ms") for one in findings.boards.values()]
    if known := [one for one in ready if one is not None]:
        yield share(min(known)), "vectors in time, on the worst board"
    for one in findings.followups[:1]:
        if (relative := number(one, "sets", "all", "relative")) is not None:
            yield f"{100 * relative:+.1f} %", "word errors with context"
    reopened = findings.of(Source.REOPEN)
    lost, answered = number(reopened, "first_words_lost"), number(reopened, "answered")
    if lost is not None and answered:
        yield f"{lost:g} of {answered:g}", "first words of answers lost"
    if (ratio := number(findings.of(Source.BENCH_STORE), "append_vs_sqlite3")) is not None:
        yield f"{ratio:.2f} times", "a sealed append, beside plain SQLite"


def _changed(changed: Sequence[Difference]) -> Iterator[str]:
    yield "<h2>Before and after</h2>"
    if not changed:
        yield "<p>No figure that both runs have is another one.</p>"
        return
    judged = [improved(one) for one in changed]
    better, worse = judged.count(True), judged.count(False)
    told = f"{len(changed)} figures differ: {better} are better, {worse} worse"
    yield f"<p>{told}; of the others nobody says.</p>"
    for source, group in groupby(changed, key=lambda one: one.source):
        yield f"<h3>{source}</h3>"
        yield tabled_html([["figure", "before", "after", "change"], *map(_compared, group)])


def _compared(one: Difference) -> list[str]:
    relative = "-" if one.relative is None else f"{one.relative:+.1%}"
    better = improved(one)
    kind = "" if better is None else f' class="{"good" if better else "bad"}"'
    told = f"<span{kind}>{relative}</span>"
    return [escape(one.name), f"{one.before:,.6g}", f"{one.after:,.6g}", told]


def improved(one: Difference) -> bool | None:
    """Whether a change is for the better; None where nobody says."""
    name = f"{one.name} "
    if any(part in name for part in BETTER_UP):
        return one.after > one.before
    return one.after < one.before if any(part in name for part in BETTER_DOWN) else None


def _sources(findings: Findings) -> str:
    told = ", ".join(f"{source} ({count})" for source, count in findings.sources.items())
    return (
        f"<footer><p class=soft><small>Made by edge report of {told}. "
        "The page holds figures and no word that was said.</small></p></footer>"
    )
