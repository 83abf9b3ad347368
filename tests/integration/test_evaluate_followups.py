"""Follow-ups judged with the real recognizer and encoder, each in its child."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import main

CLIPS = Path(__file__).resolve().parents[2] / "edge" / "scenarios" / "clips"
TURNS = [
    {"role": "user", "text": "call Meg"},
    {"role": "system", "text": "Do you mean Meg Jones or Meg Bauer?"},
]
ASKED = {"turns": TURNS, "entities": ["Meg Jones", "Meg Bauer"], "kind": "choice"}
SAID = {"reference": "meg bauer", "target_values": ["meg bauer"]}
LISTED = ASKED | SAID | {"set": "listed", "asr_nbest": ["mega bauer", "make power", "meg bauer"]}
STALE = LISTED | {"set": "stale-calls", "stale_context": True, "asr_nbest": ["stop now"]}
KEYS = {
    *("utterances", "words", "wer_without", "wer_with", "relative", "ci95", "helped", "harmed"),
    *("entity_error_without", "entity_error_with"),
}


def manifest(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["eval", "followups", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_lists_are_rescored_and_every_figure_is_there(tmp_path: Path) -> None:
    code, out, _ = run(manifest(tmp_path, LISTED, LISTED, STALE), "--ablate", "--json")
    assert code == 0
    found = json.loads(out)
    assert found["recognizer"] == "pocketsphinx"
    assert found["sets"].keys() == {"listed", "stale-calls", "all", "stale"}
    assert all(one.keys() >= KEYS for one in found["sets"].values())
    listed = found["sets"]["listed"]
    assert (listed["wer_without"], listed["wer_with"]) == (0.5, 0.0)
    assert (listed["relative"], listed["helped"]) == (-1.0, 2)
    assert (listed["entity_error_without"], listed["entity_error_with"]) == (1.0, 0.0)
    assert found["sets"]["stale-calls"]["net_harmed_per_1000"] == 0
    assert found["sets"]["all"]["utterances"] == 3
    assert found["kinds"]["choice"]["utterances"] == 2
    assert found["context_ms"]["p50"] > 0
    assert found["native_ms"] == {"p50": 0.0, "p99": 0.0}
    assert found["ablation"].keys() == {"candidates", "act_slot", "vector", "not_native"}


def test_sound_is_recognized_and_its_readings_can_be_kept(tmp_path: Path) -> None:
    clip, kept = CLIPS / "rms" / "meg_jones.flac", tmp_path / "kept.jsonl"
    spoken = ASKED | {"set": "spoken", "audio": str(clip), "reference": "meg jones"}
    unasked = {"set": "open", "audio": str(clip), "start": 0.0, "dur": 5, "reference": "meg jones"}
    path = manifest(tmp_path, spoken, unasked)
    code, out, _ = run(path, "--save-nbest", kept, "--json")
    assert code == 0
    found = json.loads(out)["sets"]
    assert found["spoken"]["words"] == 2
    assert found["open"]["wer_with"] == found["open"]["wer_without"]
    first = json.loads(kept.read_text().splitlines()[0])
    assert len(first["asr_nbest"]) == len(first["asr_scores"]) > 1
    assert "audio" not in first
    again = json.loads(run(kept, "--json")[1])["sets"]
    assert again == found


def test_people_get_a_table(tmp_path: Path) -> None:
    code, out, _ = run(manifest(tmp_path, LISTED), "--limit", 1)
    assert code == 0
    assert "listed" in out
    assert "50.0 → 0.0" in out


@pytest.mark.parametrize(
    ("record", "said"),
    [
        (ASKED | SAID | {"audio": "gone.flac"}, "gone.flac: no such audio file"),
        (ASKED | SAID, "line 1: field 'audio' is missing"),
        (ASKED | SAID | {"audio": "manifest.jsonl"}, "no wav, flac or opus file"),
    ],
)
def test_what_cannot_be_judged_is_one_line(
    tmp_path: Path, record: dict[str, Any], said: str
) -> None:
    code, out, complaint = run(manifest(tmp_path, record), "--json")
    assert (code, out) == (1, "")
    assert said in complaint.splitlines()[-1]


def test_an_unknown_recognizer_is_named(tmp_path: Path) -> None:
    spoken = ASKED | SAID | {"audio": str(CLIPS / "rms" / "meg_jones.flac")}
    code, _, complaint = run(manifest(tmp_path, spoken), "--recognizer", "nonsense")
    assert code == 1
    assert "'nonsense'" in complaint
    assert run(tmp_path / "none.jsonl")[0] == 1
    assert run()[0] == 2


def test_a_signals_own_list_helps_where_it_is_asked_for(tmp_path: Path) -> None:
    turns = [{"role": "system", "text": "Who should I call?"}]
    heard = {"turns": turns, "entities": [], "kind": "slot", "asr_nbest": ["mega power"]}
    told = manifest(tmp_path, heard | SAID | {"contacts": ["Meg Bauer", "Tom Hill"]})
    worth = [
        json.loads(run(told, "--json", *more)[1])["sets"]["all"]["wer_with"]
        for more in ((), ("--signals", "contacts"))
    ]
    assert worth == [1.0, 0.0]
    assert run(told, "--signals", "contact")[0] == 2
