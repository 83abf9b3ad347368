"""The household skill: what it says, what it asks for, and what it remembers."""

from __future__ import annotations

import pytest

from edge.dialogue import Act, ExpectSpeech, Responded, Slot, Speak
from edge.engines.household import ASK_AGAIN, DIALOGUES_MAX, GIVE_UP, HOME, Household
from edge.errors import EngineError

APOLOGY = "Sorry, I did not understand that."


def said(skill: Household, text: str, dialogue: str = "d") -> str:
    directive = next(iter(skill.respond(dialogue, "i", text)))
    assert isinstance(directive, Speak)
    return directive.text


def asked(skill: Household, text: str) -> ExpectSpeech:
    speak, expect = skill.respond("d", "i", text)
    assert isinstance(speak, Speak)
    assert isinstance(expect, ExpectSpeech)
    return expect


def test_the_mission():
    skill = Household()
    speak, expect = skill.respond("d", "one", "call meg")
    assert speak == Speak("one", "Do you mean Meg Jones or Meg Bauer?")
    assert isinstance(expect, ExpectSpeech)
    assert (expect.interaction, expect.timeout_ms) == ("one", 8000)
    assert (expect.expectation.act, expect.expectation.slot) == (Act.CHOOSE, Slot.CONTACT)
    [catalogue] = expect.expectation.catalogues
    assert catalogue.slot is Slot.CONTACT
    assert catalogue.phrases == ("Meg Jones", "Meg Bauer", "Jones", "Bauer")
    assert list(skill.respond("d", "two", "bauer")) == [Speak("two", "Calling Meg Bauer.")]


@pytest.mark.parametrize(
    ("request_", "answer", "done"),
    [
        ("phone meg please", "the first one", "Calling Meg Jones."),
        ("call meg", "number two", "Calling Meg Bauer."),
        ("call meg", "mega bauer", "Calling Meg Bauer."),
        ("turn off the lamp", "bedroom", "Bedroom lamp off."),
        ("turn on the lamp", "the living room one", "Living room lamp on."),
        (
            "find a coffee shop",
            "directions to harbor coffee",
            "Starting directions to Harbor Coffee.",
        ),
        ("find a coffee shop", "the second one", "Starting directions to The Copper Kettle."),
        ("find a coffee shop", "mill street", "Starting directions to Mill Street Cafe."),
        ("show me the movies", "casablanca", "Playing Casablanca."),
        ("what can i cook tonight", "the last one", "Opening Apple Pie."),
    ],
)
def test_an_answer_is_understood(request_, answer, done):
    skill = Household()
    asked(skill, request_)
    assert said(skill, answer) == done


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("turn on the kitchen light", "Kitchen light on."),
        ("switch off the heater", "Heater off."),
        ("call tom fisher", "Calling Tom Fisher."),
        ("Call Meg Bauer!", "Calling Meg Bauer."),
        ("directions to harbor cafe", "Starting directions to Harbor Coffee."),
    ],
)
def test_a_command_needs_no_answer(text, done):
    assert list(Household().respond("d", "i", text)) == [Speak("i", done)]


@pytest.mark.parametrize(
    "text",
    ["what time is it", "call bob", "call", "turn on", "turn the kitchen light", "bauer", "on"],
)
def test_what_it_does_not_know_it_is_sorry_for(text):
    assert list(Household().respond("d", "i", text)) == [Speak("i", APOLOGY)]


@pytest.mark.parametrize("text", ["", "  ", "..."])
def test_no_words_no_answer(text):
    assert list(Household().respond("d", "i", text)) == [Responded("i")]


def test_it_asks_again_once_and_then_gives_up():
    skill = Household()
    first = asked(skill, "call meg")
    speak, again = skill.respond("d", "i", "the weather")
    assert (speak, again) == (Speak("i", ASK_AGAIN), first)
    assert said(skill, "the weather") == GIVE_UP
    assert said(skill, "bauer") == APOLOGY


def test_an_answer_after_the_second_question():
    skill = Household()
    asked(skill, "call meg")
    asked(skill, "something else")
    assert said(skill, "jones") == "Calling Meg Jones."


def test_a_new_command_takes_the_place_of_the_question():
    skill = Household()
    asked(skill, "turn off the lamp")
    assert said(skill, "turn on the kitchen light") == "Kitchen light on."
    assert said(skill, "bedroom") == APOLOGY
    asked(skill, "call meg")
    assert asked(skill, "show me the movies").expectation.slot is Slot.LIST_ITEM


def test_a_position_beyond_the_list_is_not_understood():
    skill = Household()
    asked(skill, "call meg")
    assert said(skill, "the third one") == ASK_AGAIN


def test_dialogues_do_not_mix_and_forget_drops_the_question():
    skill = Household()
    skill.respond("a", "i", "call meg")
    skill.respond("b", "i", "turn off the lamp")
    skill.forget("b")
    skill.forget("never seen")
    assert said(skill, "bedroom", "b") == APOLOGY
    assert said(skill, "bauer", "a") == "Calling Meg Bauer."


def test_the_oldest_question_goes_when_there_are_too_many():
    skill = Household()
    for at in range(DIALOGUES_MAX + 1):
        skill.respond(f"d{at}", "i", "call meg")
    assert said(skill, "bauer", "d0") == APOLOGY
    assert said(skill, "bauer", "d1") == "Calling Meg Bauer."


@pytest.mark.parametrize(
    "change",
    [("slot =", "slat ="), ('"contact"', '"nobody"'), ("[[groups]]", "[groups]"), ("names =", "n")],
)
def test_a_broken_file_is_one_line(tmp_path, change):
    path = tmp_path / "household.toml"
    path.write_text(HOME.read_text().replace(*change))
    with pytest.raises(EngineError, match="not a household file"):
        Household(path)
    with pytest.raises(EngineError, match="cannot be read"):
        Household(tmp_path / "gone.toml")
