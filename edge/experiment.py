"""`edge experiment`: what a context signal is worth, offline.

The same recorded answers with a signal and without it, everything else as it was. It trains
nothing and changes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from edge.dialogue import Expectation
from edge.errors import QuestionError
from edge.followups import Followup, read, require_clips
from edge.gains import figures, grouped, outcomes, percent
from edge.home import load
from edge.plots import Change, page
from edge.profile import load_profile
from edge.signals import (
    LISTED,
    Listed,
    Question,
    Reply,
    Rounds,
    Signal,
    WithoutActSlot,
    WithoutService,
    applied,
)
from edge.trials import Trials, trials, unbiased

USUAL = frozenset({"act_slot", "reply", "service", "vector"})
"""What a question has without being told: these are on unless an experiment takes them out."""

DERIVED: Mapping[str, Signal] = {"reply": Reply(), "rounds": Rounds()}
KNOWN = (*sorted(USUAL | DERIVED.keys()), *LISTED)
TOGETHER = "together"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which signals are on: before, and in each variant that is compared with it."""

    before: frozenset[str]
    variants: Mapping[str, frozenset[str]]

    @property
    def widest(self) -> frozenset[str]:
        """Every signal that is on anywhere."""
        return self.before.union(*self.variants.values())


def planned(signals: str) -> Plan:
    """`+screen,-contacts`: screen comes new, contacts were there and go."""
    changes = re.findall(r"([+-])(\w+)(?:,|$)", signals)
    if ",".join(f"{sign}{name}" for sign, name in changes) != signals or not changes:
        raise click.UsageError(f"'{signals}' is no list of changes; write +screen,-contacts")
    unknown = [name for _, name in changes if name not in KNOWN]
    if unknown:
        raise click.UsageError(f"no signal '{unknown[0]}'; known are {', '.join(KNOWN)}")
    new = {name for sign, name in changes if sign == "+"}
    gone = {name for sign, name in changes if sign == "-"}
    if new & gone:
        raise click.UsageError(f"'{min(new & gone)}' cannot come and go in one experiment")
    before = (USUAL - new) | gone
    variants = {f"{sign}{name}": before ^ {name} for sign, name in changes}
    return Plan(before, variants | ({TOGETHER: before ^ new ^ gone} if len(changes) > 1 else {}))


def expected(
    followup: Followup, names: frozenset[str], home: Mapping[str, Listed]
) -> Expectation | None:
    """The question's expectation with these signals; phrases of its record rather than a file's."""
    if followup.expectation is None:
        return None
    signals: list[Signal] = [] if "service" in names else [WithoutService()]
    for name in sorted(names & LISTED.keys()):
        told = LISTED[name](followup.told[name]) if name in followup.told else home.get(name)
        signals += [told] if told else []
    signals += [DERIVED[name] for name in sorted(names & DERIVED.keys())]
    signals += [] if "act_slot" in names else [WithoutActSlot()]
    return applied(signals, Question(followup.rounds, followup.expectation))


class Rehearsal:
    """One follow-up at a time, recognized as seldom as can be.

    Only readings of a recognizer's own search for what is expected depend on the signals; where
    there are none, one recognition serves every variant.
    """

    def __init__(self, trials: Trials, home: Mapping[str, Listed]) -> None:
        self._trials = trials
        self._home = home

    def texts(self, followup: Followup, plan: Plan) -> dict[str, str]:
        """Its text by variant; "" is the plan's `before`."""
        most = expected(followup, plan.widest, self._home)
        widest = self._trials.recognized(followup, most)
        texts = {}
        for label, names in {"": plan.before, **plan.variants}.items():
            asked = expected(followup, names, self._home)
            same = asked == most
            again = widest if same else self._trials.again(followup, widest, asked)
            encoded = self._trials.encoded(followup, asked) if "vector" in names else None
            texts[label] = self._trials.judgement.believed(again, asked, encoded).text
        return texts | {"none": unbiased(widest)}


def experimented(
    followups: Sequence[Followup], texts: Sequence[Mapping[str, str]], plan: Plan
) -> dict[str, Any]:
    """Figures of each variant beside `before`, of all follow-ups and by kind."""
    before = [one[""] for one in texts]
    kinds = [f"{one.kind}, stale" if one.stale else one.kind for one in followups]
    found = {}
    for label in plan.variants:
        judged = outcomes(followups, before, [one[label] for one in texts])
        groups = {"all": judged} | grouped(kinds, judged)
        found[label] = {kind: figures(group) for kind, group in groups.items()}
    plain = outcomes(followups, [one["none"] for one in texts], before)
    return {"before": sorted(plan.before), "context": figures(plain), "signals": found}


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--signals", required=True, help="What comes and what goes: +screen,-contacts.")
@click.option(
    "--home", type=click.Path(path_type=Path), help="TOML or JSON: contacts, devices, rooms, …"
)
@click.option("--recognizer", help="Another one than the profile's.")
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--limit", type=click.IntRange(min=1), help="So many of the first lines.")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with plots.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def experiment(
    manifest: Path,
    signals: str,
    home: Path | None,
    recognizer: str | None,
    profile: str,
    limit: int | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Say what context signals are worth on recorded follow-ups: difference and interval."""
    plan, device = planned(signals), load_profile(profile)
    listed = load(home) if home else {}
    every = list(islice(read(manifest, tuple(LISTED)), limit))
    require_clips(every, manifest)
    with trials(device, recognizer) as running, Progress(console=Console(stderr=True)) as shown:
        rehearsal = Rehearsal(running, listed)
        texts = [
            rehearsal.texts(one, plan) for one in shown.track(every, description="Recognizing")
        ]
    name = recognizer or device.engines.recognizer
    found = {"recognizer": name, **experimented(every, texts, plan)}
    if html:
        _write(html, found)
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console().print(_table(found))


def _table(found: Mapping[str, Any]) -> Table:
    head, *rows = _rows(found)
    table = Table(*head, box=None)
    for row in rows:
        table.add_row(*row)
    return table


def _rows(found: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["signal", "kind", "utterances", "WER % before", "after", "change %", "95 %", "+/-"]
    for label, kinds in found["signals"].items():
        for kind, one in kinds.items():
            shares = [one[key] for key in ("wer_without", "wer_with", "relative")]
            interval = " … ".join(map(percent, one["ci95"]))
            moved = f"{one['helped']}/{one['harmed']}"
            yield [label, kind, str(one["utterances"]), *map(percent, shares), interval, moved]


def _write(path: Path, found: Mapping[str, Any]) -> None:
    plots = {
        f"{label}: change of the word error rate": [
            Change(kind, *(end and 100 * end for end in (one["relative"], *one["ci95"])))
            for kind, one in kinds.items()
        ]
        for label, kinds in found["signals"].items()
    }
    try:
        path.write_text(page("Context signals", plots, list(_rows(found))), encoding="utf-8")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be written ({error.strerror})") from None
