"""Hearing on made sound: a voiced buzz is voice to webrtcvad, silence is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edge.dialogue import (
    FRAME_SAMPLES,
    RATE_HZ,
    EndOfSpeech,
    NothingHeard,
    SpeechStarted,
    WakeWordDetected,
)
from edge.hearing import FRAME_S, PLAYED_FRAMES, Heard, Hearing, Listening, Piece
from edge.protocols import Frame
from edge.voice import Anchor, anchored
from tests.unit.timbre import Timbre, customer, mixed, television

FOREVER = float("inf")


def buzz(seconds: float) -> bytes:
    """A 140 Hz pulse train through two resonances: a vowel, near enough for a detector."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    harmonics = np.arange(1, 25)[:, None] * 140
    gains = 1 / (1 + ((harmonics - 700) / 150) ** 2) + 0.5 / (1 + ((harmonics - 1200) / 200) ** 2)
    sound = (gains * np.sin(2 * np.pi * harmonics * time_s)).sum(0)
    return bytes((sound / np.abs(sound).max() * 8000).astype("<i2"))


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * RATE_HZ))


def frames(pcm: bytes, at: float = 0.0) -> Iterator[Frame]:
    size = 2 * FRAME_SAMPLES
    for number in range(len(pcm) // size):
        yield Frame(pcm[number * size :][:size], at + number * FRAME_S)


class Doorbell:
    """A detector that fires at given frames."""

    word = "ding"
    latency_s = 0.2

    def __init__(self, *at_frames: int) -> None:
        self._at = set(at_frames)
        self._heard = -1

    def detect(self, pcm: bytes) -> bool:
        self._heard += 1
        return self._heard in self._at


def new_hearing(*fires: int) -> Hearing:
    return Hearing(Listening(), [Doorbell(*fires)])


def hear(hearing: Hearing, pcm: bytes, at: float = 0.0) -> list[Heard]:
    return [heard for frame in frames(pcm, at) for heard in hearing.take(frame)]


def facts(heard: list[Heard]) -> list[type]:
    return [type(one) for one in heard if not isinstance(one, Piece)]


def test_nothing_is_handed_over_while_the_microphone_is_closed() -> None:
    assert hear(new_hearing(), silence(0.5) + buzz(1.0) + silence(1.0)) == []


def test_a_capture_is_one_utterance_with_lead_and_tail() -> None:
    hearing = new_hearing()
    hearing.open("a", 0.0, FOREVER)
    heard = hear(hearing, silence(1.0) + buzz(0.8) + silence(1.5) + buzz(0.8))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]
    started, ended = (one for one in heard if not isinstance(one, Piece))
    assert isinstance(started, SpeechStarted)
    assert abs(started.at - 1.0) <= 0.06
    assert isinstance(ended, EndOfSpeech)
    assert 2.4 <= ended.at <= 2.8
    spoken = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    whole = silence(1.0) + buzz(0.8) + silence(1.5)
    start = whole.find(spoken)
    assert start >= 0, "what the recognizer gets is one unbroken stretch of what was captured"
    assert 2 * RATE_HZ * 0.7 <= start <= 2 * RATE_HZ * 0.85


def test_a_pause_shorter_than_the_silence_does_not_end_it() -> None:
    hearing = new_hearing()
    hearing.open("a", 0.0, FOREVER)
    heard = hear(hearing, buzz(0.6) + silence(0.4) + buzz(0.6) + silence(1.2))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]


def test_speech_going_on_in_the_preroll_is_reported_at_once() -> None:
    hearing = new_hearing()
    hear(hearing, silence(1.0) + buzz(0.3))
    heard = list(hearing.open("a", 0.9, FOREVER))
    assert facts(heard) == [SpeechStarted]
    assert len(b"".join(one.pcm for one in heard if isinstance(one, Piece))) >= len(buzz(0.3))


def test_the_preroll_reaches_back_to_since_and_no_further() -> None:
    hearing = new_hearing()
    hear(hearing, buzz(1.0))
    heard = list(hearing.open("a", 0.8, FOREVER))
    handed_over = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    assert len(handed_over) <= len(silence(0.2))


def test_no_speech_in_time_is_nothing_heard() -> None:
    hearing = new_hearing()
    hearing.open("a", 0.0, 1.0)
    heard = hear(hearing, silence(3.0))
    assert heard == [NothingHeard("a")]


