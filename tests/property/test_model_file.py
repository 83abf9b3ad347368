"""No byte of a model or its manifest changes without its being refused, and nothing parses it."""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge import tflite
from edge.errors import ModelError
from edge.tflite import Manifest, Model, shipped

NAMES = ("context-encoder", "wake-alexa")
MUTATIONS = int(os.environ.get("EDGE_MODEL_MUTATIONS", "60"))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each file was that got as far as being parsed, as a model or as TOML."""
    lengths: list[int] = []
    runtime, toml = vars(tflite)["_runtime"], vars(tflite)["tomllib"]
    interpreter, loads = runtime.Interpreter, toml.loads

    def seen_interpreter(**options: Any) -> object:
        lengths.append(len(options["model_content"]))
        return interpreter(**options)

    def seen_loads(text: str) -> object:
        lengths.append(len(text.encode()))
        return loads(text)

    monkeypatch.setattr(runtime, "Interpreter", seen_interpreter)
    monkeypatch.setattr(toml, "loads", seen_loads)
    return lengths


def mutate(path: Path, original: bytes, draw: random.Random) -> None:
    """Change one byte, cut the end off, or add to it."""
    kind, place = draw.randrange(8), draw.randrange(len(original))
    with path.open("r+b") as file:
        if kind == 0:
            file.truncate(place)
        elif kind == 1:
            file.seek(0, os.SEEK_END)
            file.write(draw.randbytes(draw.randint(1, 64)))
        else:
            file.seek(place)
            file.write(bytes([original[place] ^ draw.randint(1, 255)]))


def refuse_all(path: Path, said: str, load: Callable[[], object]) -> None:
    original, draw = path.read_bytes(), random.Random(20_261_122)
    for _ in range(MUTATIONS):
        mutate(path, original, draw)
        with pytest.raises(ModelError, match=said):
            load()
        path.write_bytes(original)


def test_no_mutated_model_file_is_ever_parsed(tmp_path, parsed):
    manifest = Path(shutil.copy(shipped("context-encoder"), tmp_path))
    path = Path(shutil.copy(shipped("context-encoder").with_suffix(".tflite"), tmp_path))
    described = Manifest.load(manifest)
    parsed.clear()
    refuse_all(path, "restore the model file", lambda: Model(described))
    assert parsed == []
    Model(described)
    assert set(parsed) == {path.stat().st_size}


@pytest.mark.parametrize("name", NAMES)
def test_no_mutated_manifest_is_ever_parsed(tmp_path, parsed, name):
    path = Path(shutil.copy(shipped(name), tmp_path))
    refuse_all(path, "not the manifest that is pinned", lambda: Manifest.load(path))
    assert parsed == []
    assert Manifest.load(path).name == name
    assert parsed == [path.stat().st_size]
