"""A file of numbers is what its manifest says, and the manifest is what the package says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge import pins, weights
from edge.errors import ModelError

CONTENT = b"\1\2\3\4"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    (tmp_path / "few.bin").write_bytes(CONTENT)
    path = tmp_path / "few.toml"
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    path.write_text(f'file = "few.bin"\nsha256 = "{sha256}"\n[parameters]\ncount = 4\n')
    return path


@pytest.fixture
def shipped(manifest: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(weights, "_FOLDERS", (manifest.parent,))
    pin = pins.Pin(hashlib.sha256(manifest.read_bytes()).hexdigest())
    monkeypatch.setitem(pins.SHIPPED, "few", pin)
    return manifest


def test_numbers_and_parameters_are_there(shipped: Path) -> None:
    found = weights.shipped("few")
    assert bytes(found.content) == CONTENT
    assert found.parameters == {"count": 4}
    assert found.path == shipped.parent / "few.bin"


def test_another_manifest_is_refused_before_it_is_read(shipped: Path) -> None:
    shipped.write_text("this is no TOML [")
    with pytest.raises(ModelError, match="not the pinned manifest"):
        weights.shipped("few")


def test_another_file_is_refused(shipped: Path) -> None:
    (shipped.parent / "few.bin").write_bytes(CONTENT[::-1])
    with pytest.raises(ModelError, match="not the SHA-256"):
        weights.shipped("few")


@pytest.mark.parametrize("content", ["", "file = 1", "[", 'file = "other.bin"'])
def test_a_broken_manifest_is_one_line(manifest: Path, content: str) -> None:
    manifest.write_text(content)
    with pytest.raises(ModelError, match=r"few\.toml: .*restore the manifest"):
        weights.opened(manifest)


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(ModelError, match="no such model is shipped"):
        weights.shipped("nothing")


@pytest.mark.parametrize("name", ["pronunciations", "rescorer", "wording", "language-model"])
def test_what_ships_is_whole(name: str) -> None:
    assert len(weights.shipped(name).content) > 1000
