"""A device profile: board, budgets and engine choice, read strictly from one TOML file.

Reads its file and nothing else. An unknown key, a wrong unit, a wrong type or an absurd
value is one clear line with a suggestion; a profile is taken whole or not at all.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from edge.board import (
    MOST_FASTER,
    MOST_SLOWER,
    SLOWEST_VOICE,
    SYNTHESIZERS,
    YARDSTICKS,
    Board,
    Budgets,
    Figure,
    Speeds,
    Trust,
    Work,
    slowness,
)
from edge.errors import ProfileError
from edge.hearing import Listening
from edge.session import Rules

MAY_BE_ZERO = {
    "channel",
    "encoder_nice",
    "late_ms",
    "lead_ms",
    "refractory_s",
    "reopens",
    "vad_mode",
}
EXPECTED = {
    float: "a number",
    int: "a whole number",
    str: "a text",
    bool: "true or false",
    date: "a date like 2026-11-22",
    Trust: "measured, published or derived",
    tuple[str, ...]: "a list of texts",
}
BOUNDS = {
    "cores": (1, 256),
    "memory_mb": (32, 262_144),
    "clock_mhz": (100, 10_000),
    "idle_core_share": (0, 1),
}
"""Of boards and budgets; beyond, a value is a slip."""
UNITS = ("_s", "_ms", "_hz", "_mhz", "_mb", "_bytes", "_frames")


@dataclass(frozen=True, slots=True)
class Engines:
    """Which engines work here, by the names of their entry points.

    speaker_model: filters other voices out; empty: everybody is heard.
    echo_canceller: hears over our own sound; empty: none.
    context_model: one that ships, or the path of a manifest with its context_model_sha256.
    """

    wake_word: str = "microwakeword"
    wake_words: tuple[str, ...] = ("alexa",)
    recognizer: str = "pocketsphinx"
    synthesizer: str = "espeak"
    skill: str = "household"
    context_encoder: str = "two_tower"
    context_model: str = "context-encoder"
    context_model_sha256: str = ""
    speaker_model: str = "speaker-encoder"
    echo_canceller: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound devices, by names or parts of them; empty: the system's default.

    channel: of the microphone's, from 0. late_ms: how much later than the devices say a sound is
    heard again; `edge devices` measures it.
    """

    microphone: str = ""
    loudspeaker: str = ""
    channel: int = 0
    late_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Signals:
    """What the device knows beside the dialogue. home: a file of lists, see edge/home.py."""

    home: str = ""


@dataclass(frozen=True, slots=True)
class Storage:
    """How the dialogue is kept. ttl_s: life of a dialogue after its last interaction began."""

    cipher: str = "aes-256-gcm"
    ttl_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Children:
    """Limits of the child processes; a hung child is killed after its hard limit.

    encoder_budget_ms: if the encoder needs longer at start, the vector is left out.
    """

    encoder_limit_s: float = 2.0
    encoder_budget_ms: float = 150.0
    encoder_memory_mb: int = 120
    recognizer_limit_s: float = 8.0
    recognizer_memory_mb: int = 400
    encoder_nice: int = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """Everything a device decides."""

    board: Board
    speed: Speeds = field(default_factory=Speeds)
    budgets: Budgets = field(default_factory=Budgets)
    engines: Engines = field(default_factory=Engines)
    audio: Audio = field(default_factory=Audio)
    signals: Signals = field(default_factory=Signals)
    listening: Listening = field(default_factory=Listening)
    turns: Rules = field(default_factory=Rules)
    storage: Storage = field(default_factory=Storage)
    children: Children = field(default_factory=Children)


def shipped_profiles() -> dict[str, Path]:
    """Profiles that come with the program, by name."""
    here = Path(__file__).parent
    folders = (here / "_device_profiles", here.parent / "device_profiles")
    found = next((folder for folder in folders if folder.is_dir()), folders[0])
    return {path.stem: path for path in sorted(found.glob("*.toml"))}


def load_profile(name: str) -> Profile:
    """A shipped profile by its name, or any by the path of its file; ProfileError in a line."""
    shipped = shipped_profiles()
    path = shipped.get(name, Path(name))
    if name not in shipped and path.suffix != ".toml":
        raise ProfileError(f"no profile '{name}'; {_suggest(name, shipped)}, or give a .toml file")
    try:
        table = tomllib.loads(path.read_text())
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name}: is not TOML: {error}") from error
    profile: Profile = _build(Profile, table, path.name, "")
    _check_values(profile, path.name)
    return profile


def _build(kind: type[Any], table: dict[str, Any], file: str, section: str) -> Any:
    known = {item.name: item for item in fields(kind)}
    where = f"{file} [{section}]" if section else file
    for key in table:
        if key not in known:
            raise ProfileError(f"{where}: unknown key '{key}'; {_suggest(key, known)}")
    missing = [name for name, item in known.items() if name not in table and _required(item)]
    if missing:
        raise ProfileError(f"{where}: '{missing[0]}' is missing")
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], table[key], file, section, key) for key in table})


