"""`edge bench store`: the dialogue store against plain SQLite, SQLCipher and the naive design.

In files of its own, deleted afterwards, where TMPDIR says; its keys in /dev/shm.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from edge.keys import PersistentKeys, RamKeys, create_key_file
from edge.rivals import Ours, Resealed, Rival, bare, said_plainly, sqlcipher
from edge.scheduler import Threads
from edge.seal import KEY_BYTES, Cipher, Key
from edge.store import Clock, SqliteStore
from edge.store_figures import (
    Samples,
    bytes_per_event,
    growth,
    interleaved,
    seal_shares,
    timed,
    unseals,
)

CIPHER = Cipher.AES_256_GCM
TTL_S = 3600.0
SIZES = {"20 B": 20, "2 KB": 2_000, "20 KB": 20_000}
TURNS = 100
HOPS = 2_000
EVENTS = 1_024
NO_SQLCIPHER = "sqlcipher3 is not installed: pip install 'edge[bench]'"
NO_COUNT = "this file system's writes are not counted: set TMPDIR to a place on a card or disk"
BOUNDS: dict[str, Callable[[Any], bool]] = {
    "append_vs_sqlite3": lambda ratio: ratio <= 1.25,
    "append_vs_sqlcipher": lambda ratio: ratio <= 1 / 1.5,
    "reseal_20kb_vs_append": lambda ratio: ratio >= 8,
    "payload_growth": lambda ratio: 0.95 <= ratio <= 1.05,
    "bytes_written_per_event": lambda kb: kb["normal"] <= 4096 and kb["full"] <= 8192,
    "seal_share_of_commit": lambda share: share <= 0.05,
    "unseals_without_expect_speech": lambda count: count == 0,
}
"""The figures that the project has set itself."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where the bench's files lie; keys in RAM for NORMAL, a master key for FULL."""

    files: Path
    runtime: Path

    def store(self, name: str, synchronous: str = "NORMAL") -> SqliteStore:
        """A new store."""
        keys: RamKeys | PersistentKeys
        if synchronous == "NORMAL":
            keys = RamKeys(self.runtime / name, secrets.token_bytes)
        else:
            create_key_file(self.runtime / f"{name}.master", secrets.token_bytes)
            master = self.runtime / f"{name}.master"
            keys = PersistentKeys(master, secrets.token_bytes, CIPHER)
        return SqliteStore(
            self.files / name,
            keys,
            Clock.of_this_machine(),
            ttl_s=TTL_S,
            cipher=CIPHER,
            randomness=secrets.token_bytes,
        )


