"""`edge replay`: whether dialogues, held at a board's speed, stay within the board's budgets.

Measures the parts here once, holds the dialogues on a virtual clock for each board, and holds
those with sound as `edge demo --fast` does. Decides nothing: `fitting.py` does.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from edge.assembly import Places, temporary_places
from edge.board import Speeds
from edge.chronicle import Turn
from edge.demo import Demo
from edge.dialogue import Command, Entry, Event
from edge.dialogue_script import Script, has_sound, load_script, shipped_scripts
from edge.fitting import figures, judged, misses, pace_of, spoken
from edge.footprint import measured
from edge.profile import Profile, Storage, load_profile, shipped_profiles
from edge.recalled import Costs
from edge.replaying import Outcome, Replay
from edge.scenario import Scenario, Voice, load, shipped
from edge.telling import Telling

COUNTED_TURNS = 200  # whose writes are counted, on a real file system
PROC_IO = Path("/proc/thread-self/io")


class Stopwatch(Telling):
    """Tells nothing; times a conversation from the first word, here and on its own clock."""

    def __init__(self) -> None:
        super().__init__(Console(quiet=True))
        self._begun: float | None = None
        self.wall_s = 0.0
        self.sound_s = 0.0

    def said(self, words: str, when: str = "") -> None:
        """The first word begins it: the children are warm by then."""
        self._begun = self._begun or time.perf_counter()

    def observe(self, event: Event, commands: tuple[Command, ...]) -> None:
        """The newest time that an event names is how far it has come."""
        self.sound_s = max(self.sound_s, getattr(event, "at", 0.0))

    def conclude(
        self,
        turns: Iterable[Turn],
        entries: Iterable[Entry],
        sealed: Any,
    ) -> None:
        """It is over."""
        self.wall_s = time.perf_counter() - (self._begun or time.perf_counter())


@dataclass(frozen=True, slots=True)
class Held:
    """A conversation with sound, held once. wall_s: from its first word to its end.

    cpu_s: of all processes, their start included.
    """

    name: str
    turns: tuple[Turn, ...]
    sound_s: float
    wall_s: float
    cpu_s: float


def held(scenario: Scenario, profile: Profile) -> Held:
    """Hold a conversation with sound; AudioError when a recording is missing."""
    watch = Stopwatch()
    demo = Demo(scenario, profile, Voice(scenario.voice), fast=True, telling=watch)
    before_s = _cpu_s()
    demo.hold()
    turns = tuple(demo.chronicle.turns.values())
    return Held(scenario.name, turns, watch.sound_s, watch.wall_s, _cpu_s() - before_s)


def _cpu_s() -> float:
    """Of this process and of its children that have ended."""
    user_s, system_s, childrens_user_s, childrens_system_s, _ = os.times()
    return user_s + system_s + childrens_user_s + childrens_system_s


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What all boards are given: dialogues, and what parts cost on a machine of these speeds."""

    scripts: Sequence[Script]
    costs: Costs
    here: Speeds
    seed: int

    def on(self, profile: Profile, turns: int) -> Outcome:
        """Hold the dialogues at this board's speed, with the store's files in RAM."""
        with temporary_places() as places:
            return self._replay(profile, places).hold(turns)

    def written_bytes(self, profile: Profile) -> float | None:
        """Bytes a turn that reach the card if each turn's are flushed; None: nobody counts here."""
        with temporary_places(Path(tempfile.gettempdir())) as places:
            replay = self._replay(profile, places)
            before = _written_bytes()
            outcome = replay.hold(COUNTED_TURNS, lambda: _flush(places.state))
            return (_written_bytes() - before) / outcome.turns or None

    def _replay(self, profile: Profile, places: Places) -> Replay:
        pace = pace_of(profile, self.here)
        return Replay(self.scripts, self.costs, profile, pace, self.seed, places)


def _flush(files: Path) -> None:
    """Dirty pages on their way: between the turns of a day a device does that by itself."""
    for file in files.glob("dialogue.db*"):
        opened = os.open(file, os.O_RDONLY)
        os.fsync(opened)
        os.close(opened)


def _written_bytes() -> int:
    """Of this thread so far, as the kernel counts them, in whole pages."""
    return int(dict(line.split(": ") for line in PROC_IO.read_text().splitlines())["write_bytes"])


def scenarios_called(names: Sequence[str]) -> tuple[list[Script], list[Scenario]]:
    """Those without sound and those with; ScenarioError names the line that is broken."""
    names = [*shipped_scripts(), *shipped()] if "all" in names else names
    sound = {name: has_sound(name) for name in names}
    scripts = [load_script(name) for name in names if not sound[name]]
    return scripts, [load(name) for name in names if sound[name]]


def profiles_called(name: str) -> dict[str, Profile]:
    """Every shipped one, or that of this name or file."""
    names = shipped_profiles() if name == "all" else [name]
    return {Path(one).stem if one.endswith(".toml") else one: load_profile(one) for one in names}


