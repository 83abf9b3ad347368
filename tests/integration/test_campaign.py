"""`tools/campaign`: each campaign runs, and one that finds something says so."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.campaigns import disk, mutations
from tests.campaigns.__main__ import main

pytestmark = pytest.mark.skipif(
    disk.library() is None, reason="this Python brings its own SQLite, whose disk is out of reach"
)
SMALL = ["store", "--kills", "2", "--cuts", "30", "--mutations", "30", "--operations", "20"]


def test_every_campaign_runs_and_finds_nothing() -> None:
    result = CliRunner().invoke(main, SMALL, catch_exceptions=False)
    summary = json.loads(result.stdout)
    assert {name: one["faults"] for name, one in summary.items() if one["faults"]} == {}
    assert summary["cuts persistent"]["count"] == 30
    assert summary["threads"]["count"] == 160
    assert {name.split()[0] for name in summary} == {
        "cuts",
        "failures",
        "kills",
        "mutations",
        "threads",
    }
    assert result.exit_code == 0


def test_a_fault_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mutations, "run", lambda *_, tick: ["seed 1, mutation 7: opened"])
    none = ["--kills", "0", "--cuts", "0", "--operations", "0"]
    result = CliRunner().invoke(main, ["store", *none, "--mutations", "2"])
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert summary["mutations ram"]["first_faults"] == ["seed 1, mutation 7: opened"]
