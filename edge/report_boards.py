"""Sections of a report about boards and time: budgets, compute windows, one turn, memory.

They show figures and times; there is no word in what they are given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from statistics import median

from edge.findings import Figures, Findings, Outline, Source, number
from edge.plots import (
    Span,
    figure,
    framed,
    gauge,
    histogram,
    share,
    tabled,
    timeline,
)
from edge.profile import Profile

UNTIMED = 0.3  # of the window: so long is drawn what has no time in the figures
BUDGETS = {
    "vector_p99_ms": ("Vector, 99 %", "ms", 1.0),
    "pss_mb": ("Memory", "MB", 1.0),
    "written_mb_per_day": ("Written a day", "MB", 1.0),
    "idle_core_share": ("Idle", "% of a core", 100.0),
    "end_of_speech_to_transcript_ms": ("Transcript, 99 %", "ms", 1.0),
}
"""What a board's row shows, in which unit, and times how much."""
OTHER_BUDGETS = {
    "memory_mb": "memory with the recognizer",
    "encoder_budget_ms": "encoder at start",
    "ready_share_ge_900ms": "vectors ready",
}
CONTEXT = {
    "used": "recognized with the context",
    "no-vector": "recognized without a vector",
    "off": "context is off",
}


def boards(findings: Findings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """A row a board: its budgets as bars, and what it misses by how much."""
    if not findings.boards:
        return
    yield "<h2>Boards and their budgets</h2>"
    yield "<p>A bar is the share of a budget that is used; the upright line is all of it. A thin "
    yield "end is the interval of a projection, its dot what is expected. Red is too much.</p>"
    yield "<div class=boards>"
    for name, one in findings.boards.items():
        yield _board(name, one, profiles.get(name))
    yield "</div>"


def _board(name: str, found: Figures, profile: Profile | None) -> str:
    title = escape(profile.board.title if profile else name)
    ready = f"vectors in time: {share(number(found, 'ready_share_ge_900ms'))}"
    head = f"<h3>{title}<small>{escape(name)}</small></h3>{_verdict(found)}<small>{ready}</small>"
    cells = "".join(_budget(found, budget, profile) for budget in BUDGETS)
    return f"<article><div>{head}</div><div class=budgets>{cells}</div></article>"


def _budget(found: Figures, budget: str, profile: Profile | None) -> str:
    name, unit, scale = BUDGETS[budget]
    ends = _ends_of(found, budget)
    if ends is None:
        return f"<div><span>{name}</span>-</div>"
    low, mid, high = (scale * one for one in ends)
    told = figure(high) if low == high else f"{figure(low)} to {figure(high)}"
    if profile is None:
        return f"<div><span>{name}</span>{told} {unit}</div>"
    allowed = scale * float(getattr(profile.budgets, budget))
    drawn = gauge(low, mid, high, allowed)
    return f"<div><span>{name}</span>{drawn}<small>{told} of {figure(allowed)} {unit}</small></div>"


def _ends_of(found: Figures, budget: str) -> tuple[float, float, float] | None:
    """Low, expected and high of what a budget is held against."""
    projected = {
        "vector_p99_ms": "encode_p99_ms",
        "end_of_speech_to_transcript_ms": "transcript_p99_ms",
    }
    if budget in projected:
        ends = [number(found, projected[budget], end) for end in ("low", "mid", "high")]
    else:
        ends = [number(found, budget)] * 3
    low, mid, high = ends
    return None if low is None or mid is None or high is None else (low, mid, high)


def _verdict(found: Figures) -> str:
    if found.get("fits") is True:
        return '<span class="good">fits</span>'
    missed = found.get("misses")
    lines = [
        f"<small>{_budget_name(str(one.get('budget')))}: {used:.3g} times its budget</small>"
        for one in (missed if isinstance(missed, list) else [])
        if isinstance(one, Mapping) and (used := number(one, "share_of_budget")) is not None
    ]
    told = "does not fit" if found.get("fits") is False else "not judged"
    kind = "soft" if told == "not judged" else "bad"
    return f'<span class="{kind}">{told}</span>{"".join(lines)}'


def _budget_name(budget: str) -> str:
    name = BUDGETS[budget][0] if budget in BUDGETS else OTHER_BUDGETS.get(budget, budget)
    return escape(name.lower())


def windows(findings: Findings) -> Iterator[str]:
    """How long the windows are, what encoding takes of them, and what is left."""
    found, asked = findings.of(Source.WINDOW), [one for one in findings.turns if one.asks]
    margins = [row for row in map(_margins, findings.boards, findings.boards.values()) if row]
    if not (found or asked or margins):
        return
    yield "<h2>The compute window</h2>"
    yield "<p>From the moment a skill asks to the end of the reply's sound: so long the encoder "
    yield "may take. The margin is what is left of it when the vector is there.</p>"
    for name, what in (
        ("window_ms", "windows"),
        ("encode_ms", "encode time"),
        ("margin_ms", "margin"),
    ):
        values = [value for one in asked if (value := getattr(one, name)) is not None]
        if values:
            caption = f"{what}, of {len(values)} questions of the conversations"
            yield framed(histogram(values, "ms", {"median": median(values)}), caption)
    if margins:
        yield "<h3>Margin on the boards</h3>"
        yield tabled([["board", "1 %, ms", "median, ms"], *margins])
    if found:
        yield "<h3>Drawn reply lengths</h3>"
        yield tabled([["", "alone", "beside a synthesizer"], *_ready_rows(found)])


def _margins(name: str, found: Figures) -> list[str]:
    ends = [number(found, "margin_ms", end) for end in ("p1", "p50")]
    return [name, *map(figure, ends)] if any(one is not None for one in ends) else []


def _ready_rows(found: Figures) -> Iterator[list[str]]:
    rows: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("windows", ("windows",)),
        ("ready in time", ("ready_share",)),
        ("of those of 0.9 s and more", ("ready_share_ge_900ms",)),
        ("margin at 1 %, ms", ("margin_ms", "p1")),
        ("encoding, median, ms", ("encode_wall_ms", "p50")),
        ("encoding, 99 %, ms", ("encode_wall_ms", "p99")),
    )
    for name, path in rows:
        sides = number(found, *path), number(found, "beside_tts", *path)
        shown = share if "share" in path[0] else figure
        yield [name, *map(shown, sides)]


