"""The deep-biasing benchmark: its scores by hand, its list sizes, its files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.evaluate_biasing import Utterance, scored

REFERENCES: tuple[tuple[str, str, list[str], list[str]], ...] = (
    ("u1", "the cat saw bauer", ["bauer"], ["bauer", "aachen", "zither"]),
    ("u2", "no rare word here", [], ["oxbow", "quince"]),
)
HYPOTHESES = {"u1": "the cat saw power", "u2": "no rare words here oxbow"}


def files(tmp_path: Path) -> tuple[Path, Path]:
    hyp, ref = tmp_path / "hyp.tsv", tmp_path / "ref.tsv"
    hyp.write_text("".join(f"{name}\t{text}\n" for name, text in HYPOTHESES.items()))
    ref.write_text(
        "".join(
            f"{name}\t{said}\t{json.dumps(rare)}\t{json.dumps(listed)}\n"
            for name, said, rare, listed in REFERENCES
        )
    )
    return hyp, ref


def run(hyp: Path, ref: Path, *more: object) -> tuple[int, str, str]:
    arguments = ["eval", "biasing", "--hyp", str(hyp), "--ref", str(ref), *map(str, more)]
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_words_of_the_list_and_other_words_are_scored_apart() -> None:
    said = [
        Utterance(name, text, frozenset(rare), tuple(listed))
        for name, text, rare, listed in REFERENCES
    ]
    # 8 words; bauer is the one of the list. Wrong: bauer, word; too many: oxbow, of the list.
    found = scored(said, list(HYPOTHESES.values()))
    assert found == {"wer": 37.5, "u_wer": 14.2857, "b_wer": 200.0}
    assert scored(said, [one.reference for one in said]) == {"wer": 0, "u_wer": 0, "b_wer": 0}


def test_all_figures_come_as_one_json_object_and_texts_in_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out.tsv"
    code, printed, _ = run(*files(tmp_path), "--json", "--out", out)
    found = json.loads(printed)
    assert code == 0
    assert found["baseline"] == {"wer": 37.5, "u_wer": 14.2857, "b_wer": 200.0}
    assert found.keys() >= {"wer", "u_wer", "b_wer", "ms", "relative", "helped", "harmed"}
    assert found["ms"].keys() == {"p50", "p99"}
    assert [line.split("\t")[0] for line in out.read_text().splitlines()] == ["u1", "u2"]


def test_a_smaller_list_keeps_the_rare_words_and_is_the_same_each_time() -> None:
    one = Utterance("u", "", frozenset({"y", "z"}), tuple("abcdefxyz"))
    few = one.sized(4)
    assert len(few.listed) == 4
    assert {"y", "z"} < set(few.listed) <= set(one.listed)
    assert few == one.sized(4)
    assert few.listed == tuple(sorted(few.listed))
    assert len({Utterance(str(at), "", one.rare, one.listed).sized(4) for at in range(9)}) > 1
    assert one.sized(1).listed == ("y", "z")
    assert one.sized(100).listed == one.listed


def test_anti_lists_hold_no_word_that_was_said() -> None:
    one = Utterance("u", "", frozenset({"y"}), ("a", "y", "z"))
    assert one.others() == ("a", "z")


def test_with_anti_the_true_words_are_not_offered_but_still_scored(tmp_path: Path) -> None:
    code, printed, _ = run(*files(tmp_path), "--anti", "--size", 2, "--json")
    found = json.loads(printed)
    assert code == 0
    assert found["baseline"]["b_wer"] is not None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("u3\tno lists", "line 3: no id, reference and two JSON lists"),
        ("u3\ttext\t[]\t[", "line 3: no id, reference and two JSON lists"),
        ("u3\ttext\t[]\t[1]", "line 3: no id, reference and two JSON lists"),
        ('u3\ttext\t[]\t["a"]', "holds no hypothesis of 'u3'"),
    ],
)
def test_a_broken_line_is_one_line_of_complaint(tmp_path: Path, line: str, said: str) -> None:
    hyp, ref = files(tmp_path)
    ref.write_text(ref.read_text() + line + "\n")
    code, printed, complaint = run(hyp, ref)
    assert (code, printed) == (1, "")
    assert said in complaint
    assert complaint.count("\n") == 1


def test_a_missing_file_is_said_and_a_missing_option_is_wrong_usage(tmp_path: Path) -> None:
    hyp, ref = files(tmp_path)
    code, _, complaint = run(tmp_path / "none.tsv", ref)
    assert code == 1
    assert "none.tsv: cannot be read" in complaint
    assert CliRunner().invoke(main, ["eval", "biasing", "--hyp", str(hyp)]).exit_code == 2
    ref.write_text("")
    assert "holds no utterance" in run(hyp, ref)[2]


def test_texts_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    missing: Any = tmp_path / "no" / "out.tsv"
    assert "cannot be written" in run(*files(tmp_path), "--out", missing)[2]


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in "edge.evaluate_biasing", "edge.gains", "edge.word_errors":
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "jiwer", None)
    done = CliRunner().invoke(main, ["eval", "biasing"])
    assert done.exit_code == 1
    assert done.stderr == "Error: this needs 'jiwer': pip install 'edge[eval]'\n"
