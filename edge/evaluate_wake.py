"""`edge eval wake`: how often a wake word is missed, and how often it is heard in something else.

Plays recorded clips, one after another, to the detectors that ship. It trains nothing and
changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from edge import pins
from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.engines.microwakeword import MicroWakeWord
from edge.errors import QuestionError
from edge.followups import records
from edge.protocols import WakeWordDetector
from edge.questions import plain

PREFIX = "wake-"
PAUSE_S = 0.6
PAUSE_LOUDNESS = 10.0
"""Between clips lies faint noise, RMS in int16 steps: a word then has a pause before and after."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clip and what is said in it, as a recognizer prints it; empty when nobody wrote it down."""

    path: Path
    start_s: float
    length_s: float
    text: str


@dataclass
class Tally:
    """Of one wake word. false: heard where it was not said, in `other_s` of sound."""

    clips: int = 0
    missed: int = 0
    false: int = 0
    other_s: float = 0.0

    def figures(self) -> dict[str, Any]:
        """What is printed; a rate of no sound at all is None."""
        hours = self.other_s / 3600
        return {
            "clips": self.clips,
            "missed": self.missed,
            "false": self.false,
            "false_per_hour": round(self.false / hours, 3) if hours else None,
            "hours": round(hours, 4),
        }


def read(path: Path) -> Iterator[Spoken]:
    """The clips of a voice manifest; QuestionError names the line that is none."""
    for number, row in records(path):
        try:
            text = plain(row.get("text") or "")
            start_s, length_s = float(row.get("start") or 0.0), float(row["dur"])
            yield Spoken(path.parent / row["file"], start_s, length_s, text)
        except KeyError as error:
            message = f"{path}: line {number}: field {error} is missing; add it"
            raise QuestionError(message) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise QuestionError(f"{path}: line {number}: {error}; mend the line") from None


def listened(clips: Iterable[Spoken], detectors: Sequence[WakeWordDetector]) -> dict[str, Tally]:
    """What each detector made of all clips, as one stream."""
    tallies = {detector.word: Tally() for detector in detectors}
    pause = _pause()
    for clip in clips:
        pcm = read_clip(clip.path, clip.start_s, clip.length_s)
        for detector in detectors:
            fired = fires(detector, pcm + pause)
            _count(tallies[detector.word], clip, detector.word, fired, len(pcm) / 2 / RATE_HZ)
    return tallies


def fires(detector: WakeWordDetector, pcm: bytes) -> int:
    """How often it fired in whole frames of this sound."""
    starts = range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)
    return sum(detector.detect(pcm[at : at + FRAME_BYTES]) for at in starts)


def _count(tally: Tally, clip: Spoken, word: str, fired: int, length_s: float) -> None:
    """A clip of the word alone is a trial; one that holds it among others tells nothing."""
    said = plain(word.replace("_", " "))
    if clip.text == said:
        tally.clips += 1
        tally.missed += fired == 0
    elif f" {said} " not in f" {clip.text} ":
        tally.false += fired
        tally.other_s += length_s


def _pause() -> bytes:
    noise = np.random.default_rng(1).normal(0.0, PAUSE_LOUDNESS, round(PAUSE_S * RATE_HZ))
    return bytes(noise.astype("<i2"))


def evaluate(manifest: Path, words: Sequence[str], limit: int | None = None) -> dict[str, Any]:
    """The figures of a manifest, by wake word."""
    clips = list(islice(read(manifest), limit))
    if not clips:
        raise QuestionError(f"{manifest}: holds no clip; give a voice manifest")
    detectors = [MicroWakeWord(word) for word in words]
    shown = track(clips, "Listening", console=Console(stderr=True), transient=True)
    tallies = listened(shown, detectors)
    return {"words": {word: tally.figures() for word, tally in tallies.items()}}


def shipped_words() -> list[str]:
    """The wake words whose models ship."""
    return [name.removeprefix(PREFIX) for name in pins.SHIPPED if name.startswith(PREFIX)]


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--word", "words", multiple=True, help="Only this wake word; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="So many of the first clips.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def wake(manifest: Path, words: tuple[str, ...], limit: int | None, as_json: bool) -> None:
    """Judge the wake words on recorded clips: a voice manifest (.jsonl)."""
    found = evaluate(manifest, words or shipped_words(), limit)
    click.echo(json.dumps(found) if as_json else "\n".join(_lines(found["words"])))


def _lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for word, one in found.items():
        yield f"{word:16}" + "  ".join(f"{name} {value}" for name, value in one.items())
