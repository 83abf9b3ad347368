"""`edge bench window`: is the vector there when the reply has sounded, and does a fault show?

The real session, daemon, store and encoder child; only ears, recognizer and voice are scripted.
Windows pass on a virtual clock with measured compute; faults happen in real time, to a child
that is started again at once, so that each meets one that runs.
"""

from __future__ import annotations

import json
import logging
import math
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from edge.asking import Asked, Asking, temporary_store
from edge.assembly import encoder_child
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.profile import load_profile
from edge.protocols import ContextEncoder, Round
from edge.questions import plain, read
from edge.sabotage import Sabotaged, SabotagedEncoder
from edge.scheduler import Threads, Virtual
from edge.window import RemoteEncoder
from edge.worker import Supervised

# Length in seconds of replies that ask, at 170 words a minute, by share of replies: measured on
# public task dialogues. Between two of them lengths are drawn evenly on a logarithmic scale.
LENGTHS = ((0.0, 0.35), (0.001, 0.5), (0.01, 1.06), (0.05, 1.41), (0.5, 3.9), (0.95, 10.6), (1, 20))
WORDS_PER_S = 170 / 60
ENOUGH_S = 0.9
FAULT_REPLY_S = 0.1
LATE_S = 0.1
AT_A_TIME, CALM = 20, 10  # faults, and then replies without: both see the same machine
MOST_QUESTIONS = 50  # for one fault: more, and no child runs that it could happen to
QUESTION = "I found two of that name. Do you mean Meg Jones or Meg Bauer?"
MANY = Expectation(
    Act.CHOOSE,
    Slot.CONTACT,
    (Catalogue(Slot.CONTACT, tuple(f"name {n} of it" for n in range(200))),),
)
LOAD = """
from edge.engines.espeak import Espeak
voice = Espeak()
while True:
    voice.synthesize("The next train to the city leaves from platform three in seven minutes.")
"""


