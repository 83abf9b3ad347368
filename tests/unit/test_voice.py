"""The voice filter on made voices: a customer, a television, and anchors that are no good."""

from __future__ import annotations

import numpy as np
import pytest

from edge.dialogue import FRAME_BYTES, RATE_HZ, Kind
from edge.voice import (
    HOLD_FRAMES,
    LONGEST_HOLD_FRAMES,
    Anchor,
    Judge,
    Judged,
    Sieve,
    VoiceEncoder,
    anchored,
)
from tests.unit.timbre import (
    Broken,
    Timbre,
    customer,
    frames,
    mixed,
    silence,
    television,
)

WORD_S = 0.6


def anchor_of(pcm: bytes) -> Anchor:
    anchor = anchored(Timbre(), pcm)
    assert anchor is not None
    return anchor


def sieve_for(anchor: Anchor, encoder: VoiceEncoder | None = None) -> Sieve:
    return Sieve(Judge(encoder or Timbre(), anchor))


def sieved(sieve: Sieve, pcm: bytes, voiced: bool = True) -> list[Judged]:
    let_out = [out for frame in frames(pcm) for out in sieve.take(Judged(frame, voiced))]
    return [*let_out, *sieve.flush()]


def sound(judged: list[Judged]) -> bytes:
    return b"".join(one.frame.pcm for one in judged)


def silenced(judged: list[Judged]) -> float:
    return sum(one.silenced and not any(one.frame.pcm) for one in judged) / len(judged)


def test_an_anchor_is_a_voice_and_its_loudness_and_nothing_more() -> None:
    anchor = anchor_of(customer(WORD_S))
    payload = anchor.payload()
    assert payload.kind is Kind.ANCHOR
    assert len(payload.content) == len(anchor.voice) + 4
    kept = Anchor.of(payload.content)
    assert kept is not None
    assert kept.voice == anchor.voice
    assert kept.loudness_db == pytest.approx(anchor.loudness_db, abs=1e-4)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 64,
        b"abc",
        np.ones(9, "<f4").tobytes(),
        np.full(9, np.nan, "<f4").tobytes(),
        np.array([1.0, np.inf], "<f4").tobytes(),
    ],
)
def test_what_is_no_anchor_is_none(content: bytes) -> None:
    assert Anchor.of(content) is None


def test_the_words_of_no_anchor_are_shown() -> None:
    assert "voice" not in repr(anchor_of(customer(WORD_S)))


@pytest.mark.parametrize(
    "pcm",
    [
        customer(0.05),
        b"",
        b"\1",
        silence(WORD_S),
        np.full(9600, 12_000, "<i2").tobytes(),
        mixed(customer(WORD_S, 200_000.0 / 7), customer(WORD_S, 200_000.0 / 7)),
        np.where(np.arange(9600) % 100 < 50, 32_767, -32_768).astype("<i2").tobytes(),
    ],
    ids=["50 ms", "nothing", "a byte", "silent", "only an offset", "clipped", "square"],
)
def test_a_bad_wake_word_gives_no_anchor(pcm: bytes) -> None:
    assert anchored(Timbre(), pcm) is None


def test_an_offset_changes_neither_voice_nor_loudness() -> None:
    plain = anchor_of(customer(WORD_S))
    samples = np.frombuffer(customer(WORD_S), "<i2").astype(int) + 3000
    offset = anchor_of(samples.astype("<i2").tobytes())
    likeness = np.frombuffer(plain.voice, "<f4") @ np.frombuffer(offset.voice, "<f4")
    assert likeness > 0.99
    assert offset.loudness_db == pytest.approx(plain.loudness_db, abs=0.5)


def test_the_customer_passes_bit_for_bit_and_late() -> None:
    sieve = sieve_for(anchor_of(customer(WORD_S)))
    pcm = customer(2.0)
    given = list(frames(pcm))
    early = [len(list(sieve.take(Judged(frame, True)))) for frame in given]
    assert sum(early) == len(given) - HOLD_FRAMES, "what is held is no more than that"
    assert not any(early[:HOLD_FRAMES])
    held = list(sieve.flush())
    assert len(held) == HOLD_FRAMES
    assert sound(held) == pcm[-HOLD_FRAMES * FRAME_BYTES :]


def test_another_voice_is_silenced() -> None:
    let_out = sieved(sieve_for(anchor_of(customer(WORD_S))), television(3.0))
    assert len(let_out) == 150
    assert silenced(let_out) > 0.9
    assert not any(one.voiced for one in let_out if one.silenced)


