import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from edge import tflite
from edge.errors import ModelError
from edge.tflite import Manifest, Model, shipped

MUTATIONS = int(os.environ.get("EDGE_MODEL_MUTATIONS", "60"))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each model file was that got as far as being parsed."""
    lengths: list[int] = []
    runtime = vars(tflite)["_runtime"]
    real = runtime.Interpreter

    def interpreter(**options: Any) -> object:
        lengths.append(len(options["model_content"]))
        return real(**options)

    monkeypatch.setattr(runtime, "Interpreter", interpreter)
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


def test_no_mutated_model_file_is_ever_parsed(tmp_path, parsed):
    manifest = Path(shutil.copy(shipped("context-encoder"), tmp_path))
    path = Path(shutil.copy(shipped("context-encoder").with_suffix(".tflite"), tmp_path))
    original, draw = path.read_bytes(), random.Random(20_261_122)
    described = Manifest.load(manifest)
    for _ in range(MUTATIONS):
        mutate(path, original, draw)
        with pytest.raises(ModelError, match="restore the model file"):
            Model(described)
        path.write_bytes(original)
    assert parsed == []
    Model(described)
    assert set(parsed) == {len(original)}
