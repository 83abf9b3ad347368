"""The `edge` command. Errors are one line on stderr: 1 for what failed, 2 for wrong usage."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

import click

from edge import __version__
from edge.errors import EdgeError, SoundHung

STDERR = os.dup(2)
"""Kept, because a library that hangs may have pointed the other one to nowhere."""
EXTRAS = {"jiwer": "eval", "svg": "eval"}
"""The extra that a missing package belongs to, where that is not the demo's."""


class Commands(click.Group):
    """A group whose commands are imported when they are called: a device loads what it uses.

    modules: command name → `module:attribute`.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, loaded or not."""
        return sorted(self._modules)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported now; one line when a package of an extra is missing."""
        if name not in self._modules:
            return None
        module, _, attribute = self._modules[name].partition(":")
        try:
            command: click.Command = getattr(import_module(module), attribute)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get(str(error.name), "demo")
            message = f"this needs '{error.name}': pip install 'edge[{extra}]'"
            raise click.ClickException(message) from error
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """What went wrong is said in one line, whichever command it was, and without words."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise
        except SoundHung as error:
            _fail_at_once(error)
        except EdgeError as error:
            _fail(ctx, " ".join(str(error).split()))
        except Exception as error:
            if ctx.find_root().params.get("debug"):
                raise
            last = extract_tb(error.__traceback__)[-1]
            place = f"{Path(last.filename).name}:{last.lineno}"
            _fail(ctx, f"unexpected {type(error).__name__} at {place}; --debug shows all of it")


def _fail(ctx: click.Context, message: str) -> None:
    click.echo(f"edge: {message}", err=True)
    ctx.exit(1)


def _fail_at_once(error: SoundHung) -> None:
    """Ends the process without the libraries' own farewell, which would wait for the server."""
    sys.stdout.flush()
    os.write(STDERR, f"edge: {error}\n".encode())
    os._exit(1)


def _leave(number: int, frame: object) -> None:
    """A signal unwinds like an error: keys are dropped, children ended, files closed."""
    raise SystemExit(128 + number)


@click.group(
    cls=Commands,
    modules={
        "bench": "edge.cli:bench",
        "demo": "edge.demo:demo",
        "devices": "edge.devices:devices",
        "eval": "edge.cli:evaluate",
        "experiment": "edge.experiment:experiment",
        "replay": "edge.replay:replay",
        "report": "edge.report:report",
        "store": "edge.store_commands:store",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks; they may hold words.")
def main(debug: bool) -> None:
    """Gives a speech recognizer the context of the dialogue, on the device."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)


@click.group(
    cls=Commands,
    modules={
        "reopen": "edge.bench_reopen:reopen",
        "store": "edge.bench_store:store",
        "window": "edge.bench_window:window",
    },
)
def bench() -> None:
    """Measure a part against its baseline, in one run."""


@click.group(
    name="eval",
    cls=Commands,
    modules={
        "biasing": "edge.evaluate_biasing:biasing",
        "encoder": "edge.evaluate_encoder:encoder",
        "followups": "edge.evaluate_followups:followups",
        "mixtures": "edge.evaluate_mixtures:mixtures",
        "voice": "edge.evaluate_voice:voice",
        "wake": "edge.evaluate_wake:wake",
    },
)
def evaluate() -> None:
    """Judge a part on recorded material, beside its baselines."""
