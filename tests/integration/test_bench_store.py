"""`edge bench store` in small: every figure is there and can be told; none of them is judged."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge import bench_store
from edge.bench_store import Home
from edge.rivals import Ours, Resealed, Rival, bare, fill
from edge.seal import KEY_BYTES, Key
from edge.soundless import Turns
from edge.store_figures import Samples, unseals, words

NAMED = {
    "append_vs_sqlite3",
    "queue_hop_us",
    "append_vs_sqlcipher",
    "reseal_20kb_vs_append",
    "payload_growth",
    "bytes_written_per_event",
    "seal_share_of_commit",
    "unseals_without_expect_speech",
}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with bench_store.places() as home:
        yield home


def appended(rival: Rival, times: int, interaction: str = "i-1") -> Any:
    """What it then is."""
    return [rival.append(interaction) for _ in range(times)][-1]


def test_every_figure_is_there_and_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, few in (("EVENTS", 256), ("HOPS", 20), ("TURNS", 3)):
        monkeypatch.setattr(bench_store, name, few)
    monkeypatch.setattr(tempfile, "tempdir", "/dev/shm")  # noqa: S108 - where no write is counted
    options = ["--json", "--rounds", "2", "--rows", "1000"]
    result = CliRunner().invoke(bench_store.store, options, catch_exceptions=False)
    figures = json.loads(result.stdout)
    assert NAMED <= figures.keys()
    assert figures["unseals_without_expect_speech"] == 0
    assert figures["unseals_with_expect_speech"] == 2 + 4 + 6
    assert set(figures["detail"]["append_us_by_rows"]) == {"100", "1000"}
    absent = [name for name in NAMED if figures[name] is None]
    assert absent in ([], ["append_vs_sqlcipher"])
    assert bool(absent) == (bench_store.NO_SQLCIPHER in figures["notes"])
    assert figures["bytes_written_per_event"] == {"normal": None, "full": None}
    assert bench_store.NO_COUNT in figures["notes"]
    assert set(figures["missed"]) <= NAMED - {"bytes_written_per_event"}
    text = "\n".join(bench_store.as_text(figures))
    assert all(name in text for name in NAMED)
    assert text.count("MISSED") == len(figures["missed"])


def test_all_rivals_keep_the_same_events(home: Home, tmp_path: Path) -> None:
    key = Key(secrets.token_bytes(KEY_BYTES))
    rivals: list[Rival] = [
        Ours(home.store("ours")),
        bare(tmp_path / "bare", "NORMAL"),
        Resealed(tmp_path / "resealed", "NORMAL", key, os.urandom),
    ]
    for rival in rivals:
        rival.begin("i-1", words(20))
    ours, plain, resealed = (appended(rival, 3) for rival in rivals)
    assert ours.revision == plain[3] == resealed["revision"] == 4
    assert " ".join(ours.events) == plain[4] == "WAKE:1 PLAYED PLAYED PLAYED"
    assert resealed["events"] == ["WAKE", *["PLAYED"] * 3]
    for rival in rivals:
        rival.close()


def test_sqlcipher_keeps_them_too_and_nothing_can_be_read(tmp_path: Path) -> None:
    pytest.importorskip("sqlcipher3", reason="the extra 'bench' is not installed")
    from edge.rivals import sqlcipher

    with closing(sqlcipher(tmp_path / "cipher", "NORMAL", bytes(32))) as rival:
        rival.begin("i-1", words(2000))
        assert appended(rival, 1)[3] == 2
    assert b"bauer" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_filled_rows_can_be_appended_to(home: Home) -> None:
    with closing(Ours(home.store("filled"))) as ours:
        ours.begin("model-0", b"")
        fill(home.files / "filled", 0, 100)
        fill(home.files / "filled", 100, 250)
        assert appended(ours, 1, "row-0").revision == 4
        assert appended(ours, 1, "row-249").events[-1] == "PLAYED"


@pytest.mark.parametrize(("asking", "notes"), [(False, "PLAYED"), (True, "EXPECT_SPEECH")])
def test_soundless_turns_are_whole_turns(home: Home, asking: bool, notes: str) -> None:
    with closing(home.store("turns")) as store:
        customer = Turns(store, "t", asking=asking)
        for _ in range(3):
            customer.take()
        entries = list(store.reader.entries())
        assert len(entries) == 3
        assert len({entry.dialogue for entry in entries}) == 1
        assert all(entry.events[0] in ("WAKE", "ANSWER") for entry in entries)
        assert all(any(event.startswith(notes) for event in entry.events) for entry in entries)
        assert all(("CONTEXT_READY" in " ".join(entry.events)) == asking for entry in entries)


def test_unseals_are_those_of_the_rounds_before(home: Home) -> None:
    with closing(home.store("turns")) as store:
        assert unseals(store, 4, asking=False) == 0
        assert unseals(store, 4, asking=True) == 2 + 4 + 6 + 6


def test_samples_are_told_as_figures() -> None:
    samples = Samples({"a": [[1000, 2000, 9000]] * 9, "b": [[1000, 1000, 1000]] * 9})
    assert (samples.us("a"), samples.us("a", 0.99), samples.us("b")) == (2.0, 9.0, 1.0)
    assert samples.per_s("b") == 1e6
    ratio = samples.ratio("a", "b")
    assert (ratio.low, ratio.median, ratio.high) == (2.0, 2.0, 2.0)


def test_the_interval_is_wide_where_rounds_differ() -> None:
    rounds = [[1000 * number] for number in range(1, 10)]
    ratio = Samples({"a": rounds, "b": [[1000]] * 9}).ratio("a", "b")
    assert (ratio.low, ratio.median, ratio.high) == (2.0, 5.0, 8.0)
