"""`edge report`: a folder of figures becomes one page to show.

Measures nothing; what a fleet would do it draws by chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge.errors import QuestionError
from edge.findings import Difference, Findings, Source, differences, number, read
from edge.fleet import Assumptions, FleetDay, assumed, fleet_day
from edge.profile import Profile, load_profile, shipped_profiles
from edge.report_page import report as page_of

PAGE = "report.html"


@click.command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [DIR/report.html]")
@click.option("--before", type=click.Path(path_type=Path), help="Another DIR to compare with.")
@click.option("--fleet/--no-fleet", default=True, show_default=True, help="A fleet's day, drawn.")
@click.option("--seed", default=1, show_default=True, help="Of the fleet's day.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; a page if --out.")
def report(
    folder: Path, out: Path | None, before: Path | None, fleet: bool, seed: int, as_json: bool
) -> None:
    """Make one page of what edge's commands printed with --json.

    DIR holds their output, whatever the files are called.
    """
    findings = read(folder, _complain)
    changed = differences(read(before, _complain), findings) if before else None
    day = fleet_day(assumptions(findings), seed) if fleet else None
    if out or not as_json:
        out = out or folder / PAGE
        _write(out, page_of(findings, known(findings.boards), day, changed))
    if as_json:
        click.echo(json.dumps(_as_json(findings, day, changed)))
    else:
        click.echo(f"{out}: {sum(findings.sources.values())} files in one page")


def known(boards: Iterable[str]) -> dict[str, Profile]:
    """Profiles of boards that ship; another's budgets are not known here."""
    shipped = shipped_profiles()
    return {name: load_profile(name) for name in boards if name in shipped}


def assumptions(findings: Findings) -> Assumptions:
    """Those of a fleet, with what was found in the place of what is assumed.

    A replay's writes are counted by the kernel, so they go before those of a bench.
    """
    days = [number(one, "written_mb_per_day") for one in findings.boards.values()]
    if written := max((one for one in days if one), default=None):
        return assumed(written_mb_per_day=written)
    event = number(findings.of(Source.BENCH_STORE), "bytes_written_per_event", "normal")
    return assumed(written_bytes_per_event=event) if event and event > 0 else Assumptions()


def _as_json(
    findings: Findings, day: FleetDay | None, changed: Iterable[Difference] | None
) -> Mapping[str, Any]:
    return {
        "sources": {str(source): count for source, count in findings.sources.items()},
        "fleet": day and day.as_json(),
        "changes": None if changed is None else [asdict(one) for one in changed],
    }


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be written ({error.strerror})") from None


def _complain(line: str) -> None:
    click.echo(f"edge: {line}", err=True)
