"""The recognizer: pocketsphinx with the en-us voices of its wheel and our own language model.

What is expected is searched for beside the open search, whose n-best list is the same with and
without it. It never downloads, never logs what was said, and keeps nothing of one capture for
the next.
"""

from __future__ import annotations

import math
import random
import re
from array import array
from collections.abc import Iterator
from itertools import islice
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from edge import weights
from edge.dialogue import FRAME_BYTES, RATE_HZ, Expectation, Hypothesis, Recognized
from edge.engines.pocketsphinx_answers import FRAMES_PER_S, LOUD, AnswerSearch, loudness
from edge.errors import EngineError

if TYPE_CHECKING:
    from pocketsphinx import Decoder

NBEST_MAX = 50
PATHS_MAX = 1000
"""Paths looked at for them; several differ only in pauses and pronunciations."""

# The decoder expects silence before the first word, and a capture may begin with the word: a
# fifth of a second of faint noise, always the same, halves the word errors of such captures.
LEAD_IN_SAMPLES = RATE_HZ * 200 // 1000
LEAD_IN_LOUDNESS = 33.0

# The decoder subtracts a fixed mean cepstrum, by default that of another microphone and of the
# captures before. The mean of the capture's own beginning needs nothing from the past and makes
# a quarter to a half fewer word errors; a beginning longer than this one makes no fewer. It is
# the beginning of the speech: the mean of a pause before it makes every word a guess.
BEGINNING_BYTES = 2 * RATE_HZ * 800 // 1000
PATIENCE_BYTES = 2 * RATE_HZ * 5
"""Without speech for so long, the mean is that of a noisy capture's beginning; a still one is
forgotten up to its last second."""
KEPT_BYTES = 2 * RATE_HZ

ONSET_FRAMES = 3  # in a row, of 20 ms
STILL_GAIN = 2.0  # not even so loud is any part of a pause

# The decoder's integers count 1024 steps of its logarithm's base, but it hands them out as if
# they counted one.
NATS_PER_LOG_SCORE = 1024.0

# Searching for a phrase costs a tenth of recognizing: enough to have features computed.
FEATURES_ONLY = "features"
RECOGNITION = "_default"

# compallsen: all scores are relative to the best sound there is, so that those of two searches
# compare. silprob: else words are found in pauses, cheaper than silence.
ANSWER_SETTINGS = {"compallsen": True, "bestpath": False, "silprob": 0.5}

LANGUAGE_MODEL = "language-model"

FILLER = re.compile(r"<[^>]*>|\[[^\]]*\]|\+\+[^+]*\+\+|\(\d+\)")