def boards(
    rehearsal: Rehearsal,
    profiles: Mapping[str, Profile],
    sounded: Sequence[Held],
    turns: int,
    tick: Callable[[], None],
) -> dict[str, Any]:
    """Each board's figures, and how fast they were found."""
    found, cpu_s, taken = {}, 0.0, 0
    written: dict[Storage, float | None] = {}
    for name, profile in profiles.items():
        pace = pace_of(profile, rehearsal.here)
        if rehearsal.scripts:
            outcome = rehearsal.on(profile, turns)
            if profile.storage not in written:
                written[profile.storage] = rehearsal.written_bytes(profile)
        else:
            outcome = spoken([turn for one in sounded for turn in one.turns], pace, rehearsal.costs)
        cpu_s, taken = cpu_s + outcome.cpu_s, taken + outcome.turns
        counted = written.get(profile.storage)
        found[name] = judged(profile, figures(profile, pace, rehearsal.costs, outcome, counted))
        tick()
    return {
        "turns": taken,
        "turns_per_s": round(taken / cpu_s, 1) if cpu_s else None,
        "profiles": found,
    }


def audio(sounded: Sequence[Held]) -> dict[str, Any] | None:
    """How much faster than in a room the conversations with sound were held; None without any.

    of_cpu: the same by the CPU time of all processes, their start included.
    """
    if not sounded:
        return None
    scenarios = {one.name: _how_fast([one]) for one in sounded}
    return {**_how_fast(sounded), "scenarios": scenarios}


def _how_fast(sounded: Sequence[Held]) -> dict[str, float]:
    sound_s = sum(one.sound_s for one in sounded)
    return {
        "turns": sum(len(one.turns) for one in sounded),
        "sound_s": round(sound_s, 1),
        "times_real_time": round(sound_s / sum(one.wall_s for one in sounded), 1),
        "times_real_time_of_cpu": round(sound_s / sum(one.cpu_s for one in sounded), 1),
    }


def told(profiles: Mapping[str, Any]) -> Table:
    """The same for people: one line a board."""
    heads = ("ready ≥ 0.9 s", "vector p99 ms", "transcript p99 ms", "PSS MB", "MB a day", "idle")
    table = Table("board", *heads, "", box=None)
    for name, found in profiles.items():
        table.add_row(
            name,
            _text(found["ready_share_ge_900ms"]),
            _ends(found["encode_p99_ms"]),
            _ends(found["transcript_p99_ms"]),
            _text(found["pss_mb"]),
            _text(found["written_mb_per_day"]),
            _text(found["idle_core_share"]),
            "fits" if found["fits"] else "[red]does not fit[/]",
        )
    return table


def _ends(figure: Mapping[str, float] | None) -> str:
    return "-" if figure is None else " … ".join(map(_text, figure.values()))


def _text(figure: float | None) -> str:
    return "-" if figure is None else f"{figure:.4g}"


@click.command
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO…")
@click.option("--profile", required=True, help="Board: name, .toml file, or 'all'.")
@click.option("--here", default="laptop", show_default=True, help="Profile of this machine.")
@click.option("--turns", default=1000, show_default=True, type=click.IntRange(1, 10_000_000))
@click.option("--seed", default=1, show_default=True, help="Of pauses, stalls and drawn times.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def replay(
    scenarios: tuple[str, ...], profile: str, here: str, turns: int, seed: int, as_json: bool
) -> None:
    """Hold dialogues at a board's speed; 1 when they do not stay within its budgets.

    SCENARIO is the name of one that ships, a .jsonl file, or 'all'. What the parts take is
    measured here once, and projected from this machine's profile to the board's.
    """
    scripts, with_sound = scenarios_called(scenarios)
    profiles, machine = profiles_called(profile), load_profile(here)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("measuring", total=1 + len(with_sound) + len(profiles))

        def tick() -> None:
            progress.advance(task)

        rehearsal = Rehearsal(scripts, measured(here), machine.speed, seed)
        tick()
        progress.update(task, description="with sound")
        sounded = [_ticked(held(one, machine), tick) for one in with_sound]
        progress.update(task, description="boards")
        found = boards(rehearsal, profiles, sounded, turns, tick)
    found["audio"] = audio(sounded)
    _say(found, as_json)
    _complain(profiles, found["profiles"])


def _ticked(one: Held, tick: Callable[[], None]) -> Held:
    tick()
    return one


def _say(found: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found))
        return
    console = Console(highlight=False)
    console.print(told(found["profiles"]))
    if found["turns_per_s"]:
        console.print(f"{found['turns']} turns, {found['turns_per_s']:.0f} a second")
    if found["audio"]:
        console.print(f"with sound: {found['audio']['times_real_time']:.0f} times as fast as sound")


def _complain(profiles: Mapping[str, Profile], found: Mapping[str, Any]) -> None:
    """A line on stderr for each budget that is missed, and 1."""
    lines = [
        miss.told_of(profile.board.title)
        for name, profile in profiles.items()
        for miss in misses(profile, found[name])
    ]
    for line in lines:
        click.echo(f"edge: {line}", err=True)
    if lines:
        click.get_current_context().exit(1)
