import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.baselines import Bm25, TfIdf
from edge.cli import main
from edge.tflite import shipped

FIGURES = {
    "one_of_100",
    "one_of_100_single_round",
    "baselines",
    "entity_choice",
    "act_slot",
    "int8_cosine_p5",
    "task_loss_points",
    "model_bytes",
}
ASKED = (
    ("What time should I book the table?", "half past seven", "slot"),
    ("Which city are you in?", "i am in san jose", "slot"),
    ("Do you mean Meg Jones or Meg Bauer?", "meg bauer", "choice"),
    ("Is that right?", "yes that is right", "confirm"),
)


def records(path: Path, count: int = 4) -> Path:
    lines = [
        json.dumps(
            {
                "turns": [{"role": "user", "text": "hello"}, {"role": "system", "text": reply}],
                "entities": ["Meg Jones", "Meg Bauer"],
                "target": answer,
                "target_slots": ["Meg Bauer"],
                "kind": kind,
            }
        )
        for reply, answer, kind in ASKED[:count]
    ]
    with gzip.open(path, "wt") as file:
        file.write("\n".join(lines))
    return path


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["eval", "encoder", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_all_figures_of_a_file_come_as_one_json_object(tmp_path):
    code, out, _ = run(records(tmp_path / "a.jsonl.gz"), "--json")
    found = json.loads(out)
    assert code == 0
    assert found.keys() >= FIGURES
    assert found["questions"] == 4
    assert 0 <= found["one_of_100"] <= 1
    assert found["baselines"].keys() >= {"tfidf", "bm25", "mean_static"}
    assert found["int8_from"] == "manifest"
    assert found["int8_cosine_p5"] >= 0.99
    assert found["model_bytes"] <= 6_000_000


def test_the_same_file_gives_the_same_figures(tmp_path):
    path = records(tmp_path / "a.jsonl.gz")
    assert run(path, "--json")[1] == run(path, "--json")[1]


def test_a_folder_is_judged_together_and_file_by_file(tmp_path):
    records(tmp_path / "a.jsonl.gz"), records(tmp_path / "b.jsonl.gz", 2)
    found = json.loads(run(tmp_path, "--json")[1])
    assert found["questions"] == 6
    assert {name: each["questions"] for name, each in found["files"].items()} == {
        "a.jsonl.gz": 4,
        "b.jsonl.gz": 2,
    }


def test_records_may_be_limited(tmp_path):
    found = json.loads(run(records(tmp_path / "a.jsonl.gz"), "--json", "--limit", 3)[1])
    assert found["questions"] == 3


def test_without_json_the_figures_are_lines(tmp_path):
    lines = run(records(tmp_path / "a.jsonl.gz"))[1].splitlines()
    assert any(line.split()[:1] == ["one_of_100"] for line in lines)


def test_the_shipped_model_as_its_own_exact_twin_loses_nothing(tmp_path):
    path = records(tmp_path / "a.jsonl.gz")
    found = json.loads(run(path, "--json", "--float", shipped("context-encoder"))[1])
    assert (found["int8_from"], found["int8_cosine_p5"]) == ("float", pytest.approx(1.0))
    assert found["task_loss_points"] == 0


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("bad.jsonl", "{", "line 1: no dialogue record"),
        ("none.jsonl", '{"turns": [{"role": "user", "text": "a"}], "target": "b"}', None),
        ("shut.jsonl", '{"turns": [], "target": "b"}', "no reply in it asks"),
        ("nothing", None, "line 1: cannot be read"),
    ],
)
def test_bad_input_is_one_line(tmp_path, name, content, why):
    path = tmp_path / name
    if content:
        path.write_text(content)
    code, _, error = run(path)
    assert code == (1 if why else 0)
    if why:
        assert f"edge: {path}: {why}" in error
        assert error.strip().count("\n") <= 1


def test_a_folder_without_dialogues_is_refused(tmp_path):
    code, _, error = run(tmp_path)
    assert (code, "holds no .jsonl" in error) == (1, True)


@pytest.mark.parametrize("scores", [TfIdf(["red lamp", "blue lamp"]).scores, None])
def test_a_baseline_prefers_the_rare_word_that_is_shared(scores):
    phrases = ["the red lamp", "the blue lamp", "the lamp"]
    texts = ["red lamp", "blue lamp", "green lamp", "the lamp"]
    scores = scores or Bm25(texts, phrases).scores
    found = scores("turn the red lamp on", phrases)
    assert found[0] == max(found)
    assert scores("", phrases) == [0, 0, 0]
