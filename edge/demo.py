"""A scripted customer in the simulated room, heard and answered by the real pipeline.

The customer only speaks; wake word, recognition, skill, store, compute window and the
re-opened microphone really happen, in real time or on a virtual clock.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from edge.assembly import Places, Speaker, assembled
from edge.chronicle import Chronicle
from edge.dialogue import Command, Event, MicOpened, PlaybackFinished
from edge.engines.scripted import SlowEncoder
from edge.errors import ScenarioError, StoreError
from edge.profile import Profile, load_profile, shipped_profiles
from edge.protocols import ContextEncoder
from edge.room import RoomLoudspeaker, RoomMicrophone
from edge.scenario import Line, Scenario, Voice, load, shipped, voices
from edge.scheduler import Scheduler, Threads, Virtual
from edge.session import Session, State
from edge.telling import Telling

SETTLE_S = 0.8  # how long a customer lets the device be before a request
PAUSE_S = 0.35  # from the wake word to the request
PATIENCE_S = 6.0  # how long a customer waits for something to happen
NOMINAL_S = 0.002  # what any other job takes on the virtual clock
LINGER_S = 0.2  # the last events of a turn are still being recorded


class Customer:
    """Says a scenario's lines: requests to an idle device, answers to a re-opened microphone."""

    def __init__(
        self, lines: tuple[Line, ...], voice: Voice, microphone: RoomMicrophone, telling: Telling
    ) -> None:
        self._lines = deque((line, voice.clip(line.say)) for line in lines)
        self._wake_words = {line.wake: voice.clip(line.wake) for line in lines if line.wake}
        self._microphone = microphone
        self._telling = telling

    def request(self, now: float) -> float | None:
        """Say the next line if it begins with a wake word; when it will have been said."""
        if not self._lines or (wake := self._lines[0][0].wake) is None:
            return None
        line, clip = self._lines.popleft()
        self._telling.said(f"{wake} … {line.say}")
        end = self._microphone.say(self._wake_words[wake], now + SETTLE_S)
        return self._microphone.say(clip, end + PAUSE_S)

    def answer(self, quiet_since: float) -> None:
        """Say the next line if it is an answer, so long after the sound has ended."""
        if self._lines and (after_ms := self._lines[0][0].after_ms) is not None:
            line, clip = self._lines.popleft()
            self._telling.said(line.say, f"{after_ms} ms after the reply")
            self._microphone.say(clip, quiet_since + after_ms / 1000)


class Demo:
    """One scenario, held once."""

    def __init__(
        self, scenario: Scenario, profile: Profile, voice: Voice, fast: bool, telling: Telling
    ) -> None:
        self.chronicle = Chronicle(profile.turns.context)
        self._scenario = scenario
        self._profile = profile
        self._telling = telling
        self._scheduler: Scheduler = Virtual(_cost_s) if fast else Threads()
        scheduler = self._scheduler
        self._microphone = RoomMicrophone(scheduler.now, scheduler.sleep_until)
        self._customer = Customer(scenario.lines, voice, self._microphone, telling)
        self._session: Session
        self._quiet_since = 0.0
        self._happened = 0
        self._over = False

    def hold(self, folder: Path | None = None) -> None:
        """Hold the conversation. folder: where the store's files are left; None: nowhere."""
        self._telling.begin(self._scenario.title, self._scenario.about)
        scheduler = self._scheduler
        with ExitStack() as stack:
            stack.enter_context(closing(scheduler))
            speaker = stack.enter_context(self._speaker(_places(folder, stack)))
            self._session = speaker.session
            scheduler.call_at(scheduler.now(), self._request)
            speaker.daemon.run(lambda: self._over)
            self._conclude(speaker)

    def _speaker(self, places: Places) -> AbstractContextManager[Speaker]:
        return assembled(
            self._profile,
            places,
            self._scheduler,
            self._microphone,
            RoomLoudspeaker(self._scheduler.now),
            self._observe,
            self._slowed,
        )

    def _slowed(self, encoder: ContextEncoder) -> ContextEncoder:
        delay_s, scheduler = self._scenario.faults.encoder_delay_s, self._scheduler
        if not delay_s:
            return encoder
        return SlowEncoder(encoder, delay_s, lambda s: scheduler.sleep_until(scheduler.now() + s))

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        self._happened += bool(commands)
        self.chronicle.observe(event, commands, now)
        self._telling.observe(event, commands)
        if commands and (asking := self.chronicle.asking):
            self._telling.window(event, asking)
        match event:
            case PlaybackFinished(_, at):
                self._quiet_since = at
            case MicOpened() if self._session.state is State.EXPECTING:
                self._customer.answer(self._quiet_since)
        if commands and self._session.state is State.IDLE:
            self._request()

    def _request(self) -> None:
        """The next request; when there is none, or nothing comes of it, that was all."""
        now = self._scheduler.now()
        said_at = self._customer.request(now)
        wait_s = LINGER_S if said_at is None else said_at - now + PATIENCE_S
        self._end_unless_something_happens(wait_s)

    def _end_unless_something_happens(self, within_s: float) -> None:
        happened = self._happened

        def end() -> None:
            self._over |= self._happened == happened and self._session.state is State.IDLE

        self._scheduler.call_at(self._scheduler.now() + within_s, end)

    def _conclude(self, speaker: Speaker) -> None:
        self._scheduler.do("store", lambda: None)  # everything recorded by now
        reader = speaker.store.reader
        for interaction, unsealed in speaker.window.unsealed:
            self.chronicle.turns[interaction].payloads_unsealed = unsealed
        entries = list(reader.entries())
        sealed = {entry.interaction: reader.sealed(entry.interaction) for entry in entries}
        self._telling.conclude(self.chronicle.turns.values(), entries, sealed)


