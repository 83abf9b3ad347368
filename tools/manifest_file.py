"""A model's manifest as TOML text, and the pins of those that ship."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edge import pins
from edge.tflite import Manifest

ROOT = Path(__file__).resolve().parent.parent
MODELS, PINS = ROOT / "models", ROOT / "edge" / "pins.py"
SCALARS = ("name", "file", "package", "sha256", "size_bytes", "licence", "training_data")


def write(manifest: Manifest) -> None:
    """Write the manifest to its path; in models/ it is pinned with that."""
    manifest.path.write_text("\n".join(_lines(manifest)) + "\n", encoding="utf-8")
    if manifest.path.resolve().parent == MODELS:
        pin([manifest.path])


def write_weights(path: Path, content: bytes, origin: Mapping[str, Any], **tables: Any) -> None:
    """Write plain numbers beside their manifest at `path`; as `describe_weights`."""
    path.with_suffix(".bin").write_bytes(content)
    describe_weights(path.with_suffix(".bin"), origin, **tables)


def describe_weights(file: Path, origin: Mapping[str, Any], **tables: Any) -> None:
    """Write the manifest of a file that is there, beside it; in models/ it is pinned with that.

    origin: licence and training_data. tables: parameters, metrics and tables in them.
    """
    content, path = file.read_bytes(), file.with_suffix(".toml")
    described = {
        "name": path.stem,
        "file": file.name,
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        **origin,
    }
    lines = list(_pairs(described))
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_pairs(table)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if path.resolve().parent == MODELS:
        pin([path])


def pin_of(path: Path) -> pins.Pin:
    """What this manifest is now."""
    content = path.read_bytes()
    return pins.Pin(hashlib.sha256(content).hexdigest(), len(content))


def pin(paths: Iterable[Path]) -> None:
    """Make these manifests what the package accepts under their names, others as they were."""
    importlib.reload(pins)  # a training takes long: others may have been pinned meanwhile
    pins.SHIPPED.update((path.stem, pin_of(path)) for path in paths)
    rows = [
        f'    "{name}": Pin(\n        "{now.sha256}",\n        {now.size_bytes},\n    ),\n'
        for name, now in sorted(pins.SHIPPED.items())
        if (MODELS / f"{name}.toml").is_file()
    ]
    table = "SHIPPED: dict[str, Pin] = {\n" + "".join(rows) + "}\n"
    PINS.write_text(re.sub(r"(?ms)^SHIPPED.*", lambda _: table, PINS.read_text()))


def _lines(manifest: Manifest) -> Iterator[str]:
    yield from _pairs({key: getattr(manifest, key) for key in (*SCALARS, "tolerance")})
    for key in ("parameters", "metrics"):
        if table := getattr(manifest, key):
            yield from ("", f"[{key}]", *_pairs(table))
    for key in ("inputs", "outputs", "golden"):
        for each in getattr(manifest, key):
            yield from ("", f"[[{key}]]", *_pairs(asdict(each)))


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    """Every value here is written alike in JSON and TOML."""
    for key, value in table.items():
        if value is not None:
            yield f"{key} = {json.dumps(value)}"
