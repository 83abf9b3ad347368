from __future__ import annotations

import pytest

from edge import sounds, weights
from edge.assembly import shipped_rescorer
from edge.biasing import Prepared, Rescorer
from edge.dialogue import Act, Catalogue, ContextReady, Expectation, Hypothesis, Recognized, Slot
from edge.engines.scripted import ScriptedRecognizer
from edge.errors import EngineError
from edge.recognition import Recognition, RemoteRecognizer, hosted

RESCORER = shipped_rescorer()
HEARD = [Hypothesis("the hour", -100.0), Hypothesis("bauer", -110.0)]
ASKED = Expectation(
    Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer", "Bauer")),)
)
VECTOR = ContextReady("asking", b"", (("Meg Jones", 0.2), ("Meg Bauer", 0.6)), 1.0)


class Deaf:
    """A recognizer whose child is gone."""

    def start(self, expected: Expectation | None = None) -> None:
        raise EngineError("the child is gone")

    def feed(self, pcm: bytes) -> None:
        raise AssertionError("not after a failed start")

    def finish(self) -> Recognized:
        raise AssertionError("not after a failed start")


def test_without_an_expectation_the_recognizers_best_goes_through() -> None:
    recognition = Recognition(ScriptedRecognizer([HEARD]), RESCORER)
    recognition.begin("a", None)
    recognition.feed("a", b"12")
    assert recognition.transcribe("a", None, None) == ("the hour", "the hour")


def test_an_offered_name_is_found_with_and_without_a_vector() -> None:
    for vector in (VECTOR, None):
        recognition = Recognition(ScriptedRecognizer([HEARD]), RESCORER)
        recognition.begin("a", ASKED)
        recognition.feed("a", b"12")
        assert recognition.transcribe("a", ASKED, vector) == ("bauer", "the hour")


def test_a_capture_without_sound_is_nothing() -> None:
    recognition = Recognition(ScriptedRecognizer([]), RESCORER)
    assert recognition.transcribe("a", ASKED, VECTOR) == ("", "")


def test_an_empty_nbest_list_is_nothing() -> None:
    recognition = Recognition(ScriptedRecognizer([[]]), RESCORER)
    recognition.begin("a", None)
    recognition.feed("a", b"12")
    assert recognition.transcribe("a", ASKED, None) == ("", "")


def test_sound_that_comes_after_the_end_is_not_a_new_capture() -> None:
    recognizer = ScriptedRecognizer([HEARD, HEARD])
    recognition = Recognition(recognizer, RESCORER)
    recognition.begin("a", None)
    recognition.feed("a", b"12")
    recognition.transcribe("a", None, None)
    recognition.feed("a", b"late")
    recognition.begin("b", ASKED)
    recognition.feed("b", b"34")
    assert recognizer.fed == [b"12", b"34"]
    assert recognizer.expected == [None, ASKED]


def test_a_cancelled_capture_gives_nothing() -> None:
    recognition = Recognition(ScriptedRecognizer([HEARD]), RESCORER)
    recognition.begin("a", None)
    recognition.feed("a", b"12")
    recognition.cancel("a")
    assert recognition.transcribe("a", None, None) == ("", "")


def test_a_failure_while_listening_is_said_when_the_transcript_is_asked_for() -> None:
    recognition = Recognition(Deaf(), RESCORER)
    recognition.begin("a", None)
    recognition.feed("a", b"12")
    recognition.feed("a", b"34")
    with pytest.raises(EngineError, match="child is gone"):
        recognition.transcribe("a", None, None)


class Counting(Rescorer):
    """Counts how often a question is made ready."""

    def __init__(self) -> None:
        super().__init__(weights.shipped("rescorer"), sounds.english(), None)
        self.prepared: list[Expectation] = []

    def prepare(self, expectation: Expectation) -> Prepared:
        self.prepared.append(expectation)
        return super().prepare(expectation)


def answered(rescorer: Rescorer, prepared: Expectation, asked: Expectation) -> str:
    recognition = Recognition(ScriptedRecognizer([HEARD]), rescorer)
    recognition.prepare(prepared)
    recognition.begin("a", asked)
    recognition.feed("a", b"12")
    return recognition.transcribe("a", asked, None)[0]


def test_a_question_is_made_ready_once_while_it_sounds() -> None:
    rescorer = Counting()
    assert answered(rescorer, ASKED, ASKED) == "bauer"
    assert rescorer.prepared == [ASKED]


def test_what_was_made_ready_for_another_question_is_not_used() -> None:
    rescorer = Counting()
    other = Expectation(Act.CHOOSE, Slot.DEVICE, (Catalogue(Slot.DEVICE, ("oven",)),))
    assert answered(rescorer, other, ASKED) == "bauer"
    assert rescorer.prepared == [other, ASKED]


class Odd:
    """A recognizer's child that sends scores which are no numbers."""

    def call(self, method: str, header: object, content: bytes, limit_s: float) -> object:
        reading = {"text": "power", "score": float("nan")}
        return {"nbest": [reading], "expected": [], "frames": 1, "native_ms": 0.0}, b""


def test_scores_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(EngineError, match="no n-best list"):
        RemoteRecognizer(Odd(), 1.0).finish()  # type: ignore[arg-type]


def test_an_expectation_that_an_engine_cannot_take_costs_the_bias_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recognizer = ScriptedRecognizer([HEARD])
    monkeypatch.setattr("edge.recognition.engine", lambda *_: lambda: recognizer)
    start = hosted("scripted")["start"]
    asked = {"act": "choose", "slot": "nonsense", "catalogues": []}
    assert start({"expected": asked}, b"") == ({}, b"")
    assert recognizer.expected == [None]