def test_a_closed_capture_hands_over_nothing_more() -> None:
    hearing = new_hearing()
    hearing.open("a", 0.0, FOREVER)
    hear(hearing, buzz(0.5))
    hearing.close("other")
    assert hear(hearing, buzz(0.02), at=0.5) != []
    hearing.close("a")
    assert hear(hearing, buzz(0.5), at=0.52) == []


def test_the_wake_word_is_deaf_for_its_refractory_time() -> None:
    heard = hear(new_hearing(50, 80, 150), silence(4.0))
    at = [one.at for one in heard if isinstance(one, WakeWordDetected)]
    assert at == [51 * FRAME_S, 151 * FRAME_S]


def test_a_request_may_begin_where_the_wake_word_paused() -> None:
    heard = hear(new_hearing(49), silence(0.2) + buzz(0.5) + silence(0.3))
    (detected,) = (one for one in heard if isinstance(one, WakeWordDetected))
    assert abs(detected.since - 0.98) < 0.001, "silence since the word: nothing of the request yet"


def test_a_request_without_a_pause_begins_at_the_words_end() -> None:
    heard = hear(new_hearing(49), silence(0.2) + buzz(0.8))
    (detected,) = (one for one in heard if isinstance(one, WakeWordDetected))
    assert abs(detected.since - (1.0 - Doorbell.latency_s)) < 0.001


def anchored_hearing(*fires: int) -> tuple[Hearing, bytes]:
    anchor = anchored(Timbre(), customer(0.6))
    assert anchor is not None
    return Hearing(Listening(), [Doorbell(*fires)], Timbre()), anchor.payload().content


def test_speech_ends_when_the_customer_is_silent_though_a_television_goes_on() -> None:
    hearing, anchor = anchored_hearing()
    hearing.open("a", 0.0, FOREVER, anchor)
    heard = hear(hearing, silence(0.6) + customer(1.0) + television(4.0))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]
    ended = heard[-1]
    assert isinstance(ended, EndOfSpeech)
    assert 1.6 + 0.7 <= ended.at < 1.6 + 0.7 + 1.2
    spoken = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    assert customer(1.0) in spoken
    assert not any(spoken[-2 * RATE_HZ * FRAME_SAMPLES // RATE_HZ :]), "its end is silenced"


def test_a_television_alone_does_not_begin_an_answer() -> None:
    hearing, anchor = anchored_hearing()
    hearing.open("a", 0.0, 4.0, anchor)
    heard = hear(hearing, silence(0.4) + television(5.0))
    assert heard == [NothingHeard("a")]


def test_anybody_begins_an_answer_without_an_anchor() -> None:
    hearing, _ = anchored_hearing()
    hearing.open("a", 0.0, FOREVER)
    heard = hear(hearing, silence(0.4) + television(1.0, 6000.0) + silence(1.0))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]


def test_an_answer_in_front_of_a_television_begins_with_the_answer() -> None:
    hearing, anchor = anchored_hearing()
    hearing.open("a", 0.0, FOREVER, anchor)
    heard = hear(hearing, television(2.0) + mixed(customer(1.0), television(1.0)) + silence(1.5))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]
    started = next(one for one in heard if isinstance(one, SpeechStarted))
    assert 1.6 <= started.at <= 2.2
    spoken = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    assert mixed(customer(1.0), television(1.0)) in spoken
    assert any(spoken[: 2 * FRAME_SAMPLES]), "a recognizer is not begun with silenced sound"


def anchor_in(heard: list[Heard]) -> bytes:
    (anchor,) = (one.anchor for one in heard if isinstance(one, WakeWordDetected))
    return anchor


def test_a_wake_word_comes_with_its_anchor() -> None:
    hearing, expected = anchored_hearing(55)
    found = anchor_in(hear(hearing, silence(0.3) + customer(0.65) + silence(0.3)))
    heard, cut = (Anchor.of(content) for content in (found, expected))
    assert heard is not None
    assert cut is not None
    likeness = np.frombuffer(heard.voice, "<f4") @ np.frombuffer(cut.voice, "<f4")
    assert likeness > 0.95
    assert abs(heard.loudness_db - cut.loudness_db) < 2.0


def test_a_wake_word_that_is_too_faint_has_no_anchor() -> None:
    hearing, _ = anchored_hearing(50, 200)
    assert anchor_in(hear(hearing, silence(0.3) + customer(0.65) + silence(2.0)))
    assert anchor_in(hear(hearing, silence(1.5), at=2.95)) == b""


