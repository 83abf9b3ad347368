from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.engines.microwakeword import MicroWakeWord
from edge.errors import ModelError

CLIP = Path(__file__).resolve().parents[1] / "audio" / "alexa.flac"
PAUSE_S = 1.0

Sound = npt.NDArray[np.int16]


def stream(*sounds: Sound) -> list[bytes]:
    pcm = np.concatenate(sounds).astype("<i2").tobytes()
    return [pcm[i : i + FRAME_BYTES] for i in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def pause(seconds: float = PAUSE_S) -> Sound:
    return np.random.RandomState(7).normal(0, 10, int(seconds * RATE_HZ)).astype(np.int16)


@pytest.fixture(scope="module")
def alexa() -> Sound:
    sound: Sound
    sound, rate_hz = soundfile.read(CLIP, dtype="int16")
    assert rate_hz == RATE_HZ
    return sound


def fired(detector: MicroWakeWord, frames: list[bytes]) -> list[int]:
    return [n for n, pcm in enumerate(frames) if detector.detect(pcm)]


def test_the_word_is_heard_once_and_at_its_end(alexa):
    detector = MicroWakeWord("alexa")
    frames = stream(pause(), alexa, pause())
    times_s = [0.02 * (n + 1) for n in fired(detector, frames)]
    assert len(times_s) == 1
    word_end_s = PAUSE_S + np.flatnonzero(np.abs(alexa) > np.abs(alexa).max() * 0.02)[-1] / RATE_HZ
    assert times_s[0] - detector.latency_s == pytest.approx(word_end_s, abs=0.15)


def test_the_word_said_again_is_heard_again(alexa):
    frames = stream(pause(), alexa, pause(), alexa, pause())
    assert len(fired(MicroWakeWord("alexa"), frames)) == 2


@pytest.mark.parametrize("word", ["okay_nabu", "hey_jarvis", "hey_mycroft"])
def test_another_word_is_not_heard(alexa, word):
    detector = MicroWakeWord(word)
    assert detector.word == word
    assert fired(detector, stream(pause(), alexa, pause())) == []


def test_noise_and_silence_are_not_heard():
    loud = np.random.RandomState(8).normal(0, 3000, 2 * RATE_HZ).astype(np.int16)
    frames = stream(pause(2.0), loud, np.zeros(RATE_HZ, np.int16))
    assert fired(MicroWakeWord("alexa"), frames) == []


def test_a_word_without_a_model_is_refused():
    with pytest.raises(ModelError, match=r"wake-hal\.toml: no such model"):
        MicroWakeWord("hal")