class Pocketsphinx:
    """A Recognizer; scores are acoustic plus weighted language log probability in nats.

    EngineError when pocketsphinx is missing or fails, and for audio outside a capture.
    """

    def __init__(self) -> None:
        self._decoder = _open_decoder()
        self._answers = AnswerSearch(_small_decoder)
        self._fed_bytes = 0
        self._lead_in = _lead_in()
        self._beginning: bytearray | None = None
        self._decoding = False

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; whatever was going on is dropped."""
        if self._decoding:
            self._end()
        self._answers.expect(expected)
        self._beginning = bytearray()
        self._fed_bytes = 0

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture: whole samples, any number of them."""
        if self._decoding:
            self._search(pcm)
            return
        if self._beginning is None:
            raise EngineError("pocketsphinx was fed outside a capture: call start first")
        self._beginning += pcm
        onset = _onset(self._beginning)
        if onset is not None and len(self._beginning) >= onset + BEGINNING_BYTES:
            self._begin()
        elif onset is None and len(self._beginning) >= PATIENCE_BYTES:
            self._lose_patience()

    def finish(self) -> Recognized:
        """End the capture; at most 50 different readings, the decoder's own best one first.

        expected: the best reading that answers, if any; its score is what the sound alone says
        for it, told from what it says for the first of `nbest`, on top of that one's score.
        """
        if self._beginning:
            self._begin()
        if not self._decoding:
            self._beginning = None
            return Recognized()
        self._end()
        best = self._decoder.hyp()
        spoken = _spoken(best.hypstr) if best else ""
        nbest = tuple(_ranked(spoken, self._paths())) if spoken else ()
        expected = self._answers.finish(nbest[0] if nbest else None)
        frames = FRAMES_PER_S * self._fed_bytes // (2 * RATE_HZ)
        return Recognized(nbest, expected, frames, self._answers.native_ms)

    def _lose_patience(self) -> None:
        if self._beginning and _onset(self._beginning, STILL_GAIN) is None:
            del self._beginning[:-KEPT_BYTES]
        else:
            self._begin()

    def _begin(self) -> None:
        """Take the mean of the beginning, then decode it as if it had just been fed."""
        beginning, self._beginning = bytes(self._beginning or b""), None
        onset = _onset(beginning) or 0
        mean = self._mean(beginning[onset : onset + BEGINNING_BYTES])
        self._answers.begin(len(self._lead_in), onset)
        beginning = self._lead_in + beginning
        # Without new features and scorers the last capture's last frames shift these scores.
        self._decoder.activate_search(RECOGNITION)
        self._decoder.reinit_feat()
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        self._decoding = True
        for at in range(0, len(beginning), FRAME_BYTES):
            self._search(beginning[at : at + FRAME_BYTES])

    def _mean(self, pcm: bytes) -> str:
        self._decoder.activate_search(FEATURES_ONLY)
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoding = True
        self._decode(pcm, whole=True)
        self._end()
        return str(self._decoder.get_cmn(False))

    def _search(self, pcm: bytes) -> None:
        self._decode(pcm)
        self._answers.feed(pcm)
        self._fed_bytes += len(pcm)

    def _decode(self, pcm: bytes, whole: bool = False) -> None:
        try:
            self._decoder.process_raw(pcm, False, whole)
        except RuntimeError as error:
            raise EngineError("pocketsphinx could not decode: restart the recognizer") from error

    def _end(self) -> None:
        self._decoding = False
        try:
            self._decoder.end_utt()
        except RuntimeError as error:
            raise EngineError("pocketsphinx could not decode: restart the recognizer") from error

    def _paths(self) -> Iterator[Hypothesis]:
        for path in islice(self._decoder.nbest(), PATHS_MAX):
            if path is None:
                return
            # The score of a very long capture is below the smallest float.
            if path.score > 0 and (spoken := _spoken(path.hypstr)):
                yield Hypothesis(spoken, NATS_PER_LOG_SCORE * math.log(path.score))


def _open_decoder() -> Decoder:
    decoder = _decoder(lm=str(weights.shipped(LANGUAGE_MODEL).path))
    decoder.add_keyphrase(FEATURES_ONLY, "good morning")
    return decoder


def _small_decoder() -> Decoder:
    """Knows no word."""
    voices = _pocketsphinx().get_model_path("en-us/en-us")
    return _decoder(hmm=voices, lm=None, dict=None, **ANSWER_SETTINGS)


def _decoder(**settings: Any) -> Decoder:
    try:
        return _pocketsphinx().Decoder(loglevel="FATAL", **settings)
    except RuntimeError as error:
        raise EngineError(
            "pocketsphinx cannot load its en-us model: reinstall pocketsphinx"
        ) from error


def _pocketsphinx() -> ModuleType:
    try:
        import pocketsphinx
    except ImportError as error:
        raise EngineError(
            "pocketsphinx is not installed: install the extra 'pocketsphinx'"
        ) from error
    module: ModuleType = pocketsphinx
    return module


def _lead_in() -> bytes:
    noise = random.Random(0)
    samples = (round(noise.gauss(0.0, LEAD_IN_LOUDNESS)) for _ in range(LEAD_IN_SAMPLES))
    return array("h", samples).tobytes()


def _onset(pcm: bytes | bytearray, gain: float = LOUD) -> int | None:
    """Where speech begins, in bytes; None while all of it is equally quiet."""
    loud = loudness(pcm) > gain
    if len(loud) < ONSET_FRAMES:
        return None
    row = np.convolve(loud, np.ones(ONSET_FRAMES), "valid") == ONSET_FRAMES
    return int(row.argmax()) * FRAME_BYTES if row.any() else None


def _spoken(text: str | None) -> str:
    return " ".join(FILLER.sub(" ", text or "").split())


def _ranked(best: str, paths: Iterator[Hypothesis]) -> list[Hypothesis]:
    """Each text once, with its best path's score; `best` leads and none is scored above it."""
    scores: dict[str, float] = {}
    for path in paths:
        scores[path.text] = max(path.score, scores.get(path.text, -math.inf))
        if len(scores) == NBEST_MAX:
            break
    highest = max(scores.values(), default=0.0)
    scores.pop(best, None)
    others = sorted(scores.items(), key=lambda scored: -scored[1])[: NBEST_MAX - 1]
    return [Hypothesis(best, highest), *(Hypothesis(text, score) for text, score in others)]
