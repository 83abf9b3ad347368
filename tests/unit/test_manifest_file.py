"""What the tools write is what the package then accepts."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge import pins
from edge.errors import ModelError
from edge.tflite import Manifest, shipped
from tools import manifest_file


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of models and a table of pins that nobody else uses."""
    monkeypatch.setattr(manifest_file, "MODELS", tmp_path)
    monkeypatch.setattr(manifest_file, "PINS", tmp_path / "pins.py")
    monkeypatch.setattr(pins, "SHIPPED", {"gone": pins.Pin("0" * 64, 1)})
    shutil.copy(pins.__file__, tmp_path / "pins.py")
    return tmp_path


def test_a_manifest_that_is_written_among_the_models_is_pinned(models):
    original = Manifest.unpinned(shipped("wake-alexa"))
    written = replace(original, path=models / "wake-alexa.toml")
    with pytest.raises(ModelError):
        Manifest.load(shipped("wake-alexa"))
    manifest_file.write(written)
    assert Manifest.load(written.path) == written
    table: dict[str, Any] = {}
    exec((models / "pins.py").read_text(), table)  # noqa: S102 - it is what was just written
    assert list(table["SHIPPED"]) == ["wake-alexa"]
    assert table["SHIPPED"]["wake-alexa"].fits(written.path.read_bytes())


def test_a_manifest_that_is_written_elsewhere_is_not(models, tmp_path):
    (tmp_path / "work").mkdir()
    original = Manifest.unpinned(shipped("wake-alexa"))
    written = replace(original, path=tmp_path / "work" / "wake-alexa.toml")
    manifest_file.write(written)
    with pytest.raises(ModelError, match="not the manifest that is pinned"):
        Manifest.load(written.path)
    assert Manifest.unpinned(written.path) == written
