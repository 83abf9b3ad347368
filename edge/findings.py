"""What edge's commands printed with --json, gathered from a folder and freed of words.

It believes no file: what is no number is left out, and of a conversation only times and known
events are kept. It judges nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any

from edge.dialogue import Note
from edge.errors import QuestionError

Figures = Mapping[str, Any]

MOST_BYTES = 64_000_000
PAGES = (".html", ".htm")  # a report is written beside what it reports
CONTEXTS = ("used", "no-vector", "off", "not-needed")
NOTES = frozenset(Note)
NOT_COMPARED = ("detail", "load")  # hundreds of single times, and how busy the machine was


class Source(StrEnum):
    """Commands whose figures are known."""

    REPLAY = "edge replay"
    DEMO = "edge demo"
    FOLLOWUPS = "edge eval followups"
    WINDOW = "edge bench window"
    REOPEN = "edge bench reopen"
    BENCH_STORE = "edge bench store"
    STORE = "edge store stats"


MARKS: Mapping[Source, tuple[str, ...]] = {
    Source.REPLAY: ("profiles",),
    Source.DEMO: ("turns",),
    Source.FOLLOWUPS: ("sets",),
    Source.WINDOW: ("ready_share", "encode_ms"),
    Source.REOPEN: ("own_speech_accepted",),
    Source.BENCH_STORE: ("append_vs_sqlite3",),
    Source.STORE: ("page_bytes", "wal_bytes"),
}
"""Keys that only this command prints; looked for in this order."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One turn without its words. Milliseconds; None where there was no such thing."""

    notes: tuple[str, ...]
    context: str
    playback_ms: float | None
    window_ms: float | None
    encode_ms: float | None
    margin_ms: float | None
    reopened_after_playback_ms: float | None

    @property
    def asks(self) -> bool:
        """Whether it ended with a question."""
        return self.window_ms is not None


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything usable of a folder. sources: how many files of each command.

    single: figures of commands of which one file is taken.
    """

    sources: Mapping[Source, int]
    boards: Mapping[str, Figures]
    turns: Sequence[Outline]
    followups: Sequence[Figures]
    single: Mapping[Source, Figures]

    def of(self, source: Source) -> Figures:
        """The figures of this command; empty where there are none."""
        return self.single.get(source, {})


def number(figures: object, *path: str) -> float | None:
    """The finite number at this path; None where there is none."""
    for key in path:
        figures = figures.get(key) if isinstance(figures, Mapping) else None
    if isinstance(figures, bool) or not isinstance(figures, (int, float)):
        return None
    try:
        return float(figures) if math.isfinite(figures) else None
    except OverflowError:
        return None


def read(folder: Path, complain: Callable[[str], None]) -> Findings:
    """Whatever is usable; complain: told a line of each file that is not.

    QuestionError when nothing is, or the folder cannot be read.
    """
    sources: dict[Source, int] = {}
    boards: dict[str, Figures] = {}
    turns: list[Outline] = []
    followups: list[Figures] = []
    single: dict[Source, Figures] = {}
    for path in _files(folder):
        try:
            source, found = recognized(_loaded(path))
        except QuestionError as error:
            complain(f"{path}: {error}; it is left out")
            continue
        sources[source] = sources.get(source, 0) + 1
        if source is Source.REPLAY:
            boards |= found["profiles"]
        elif source is Source.DEMO:
            turns += map(outlined, found["turns"])
        elif source is Source.FOLLOWUPS:
            followups.append(found)
        else:
            if source in single:
                complain(f"{path}: not the first of {source}; it is taken, the one before is not")
            single[source] = found
    if not sources:
        raise QuestionError(
            f"{folder}: holds nothing to report; put what edge's commands print with --json there"
        )
    return Findings(sources, boards, turns, followups, single)


def _files(folder: Path) -> list[Path]:
    try:
        every = sorted(folder.iterdir())
    except OSError as error:
        raise QuestionError(f"{folder}: cannot be read ({error.strerror})") from None
    return [one for one in every if one.is_file() and one.suffix.lower() not in PAGES]


def _loaded(path: Path) -> object:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise QuestionError(f"is larger than {MOST_BYTES // 1_000_000} MB")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise QuestionError(f"cannot be read ({error.strerror})") from None
    except json.JSONDecodeError as error:
        raise QuestionError(f"is not JSON (line {error.lineno}: {error.msg})") from None
    except (ValueError, RecursionError):
        raise QuestionError("is not JSON that can be read") from None


def recognized(found: object) -> tuple[Source, Figures]:
    """Whose figures these are; QuestionError when nobody's, or not in their shape."""
    if not isinstance(found, Mapping):
        raise QuestionError("is JSON, but not an object")
    for source, marks in MARKS.items():
        if all(mark in found for mark in marks):
            _check(source, found)
            return source, found
    raise QuestionError("has keys of no command that is known")


