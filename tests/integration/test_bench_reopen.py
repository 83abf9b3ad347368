"""The bench of the re-opened microphone: a few replies, and faults that it must see."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bench_reopen import KINDS, Clip, figures_of, first_word, likeness_to_own
from edge.cli import main
from edge.clip import read_clip
from edge.dialogue import RATE_HZ
from edge.reopening import LOOKED_BACK_S, Outcome, Reply
from edge.room import Echo
from edge.scenario import CLIPS

ANSWER = read_clip(CLIPS / "slt" / "mushroom_soup.flac")
REPLY = read_clip(CLIPS / "rms" / "call_meg.flac") * 9
LOUD_END = 2 * int(np.flatnonzero(np.frombuffer(REPLY, "<i2") > 3000)[-1] + 1)
PLAYED = REPLY[LOUD_END - round(2 * LOOKED_BACK_S * RATE_HZ) : LOUD_END]
SAID = {ANSWER: Clip("mushroom_soup", ANSWER, "mushroom soup")}


@pytest.mark.timeout(180)
def test_replies_of_every_kind_are_held() -> None:
    found = CliRunner().invoke(main, ["bench", "reopen", "--replies", str(len(KINDS)), "--json"])
    assert found.exit_code == 0, found.output
    figures = json.loads(found.stdout)
    assert figures["replies"] == len(KINDS)
    assert figures["own_speech_accepted"] == figures["never_opened"] == 0
    assert figures["opened_early"] == figures["first_words_lost"] == 0
    assert 0 <= figures["reopen_ms"]["p50"] <= figures["reopen_ms"]["max"] < 100
    assert figures["voice_detector_alone"]["replies"] == 1


@pytest.fixture
def outcome() -> Outcome:
    """An answer 50 ms after a reply, heard whole."""
    reply = Reply("ordinary", "Shall I?", Echo(t60_s=0.6, gain_db=0.0), answer=ANSWER)
    return Outcome(
        reply,
        began_at=0.0,
        ended_at=5.0,
        opened_at=5.001,
        answered_at=5.05,
        started=True,
        text="mushroom soup",
        fed=bytes(3200) + ANSWER + bytes(3200),
        played=PLAYED,
    )


def test_an_answer_that_is_there_is_no_fault(outcome: Outcome) -> None:
    figures = figures_of([outcome], SAID)
    assert (figures["own_speech_accepted"], figures["first_words_lost"]) == (0, 0)
    assert figures["reopen_ms"]["max"] == pytest.approx(1.0)
    assert figures["read_as_without_echo"] == 1.0


def test_a_first_word_that_is_missing_is_seen(outcome: Outcome) -> None:
    loud = np.abs(np.frombuffer(ANSWER, "<i2").astype(int)) > 3000
    begin = 2 * int(np.argmax(loud))
    late = replace(outcome, fed=ANSWER[begin + RATE_HZ :])
    assert first_word(outcome) == pytest.approx(1.0)
    assert first_word(late) < 0.5
    assert first_word(replace(outcome, fed=b"")) == 0.0
    assert figures_of([late], SAID)["first_words_lost"] == 1


def with_tail(outcome: Outcome) -> Outcome:
    """The same, with what the room still rings in what was fed."""
    echoed = np.convolve(np.frombuffer(PLAYED, "<i2").astype(float), outcome.reply.echo.response())
    tail = echoed[round((LOOKED_BACK_S - 0.05) * RATE_HZ) :]
    heard = np.frombuffer(outcome.fed, "<i2").astype(float)
    heard[: len(tail)] += tail[: len(heard)]
    return replace(outcome, fed=np.clip(heard, -32768, 32767).astype("<i2").tobytes())


def test_our_own_tail_is_seen(outcome: Outcome) -> None:
    assert likeness_to_own(with_tail(outcome)) > 3 * likeness_to_own(outcome)
    alone = replace(outcome, reply=replace(outcome.reply, answer=b""), answered_at=None)
    assert figures_of([alone], SAID)["own_speech_accepted"] == 1, "anything at all is too much"


def test_our_own_words_are_seen(outcome: Outcome) -> None:
    reply = replace(outcome.reply, text="Which recipe?")
    misheard = replace(outcome, reply=reply, text="mushroom recipe")
    figures = figures_of([misheard], SAID)
    assert (figures["own_speech_accepted"], figures["misread_as_reply_words"]) == (0, 1)
    assert figures_of([with_tail(misheard)], SAID)["own_speech_accepted"] == 1


def test_a_closed_or_early_microphone_is_seen(outcome: Outcome) -> None:
    figures = figures_of([replace(outcome, opened_at=at) for at in (None, 4.9)], SAID)
    assert figures["never_opened"] == 1
    assert figures["opened_early"] == 1