def one_turn(turns: Sequence[Outline]) -> Iterator[str]:
    """The first turn that asked and whose vector came; else the first that asked."""
    asking = [place for place, one in enumerate(turns) if one.asks]
    if not asking:
        return
    place = next((one for one in asking if turns[one].margin_ms is not None), asking[0])
    answer = turns[place + 1] if place + 1 < len(turns) else None
    yield "<h2>One turn</h2>"
    yield "<p>Zero is the end of the reply's sound. What is dashed has no time in the figures and "
    yield "is drawn as long as it is convenient.</p>"
    yield framed(timeline(list(_spans(turns[place], answer)), _moments(turns[place])))


def _spans(turn: Outline, answer: Outline | None) -> Iterator[Span]:
    window, playback = turn.window_ms or 0.0, turn.playback_ms or turn.window_ms or 0.0
    begins = -max(window, playback)
    untimed = -UNTIMED * begins
    woken = "wake word, request" if "WAKE" in turn.notes else "answer before"
    yield Span(woken, begins - untimed, begins, vague=True)
    yield Span(f"reply sounds, {playback:,.0f} ms", -playback, 0.0, "warm")
    yield Span(f"compute window, {window:,.0f} ms", -window, 0.0, "pale")
    if turn.encode_ms is not None and turn.margin_ms is not None:
        ready = -turn.margin_ms
        told = f"vector: {turn.encode_ms:,.1f} ms, margin {turn.margin_ms:,.0f} ms"
        yield Span(told, ready - turn.encode_ms, ready, "fine")
    opened = turn.reopened_after_playback_ms
    if opened is not None:
        context = CONTEXT.get(answer.context, "") if answer else ""
        told = f"answer{', ' + context if context else ''}"
        yield Span(told, opened, opened + untimed, vague=True)


def _moments(turn: Outline) -> Mapping[str, float]:
    opened = turn.reopened_after_playback_ms
    asked = {"asked": -(turn.window_ms or 0.0)}
    return asked if opened is None else asked | {f"re-opened, {opened:+.2f} ms": opened}


def memory(findings: Findings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """What the processes take, beside what a board has."""
    child = number(findings.of(Source.WINDOW), "child_rss_mb")
    rows = [
        [name, figure(number(one, "pss_mb")), figure(number(one, "pss_with_recognizer_mb")), has]
        for name, one in findings.boards.items()
        for has in [f"{profiles[name].board.memory_mb}" if name in profiles else "-"]
    ]
    if not rows and child is None:
        return
    yield "<h2>Memory</h2>"
    if rows:
        heads = ["board", "daemon and encoder, MB", "with recognizer, MB", "the board has, MB"]
        yield tabled([heads, *rows])
    if child is not None:
        yield f"<p>The encoder's child alone: {figure(child)} MB resident.</p>"