def _places(folder: Path | None, stack: ExitStack) -> Places:
    """Keys live in RAM: /dev/shm is a tmpfs on every Linux."""
    try:
        runtime = stack.enter_context(tempfile.TemporaryDirectory(dir="/dev/shm", prefix="edge-"))
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-")))
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{error.filename}: no place for the store ({error.strerror})") from error
    return Places(folder, Path(runtime))


def _cost_s(worker: str, took_s: float) -> float:
    """On the virtual clock only the encoder's time is measured: two runs hear the same samples."""
    return took_s if worker == "context" else NOMINAL_S


def hold_all(
    scenarios: Sequence[Scenario],
    voice: str | None,
    profile: Profile,
    fast: bool,
    folder: Path | None,
    telling: Telling,
) -> list[dict[str, Any]]:
    """Hold these conversations; the turns of all of them. Those that went astray are told of."""
    turns: list[dict[str, Any]] = []
    for scenario in scenarios:
        voice_of = Voice(scenario.voice if voice is None else voice)
        demo = Demo(scenario, profile, voice_of, fast, telling)
        demo.hold(folder / scenario.name if folder else None)
        turns += [{"scenario": scenario.name, **turn} for turn in demo.chronicle.as_json()]
    return turns


def _astray(scenarios: Sequence[Scenario], turns: Sequence[dict[str, Any]]) -> list[str]:
    """Scenarios of which not every line was recognized as something."""
    heard = Counter(turn["scenario"] for turn in turns if turn["recognized"] is not None)
    return [one.name for one in scenarios if heard[one.name] < len(one.lines)]


def converse(
    name: str, profile: Profile, folder: Path | None, record: Path | None, key: Path | None
) -> None:
    """Converse over the profile's sound devices until Ctrl-C; nothing is left but a recording."""
    from edge import live

    with ExitStack() as stack:
        places = _places(folder, stack)
        recorder = live.recording(record, key, name, profile) if record else None
        console = Console(highlight=False)
        live.converse(f"edge live: {profile.board.title}", profile, places, recorder, console)
    click.echo("The conversation is over, and its keys are gone.")
    if record and recorder:
        whole = "all of it" if recorder.whole else "its beginning"
        click.echo(f"{record}: {whole}, sealed; {live.key_file(record, key)} opens it")


@click.command
@click.option("--scenario", help="Name, .jsonl file, or 'all'.  [default: meg]")
@click.option("--voice", help="A shipped voice, or a folder of recordings.")
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--fast", is_flag=True, help="On a virtual clock: seconds, and the same each time.")
@click.option("--no-context", is_flag=True, help="Recognize without the dialogue's context.")
@click.option("--store", type=click.Path(path_type=Path), help="Leave the store's files here.")
@click.option("--list", "listed", is_flag=True, help="List scenarios, voices and profiles.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--live", is_flag=True, help="With you, over the profile's sound devices.")
@click.option("--record", type=click.Path(path_type=Path), help="--live: into this sealed file.")
@click.option("--record-key", type=click.Path(path_type=Path), help="Its key's file. [FILE.key]")
def demo(
    scenario: str | None,
    voice: str | None,
    profile: str,
    fast: bool,
    no_context: bool,
    store: Path | None,
    listed: bool,
    as_json: bool,
    live: bool,
    record: Path | None,
    record_key: Path | None,
) -> None:
    """Hold a spoken conversation through the real pipeline: in a simulated room, or with you."""
    if listed:
        for title, names in (
            ("scenarios", shipped()),
            ("voices", voices()),
            ("profiles", shipped_profiles()),
        ):
            click.echo(f"{title}: {', '.join(names)}")
        return
    chosen = load_profile(profile)
    if no_context:
        chosen = replace(chosen, turns=replace(chosen.turns, context=False))
    if live and (fast or as_json or voice or scenario):
        wrong = "no --fast, --json, --voice or --scenario"
        raise click.UsageError(f"--live is with you, in real time: {wrong}")
    if live:
        return converse(profile, chosen, store, record, record_key)
    if record or record_key:
        raise click.UsageError("--record is for --live: a scenario can be held again")
    names = shipped() if scenario == "all" else [scenario or "meg"]
    scenarios = [load(name) for name in names]
    telling = Telling(Console(quiet=as_json, highlight=False))
    turns = hold_all(scenarios, voice, chosen, fast, store, telling)
    if as_json:
        click.echo(json.dumps({"profile": profile, "turns": turns}))
    if astray := _astray(scenarios, turns):
        raise ScenarioError(f"{', '.join(astray)}: took another course, not every line was heard")
