"""The compute window's bench, small: every figure is there, and faults cost vectors only."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.assembly import encoder_child
from edge.bench_window import drawn_lengths, recorded_lengths
from edge.cli import main
from edge.dialogue import Act, Expectation, Slot
from edge.errors import EngineError
from edge.profile import load_profile
from edge.sabotage import FAULTS, Sabotaged
from edge.window import RemoteEncoder

ASKED = Expectation(Act.CONFIRM, Slot.YES_NO)


REPLIES = ("Is that right?", "Which of the three would you like to hear about first?", "Done.")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Dialogues of two questions and a statement."""
    path = tmp_path / "dialogues.jsonl"
    records = [
        {
            "turns": [{"role": "user", "text": "hello"}, {"role": "system", "text": reply}],
            "target": "yes",
            "system_asks": reply.endswith("?"),
        }
        for reply in REPLIES
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_bench_prints_every_figure(recorded: Path) -> None:
    result = CliRunner().invoke(
        main, ["bench", "window", str(recorded), "--windows", "40", "--faults", "6", "--json"]
    )
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["windows"] == 40
    assert figures["ready_share"] == 1.0
    assert figures["ready_share_ge_900ms"] == 1.0
    assert 0 < figures["encode_ms"]["p50"] <= figures["encode_ms"]["p99"]
    assert figures["encode_ms"]["p50"] < figures["with_phrases_ms"]["p50"]
    assert 10 < figures["child_rss_mb"] < 500
    assert (figures["recorded"]["windows"], figures["recorded"]["ready_share"]) == (2, 1.0)
    faults = figures["faults"]
    assert faults["injected"] == sum(faults["by_kind"].values()) >= 6
    assert (faults["missed_reopenings"], faults["without_faults"]["missed_reopenings"]) == (0, 0)


def test_recorded_lengths_are_those_of_replies_that_ask(recorded: Path) -> None:
    assert list(recorded_lengths(recorded)) == pytest.approx([3 * 60 / 170, 11 * 60 / 170])


def test_data_that_cannot_be_read_is_said_before_anything_runs(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["bench", "window", str(tmp_path / "none.jsonl"), "--json"])
    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_a_fault_is_counted_when_it_happened() -> None:
    """A child that is kept down after a failure cannot be hit."""
    with closing(encoder_child(load_profile("laptop"), Sabotaged)) as child:
        child.fault = "kill"
        for _ in range(3):
            with pytest.raises(EngineError):
                RemoteEncoder(child, 0.5).encode([], ASKED)
    assert child.injected == {"kill": 1}


def test_lengths_are_those_of_replies_that_ask() -> None:
    lengths = sorted(drawn_lengths(20_000, seed=3))
    assert lengths == sorted(drawn_lengths(20_000, seed=3))
    assert 0.35 <= lengths[0]
    assert lengths[-1] <= 20.0
    assert 1.3 < lengths[1000] < 1.5
    assert 3.7 < lengths[10_000] < 4.1


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "slow"])
def test_every_fault_is_an_error_of_the_encoder_and_passes(fault: str) -> None:
    ticks = iter(range(0, 1 << 40, 1000))
    profile = load_profile("laptop")
    with closing(encoder_child(profile, Sabotaged, lambda: float(next(ticks)))) as child:
        encoder = RemoteEncoder(child, 0.5)
        child.fault = fault
        with pytest.raises(EngineError):
            encoder.encode([], ASKED)
        child.fault = None
        assert len(RemoteEncoder(child, 20.0).encode([], ASKED).vector) > 0