@contextmanager
def places() -> Iterator[Home]:
    """Files that are deleted afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="edge-bench-") as files,
        tempfile.TemporaryDirectory(prefix="edge-bench-", dir="/dev/shm") as runtime,
    ):
        yield Home(Path(files), Path(runtime))


def _rivals(home: Home, synchronous: str, sizes: dict[str, int]) -> dict[str, tuple[Rival, int]]:
    """Everyone, each with a file of its own."""
    key, large = Key(secrets.token_bytes(KEY_BYTES)), SIZES["20 KB"]

    def file(name: str) -> Path:
        return home.files / f"{name} {synchronous}"

    found: dict[str, tuple[Rival, int]] = {
        f"append {size}": (Ours(home.store(f"{size} {synchronous}", synchronous)), size_bytes)
        for size, size_bytes in sizes.items()
    }
    for size in ("2 KB", "20 KB"):
        resealed = Resealed(file(f"reseal {size}"), synchronous, key, secrets.token_bytes)
        found[f"reseal {size}"] = (resealed, SIZES[size])
    found["sqlite3"] = (bare(file("sqlite3"), synchronous), large)
    if find_spec("sqlcipher3"):
        found["sqlcipher"] = (sqlcipher(file("sqlcipher"), synchronous, key.secret), large)
    return found


def _raced(
    home: Home, synchronous: str, sizes: dict[str, int], rounds: int, tick: Callable[[], None]
) -> Samples:
    with ExitStack() as stack:
        rivals = _rivals(home, synchronous, sizes)
        for rival, _ in rivals.values():
            stack.callback(rival.close)
        appends = 16 if synchronous == "NORMAL" else 4
        return interleaved(rivals, rounds, appends, tick)


def _costs(home: Home, synchronous: str) -> dict[str, float | None]:
    name = f"bytes {synchronous}"
    with closing(Ours(home.store(name, synchronous))) as ours:
        return bytes_per_event(
            ours, home.files / name, EVENTS if synchronous == "NORMAL" else EVENTS // 4
        )


def _grown(home: Home, most: int, tick: Callable[[], None]) -> dict[int, float]:
    with closing(Ours(home.store("growth"))) as ours:
        return growth(ours, home.files / "growth", most, tick)


def _sealed(home: Home, rounds: int) -> dict[str, float]:
    with closing(home.store("seal")) as store:
        shares = seal_shares(store, (200, 2_000, 20_000), rounds)
    return {f"{size_bytes} B": share for size_bytes, share in shares.items()}


def _opened(home: Home) -> dict[str, int]:
    with closing(home.store("turns")) as store:
        return {
            "without": unseals(store, TURNS, asking=False),
            "with": unseals(store, TURNS, asking=True),
        }


def _figures(home: Home, rows: int, rounds: int, tick: Callable[[], None]) -> dict[str, Any]:
    """Every figure but the queue's, by the name under which `--json` gives it."""
    normal = _raced(home, "NORMAL", SIZES, rounds, tick)
    full = _raced(home, "FULL", {"20 KB": SIZES["20 KB"]}, max(2, rounds // 2), tick)
    costs = {mode: _costs(home, mode.upper()) for mode in ("normal", "full")}
    shares, opened = _sealed(home, rounds), _opened(home)
    ratios = {"normal": _ratios(normal), "full": _ratios(full)}
    medians = {name: ratio["median"] for name, ratio in ratios["normal"].items()}
    return {
        "append_vs_sqlite3": medians["append_vs_sqlite3"],
        "append_vs_sqlcipher": medians.get("append_vs_sqlcipher"),
        "reseal_20kb_vs_append": medians["reseal_20kb_vs_append"],
        "payload_growth": medians["payload_growth"],
        "bytes_written_per_event": {mode: cost["written"] for mode, cost in costs.items()},
        "seal_share_of_commit": shares["200 B"],
        "unseals_without_expect_speech": opened["without"],
        "unseals_with_expect_speech": opened["with"],
        "detail": {
            "normal": _times(normal),
            "full": _times(full),
            "ratios": ratios,
            "log_bytes_per_event": {mode: cost["log"] for mode, cost in costs.items()},
            "seal_shares": shares,
            "append_us_by_rows": _grown(home, rows, tick),
        },
    }


def _times(samples: Samples) -> dict[str, dict[str, float]]:
    return {
        name: {
            "p50_us": samples.us(name),
            "p99_us": samples.us(name, 0.99),
            "events_per_s": samples.per_s(name),
        }
        for name in samples.rounds
    }


def _ratios(samples: Samples) -> dict[str, dict[str, float]]:
    """Those whose two sides were raced, each with its interval.

    At p50; beside it by the mean where one side writes more, and pays for it at checkpoints.
    """
    sides: dict[str, tuple[str, str, Callable[[Iterable[int]], float]]] = {
        "append_vs_sqlite3": ("append 20 KB", "sqlite3", median),
        "append_vs_sqlcipher": ("append 20 KB", "sqlcipher", median),
        "reseal_2kb_vs_append": ("reseal 2 KB", "append 2 KB", median),
        "reseal_20kb_vs_append": ("reseal 20 KB", "append 20 KB", median),
        "reseal_20kb_vs_append_mean": ("reseal 20 KB", "append 20 KB", fmean),
        "payload_growth": ("append 20 KB", "append 20 B", median),
    }
    return {
        name: asdict(samples.ratio(one, other, cost))
        for name, (one, other, cost) in sides.items()
        if one in samples.rounds and other in samples.rounds
    }


def measure(rows: int, rounds: int, tick: Callable[[], None]) -> dict[str, Any]:
    """All figures, and which of the project's own are missed; StoreError without room for it."""
    with places() as home, said_plainly():
        with closing(Threads()) as threads:
            figures = threads.do("store", lambda: _figures(home, rows, rounds, tick))
            hops = timed(lambda _: threads.do("store", int), [""] * HOPS)
    figures["queue_hop_us"] = median(hops) / 1000
    figures["missed"] = [name for name, holds in BOUNDS.items() if not _holds(figures[name], holds)]
    figures["notes"] = _notes(figures)
    figures["load"] = os.getloadavg()[0]
    return figures


def _holds(figure: Any, holds: Callable[[Any], bool]) -> bool:
    """A figure that could not be measured is none that was missed."""
    absent = figure is None or (isinstance(figure, dict) and None in figure.values())
    return absent or holds(figure)


def _notes(figures: dict[str, Any]) -> list[str]:
    notes = []
    if figures["append_vs_sqlcipher"] is None:
        notes.append(NO_SQLCIPHER)
    if None in figures["bytes_written_per_event"].values():
        notes.append(NO_COUNT)
    return notes


def as_text(figures: dict[str, Any]) -> Iterator[str]:
    """The same for people, line by line."""
    for name, figure in figures.items():
        if name in BOUNDS or name == "queue_hop_us":
            yield f"{name:32}{_rounded(figure)}" + "  MISSED" * (name in figures["missed"])
    for mode in ("normal", "full"):
        for name, times in figures["detail"][mode].items():
            text = "  ".join(f"{key} {_rounded(value)}" for key, value in times.items())
            yield f"{mode:8}{name:16}{text}"
        for name, ratio in figures["detail"]["ratios"][mode].items():
            yield f"{mode:8}{name:28}{_rounded(ratio)}"
    for rows, us in figures["detail"]["append_us_by_rows"].items():
        yield f"append among {rows:9} rows  p50_us {_rounded(us)}"
    yield from figures["notes"]


def _rounded(figure: Any) -> str:
    if isinstance(figure, dict):
        return ", ".join(f"{name} {_rounded(value)}" for name, value in figure.items())
    return f"{figure:.4g}" if isinstance(figure, float) else str(figure)


@click.command
@click.option("--rows", default=1_000_000, show_default=True, help="Rows that the table grows to.")
@click.option("--rounds", default=40, show_default=True, help="Rounds in which all take turns.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def store(rows: int, rounds: int, as_json: bool) -> None:
    """The dialogue store against plain SQLite, SQLCipher and one re-sealed record."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        steps = rounds + max(2, rounds // 2) + max(0, len(str(rows)) - 2)
        task = progress.add_task("bench store", total=steps)
        figures = measure(rows, rounds, partial(progress.advance, task))
    click.echo(json.dumps(figures) if as_json else "\n".join(as_text(figures)))
