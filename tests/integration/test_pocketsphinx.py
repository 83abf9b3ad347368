"""Real recognition of two shipped clips, as the demo's customers speak them."""

from __future__ import annotations

import array
import random
from pathlib import Path

import pytest

import edge
from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, Act, Catalogue, Expectation, Recognized, Slot
from edge.engines.pocketsphinx import NBEST_MAX, Pocketsphinx
from edge.errors import EngineError

CLIPS = Path(edge.__file__).parent / "scenarios" / "clips"


@pytest.fixture(scope="module")
def recognizer():
    return Pocketsphinx()


def spoken(voice: str, text: str, silence_s: float = 0.5) -> bytes:
    """A clip, then silence, over noise at -60 dBFS."""
    pcm = read_clip(CLIPS / voice / f"{text.replace(' ', '_')}.flac")
    samples = array.array("h", pcm + bytes(2 * int(16_000 * silence_s)))
    noise = random.Random(1)
    return array.array("h", (s + round(noise.gauss(0, 33)) for s in samples)).tobytes()


def recognized(
    recognizer: Pocketsphinx,
    pcm: bytes,
    expected: Expectation | None = None,
    piece_bytes: int = FRAME_BYTES,
) -> Recognized:
    recognizer.start(expected)
    for at in range(0, len(pcm), piece_bytes):
        recognizer.feed(pcm[at : at + piece_bytes])
    return recognizer.finish()


def heard(recognizer: Pocketsphinx, pcm: bytes, piece_bytes: int = FRAME_BYTES):
    return list(recognized(recognizer, pcm, piece_bytes=piece_bytes).nbest)


def offering(*phrases: str) -> Expectation:
    return Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, phrases),))


NAMES = offering("Meg Jones", "Meg Bauer")


def test_a_request_is_recognized(recognizer):
    assert heard(recognizer, spoken("rms", "please call meg"))[0].text == "please call meg"


def test_an_answer_that_was_misheard_is_found_among_those_that_were_expected(recognizer):
    found = recognized(recognizer, spoken("rms", "i mean bauer"), NAMES)
    assert found.nbest[0].text != "i mean bauer"
    assert [one.text for one in found.expected] == ["i mean bauer"]
    assert found.native_ms > 0.0


def test_what_is_expected_changes_nothing_in_the_open_search(recognizer):
    for voice, text in (("rms", "i mean bauer"), ("slt", "show me some recipes")):
        pcm = spoken(voice, text)
        without = recognized(recognizer, pcm)
        beside = recognized(recognizer, pcm, NAMES)
        assert beside.nbest == without.nbest
        assert beside.frames == without.frames
        assert without.expected == ()
        assert without.native_ms == 0.0


def test_the_sound_speaks_for_what_was_offered_and_against_what_was_not(recognizer):
    answer = recognized(recognizer, spoken("rms", "i mean bauer"), NAMES)
    assert answer.expected[0].score - answer.nbest[0].score > -50.0
    request = recognized(recognizer, spoken("slt", "show me some recipes"), NAMES)
    assert all(one.score - request.nbest[0].score < -100.0 for one in request.expected)


def test_names_that_no_dictionary_has_are_searched_for_by_their_letters(recognizer):
    found = recognized(
        recognizer, spoken("rms", "i mean bauer"), offering("Meg Bowwer", "Mia Zzyx")
    )
    assert found.expected[0].text == "i mean bowwer"


def test_many_captures_and_names_leave_no_trace(recognizer):
    answer = spoken("rms", "i mean bauer")
    first = recognized(recognizer, answer, NAMES)
    for number in range(3):
        many = (f"{chr(97 + number)}{chr(97 + at % 26)}{at}" for at in range(1200))
        recognized(recognizer, bytes(640), offering(*many))
    again = recognized(recognizer, answer, NAMES)
    assert (again.nbest, again.expected) == (first.nbest, first.expected)


def test_an_abandoned_capture_with_names_is_dropped(recognizer):
    answer = spoken("rms", "i mean bauer")
    recognizer.start(NAMES)
    recognizer.feed(answer)
    assert recognized(recognizer, answer).expected == ()


@pytest.mark.parametrize("pause_s", [0.9, 2.5, 7.0])
def test_a_pause_before_the_speech_does_not_spoil_it(recognizer, pause_s):
    noise = random.Random(3)
    pause = (round(noise.gauss(0, 33)) for _ in range(int(16_000 * pause_s)))
    late = array.array("h", pause).tobytes() + spoken("rms", "please call meg")
    assert heard(recognizer, late)[0].text == "please call meg"


def test_the_list_is_ranked_different_and_clean(recognizer):
    nbest = heard(recognizer, spoken("rms", "i mean bauer"))
    texts = [reading.text for reading in nbest]
    scores = [reading.score for reading in nbest]
    assert 10 < len(nbest) <= NBEST_MAX
    assert len(set(texts)) == len(texts)
    assert scores == sorted(scores, reverse=True)
    assert max(scores) < 0
    assert not [text for text in texts if set(text) & set("()<>[]+") or text != text.strip()]


def test_a_capture_knows_nothing_of_the_one_before(recognizer):
    answer = spoken("rms", "i mean bauer")
    first = heard(recognizer, answer)
    heard(recognizer, spoken("slt", "show me some recipes"))
    recognizer.start()
    recognizer.feed(spoken("rms", "please call meg"))
    assert heard(recognizer, answer) == first
    assert heard(recognizer, answer, piece_bytes=3 * FRAME_BYTES + 2) == first


@pytest.mark.parametrize("pcm", [b"", b"\0\0", bytes(640), bytes(32_000), spoken.__name__.encode()])
def test_silence_and_scraps_are_nothing(recognizer, pcm):
    assert heard(recognizer, pcm) == []


def test_faint_noise_is_nothing(recognizer):
    noise = random.Random(2)
    samples = array.array("h", (round(noise.gauss(0, 33)) for _ in range(24_000)))
    assert heard(recognizer, samples.tobytes()) == []


def test_nothing_of_it_is_printed(recognizer, capfd):
    heard(recognizer, spoken("rms", "please call meg"))
    assert capfd.readouterr() == ("", "")


def test_audio_outside_a_capture_is_refused(recognizer):
    recognizer.start()
    recognizer.finish()
    with pytest.raises(EngineError, match="outside a capture"):
        recognizer.feed(bytes(640))
