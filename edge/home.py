"""The lists that a home tells once: contacts, devices, rooms and the like, from a file.

It reads a file when told to, and watches nothing.
"""

from __future__ import annotations

import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edge.errors import ProfileError
from edge.signals import LISTED, Listed

PHRASES_MAX = 20_000


def load(path: Path) -> dict[str, Listed]:
    """Signals from a TOML or JSON file: `contacts = ["Meg Bauer"]`, by their keys.

    ProfileError in a line for an unknown key, another type or too many phrases.
    """
    try:
        text = path.read_text(encoding="utf-8")
        table: Any = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise ProfileError(f"{path}: no TOML or JSON ({type(error).__name__}); check it") from None
    if not isinstance(table, dict):
        raise ProfileError(f"{path}: holds no table of lists; write contacts, devices, rooms")
    return {key: _listed(key, phrases, path) for key, phrases in table.items()}


def _listed(key: str, phrases: object, path: Path) -> Listed:
    if key not in LISTED:
        close = get_close_matches(key, LISTED, n=1, cutoff=0.5)
        hint = f"did you mean '{close[0]}'?" if close else f"known are {', '.join(LISTED)}"
        raise ProfileError(f"{path}: holds an unknown signal; {hint}")
    if not isinstance(phrases, list) or not all(isinstance(one, str) for one in phrases):
        raise ProfileError(f"{path}: '{key}' must be a list of texts")
    if len(phrases) > PHRASES_MAX:
        raise ProfileError(f"{path}: '{key}' holds over {PHRASES_MAX} phrases; shorten it")
    return LISTED[key](tuple(phrases))
