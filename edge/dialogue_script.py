"""A dialogue without sound: what is heard and replied, line by line; see scenarios/README.md.

Reads files and knows those that ship. What the device makes of a dialogue is not written in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.errors import ScenarioError
from edge.scenario import FOLDER, NUMBER, Known, fields_of, rows_of, shipped, typed

K = TypeVar("K", Act, Slot)

HEADER: Known = {"title": (str,), "about": (str,), "faults": (dict,)}
LINE: Known = {
    "say": (str,),
    "wake": (str,),
    "after_ms": NUMBER,
    "reply": (str,),
    "sounds_s": NUMBER,
    "asks": (dict,),
    "offers": (dict,),
}
ASKS: Known = {"act": (str,), "slot": (str,)}
FAULTS: Known = {
    "encoder_delay_s": NUMBER,
    "storage_stall_s": NUMBER,
    "storage_stall_share": NUMBER,
    "busy_cores": (int,),
}
WORDS_PER_S = 170 / 60
"""How fast replies are spoken."""


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on purpose.

    encoder_delay_s: how much later the encoder answers. storage_stall_s: what a write takes
    longer, storage_stall_share: in so many of all writes. busy_cores: how many others use up.
    """

    encoder_delay_s: float = 0.0
    storage_stall_s: float = 0.0
    storage_stall_share: float = 1.0
    busy_cores: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is heard and what is replied. wake and after_ms: as in a Line with sound.

    sounds_s: how long the reply sounds. asked: what it asks, for the next exchange to answer.
    """

    say: str
    reply: str
    sounds_s: float
    wake: str | None = None
    after_ms: float | None = None
    asked: Expectation | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A dialogue with one customer."""

    name: str
    title: str
    about: str
    exchanges: tuple[Exchange, ...]
    faults: Faults = Faults()


def shipped_scripts() -> dict[str, Path]:
    """Dialogues that come with the program, by name."""
    return {path.stem: path for path in sorted((FOLDER / "text").glob("*.jsonl"))}


def has_sound(name: str) -> bool:
    """Whether a scenario is spoken: its header names a voice. ScenarioError as `load_script`."""
    path, rows = rows_of(name, {**shipped(), **shipped_scripts()})
    return "voice" in fields_of(path, 1, rows[0], {**HEADER, "voice": (str,)})


def load_script(name: str) -> Script:
    """A shipped dialogue, or any by its path; ScenarioError names the line and the reason."""
    path, rows = rows_of(name, shipped_scripts())
    header = fields_of(path, 1, rows[0], HEADER)
    exchanges: list[Exchange] = []
    for number, row in enumerate(rows[1:], 2):
        exchanges.append(_exchange(path, number, row, exchanges))
    faults = typed(f"{path.name} line 1", header.pop("faults", {}), FAULTS)
    if faults.get("storage_stall_share", 1) > 1:
        raise ScenarioError(f"{path.name} line 1: 'storage_stall_share' is a share, at most 1")
    texts = {key: header.get(key, "") for key in ("title", "about")}
    return Script(path.stem, **texts, exchanges=tuple(exchanges), faults=Faults(**faults))


def _exchange(path: Path, number: int, row: str, before: list[Exchange]) -> Exchange:
    where, given = f"{path.name} line {number}", fields_of(path, number, row, LINE)
    if not {"say", "reply"} <= given.keys() or ("wake" in given) == ("after_ms" in given):
        raise ScenarioError(f"{where}: wants 'say', 'reply' and either 'wake' or 'after_ms'")
    if "after_ms" in given and not (before and before[-1].asked):
        raise ScenarioError(f"{where}: answers, but nothing was asked: give it a 'wake'")
    asks, offers = given.pop("asks", None), given.pop("offers", {})
    if asks is None and offers:
        raise ScenarioError(f"{where}: 'offers' belongs to a reply that 'asks'")
    given.setdefault("sounds_s", len(given["reply"].split()) / WORDS_PER_S)
    return Exchange(**given, asked=None if asks is None else _expectation(where, asks, offers))


def _expectation(where: str, asks: Any, offers: Mapping[str, Any]) -> Expectation:
    kinds = typed(where, asks, ASKS)
    if kinds.keys() != ASKS.keys():
        raise ScenarioError(f"{where}: 'asks' wants 'act' and 'slot'")
    act, slot = _one_of(where, Act, kinds["act"]), _one_of(where, Slot, kinds["slot"])
    catalogues = (_catalogue(where, one, offers[one]) for one in offers)
    return Expectation(act, slot, tuple(catalogues))


def _catalogue(where: str, slot: str, phrases: object) -> Catalogue:
    if not isinstance(phrases, list) or not all(type(one) is str and one for one in phrases):
        raise ScenarioError(f"{where}: 'offers' wants a list of texts for '{slot}'")
    return Catalogue(_one_of(where, Slot, slot), tuple(phrases))


def _one_of(where: str, kind: type[K], given: str) -> K:
    try:
        return kind(given)
    except ValueError:
        known = ", ".join(kind)
        raise ScenarioError(
            f"{where}: unknown {kind.__name__.lower()} '{given}'; {known}"
        ) from None
