"""The dialogue store over a disk that loses power, fails, or is written to by somebody else.

In small; `tools/campaign store` runs the same at full size.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge import schema
from edge.seal import Binding
from tests.campaigns import cuts, failures, mutations
from tests.campaigns.disk import library

needs_the_disk = pytest.mark.skipif(
    library() is None, reason="this Python brings its own SQLite, whose disk is out of reach"
)
persistent = pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "ram"])


@pytest.fixture
def home() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield directory
    shutil.rmtree(directory)


def cut(home: Path, deeds: int = 40, *, persistent: bool = True) -> list[str]:
    return cuts.run(home, 3, 210, deeds, persistent=persistent, tick=lambda: None)


@needs_the_disk
@persistent
def test_a_power_cut_loses_nothing_acknowledged(home: Path, persistent: bool) -> None:
    """With keys in RAM nothing is left after a cut, and the file is sound."""
    assert cut(home, persistent=persistent) == []


@needs_the_disk
def test_a_lost_acknowledgement_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above has eyes: without a sync for each commit, it sees what is lost."""
    prepare = schema._prepare
    monkeypatch.setattr(schema, "_prepare", lambda db, path, _: prepare(db, path, "NORMAL"))
    assert any("something acknowledged is lost" in fault for fault in cut(home))


@needs_the_disk
@persistent
def test_a_failing_access_is_an_error_and_no_more(home: Path, persistent: bool) -> None:
    tried, refused, faults = failures.run(home, 5, 25, 12, persistent=persistent, tick=lambda: None)
    assert faults == []
    assert refused > tried > 10


@pytest.mark.parametrize("mode", ["ram", "persistent"])
def test_no_changed_row_opens(home: Path, mode: str) -> None:
    assert mutations.run(home, 5, 400, mode, lambda: None) == []


@pytest.mark.parametrize(
    "unbound", [{"kind": ""}, {"number": 0}, {"interaction": ""}, {"expires_ms": 0}], ids=str
)
def test_a_change_that_opens_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch, unbound: dict[str, Any]
) -> None:
    """The test above has eyes: whatever the binding leaves out, some change then opens."""
    associated = Binding.associated
    monkeypatch.setattr(
        Binding, "associated", lambda self, mark: associated(self._replace(**unbound), mark)
    )
    assert mutations.run(home, 5, 400, "ram", lambda: None) != []
