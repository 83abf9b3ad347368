"""The table as it is meant, written out a second time, and the deadlines it sets."""

from __future__ import annotations

from itertools import count

import pytest

from edge import dialogue as d
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.session import ANYWHERE, TABLE, Rules, Session, State

MEANT = """
IDLE         WakeWordDetected RECOGNIZING · Speak SPEAKING · ExpectSpeech EXPECTING
             ExpectSpeechRefused IDLE
RECOGNIZING  MicOpened RECOGNIZING · WakeWordDetected RECOGNIZING
             EndOfSpeech THINKING · TimedOut THINKING
             NothingHeard IDLE · Muted IDLE · MicLost IDLE
THINKING     Transcribed THINKING · Speak SPEAKING · ExpectSpeech EXPECTING
             ExpectSpeechRefused IDLE · Responded IDLE · NothingHeard IDLE · Failed IDLE
             TimedOut IDLE · WakeWordDetected RECOGNIZING
SPEAKING     Speak SPEAKING · PlaybackStarted SPEAKING · ExpectSpeech PROMPTING
             ExpectSpeechRefused SPEAKING · PlaybackFinished IDLE · Failed IDLE
             LoudspeakerLost IDLE · TimedOut IDLE · WakeWordDetected RECOGNIZING
PROMPTING    ExpectSpeechRecorded PROMPTING · ContextReady PROMPTING · ContextFailed PROMPTING
             Speak PROMPTING · PlaybackStarted PROMPTING · PlaybackFinished EXPECTING
             Muted SPEAKING · MicLost SPEAKING · Failed IDLE · LoudspeakerLost IDLE
             TimedOut IDLE · WakeWordDetected RECOGNIZING
EXPECTING    MicOpened EXPECTING · SpeechStarted RECOGNIZING · WakeWordDetected RECOGNIZING
             TimedOut IDLE · Muted IDLE · MicLost IDLE
"""
ASKED = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Bauer",)),))
RULES = Rules(synthesize_s=10.0, playback_margin_s=2.0)


def meant() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = {}
    row: dict[str, str] = {}
    for line in MEANT.strip().splitlines():
        state, rows = line[:13].strip(), line[13:]
        row = table.setdefault(state, {}) if state else row
        row |= dict(pair.split() for pair in rows.split(" · "))
    return table


def test_the_table_is_what_is_meant() -> None:
    table = {
        str(state): {event.__name__: str(target) for event, (target, _) in row.items()}
        for state, row in TABLE.items()
    }
    assert table == meant()
    assert {event.__name__: target for event, (target, _) in ANYWHERE.items()} == {
        "Forgotten": State.IDLE,
        "Muted": None,
        "Unmuted": None,
        "MicLost": None,
        "MicBack": None,
    }


@pytest.fixture
def session() -> Session:
    return Session(RULES, map(str, count(1)).__next__)


def speaking(session: Session) -> str:
    session.handle(d.WakeWordDetected("alexa", 0.0, 0.0), 0.0)
    interaction = str(session.interaction)
    session.handle(d.EndOfSpeech(interaction, 1.0), 1.0)
    session.handle(d.Speak(interaction, "One moment."), 1.0)
    return interaction


def test_the_deadline_of_a_sound_is_its_end_and_a_margin(session: Session) -> None:
    interaction = speaking(session)
    assert session.deadline == 1.0 + RULES.synthesize_s
    session.handle(d.PlaybackStarted(interaction, 3.0), 1.1)
    assert session.deadline == 3.0 + RULES.playback_margin_s


def test_a_short_first_reply_does_not_cut_off_the_second(session: Session) -> None:
    interaction = speaking(session)
    session.handle(d.Speak(interaction, "Which one do you mean?"), 1.0)
    session.handle(d.PlaybackStarted(interaction, 1.5), 1.1)
    assert session.deadline == 1.0 + RULES.synthesize_s, "the second is still being synthesized"
    session.handle(d.PlaybackStarted(interaction, 4.0), 6.0)
    assert session.deadline == 4.0 + RULES.playback_margin_s


def test_an_open_microphone_waits_as_long_as_was_asked(session: Session) -> None:
    interaction = speaking(session)
    session.handle(d.ExpectSpeech(interaction, 4500, ASKED), 1.0)
    opened = session.handle(d.PlaybackFinished(interaction, 3.0), 3.01)
    assert [type(order) for order in opened] == [d.Record, d.OpenMic]
    assert session.deadline == 3.01 + 4.5
    asked_again = session.handle(d.TimedOut(), 7.6)
    assert isinstance(asked_again[-1], d.Record)
    assert asked_again[-1].interaction == interaction
    assert asked_again[-1].note is d.Note.EXPECT_SPEECH_TIMED_OUT


def test_what_is_not_in_the_table_changes_nothing_and_is_counted(session: Session) -> None:
    interaction = speaking(session)
    before = (session.state, session.deadline, session.interaction)
    assert session.handle(d.EndOfSpeech(interaction, 2.0), 2.0) == ()
    assert session.handle(d.PlaybackFinished("another", 2.0), 2.0) == ()
    assert (session.state, session.deadline, session.interaction) == before
    assert session.dropped == {"EndOfSpeech": 1, "PlaybackFinished": 1}


def test_no_word_is_in_the_repr_of_an_event_or_command() -> None:
    words = "call meg bauer"
    for one in (
        d.Transcribed("1", words, words),
        d.Speak("1", words),
        d.Respond("d", "1", words),
        d.Play("1", words),
        d.Payload(d.Kind.UTTERANCE, words.encode()),
    ):
        assert "meg" not in repr(one)


