"""A scripted conversation: what customers say and when; the format is in scenarios/README.md.

Reads scenario files and knows where the recordings of their utterances are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edge.clip import read_clip
from edge.errors import AudioError, ScenarioError

FOLDER = Path(__file__).parent / "scenarios"
CLIPS = FOLDER / "clips"
SUFFIXES = (".flac", ".wav", ".opus", ".ogg")

Known = Mapping[str, tuple[type, ...]]
NUMBER = (int, float)
MOST = 60_000
HEADER: Known = {"title": (str,), "about": (str,), "voice": (str,), "faults": (dict,)}
LINE: Known = {"say": (str,), "wake": (str,), "after_ms": NUMBER}
FAULTS: Known = {"encoder_delay_s": NUMBER}


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance. wake: said after this wake word, to an idle device.

    after_ms: said into the re-opened microphone, so long after the reply's sound has ended.
    """

    say: str
    wake: str | None = None
    after_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose. encoder_delay_s: how much later the encoder answers."""

    encoder_delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """A conversation with one customer."""

    name: str
    title: str
    about: str
    voice: str
    lines: tuple[Line, ...]
    faults: Faults = Faults()


def shipped() -> dict[str, Path]:
    """Scenarios that come with the program, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.jsonl"))}


def voices() -> list[str]:
    """Customers' voices that come with the program."""
    return sorted(path.name for path in CLIPS.iterdir())


def load(name: str) -> Scenario:
    """A shipped scenario, or any by its path; ScenarioError names the line and the reason."""
    path, rows = rows_of(name, shipped())
    header = fields_of(path, 1, rows[0], HEADER)
    lines = tuple(_line(path, number, row) for number, row in enumerate(rows[1:], 2))
    faults = typed(f"{path.name} line 1", header.pop("faults", {}), FAULTS)
    texts = {key: header.get(key, "") for key in ("title", "about", "voice")}
    return Scenario(path.stem, **texts, lines=lines, faults=Faults(**faults))


def rows_of(name: str, known: Mapping[str, Path]) -> tuple[Path, list[str]]:
    """The file that is meant and its lines; ScenarioError when it has no utterance."""
    path = known.get(name, Path(name))
    if name not in known and path.suffix != ".jsonl":
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(known)}"
        raise ScenarioError(f"no scenario '{name}'; {hint}")
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: cannot be read as text") from error
    if len(rows) < 2:
        raise ScenarioError(f"{path.name}: holds a header and no utterance; add one a line")
    return path, rows


def _line(path: Path, number: int, row: str) -> Line:
    given = fields_of(path, number, row, LINE)
    if "say" not in given or ("wake" in given) == ("after_ms" in given):
        where = f"{path.name} line {number}"
        raise ScenarioError(f"{where}: wants 'say' and either 'wake' or 'after_ms'")
    return Line(**given)


def fields_of(path: Path, number: int, row: str, known: Known) -> dict[str, Any]:
    """One line's object; ScenarioError names line and reason when it holds what is not known."""
    where = f"{path.name} line {number}"
    try:
        return typed(where, json.loads(row), known)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(f"{where}: is not JSON ({error})") from error


def typed(where: str, given: object, known: Known) -> dict[str, Any]:
    """An object of known keys, numbers within reason, no empty text; else ScenarioError."""
    if not isinstance(given, dict):
        raise ScenarioError(f"{where}: must be an object")
    for key, value in given.items():
        if key not in known:
            raise ScenarioError(f"{where}: unknown key '{key}'; known are {', '.join(known)}")
        number = type(value) in NUMBER
        if type(value) not in known[key] or (not 0 <= value <= MOST if number else value == ""):
            raise ScenarioError(f"{where}: '{key}' cannot be {value!r}")
    return given


class Voice:
    """Somebody's recordings: a shipped voice by name, or a folder of `call_meg.flac` files."""

    def __init__(self, name: str) -> None:
        self._folder = CLIPS / name if name in voices() else Path(name)
        if not (name and self._folder.is_dir()):
            known = ", ".join(voices())
            raise ScenarioError(f"no voice '{name}'; take {known}, or a folder of recordings")

    def clip(self, text: str) -> bytes:
        """This utterance as 16 kHz mono int16; AudioError when missing or broken."""
        slug = "_".join("".join(c if c.isalnum() else " " for c in text.lower()).split())
        paths = [self._folder / f"{slug}{suffix}" for suffix in SUFFIXES]
        found = next((path for path in paths if path.exists()), None)
        if found is None:
            raise AudioError(f"{self._folder}: no recording {slug}.flac (or .wav, .opus)")
        return read_clip(found)