@click.command
@click.argument("data", required=False, type=click.Path(path_type=Path))
@click.option("--windows", default=10_000, show_default=True, help="Replies on the virtual clock.")
@click.option("--faults", default=300, show_default=True, help="Encoder faults in real time.")
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--seed", default=1, show_default=True, help="Of lengths and faults.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def window(
    data: Path | None, windows: int, faults: int, profile: str, seed: int, as_json: bool
) -> None:
    """Measure the compute window: ready shares, encode times, and what encoder faults cost.

    DATA, a .jsonl(.gz) of recorded dialogues: its replies that ask are windows too, as long as
    they take at 170 words a minute.
    """
    chosen, recorded = load_profile(profile), list(recorded_lengths(data)) if data else []
    with closing(encoder_child(chosen, Supervised)) as child:
        encoder = RemoteEncoder(child, chosen.children.encoder_limit_s)
        alone = in_windows(encoder, drawn_lengths(windows, seed), "windows")
        with beside_load(child.running().pid):
            beside = in_windows(encoder, drawn_lengths(max(1, windows // 10), seed), "beside TTS")
        figures = {
            **shares(alone),
            "encode_ms": cpu_ms(child, encoder, Expectation(Act.CONFIRM, Slot.YES_NO)),
            "with_phrases_ms": cpu_ms(child, encoder, MANY),
            "beside_tts": {**shares(beside), "encode_wall_ms": encode_wall_ms(beside)},
            "encode_wall_ms": encode_wall_ms(alone),
        }
        if data:
            figures["recorded"] = shares(in_windows(encoder, recorded, data.name))
        figures["child_rss_mb"] = rss_mb(child.running().pid)
    figures["faults"] = under_faults(chosen.children.encoder_limit_s, profile, faults, seed)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        Console().print_json(json.dumps(figures))


def drawn_lengths(count: int, seed: int) -> list[float]:
    """Reply lengths in seconds."""
    draw = random.Random(seed).random
    return [_length_s(draw()) for _ in range(count)]


def _length_s(share: float) -> float:
    below = max(index for index, (at, _) in enumerate(LENGTHS[:-1]) if at <= share)
    (low, low_s), (high, high_s) = LENGTHS[below], LENGTHS[below + 1]
    part = (share - low) / (high - low)
    return math.exp(math.log(low_s) * (1 - part) + math.log(high_s) * part)


def recorded_lengths(data: Path) -> Iterator[float]:
    """Length in seconds of each reply that asks; QuestionError when they cannot be read."""
    for question in read(data):
        if question.asks:
            yield len(plain(question.rounds[-1].reply).split()) / WORDS_PER_S


def in_windows(encoder: RemoteEncoder, lengths: Sequence[float], what: str) -> list[Asked]:
    """Questions of these lengths, one after the other, on the virtual clock."""
    with temporary_store() as open_store:
        asking = Asking(Virtual(), open_store, encoder)
        shown = track(lengths, what, console=Console(stderr=True), transient=True)
        return asking.ask(QUESTION, shown)


def shares(asked: Sequence[Asked]) -> dict[str, Any]:
    """How many vectors were there in time, and by how much."""
    long_enough = [one for one in asked if one.length_s >= ENOUGH_S]
    margins = sorted(one.margin_s * 1000 for one in asked if one.margin_s is not None)
    return {
        "windows": len(asked),
        "ready_share": _share(asked),
        "ready_share_ge_900ms": _share(long_enough),
        "margin_ms": {"p1": _at(margins, 0.01), "p50": _at(margins, 0.5)},
    }


def _share(asked: Sequence[Asked]) -> float | None:
    return sum(one.margin_s is not None for one in asked) / len(asked) if asked else None


def encode_wall_ms(asked: Sequence[Asked]) -> dict[str, float | None]:
    """What the encoder's caller waited for it."""
    took = sorted(one.encode_ms for one in asked if one.encode_ms is not None)
    return {"p50": _at(took, 0.5), "p99": _at(took, 0.99)}


def cpu_ms(child: Supervised, encoder: RemoteEncoder, asked: Expectation) -> dict[str, Any]:
    """CPU time of the child for one encoding."""
    clock = (~child.running().pid << 3) | 2  # Linux: the clock of that process
    rounds, took = [Round("call meg", QUESTION)] * 3, []
    for _ in range(300):
        begun = time.clock_gettime(clock)
        encoder.encode(rounds, asked)
        took.append((time.clock_gettime(clock) - begun) * 1000)
    took.sort()
    return {"p50": _at(took, 0.5), "p99": _at(took, 0.99)}


def _at(values: Sequence[float], share: float) -> float | None:
    """The value at this share of sorted values."""
    return round(values[min(len(values) - 1, int(share * len(values)))], 3) if values else None


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGESIZE") / 1e6, 1)


@contextmanager
def beside_load(pid: int) -> Iterator[None]:
    """The process shares one core with a synthesizer that never pauses."""
    cores = os.sched_getaffinity(pid)
    os.sched_setaffinity(pid, {min(cores)})
    load = subprocess.Popen([sys.executable, "-c", LOAD], stderr=subprocess.DEVNULL)
    os.sched_setaffinity(load.pid, {min(cores)})
    try:
        yield
    finally:
        load.kill()
        load.wait()
        os.sched_setaffinity(pid, cores)


def under_faults(limit_s: float, profile: str, count: int, seed: int) -> dict[str, Any]:
    """Short replies in real time, in turns without faults and with them, until `count` happened."""
    limit_s, calm, hit = min(limit_s, 2 * FAULT_REPLY_S), [], []
    with closing(encoder_child(load_profile(profile), Sabotaged, _never_backs_off())) as child:
        sabotaged = SabotagedEncoder(child, limit_s, time.sleep, seed)
        for so_many in track(
            _shares_of(count), "faults", console=Console(stderr=True), transient=True
        ):
            child.fault = None
            child.running()
            calm += _in_real_time(RemoteEncoder(child, limit_s), [FAULT_REPLY_S] * CALM)
            with _unlogged():
                hit += _in_real_time(sabotaged, _until(child.injected, so_many))
    return {
        "injected": child.injected.total(),
        "by_kind": dict(child.injected),
        "back_off": "none, so that each fault meets a child that runs",
        **_reopenings(hit),
        "without_faults": _reopenings(calm),
    }


def _shares_of(count: int) -> list[int]:
    """Growing counts, up to `count`."""
    return [*range(AT_A_TIME, count, AT_A_TIME), count]


def _until(injected: Counter[str], count: int) -> Iterator[float]:
    """Replies until so many faults have happened."""
    for _ in range(MOST_QUESTIONS * AT_A_TIME):
        if injected.total() >= count:
            break
        yield FAULT_REPLY_S


def _in_real_time(encoder: ContextEncoder, lengths: Iterable[float]) -> list[Asked]:
    with temporary_store() as open_store, closing(Threads()) as threads:
        return Asking(threads, open_store, encoder).ask(QUESTION, lengths)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Every fault is meant: nobody wants to read of it."""
    daemon = logging.getLogger("edge.daemon")
    level = daemon.level
    daemon.setLevel(logging.ERROR)
    try:
        yield
    finally:
        daemon.setLevel(level)


def _reopenings(asked: Sequence[Asked]) -> dict[str, Any]:
    late_s = sorted(one.late_s for one in asked if one.late_s is not None)
    late_ms = [1000 * each for each in late_s]
    return {
        "questions": len(asked),
        "late_reopenings": sum(each > LATE_S for each in late_s),
        "missed_reopenings": len(asked) - len(late_s),
        "reopen_ms": {"p50": _at(late_ms, 0.5), "p99": _at(late_ms, 0.99), "max": _at(late_ms, 1)},
    }


def _never_backs_off() -> Callable[[], float]:
    """A clock that is always late enough: every fault meets a child that runs."""
    ticks = iter(range(0, 1 << 60, 1000))
    return lambda: float(next(ticks))
