"""The anchor lives with its dialogue: sealed beside the wake word, wanted again for the answer."""

from __future__ import annotations

from itertools import count

import pytest

from edge import dialogue as d
from edge.dialogue import Act, Expectation, Kind, Slot
from edge.hearing import FRAME_S
from edge.session import JUDGING_S, Rules, Session
from edge.voice import LONGEST_HOLD_FRAMES

ASKED = Expectation(Act.CONFIRM, Slot.YES_NO)
VOICE = b"a voice"
T = 0.0


def session(rules: Rules | None = None) -> Session:
    return Session(rules or Rules(), map(str, count(1)).__next__)


def wake(session: Session, anchor: bytes, now: float = T) -> tuple[d.Command, ...]:
    return session.handle(d.WakeWordDetected("alexa", now, now, anchor), now)


def asked(session: Session, anchor: bytes = VOICE, now: float = T) -> str:
    wake(session, anchor, now)
    interaction = str(session.interaction)
    session.handle(d.EndOfSpeech(interaction, now), now)
    session.handle(d.Speak(interaction, "Shall I?"), now)
    session.handle(d.ExpectSpeech(interaction, 5000, ASKED), now)
    return interaction


def answering(session: Session, now: float = T) -> d.OpenMic:
    orders = session.handle(d.PlaybackFinished(str(session.interaction), now), now)
    (opened,) = (order for order in orders if isinstance(order, d.OpenMic))
    return opened


def test_a_wake_word_s_anchor_is_sealed_with_it_and_opens_the_microphone() -> None:
    recorded, opened = wake(session(), VOICE)
    assert isinstance(recorded, d.Record)
    assert recorded.note is d.Note.WAKE
    assert recorded.payloads == (d.Payload(Kind.ANCHOR, VOICE),)
    assert isinstance(opened, d.OpenMic)
    assert opened.anchor == VOICE
    assert "voice" not in repr((recorded, opened))


def test_without_an_anchor_nothing_is_sealed() -> None:
    recorded, opened = wake(session(), b"")
    assert isinstance(recorded, d.Record)
    assert recorded.payloads == ()
    assert isinstance(opened, d.OpenMic)
    assert opened.anchor == b""


def test_the_answer_is_expected_of_the_wake_word_s_voice() -> None:
    running = session()
    asked(running)
    assert answering(running).anchor == VOICE
    (begun,) = running.handle(d.SpeechStarted(str(running.interaction), T), T)
    assert isinstance(begun, d.Record)
    assert begun.payloads == (), "it is sealed once"


def test_a_profile_may_let_anyone_answer() -> None:
    running = session(Rules(anyone_answers=True))
    asked(running)
    assert answering(running).anchor == b""


def test_telling_voices_apart_takes_nothing_from_the_time_to_answer() -> None:
    running, anyone = session(), session(Rules(anyone_answers=True))
    for one in (running, anyone):
        asked(one)
        answering(one)
    assert anyone.deadline == T + 5.0
    assert running.deadline == T + 5.0 + JUDGING_S
    assert JUDGING_S >= LONGEST_HOLD_FRAMES * FRAME_S


def test_a_barge_in_has_our_own_voice_in_it_and_no_anchor() -> None:
    running = session()
    asked(running)
    orders = wake(running, b"both voices")
    assert [order.anchor for order in orders if isinstance(order, d.OpenMic)] == [b""]


@pytest.mark.parametrize("end", ["forgotten", "expired"])
def test_the_anchor_goes_with_its_dialogue(end: str) -> None:
    running = session(Rules(dialogue_s=60.0))
    asked(running)
    running.handle(d.PlaybackFinished(str(running.interaction), T), T)
    running.handle(d.Forgotten() if end == "forgotten" else d.TimedOut(), T)
    later = T if end == "forgotten" else T + 61.0
    running.handle(d.ExpectSpeech(None, 5000, ASKED), later)
    orders = running.handle(d.TimedOut(), later + 6)
    assert orders
    running.handle(d.Speak(None, "Dinner?"), later)
    running.handle(d.ExpectSpeech(str(running.interaction), 5000, ASKED), later)
    assert answering(running, later).anchor == b""
