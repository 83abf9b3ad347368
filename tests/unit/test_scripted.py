"""The scripted engines keep the contracts of the real ones."""

from __future__ import annotations

import pytest

from edge.dialogue import Act, Expectation, Hypothesis, Responded, Slot, Speak
from edge.engines.scripted import (
    FailingEncoder,
    ScriptedRecognizer,
    ScriptedSkill,
    ScriptedSynthesizer,
    SlowEncoder,
)
from edge.errors import EngineError
from edge.protocols import ContextEncoder, Encoded, Recognizer, Round, Skill, Synthesizer

QUESTION = Expectation(Act.CHOOSE, Slot.CONTACT)


class LengthEncoder:
    """Encodes a dialogue as its number of rounds, after what it is to remember."""

    def encode(self, rounds, expectation, memory=b""):
        return Encoded(memory + bytes([len(rounds)]), ())


def test_the_recognizer_follows_its_script_and_keeps_what_it_was_fed():
    recognizer = ScriptedRecognizer([[Hypothesis("bauer", -1.0)], []])
    for piece in (b"\1\0", b"\2\0"):
        recognizer.start()
        recognizer.feed(piece)
        recognizer.feed(piece)
    assert [list(recognizer.finish().nbest) for _ in range(2)] == [[Hypothesis("bauer", -1.0)], []]
    assert recognizer.fed == [b"\1\0\1\0", b"\2\0\2\0"]


def test_a_script_that_is_over_is_an_error():
    recognizer = ScriptedRecognizer([])
    with pytest.raises(EngineError, match="start first"):
        recognizer.feed(b"\0\0")
    with pytest.raises(EngineError, match="recognizer is over"):
        recognizer.finish()
    with pytest.raises(EngineError, match="skill is over"):
        ScriptedSkill([]).respond("d", "i", "hello")


def test_the_skill_answers_for_the_interaction_that_asks():
    skill = ScriptedSkill([lambda i: [Speak(i, "Yes.")], lambda i: [Responded(i)]])
    assert list(skill.respond("d", "one", "hello")) == [Speak("one", "Yes.")]
    assert list(skill.respond("d", "two", "bye")) == [Responded("two")]
    skill.forget("d")
    assert skill.heard == [("d", "one", "hello"), ("d", "two", "bye")]
    assert skill.forgotten == ["d"]


def test_the_tone_has_the_length_it_was_given():
    synthesizer = ScriptedSynthesizer(0.25, rate_hz=22_050)
    pcm, rate_hz = synthesizer.synthesize("Yes.")
    assert (len(pcm) // 2, rate_hz) == (round(0.25 * 22_050), 22_050)
    assert synthesizer.synthesize("") == (b"", 22_050)
    assert synthesizer.spoken == ["Yes.", ""]


def test_the_slow_encoder_sleeps_before_it_encodes():
    slept: list[float] = []
    encoder = SlowEncoder(LengthEncoder(), 20.0, slept.append)
    assert encoder.encode([Round("a", "b")], QUESTION, b"\7") == Encoded(b"\7\1", ())
    assert slept == [20.0]


def test_the_failing_encoder_fails():
    with pytest.raises(EngineError):
        FailingEncoder().encode([], QUESTION)


def test_they_are_what_they_stand_for():
    recognizer: Recognizer = ScriptedRecognizer([])
    skill: Skill = ScriptedSkill([])
    synthesizer: Synthesizer = ScriptedSynthesizer(0.1)
    slept: list[float] = []
    slow: ContextEncoder = SlowEncoder(FailingEncoder(), 0, slept.append)
    assert all((recognizer, skill, synthesizer, slow))
