"""Follow-up manifests: what becomes part of the question, what stays with the judge."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from edge.dialogue import Act, Catalogue, Hypothesis, Recognized, Slot
from edge.errors import QuestionError
from edge.followups import Followup, read, require_clips, with_readings
from edge.protocols import Round

RECORD = {
    "id": "one",
    "set": "calls",
    "turns": [
        {"role": "user", "text": "call Meg"},
        {"role": "system", "text": "Do you mean Meg Jones or Meg Bauer?"},
    ],
    "entities": ["Meg Jones", "Meg Bauer", "Meg Jones", " "],
    "act": "choose",
    "slot": "contact",
    "kind": "choice",
    "reference": "Bauer, please",
    "target_values": ["Bauer"],
    "asr_nbest": ["power please", "bauer please"],
}


def written(path: Path, *records: Any) -> Path:
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in records))
    return path


def one(tmp_path: Path, **changes: Any) -> Followup:
    kept = {key: value for key, value in (RECORD | changes).items() if value is not None}
    (found,) = read(written(tmp_path / "m.jsonl", kept), ("contacts",))
    return found


def test_a_line_becomes_a_question_and_what_was_said(tmp_path: Path) -> None:
    found = one(tmp_path, audio=None)
    assert found.rounds == (Round("call Meg", "Do you mean Meg Jones or Meg Bauer?"),)
    assert found.expectation
    assert (found.expectation.act, found.expectation.slot) == (Act.CHOOSE, Slot.CONTACT)
    assert found.expectation.catalogues == (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer")),)
    assert (found.reference, found.values) == ("bauer please", ("bauer",))
    assert (found.id, found.group, found.kind, found.stale) == ("one", "calls", "choice", False)


def test_a_list_without_scores_falls_by_the_same_step_at_each_rank(tmp_path: Path) -> None:
    scores = [one.score for one in one(tmp_path, asr_nbest=["a", "b", "c"]).recognized.nbest]
    assert scores[0] == 0
    assert scores[0] - scores[1] == scores[1] - scores[2] > 0


@pytest.mark.parametrize("kind", ["choice", "confirm", "slot", "open"])
@pytest.mark.parametrize("slot", [None, "order", 3, ["contact"]])
def test_an_unknown_slot_is_told_from_the_question_and_never_from_the_answer(
    tmp_path: Path, kind: str, slot: Any
) -> None:
    turns = [{"role": "system", "text": "Which city are you in?"}]
    found = one(tmp_path, act="dance", slot=slot, kind=kind, turns=turns)
    assert found.expectation
    assert (found.expectation.act, found.expectation.slot) == (Act.CHOOSE, Slot.PLACE)


def test_what_describes_the_answer_changes_nothing_of_the_question(tmp_path: Path) -> None:
    plain = one(tmp_path)
    other = one(tmp_path, kind="open", reference="no", target_values=[], confusable=[["a", "b", 1]])
    assert (other.expectation, other.rounds) == (plain.expectation, plain.rounds)
    assert other.recognized == plain.recognized


def test_without_a_reply_nothing_was_asked(tmp_path: Path) -> None:
    assert one(tmp_path, turns=[]).expectation is None
    assert one(tmp_path, turns=[{"role": "user", "text": "call Meg"}]).expectation is None


def test_phrases_offered_with_a_yes_or_no_are_of_no_type(tmp_path: Path) -> None:
    turns = [{"role": "system", "text": "Shall I call Meg Bauer?"}]
    found = one(tmp_path, act=None, slot=None, turns=turns)
    assert found.expectation
    assert found.expectation.slot is Slot.YES_NO
    assert [offered.slot for offered in found.expectation.catalogues] == [Slot.OTHER]


def test_a_clip_lies_where_the_manifest_says_from_its_own_folder(tmp_path: Path) -> None:
    found = one(tmp_path, audio="sub/a.flac", start=1, dur=2.5, asr_nbest=None)
    assert found.clip
    assert found.clip.path == tmp_path / "sub" / "a.flac"
    assert (found.clip.start_s, found.clip.length_s) == (1.0, 2.5)
    with pytest.raises(QuestionError, match=r"sub/a\.flac: no such audio file"):
        require_clips([found], tmp_path / "m.jsonl")


def test_a_value_counts_once_and_only_when_it_was_said(tmp_path: Path) -> None:
    found = one(tmp_path, target_values=["Bauer", "Meg", "please!", "", "Bauer"])
    assert found.values == ("bauer", "please")
    assert one(tmp_path, target_values=None, target_slots=["Bauer"]).values == ("bauer",)
    assert one(tmp_path, target_values=[], target_slots=["Bauer"]).values == ()


def test_signals_keep_the_phrases_of_their_optional_keys(tmp_path: Path) -> None:
    assert one(tmp_path, contacts=["Ann Power"], screen=["x"]).told == {"contacts": ("Ann Power",)}


def test_readings_written_are_the_readings_read(tmp_path: Path) -> None:
    recognized = Recognized(
        (Hypothesis("power", -1.5), Hypothesis("bauer", -2.25)),
        (Hypothesis("bauer", -3.0),),
        80,
        2.5,
    )
    record = RECORD | {"audio": "gone.flac", "start": 0.5, "dur": 1}
    (found,) = read(written(tmp_path / "n.jsonl", with_readings(record, recognized)))
    assert found.clip is None
    assert found.recognized == recognized


def test_a_packed_manifest_is_read_too_and_empty_lines_are_none(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(RECORD) + "\n\n" + json.dumps(RECORD) + "\n")
    assert len(list(read(path))) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "no JSON object"),
        ("[1]", "no JSON object"),
        (RECORD | {"asr_nbest": "bauer"}, "'asr_nbest' is no list of texts"),
        (RECORD | {"entities": [1]}, "'entities' is no list of texts"),
        (RECORD | {"entities": 7}, "mend the line"),
        (RECORD | {"turns": [{"role": "user"}]}, "field 'text' is missing"),
        (RECORD | {"turns": [{"role": "user", "text": 3}]}, "a turn's text is no text"),
        (RECORD | {"turns": "hello"}, "mend the line"),
        (RECORD | {"reference": 3}, "the reference is no text"),
        (RECORD | {"audio": 3}, "audio is no text"),
        (RECORD | {"audio": "a.wav", "dur": "long"}, "mend the line"),
        (RECORD | {"asr_scores": [1.0]}, "mend the line"),
        ({key: RECORD[key] for key in RECORD if key != "asr_nbest"}, "field 'audio' is missing"),
        ({key: RECORD[key] for key in RECORD if key != "reference"}, "'reference' is missing"),
    ],
)
def test_a_broken_line_is_named_with_its_reason(tmp_path: Path, line: Any, said: str) -> None:
    path = written(tmp_path / "m.jsonl", RECORD, line)
    with pytest.raises(QuestionError, match=r"m\.jsonl: line 2: ") as raised:
        list(read(path))
    assert said in str(raised.value)
    assert "bauer" not in str(raised.value).lower()
    assert "\n" not in str(raised.value)


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="cannot be read"):
        list(read(tmp_path / "none.jsonl"))
    packed = gzip.compress(json.dumps(RECORD).encode())
    (tmp_path / "broken.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(QuestionError, match="cannot be read"):
        list(read(tmp_path / "broken.jsonl.gz"))