def _check(source: Source, found: Figures) -> None:
    """Each of its parts must be a table."""
    key = MARKS[source][0]
    match source, found[key]:
        case Source.REPLAY | Source.FOLLOWUPS, Mapping() as parts:
            every = list(parts.values())
        case Source.DEMO, list() as every:
            pass
        case Source.REPLAY | Source.FOLLOWUPS | Source.DEMO, _:
            every = []
        case _:
            return
    if not every or not all(isinstance(one, Mapping) for one in every):
        raise QuestionError(f"looks like {source}, but its '{key}' hold no figures")


def outlined(turn: Figures) -> Outline:
    """A turn of `edge demo --json`, without a word."""
    events = turn.get("events")
    listed = events if isinstance(events, list) else []
    names = [str(event).split("(")[0].split(":")[0] for event in listed]
    context = turn.get("context")
    return Outline(
        notes=tuple(name for name in names if name in NOTES),
        context=context if isinstance(context, str) and context in CONTEXTS else "unknown",
        playback_ms=number(turn, "playback_ms"),
        window_ms=number(turn, "window_ms"),
        encode_ms=number(turn, "encode_ms"),
        margin_ms=number(turn, "margin_ms"),
        reopened_after_playback_ms=number(turn, "reopened_after_playback_ms"),
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of two runs."""

    source: Source
    name: str
    before: float
    after: float

    @property
    def relative(self) -> float | None:
        """Share by which it changed; None of nothing."""
        return (self.after - self.before) / abs(self.before) if self.before else None


def differences(before: Findings, after: Findings) -> list[Difference]:
    """Every figure that both have and that changed, in the order of `after`."""
    earlier = dict(_figures(before))
    return [
        Difference(source, name, earlier[source, name], value)
        for (source, name), value in _figures(after)
        if (source, name) in earlier and earlier[source, name] != value
    ]


def _figures(findings: Findings) -> Iterator[tuple[tuple[Source, str], float]]:
    """Every number by the path to it; of turns their medians."""
    yield from _leaves(Source.REPLAY, "", findings.boards)
    for name in ("window_ms", "encode_ms", "margin_ms", "reopened_after_playback_ms"):
        values = [value for turn in findings.turns if (value := getattr(turn, name)) is not None]
        if values:
            yield (Source.DEMO, f"{name}, median"), median(values)
    for one in findings.followups:
        recognizer = str(one.get("recognizer", ""))
        yield from _leaves(Source.FOLLOWUPS, recognizer, one["sets"])
    for source, figures in findings.single.items():
        compared = {key: one for key, one in figures.items() if key not in NOT_COMPARED}
        yield from _leaves(source, "", compared)


def _leaves(source: Source, path: str, found: object) -> Iterator[tuple[tuple[Source, str], float]]:
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _leaves(source, f"{path} · {key}" if path else str(key), value)
    elif (value := number(found)) is not None:
        yield (source, path), value