def test_another_voice_is_absent_and_the_customer_present() -> None:
    sieve = sieve_for(anchor_of(customer(WORD_S)))
    sieved(sieve, television(2.0))
    assert not sieve.present
    sieved(sieve, customer(1.0))
    assert sieve.present


def test_the_customer_after_another_voice_loses_nothing() -> None:
    before, request = television(3.0), customer(2.0)
    let_out = sieved(sieve_for(anchor_of(customer(WORD_S))), before + request + television(2.0))
    said = sound(let_out)[len(before) : len(before) + len(request)]
    assert said == request


def test_the_customer_with_another_voice_under_his_own_loses_nothing() -> None:
    both = mixed(customer(3.0), television(3.0))
    assert sound(sieved(sieve_for(anchor_of(customer(WORD_S))), both)) == both


def test_two_who_say_the_wake_word_at_once_both_pass() -> None:
    anchor = anchor_of(mixed(customer(WORD_S, 5000.0), television(WORD_S, 5000.0)))
    for one in (customer(2.0, 5000.0), television(2.0, 5000.0)):
        assert sound(sieved(sieve_for(anchor), one)) == one


def test_telephone_sound_of_the_customer_passes() -> None:
    """8 kHz brought to 16 kHz: nothing above 4 kHz, in the wake word and after it."""
    spectrum = np.fft.rfft(np.frombuffer(customer(3.0), "<i2").astype(float))
    spectrum[round(4000 * 3.0) :] = 0
    narrow = np.fft.irfft(spectrum).astype("<i2").tobytes()
    word = 2 * round(WORD_S * RATE_HZ)
    request = narrow[word:][: 2 * RATE_HZ // FRAME_BYTES * FRAME_BYTES]
    assert sound(sieved(sieve_for(anchor_of(narrow[:word])), request)) == request


def test_without_a_judge_frames_come_out_at_once_as_they_are() -> None:
    sieve = Sieve(None)
    for frame in frames(television(0.5)):
        judged = Judged(frame, True)
        assert list(sieve.take(judged)) == [judged]
        assert sieve.present
    assert list(sieve.flush()) == []


def test_silence_is_not_waited_for() -> None:
    sieve = sieve_for(anchor_of(customer(WORD_S)))
    let_out = [len(list(sieve.take(Judged(frame, False)))) for frame in frames(silence(2.0))]
    assert sum(let_out) == 100 - HOLD_FRAMES


def test_a_voice_that_stays_unknown_is_waited_for_and_then_passes() -> None:
    """Frames said to be voice in which the encoder hears nothing."""
    sieve = sieve_for(anchor_of(customer(WORD_S)))
    faint = np.tile(np.array([1, -1], "<i2"), RATE_HZ).tobytes()
    let_out = [one for frame in frames(faint) for one in sieve.take(Judged(frame, True))]
    assert len(let_out) == 100 - LONGEST_HOLD_FRAMES
    assert all(one.voiced and any(one.frame.pcm) for one in let_out)


def test_a_judge_that_breaks_is_in_doubt_and_loses_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = customer(1.0) + television(1.0)
    sieve = sieve_for(anchor_of(customer(WORD_S)), Broken(40))
    assert sound(sieved(sieve, request)) == request
    assert sieve.present
    assert [record.getMessage() for record in caplog.records] == [
        "voice filter failed: RuntimeError"
    ]


def test_an_anchor_of_another_encoder_silences_nobody() -> None:
    anchor = Anchor(np.ones(1, "<f4").tobytes() + np.zeros(8, "<f4").tobytes(), 60.0)
    request = television(2.0)
    assert sound(sieved(sieve_for(anchor), request)) == request


def test_an_encoder_that_breaks_gives_no_anchor(caplog: pytest.LogCaptureFixture) -> None:
    assert anchored(Broken(0), customer(WORD_S)) is None
    assert [record.getMessage() for record in caplog.records] == ["no anchor: RuntimeError"]


def test_a_long_recording_of_the_wake_word_is_looked_through_for_it() -> None:
    exact, long = (
        anchor_of(pcm) for pcm in (customer(WORD_S), silence(1.0) + customer(WORD_S) + silence(2.5))
    )
    likeness = np.frombuffer(exact.voice, "<f4") @ np.frombuffer(long.voice, "<f4")
    assert likeness > 0.95
    assert long.loudness_db == pytest.approx(exact.loudness_db, abs=1.0)