def test_every_step_of_a_question_and_its_answer_is_recorded(session: Session) -> None:
    orders: list[d.Command] = []

    def tell(event: d.Event, now: float) -> None:
        orders.extend(session.handle(event, now))

    tell(d.WakeWordDetected("alexa", 0.0, 0.0), 0.0)
    asking = str(session.interaction)
    tell(d.EndOfSpeech(asking, 1.0), 1.0)
    tell(d.Transcribed(asking, "call meg", "call meg"), 1.2)
    tell(d.Speak(asking, "Jones or Bauer?"), 1.3)
    tell(d.ExpectSpeech(asking, 4000, ASKED), 1.3)
    entry = d.Entry("d", asking, 4, ("WAKE", "EXPECT_SPEECH(choose,contact):3"), 9.0)
    tell(d.Recorded(entry), 1.4)
    tell(d.ContextReady(asking, b"vector", (), 3.0), 1.5)
    tell(d.PlaybackFinished(asking, 3.0), 3.0)
    answer = str(session.interaction)
    tell(d.MicOpened(answer, 3.0), 3.0)
    tell(d.SpeechStarted(answer, 3.2), 3.3)
    tell(d.EndOfSpeech(answer, 4.0), 4.0)
    tell(d.Transcribed(answer, "Jones or Bauer", "x"), 4.1)
    noted = [(one.interaction, str(one.note)) for one in orders if isinstance(one, d.Record)]
    assert noted == [
        (asking, "WAKE"),
        (asking, "UTTERANCE"),
        (asking, "SPEAK"),
        (asking, "EXPECT_SPEECH"),
        (asking, "CONTEXT_READY"),
        (asking, "PLAYED"),
        (asking, "REOPENED"),
        (answer, "ANSWER"),
        (answer, "NOTHING_HEARD"),
    ]
    kinds = [p.kind for one in orders if isinstance(one, d.Record) for p in one.payloads]
    assert kinds == [d.Kind.UTTERANCE, d.Kind.REPLY, d.Kind.CATALOGUE, d.Kind.VECTOR]


@pytest.mark.parametrize("more", [False, True])
def test_what_the_encoder_keeps_is_sealed_beside_the_vector_of_a_whole_reply(
    session: Session, more: bool
) -> None:
    asking = speaking(session)
    session.handle(d.ExpectSpeech(asking, 4000, ASKED), 1.4)
    if more:
        session.handle(d.Speak(asking, "Take your time."), 1.5)
    (order,) = session.handle(d.ContextReady(asking, b"vector", (), 3.0, b"kept"), 1.6)
    assert isinstance(order, d.Record)
    assert order.note is d.Note.CONTEXT_READY
    kinds = [payload.kind for payload in order.payloads]
    assert kinds == [d.Kind.VECTOR] + [d.Kind.MEMORY] * (not more)


def test_the_wake_word_said_again_starts_the_request_over(session: Session) -> None:
    session.handle(d.WakeWordDetected("alexa", 0.0, 0.0), 0.0)
    first = str(session.interaction)
    orders = session.handle(d.WakeWordDetected("alexa", 3.0, 2.9), 3.0)
    assert [type(order) for order in orders] == [
        d.CloseMic,
        d.Cancel,
        d.Record,
        d.Record,
        d.OpenMic,
    ]
    assert session.interaction != first
    assert session.deadline == 3.0 + RULES.listen_s
    assert orders[-1] == d.OpenMic(str(session.interaction), 2.9, RULES.no_speech_s)


def test_an_answer_begun_again_with_the_wake_word_is_still_the_answer(session: Session) -> None:
    interaction = speaking(session)
    session.handle(d.ExpectSpeech(interaction, 4500, ASKED), 1.0)
    session.handle(d.PlaybackFinished(interaction, 3.0), 3.0)
    session.handle(d.SpeechStarted(str(session.interaction), 3.2), 3.3)
    session.handle(d.WakeWordDetected("alexa", 3.8, 3.7), 3.8)
    orders = session.handle(d.EndOfSpeech(str(session.interaction), 5.0), 5.0)
    assert orders[-1] == d.Recognize(str(session.interaction), ASKED, None)


def test_a_question_whose_reply_was_cut_off_is_not_asked_of_a_later_request(
    session: Session,
) -> None:
    interaction = speaking(session)
    session.handle(d.ExpectSpeech(interaction, 4500, ASKED), 1.0)
    session.handle(d.TimedOut(), 20.0)
    session.handle(d.Speak(None, "The oven is hot."), 21.0)
    *_, opened = session.handle(d.WakeWordDetected("alexa", 22.0, 22.0), 22.0)
    assert isinstance(opened, d.OpenMic)
    assert opened.expectation is None


def test_the_recognizer_is_told_what_is_expected_when_the_microphone_opens(
    session: Session,
) -> None:
    interaction = speaking(session)
    session.handle(d.ExpectSpeech(interaction, 4500, ASKED), 1.0)
    *_, opened = session.handle(d.PlaybackFinished(interaction, 3.0), 3.01)
    assert isinstance(opened, d.OpenMic)
    assert opened.expectation == ASKED
    *_, again = session.handle(d.WakeWordDetected("alexa", 4.0, 4.0), 4.0)
    assert isinstance(again, d.OpenMic)
    assert again.expectation == ASKED


def test_half_a_character_from_a_skill_is_kept_as_a_question_mark(session: Session) -> None:
    session.handle(d.WakeWordDetected("alexa", 0.0, 0.0), 0.0)
    interaction = str(session.interaction)
    session.handle(d.EndOfSpeech(interaction, 1.0), 1.0)
    recorded, _ = session.handle(d.Speak(interaction, "caf\ud83d"), 1.0)
    assert isinstance(recorded, d.Record)
    assert recorded.payloads == (d.Payload(d.Kind.REPLY, b"caf?"),)
