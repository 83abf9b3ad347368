"""`edge eval followups`: what the context of a question is worth, and what it harms.

Recognizes recorded or listed answers with context and without, on the same sound. It trains
nothing and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from edge.dialogue import Expectation, Recognized
from edge.errors import QuestionError
from edge.followups import Followup, read, require_clips, with_readings
from edge.gains import Outcome, figures, grouped, outcomes, percent, quantiles
from edge.profile import load_profile
from edge.signals import LISTED, Question, Reply, WithoutActSlot, applied
from edge.trials import Believed, Trials, trials, unbiased

FULL = "vector"


@dataclass(frozen=True, slots=True)
class Tried:
    """One follow-up: its readings, the text without context, and with it in each variant."""

    followup: Followup
    recognized: Recognized
    without: str
    biased: Mapping[str, Believed]


def tried(trials: Trials, followup: Followup, ablate: bool) -> Tried:
    """One follow-up with context and, for an ablation, with less of it."""
    asked = usual(followup)
    recognized, believed = trials.recognized(followup, asked), trials.judgement.believed
    encoded = trials.encoded(followup, asked)
    biased = {FULL: believed(recognized, asked, encoded)}
    if ablate:
        less = asked and WithoutActSlot().applied(Question(followup.rounds, asked))
        biased["candidates"] = believed(trials.again(followup, recognized, less), less, None)
        biased["act_slot"] = believed(recognized, asked, None)
        biased["not_native"] = believed(replace(recognized, expected=()), asked, encoded)
    return Tried(followup, recognized, unbiased(recognized), biased)


def usual(followup: Followup) -> Expectation | None:
    """What a device would expect: what was asked, with what its signals were told.

    Those are the options in the reply, and the record's own lists.
    """
    asked = followup.expectation
    told = [LISTED[name](phrases) for name, phrases in followup.told.items()]
    return asked and applied([Reply(), *told], Question(followup.rounds, asked))


def evaluated(every: Sequence[Tried]) -> dict[str, Any]:
    """All figures of follow-ups that were tried, those of each set and of all."""
    judged = _judged(every, FULL)
    asked = [one for one in every if one.followup.expectation]
    fresh = [one for one in judged if not one.stale]
    kinds = grouped([one.followup.kind for one in every if not one.followup.stale], fresh)
    return {
        "sets": _sets([one.followup.group for one in every], judged),
        "kinds": {kind: figures(group) for kind, group in kinds.items()},
        "context_ms": quantiles([one.biased[FULL].context_ms for one in asked]),
        "prepare_ms": quantiles([one.biased[FULL].prepare_ms for one in asked]),
        "native_ms": quantiles([one.recognized.native_ms for one in asked]),
    }


def ablated(every: Sequence[Tried]) -> dict[str, Any]:
    """The same sets with less of the context: offered phrases, then act and slot, then the vector.

    `not_native` has all of it, but no readings from the recognizer's own search for the expected.
    """
    labels = [one.followup.group for one in every]
    names = "candidates", "act_slot", FULL, "not_native"
    return {name: _sets(labels, _judged(every, name)) for name in names}


def _judged(every: Sequence[Tried], variant: str) -> list[Outcome]:
    return outcomes(
        [one.followup for one in every],
        [one.without for one in every],
        [one.biased[variant].text for one in every],
    )


def _sets(labels: Sequence[str], judged: Sequence[Outcome]) -> dict[str, Any]:
    groups = grouped(labels, judged)
    stale = [one for one in judged if one.stale]
    together = {"all": judged} | ({"stale": stale} if stale and "stale" not in groups else {})
    return {name: figures(group) for name, group in (groups | together).items()}


def evaluate(
    manifest: Path,
    profile: str,
    recognizer: str | None = None,
    limit: int | None = None,
    ablate: bool = False,
    save_nbest: Path | None = None,
    signals: Sequence[str] = (),
) -> dict[str, Any]:
    """The figures of a manifest; save_nbest: where the same with readings for sound is written.

    signals: whose lists are taken from the records.
    """
    device, every = load_profile(profile), list(islice(read(manifest, signals), limit))
    require_clips(every, manifest)
    with trials(device, recognizer) as running, Progress(console=Console(stderr=True)) as shown:
        results = [
            tried(running, one, ablate) for one in shown.track(every, description="Recognizing")
        ]
    if save_nbest:
        _save(results, save_nbest)
    found = {"recognizer": recognizer or device.engines.recognizer, **evaluated(results)}
    return found | ({"ablation": ablated(results)} if ablate else {})


def _save(results: Sequence[Tried], path: Path) -> None:
    lines = (json.dumps(with_readings(one.followup.record, one.recognized)) for one in results)
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be written ({error.strerror})") from None


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--recognizer", help="Another one than the profile's.")
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--limit", type=click.IntRange(min=1), help="So many of the first lines.")
@click.option("--signals", default="", help=f"Lists of the records to use: {', '.join(LISTED)}.")
@click.option("--ablate", is_flag=True, help="Also with less of the context.")
@click.option(
    "--save-nbest", type=click.Path(path_type=Path), help="Write the manifest with readings."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def followups(
    manifest: Path,
    recognizer: str | None,
    profile: str,
    limit: int | None,
    signals: str,
    ablate: bool,
    save_nbest: Path | None,
    as_json: bool,
) -> None:
    """Judge contextual recognition on answers to questions: a .jsonl(.gz) manifest."""
    names = [name for name in signals.split(",") if name]
    if unknown := set(names) - LISTED.keys():
        raise click.UsageError(f"unknown signal '{min(unknown)}'; known are {', '.join(LISTED)}")
    found = evaluate(manifest, profile, recognizer, limit, ablate, save_nbest, names)
    if as_json:
        click.echo(json.dumps(found))
        return
    console = Console()
    for table in _tables(found):
        console.print(table)
    for name in "context_ms", "prepare_ms", "native_ms":
        click.echo(f"{name:10} {found[name]}")
    click.echo("missed: of the values that count; +/-: utterances helped and harmed")


def _tables(found: Mapping[str, Any]) -> Iterator[Table]:
    yield _table(f"sets, {found['recognizer']}", found["sets"])
    yield _table("kinds, without stale context", found["kinds"])
    for name, sets in found.get("ablation", {}).items():
        yield _table(f"ablation: {name}", sets)


def _table(title: str, groups: Mapping[str, Mapping[str, Any]]) -> Table:
    heads = "", "n", "WER %", "change %", "95 %", "missed %", "+/-"
    table = Table(*heads, title=title, title_justify="left", box=None)
    for name, one in groups.items():
        table.add_row(
            name,
            str(one["utterances"]),
            _both(one, "wer"),
            percent(one["relative"]),
            " … ".join(map(percent, one["ci95"])),
            _both(one, "entity_error"),
            f"{one['helped']}/{one['harmed']}",
        )
    return table


def _both(figures: Mapping[str, Any], name: str) -> str:
    return " → ".join(percent(figures[f"{name}_{side}"]) for side in ("without", "with"))
