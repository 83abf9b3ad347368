"""Experiments with signals, on readings that are given, so that only the encoder runs."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from edge.cli import main
from edge.dialogue import Act, Expectation, Slot
from edge.experiment import expected, planned
from edge.followups import Followup, read
from edge.signals import Contacts

RECORD = {
    "turns": [
        {"role": "user", "text": "call Meg"},
        {"role": "system", "text": "Which contact do you mean?"},
    ],
    "act": "choose",
    "slot": "contact",
    "kind": "choice",
    "reference": "meg bauer",
    "target_values": ["meg bauer"],
    "asr_nbest": ["mega bauer", "make power", "meg bauer"],
    "contacts": ["Meg Bauer", "Meg Jones"],
}


def manifest(tmp_path: Path, count: int = 3) -> Path:
    path = tmp_path / "m.jsonl"
    path.write_text("".join(json.dumps(RECORD) + "\n" for _ in range(count)))
    return path


def first(tmp_path: Path) -> Followup:
    (found,) = read(manifest(tmp_path, 1), ("contacts",))
    return found


def run(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["experiment", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_a_plan_says_what_is_on_before_and_after() -> None:
    plan = planned("+screen,-contacts")
    assert plan.before == {"act_slot", "reply", "service", "vector", "contacts"}
    assert plan.variants["+screen"] == plan.before | {"screen"}
    assert plan.variants["-contacts"] == plan.before - {"contacts"}
    assert plan.variants["together"] == {"act_slot", "reply", "service", "vector", "screen"}
    assert list(planned("-vector").variants) == ["-vector"]
    assert planned("+vector").before == {"act_slot", "reply", "service"}


@pytest.mark.parametrize(
    "signals", ["", "screen", "+screen,", "+", "+screen contacts", "+nonsense", "+screen,-screen"]
)
def test_a_list_that_is_none_is_wrong_usage(signals: str) -> None:
    with pytest.raises(click.UsageError):
        planned(signals)


def test_a_record_tells_its_signals_and_a_home_the_others(tmp_path: Path) -> None:
    one, home = first(tmp_path), {"contacts": Contacts(("Ann Power",))}
    asked = expected(one, frozenset({"service", "act_slot", "contacts"}), home)
    assert asked
    assert asked.catalogues[0].phrases == ("Meg Bauer", "Meg Jones")
    assert expected(one, frozenset({"act_slot"}), home) == Expectation(Act.CHOOSE, Slot.CONTACT)
    bare = expected(one, frozenset({"contacts"}), home)
    assert bare
    assert (bare.act, bare.slot) == (Act.REQUEST, Slot.OTHER)


def test_a_signal_is_worth_what_it_mends(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, out, _ = run(manifest(tmp_path), "--signals", "+contacts", "--html", page, "--json")
    assert code == 0
    found = json.loads(out)["signals"]["+contacts"]["choice"]
    assert (found["utterances"], found["helped"], found["harmed"]) == (3, 3, 0)
    assert (found["relative"], found["entity_error_with"]) == (-1.0, 0.0)
    assert page.read_text().startswith("<!doctype html>")
    assert "bauer" not in page.read_text().lower()


def test_a_table_is_printed_for_people(tmp_path: Path) -> None:
    code, out, _ = run(manifest(tmp_path, 1), "--signals", "+contacts,-vector")
    assert code == 0
    assert "together" in out
    assert "-vector" in out


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "none.jsonl"
    empty.write_text("")
    code, _, complaint = run(empty, "--signals", "+screen")
    assert (code, complaint.count("\n")) == (1, 1)
    assert "holds no follow-up" in complaint
    assert run(manifest(tmp_path), "--signals", "+nonsense")[0] == 2
    code, _, complaint = run(
        manifest(tmp_path, 1), "--signals", "+screen", "--html", tmp_path / "no" / "p.html"
    )
    assert code == 1
    assert "cannot be written" in complaint