def test_without_an_encoder_there_is_no_anchor_and_an_anchor_is_of_no_use() -> None:
    hearing, (_, anchor) = new_hearing(40), anchored_hearing()
    assert anchor_in(hear(hearing, customer(1.0))) == b""
    hearing.open("a", 1.0, FOREVER, anchor)
    assert facts(hear(hearing, television(1.0, 6000.0) + silence(1.0), at=1.0)) == [
        SpeechStarted,
        EndOfSpeech,
    ]


def test_a_click_before_the_request_does_not_end_the_capture() -> None:
    hearing, anchor = anchored_hearing()
    hearing.open("a", 0.0, FOREVER, anchor)
    click = customer(0.04)
    heard = hear(hearing, silence(0.4) + click + silence(0.9) + customer(1.0) + silence(1.0))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]
    spoken = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    assert customer(1.0) in spoken


def test_a_click_alone_ends_too() -> None:
    hearing, anchor = anchored_hearing()
    hearing.open("a", 0.0, FOREVER, anchor)
    heard = hear(hearing, silence(0.4) + customer(0.04) + silence(2.6))
    assert facts(heard) == [SpeechStarted, EndOfSpeech]


def in_a_room(hearing: Hearing, sound: bytes, played: bytes) -> list[Heard]:
    """What is heard where the microphone captures `sound` while the device sounds `played`."""
    ahead = 2 * FRAME_SAMPLES * PLAYED_FRAMES
    padded = played + bytes(ahead + len(sound))
    return [
        heard
        for number, frame in enumerate(frames(sound))
        for heard in hearing.take(frame, padded[2 * FRAME_SAMPLES * number :][:ahead])
    ]


def test_a_wake_word_that_we_say_ourselves_is_none() -> None:
    said = silence(1.0) + buzz(2.0) + silence(0.3)
    fires = round(2.8 / FRAME_S)
    quieter = (np.frombuffer(said, "<i2") // 4).astype("<i2").tobytes()
    assert facts(in_a_room(new_hearing(fires), quieter, said)) == []
    assert facts(in_a_room(new_hearing(fires), quieter, silence(3.3))) == [WakeWordDetected]


def test_our_own_sound_begins_no_capture_and_goes_nowhere() -> None:
    said = silence(1.0) + buzz(3.0) + silence(0.3)
    quieter = (np.frombuffer(said, "<i2") // 4).astype("<i2").tobytes()
    hearing = new_hearing()
    in_a_room(hearing, quieter[: len(quieter) // 2], said)
    assert hearing.open("a", 1.4, FOREVER) == ()


class Halving:
    """An echo canceller that makes everything fainter, and keeps what it was given."""

    def __init__(self) -> None:
        self.played: list[bytes] = []

    def cancel(self, pcm: bytes, played: bytes) -> bytes:
        self.played.append(played)
        return (np.frombuffer(pcm, "<i2") // 2).astype("<i2").tobytes()


def test_what_an_echo_canceller_leaves_is_what_is_heard() -> None:
    canceller = Halving()
    hearing = Hearing(Listening(), [Doorbell()], None, canceller)
    assert hearing.cancels
    assert not new_hearing().cancels
    hearing.open("a", 0.0, FOREVER)
    said = buzz(0.5)
    heard = in_a_room(hearing, said, silence(0.5))
    captured = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    assert captured in (np.frombuffer(said, "<i2") // 2).astype("<i2").tobytes()
    assert len(captured) > len(said) / 2
    assert set(canceller.played) == {bytes(2 * FRAME_SAMPLES)}


def test_who_speaks_is_not_cut_by_what_we_say() -> None:
    """Our own sound begins, loud, while somebody speaks into the open microphone."""
    hearing = new_hearing()
    own = silence(1.0) + buzz(2.0)
    quieter = (np.frombuffer(own, "<i2") // 2).astype("<i2").tobytes()
    in_a_room(hearing, quieter, own)
    hearing.open("a", 3.0, FOREVER)
    said = buzz(1.0)
    heard = [
        one
        for frame in frames(said, 3.0)
        for one in hearing.take(frame, (buzz(1.0) * 2)[: 2 * FRAME_SAMPLES * PLAYED_FRAMES])
    ]
    pieces = [one.pcm for one in heard if isinstance(one, Piece)]
    assert all(any(pcm) for pcm in pieces[1:])


def test_nothing_from_before_its_time_gets_into_a_capture() -> None:
    hearing = new_hearing()
    hearing.open("a", 1.0, FOREVER)
    assert hear(hearing, buzz(0.98)) == []
    heard = hear(hearing, buzz(0.5), at=1.0)
    (started,) = (one for one in heard if isinstance(one, SpeechStarted))
    assert started.at >= 1.0
