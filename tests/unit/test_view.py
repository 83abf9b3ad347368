"""From events to what is shown: a question and its window, an interruption, a level."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dialogue import (
    Act,
    Command,
    ContextReady,
    Event,
    Expectation,
    MicOpened,
    Note,
    OpenMic,
    Play,
    PlaybackFinished,
    PlaybackStarted,
    Record,
    Slot,
    Speak,
    StopPlayback,
    Transcribed,
    WakeWordDetected,
)
from edge.panel import FLOOR_DBFS, Snapshot, Stored, Window
from edge.session import State
from edge.view import HOLD_S, Known, Meter, Seen, View

ASKED = Record("d", "a", Note.EXPECT_SPEECH, Expectation(Act.CHOOSE, Slot.CONTACT))
SOME = (OpenMic("a", 0.0, 5.0),)
QUESTION: tuple[tuple[Event, tuple[Command, ...], float, State], ...] = (
    (WakeWordDetected("alexa", 10.0, 9.9), SOME, 10.1, State.RECOGNIZING),
    (Transcribed("a", "call meg", "call mac"), SOME, 12.0, State.THINKING),
    (Speak("a", "Which Meg?"), (Play("a", "Which Meg?"),), 12.5, State.SPEAKING),
    (Speak("a", "Jones or Bauer?"), (Play("a", "Jones or Bauer?"),), 12.6, State.SPEAKING),
    (Speak("a", "?"), (ASKED,), 13.0, State.PROMPTING),
    (PlaybackStarted("a", 15.0), (), 13.25, State.PROMPTING),
    (ContextReady("a", b"", (), 4.0), SOME, 13.5, State.PROMPTING),
)
OVER: tuple[tuple[Event, tuple[Command, ...], float, State], ...] = (
    (PlaybackFinished("a", 15.0), SOME, 15.001, State.EXPECTING),
    (MicOpened("a", 15.004), (), 15.005, State.EXPECTING),
)


def after(*happened: tuple[Event, tuple[Command, ...], float, State]) -> View:
    view = View("edge")
    for one in happened:
        view.see(Seen(*one))
    return view


def test_a_question_fills_its_window() -> None:
    view = after(*QUESTION)
    shown = view.snapshot(14.0, Known(0.5, Stored(1, 2, 3), "m", "l"), ("note",))
    assert shown == Snapshot(
        title="edge",
        state=State.PROMPTING,
        wake_word="alexa",
        woken_s=4.0,
        alike=0.5,
        heard="call meg",
        plain="call mac",
        reply="Which Meg? Jones or Bauer?",
        window=Window(1000.0, 2000.0, asks=True, ready_ms=500.0, encode_ms=4.0),
        stored=Stored(1, 2, 3),
        microphone="m",
        loudspeaker="l",
        notes=("note",),
    )


def test_it_says_how_soon_the_microphone_opened() -> None:
    view = after(*QUESTION, *OVER)
    shown = view.snapshot(99.0, Known())
    assert shown.window == Window(2000.0, 2000.0, True, 500.0, 4.0, over=True)
    assert shown.reopened_ms == pytest.approx(4.0)
    turn = view.reply.turn(99.0)
    assert (turn.window_ms, turn.margin_ms, turn.encode_ms) == (2000.0, 1500.0, 4.0)
    assert turn.reopened_after_playback_ms == shown.reopened_ms


def test_a_later_wake_word_says_nothing_of_the_reply_before() -> None:
    view = after(*QUESTION, *OVER, (MicOpened("b", 90.0), (), 90.0, State.RECOGNIZING))
    assert view.snapshot(99.0, Known()).reopened_ms == pytest.approx(4.0)


def test_a_vector_from_which_nothing_follows_is_not_shown() -> None:
    late = (ContextReady("a", b"", (), 4.0), (), 15.5, State.EXPECTING)
    window = after(*QUESTION[:-1], *OVER, late).snapshot(20.0, Known()).window
    assert window == Window(2000.0, 2000.0, asks=True, over=True)


def test_an_interrupted_reply_is_over_there_and_then() -> None:
    woken = WakeWordDetected("alexa", 14.0, 13.9)
    view = after(*QUESTION, (woken, (StopPlayback("a"),), 14.0, State.RECOGNIZING))
    assert view.snapshot(20.0, Known()).window == Window(1000.0, 1000.0, True, 500.0, 4.0, True)


def test_the_next_reply_takes_the_place_of_the_one_before() -> None:
    told = (Speak("b", "Calling."), (Play("b", "Calling."),), 20.0, State.SPEAKING)
    shown = after(*QUESTION, *OVER, told).snapshot(21.0, Known())
    assert (shown.reply, shown.window, shown.reopened_ms) == ("Calling.", None, None)
    begun = (PlaybackStarted("b", 22.0), (), 20.5, State.SPEAKING)
    window = after(*QUESTION, *OVER, told, begun).snapshot(21.0, Known()).window
    assert window == Window(500.0, 1500.0)


def sine(amplitude: float) -> bytes:
    return bytes((amplitude * np.sin(np.arange(1600) * np.pi / 8)).astype("<i2"))


def test_the_meter_reads_full_scale_and_silence() -> None:
    meter = Meter()
    meter.take(sine(32767), 1.0)
    assert meter.level_dbfs == pytest.approx(-3.01, abs=0.01)
    assert meter.peak_dbfs == pytest.approx(0.0, abs=0.01)
    meter.take(bytes(640), 1.1)
    assert meter.level_dbfs == FLOOR_DBFS
    assert meter.peak_dbfs == pytest.approx(0.0, abs=0.01), "still held"


def test_a_peak_is_held_and_then_let_go_also_when_nothing_is_captured() -> None:
    meter = Meter()
    meter.take(sine(8000), 1.0)
    held = meter.peak_dbfs
    meter.take(sine(100), 1.0 + HOLD_S - 0.01)
    assert meter.peak_dbfs == held
    meter.take(b"", 1.0 + HOLD_S)
    assert (meter.level_dbfs, meter.peak_dbfs) == (FLOOR_DBFS, FLOOR_DBFS)
