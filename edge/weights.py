"""A model that is plain numbers: its manifest, and its file, verified and mapped into memory.

The manifest is pinned in the package and pins its file in turn. It runs nothing, never downloads,
and does not know what the numbers mean.
"""

from __future__ import annotations

import hashlib
import mmap
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge import pins
from edge.errors import ModelError

_PACKAGE = Path(__file__).parent
_FOLDERS = (_PACKAGE / "_models", _PACKAGE.parent / "models")


@dataclass(frozen=True, slots=True)
class Weights:
    """`content` is that of the file beside the manifest, read-only and shared between processes.

    path: of the file, for a library that reads it by itself.
    """

    parameters: Mapping[str, Any]
    content: mmap.mmap | bytes
    path: Path | None = None


def shipped(name: str) -> Weights:
    """The weights that ship with the package, installed or in a source checkout."""
    for folder in _FOLDERS:
        path = folder / f"{name}.toml"
        if path.is_file():
            manifest, pin = path.read_bytes(), pins.SHIPPED.get(name)
            if pin is None or not pin.fits(manifest):
                raise ModelError(f"{path}: not the pinned manifest; restore it")
            return _opened(path, manifest)
    raise ModelError(f"models/{name}.toml: no such model is shipped; reinstall the package")


def opened(path: Path) -> Weights:
    """The weights of a manifest, not pinned; ModelError when the file is not the one it names."""
    try:
        return _opened(path, path.read_bytes())
    except OSError as error:
        raise _broken(path, error) from None


def _opened(path: Path, manifest: bytes) -> Weights:
    try:
        table = tomllib.loads(manifest.decode())
        file = path.parent / Path(table["file"]).name
        with file.open("rb") as source:
            content = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ)
        genuine = hashlib.sha256(content).hexdigest() == table["sha256"]
        parameters = dict(table["parameters"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _broken(path, error) from None
    if not genuine:
        raise ModelError(f"{file}: not the SHA-256 of {path.name}; restore the model file")
    return Weights(parameters, content, file)


def _broken(path: Path, error: Exception) -> ModelError:
    return ModelError(f"{path}: {type(error).__name__}; restore the manifest and the file it names")
