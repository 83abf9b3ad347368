import gzip
import json
from pathlib import Path

import pytest

from edge.dialogue import Act, Slot
from edge.errors import QuestionError
from edge.questions import expected, read

MEG = {
    "source": "made",
    "domain": "calls",
    "turns": [
        {"role": "user", "text": "Hello"},
        {"role": "system", "text": "Hello!"},
        {"role": "user", "text": "Call Meg."},
        {"role": "system", "text": "Do you mean Meg Jones or Meg Bauer?"},
    ],
    "entities": ["Meg Jones", "Meg Bauer", "meg jones"],
    "system_asks": True,
    "target": "Bauer, please.",
    "target_slots": ["Bauer"],
    "kind": "choice",
    "confusable": ["bauer", "power", 1],
}


def one(tmp_path: Path, **changed):
    path = tmp_path / "made.jsonl"
    path.write_text(json.dumps(MEG | changed) + "\n")
    (question,) = read(path)
    return question


def test_a_record_becomes_rounds_an_answer_and_what_was_on_offer(tmp_path):
    question = one(tmp_path)
    assert [(past.utterance, past.reply) for past in question.rounds] == [
        ("Hello", "Hello!"),
        ("Call Meg.", "Do you mean Meg Jones or Meg Bauer?"),
    ]
    assert question.answer == "bauer please"
    assert question.offered == ("meg jones", "meg bauer")
    assert question.meant == 1
    assert question.act is Act.CHOOSE
    assert question.rivals == ("power please",)
    assert question.domain == "made/calls"


@pytest.mark.parametrize(
    ("changed", "field", "value"),
    [
        ({"target_slots": ["Meg"]}, "meant", None),
        ({"target_slots": []}, "meant", None),
        ({"kind": "other"}, "act", None),
        ({"kind": "confirm"}, "slot", Slot.YES_NO),
        ({"act": "request", "slot": "time"}, "act", Act.REQUEST),
        ({"act": "request", "slot": "time"}, "slot", Slot.TIME),
        ({"system_asks": False}, "asks", False),
        ({"confusable": [["bauer", "power", 1], ["please", "peas", 1]]}, "rivals", None),
    ],
)
def test_what_a_record_says_is_taken(tmp_path, changed, field, value):
    found = getattr(one(tmp_path, **changed), field)
    assert found == (("power please", "bauer peas") if field == "rivals" else value)


def test_the_answer_may_be_given_as_it_was_heard(tmp_path):
    path = tmp_path / "heard.jsonl"
    path.write_text(json.dumps({"turns": MEG["turns"], "reference": "the second one"}))
    (question,) = read(path)
    assert (question.answer, question.asks, question.offered) == ("the second one", True, ())


def test_records_without_turns_are_left_out(tmp_path):
    path = tmp_path / "open.jsonl.gz"
    with gzip.open(path, "wt") as file:
        file.write(json.dumps(MEG | {"turns": []}) + "\n" + json.dumps(MEG) + "\n")
    assert len(list(read(path))) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("not json", "line 2: no dialogue record"),
        ("[]", "line 2: no dialogue record"),
        ("{}", "line 2: field 'turns' is missing"),
        ('{"turns": [{"role": "user", "text": "hi"}]}', "line 2: field 'target' is missing"),
        ('{"turns": [{"role": "user"}], "target": "x"}', "line 2: field 'text' is missing"),
        ('{"turns": [{"role": "user", "text": 5}], "target": "x"}', "line 2: no dialogue record"),
        ('{"turns": [{"role": "user", "text": "a"}], "target": "x", "slot": "q"}', "line 2: no di"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, why):
    path = tmp_path / "broken.jsonl"
    path.write_text(json.dumps(MEG) + "\n" + line + "\n")
    with pytest.raises(QuestionError, match=why) as raised:
        list(read(path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{" * 5000)[:-9], b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / ("broken.jsonl.gz" if content != b"\xff\xfe" else "broken.jsonl")
    path.write_bytes(content)
    with pytest.raises(QuestionError, match=r"broken.*line 1: cannot be read"):
        list(read(path))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(QuestionError, match="FileNotFoundError"):
        list(read(tmp_path / "nothing.jsonl"))


@pytest.mark.parametrize(
    ("reply", "act", "slot"),
    [
        ("Do you mean Meg Jones or Meg Bauer?", Act.CHOOSE, Slot.OTHER),
        ("What time should I set it for?", Act.REQUEST, Slot.TIME),
        ("Which restaurant would you like?", Act.CHOOSE, Slot.PLACE),
        ("Shall I book it?", Act.CONFIRM, Slot.YES_NO),
        ("", Act.REQUEST, Slot.OTHER),
    ],
)
def test_act_and_slot_are_told_from_the_reply(reply, act, slot):
    assert expected(reply) == (act, slot)
