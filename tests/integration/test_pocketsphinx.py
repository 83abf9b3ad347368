"""Real recognition of two shipped clips, as the demo's customers speak them."""

from __future__ import annotations

import array
import random
from pathlib import Path

import pytest

import edge
from edge.biasing import rescore
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


def heard(recognizer: Pocketsphinx, pcm: bytes, piece_bytes: int = FRAME_BYTES):
    recognizer.start()
    for at in range(0, len(pcm), piece_bytes):
        recognizer.feed(pcm[at : at + piece_bytes])
    return list(recognizer.finish().nbest)


def test_a_request_is_recognized(recognizer):
    assert heard(recognizer, spoken("rms", "please call meg"))[0].text == "please call meg"


def test_the_offered_names_find_the_answer_that_was_misheard(recognizer):
    nbest = heard(recognizer, spoken("rms", "i mean bauer"))
    names = Catalogue(Slot.CONTACT, ("Meg Jones", "Meg Bauer", "Jones", "Bauer"))
    asked = Expectation(Act.CHOOSE, Slot.CONTACT, (names,))
    believed = rescore(Recognized(tuple(nbest)), asked, None)
    assert nbest[0].text != "i mean bauer"
    assert believed == "i mean bauer"


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