def _required(item: Any) -> bool:
    return item.default is MISSING and item.default_factory is MISSING


def _value(hint: Any, given: Any, file: str, section: str, key: str) -> Any:
    if NoneType in get_args(hint):
        hint = get_args(hint)[0]
    if isinstance(given, dict) and isinstance(hint, type) and is_dataclass(hint):
        return _build(hint, given, file, f"{section}.{key}" if section else key)
    if hint is float and type(given) is int:
        return float(given)
    if hint == tuple[str, ...] and isinstance(given, list) and all(type(v) is str for v in given):
        return tuple(given)
    if type(given) is hint:
        return given
    place = f"{file} [{section}]" if section else file
    if hint is Trust and isinstance(given, str):
        return _trust(given, f"{place}: '{key}'")
    wanted = EXPECTED.get(hint, "a table")
    raise ProfileError(f"{place}: '{key}' must be {wanted}, not {given!r}")


def _trust(given: str, place: str) -> Trust:
    if given not in list(Trust):
        raise ProfileError(f"{place} is '{given}'; {_suggest(given, list(Trust))}")
    return Trust(given)


def _suggest(key: str, known: Any) -> str:
    """Another unit first, since that is the mistake that costs a factor of a thousand."""
    stem = next((key.removesuffix(unit) for unit in UNITS if key.endswith(unit)), key)
    other_unit = [name for name in known if name in {stem + unit for unit in UNITS}]
    close = other_unit or get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known are {', '.join(sorted(known))}"


def _check_values(profile: Profile, file: str) -> None:
    for section in fields(profile):
        part = getattr(profile, section.name)
        for item in fields(part):
            value = getattr(part, item.name)
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                _check_number(value, item.name, f"{file} [{section.name}]")
            if value == ():
                raise ProfileError(f"{file} [{section.name}]: '{item.name}' names nothing")
    if profile.storage.cipher not in ("aes-256-gcm", "chacha20-poly1305"):
        raise ProfileError(
            f"{file} [storage]: cipher '{profile.storage.cipher}' is unknown; "
            "take aes-256-gcm, or chacha20-poly1305 where the CPU has no AES"
        )
    _check_speeds(profile.speed, file)
    _check_model(profile.engines, file)
    if profile.listening.vad_mode > 3:
        raise ProfileError(f"{file} [listening]: vad_mode is 0, 1, 2 or 3")


def _check_number(value: float, name: str, place: str) -> None:
    if not 0 <= value < 1e9 or (value == 0 and name not in MAY_BE_ZERO):
        raise ProfileError(f"{place}: '{name}' is {value}")
    low, high = BOUNDS.get(name, (0, 1e9))
    if not low <= value <= high:
        raise ProfileError(f"{place}: '{name}' is {value}; believed are {low} to {high}")


def _check_speeds(speed: Speeds, file: str) -> None:
    for work in Work:
        if figure := speed.of(work):
            place = f"{file} [speed.{work}]"
            _check_figure(figure, tuple(YARDSTICKS[work]), place)
            times = slowness(work, figure.value, figure.unit)
            if not 1 / MOST_FASTER <= times <= MOST_SLOWER:
                raise _absurd(figure, place)
    if voice := speed.synthesis:
        place = f"{file} [speed.synthesis]"
        _check_figure(voice, SYNTHESIZERS, place)
        if voice.value > SLOWEST_VOICE:
            raise _absurd(voice, place)


def _check_figure(figure: Figure, units: tuple[str, ...], place: str) -> None:
    if figure.unit not in units:
        known = ", ".join(f"'{unit}'" for unit in units)
        raise ProfileError(f"{place}: 'unit' is '{figure.unit}'; known are {known}")
    if not 0 < figure.value < 1e9:
        raise ProfileError(f"{place}: 'value' is {figure.value}")
    if not figure.source.strip():
        raise ProfileError(f"{place}: 'source' is empty; say who measured or published it")


def _absurd(figure: Figure, place: str) -> ProfileError:
    """Mostly a slip of the unit."""
    return ProfileError(
        f"{place}: 'value' is {figure.value:g} {figure.unit}: no speaker's board is like that; "
        "compare it with its source"
    )


def _check_model(engines: Engines, file: str) -> None:
    """A model of one's own is named by its path and pinned; one that ships is pinned already."""
    own, pin = engines.context_model.endswith(".toml"), engines.context_model_sha256
    if own and not re.fullmatch("[0-9a-fA-F]{64}", pin):
        raise ProfileError(
            f"{file} [engines]: 'context_model' is a file of your own: "
            "give its 'context_model_sha256', 64 hexadecimal digits, as sha256sum prints them"
        )
    if pin and not own:
        raise ProfileError(
            f"{file} [engines]: 'context_model_sha256' is for a .toml file of your own; "
            "leave it out, a model that ships is pinned already"
        )
