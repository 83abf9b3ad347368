"""A model's manifest as TOML text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from edge.tflite import Manifest

SCALARS = ("name", "file", "package", "sha256", "size_bytes", "licence", "training_data")


def write(manifest: Manifest) -> None:
    """Write the manifest to its path."""
    manifest.path.write_text("\n".join(_lines(manifest)) + "\n", encoding="utf-8")


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
