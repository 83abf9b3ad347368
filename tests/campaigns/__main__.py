"""`tools/campaign`: campaigns at full size; progress on stderr, one JSON object on stdout."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from tests.campaigns import cuts, failures, kills, mutations, threads
from tests.campaigns.disk import library

DEEDS, FAILING_DEEDS = 120, 60  # the second is lived once for each of its accesses
FAULTS_SHOWN = 20


class Campaign:
    """One after the other, each in a home of its own; `summary` is what came out."""

    def __init__(self, progress: Progress) -> None:
        self.summary: dict[str, dict[str, Any]] = {}
        self._progress = progress

    def run(
        self, name: str, count: int, run: Callable[..., list[str]], *arguments: Any, **more: Any
    ) -> None:
        """Run one; it is given its home first, and what to call after each of `count` steps."""
        if not count:
            return
        task = self._progress.add_task(name, total=count)
        begun = time.monotonic()
        with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
            tick = partial(self._progress.advance, task)
            faults = run(Path(home), *arguments, **more, tick=tick)
        self.summary[name] = {
            "count": count,
            "faults": len(faults),
            "first_faults": faults[:FAULTS_SHOWN],
            "seconds": round(time.monotonic() - begun),
        }

    @property
    def failed(self) -> bool:
        """Whether anything was wrong."""
        return any(one["faults"] for one in self.summary.values())


def failed_accesses(
    home: Path, seed: int, step: int, *, persistent: bool, tick: Callable[[], None]
) -> list[str]:
    """Every `step`-th access of a life fails in turn."""
    _, _, faults = failures.run(home, seed, FAILING_DEEDS, step, persistent=persistent, tick=tick)
    return faults


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Long campaigns, of which tools/test runs a little."""


@main.command
@click.option("--kills", "kill_count", default=300, show_default=True, help="Of the process.")
@click.option("--cuts", "cut_count", default=10_000, show_default=True, help="Of the power.")
@click.option("--mutations", "changes", default=100_000, show_default=True, help="Of sealed rows.")
@click.option("--operations", default=100_000, show_default=True, help="Of each of 8 threads.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another life.")
def store(kill_count: int, cut_count: int, changes: int, operations: int, seed: int) -> None:
    """The dialogue store: power cuts, failing disks, kills, changed rows, eight threads."""
    if library() is None:
        raise click.ClickException("this Python brings its own SQLite, whose disk is out of reach")
    with Progress(console=Console(stderr=True)) as progress:
        campaign = Campaign(progress)
        for mode, cut in (("persistent", cut_count), ("ram", cut_count // 10)):
            kept = mode == "persistent"
            campaign.run(f"cuts {mode}", cut, cuts.run, seed, cut, DEEDS, persistent=kept)
            with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
                total = failures.accesses(Path(home), seed, FAILING_DEEDS, kept)
            step = max(1, 10_000 // max(1, cut_count))  # every access at full size
            lives = -(-total // step)
            campaign.run(f"failures {mode}", lives, failed_accesses, seed, step, persistent=kept)
            half = kill_count // 2
            campaign.run(f"kills {mode}", half, kills.run, seed, half, mode)
            half = changes // 2
            campaign.run(f"mutations {mode}", half, mutations.run, seed, half, mode)
        campaign.run("threads", operations * threads.THREADS, threads.run, operations)
    click.echo(json.dumps(campaign.summary, indent=2))
    sys.exit(campaign.failed)


if __name__ == "__main__":
    main(prog_name="tools/campaign")
