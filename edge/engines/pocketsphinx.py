"""The recognizer: pocketsphinx with the en-us model of its wheel, n-best lists on.

It never downloads, never logs what was said, and keeps nothing of one capture for the next.
"""

from __future__ import annotations

import math
import random
import re
from array import array
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from edge.dialogue import FRAME_BYTES, RATE_HZ, Expectation, Hypothesis, Recognized
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
# a quarter to a half fewer word errors; a beginning longer than this one makes no fewer.
BEGINNING_BYTES = 2 * RATE_HZ * 800 // 1000

# The decoder's integers count 1024 steps of its logarithm's base, but it hands them out as if
# they counted one.
NATS_PER_LOG_SCORE = 1024.0

# Searching for a phrase costs a tenth of recognizing: enough to have features computed.
FEATURES_ONLY = "features"
RECOGNITION = "_default"

FILLER = re.compile(r"<[^>]*>|\[[^\]]*\]|\+\+[^+]*\+\+|\(\d+\)")


class Pocketsphinx:
    """A Recognizer; scores are acoustic plus weighted language log probability in nats.

    EngineError when pocketsphinx is missing or fails, and for audio outside a capture.
    """

    def __init__(self) -> None:
        self._decoder = _load_decoder()
        self._lead_in = _lead_in()
        self._beginning: bytearray | None = None
        self._decoding = False

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; whatever was going on is dropped."""
        if self._decoding:
            self._end()
        self._beginning = bytearray()

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture: whole samples, any number of them."""
        if self._decoding:
            self._decode(pcm)
            return
        if self._beginning is None:
            raise EngineError("pocketsphinx was fed outside a capture: call start first")
        self._beginning += pcm
        if len(self._beginning) >= BEGINNING_BYTES:
            self._begin()

    def finish(self) -> Recognized:
        """End the capture; at most 50 different readings, the decoder's own best one first."""
        if self._beginning:
            self._begin()
        if not self._decoding:
            self._beginning = None
            return Recognized()
        self._end()
        best = self._decoder.hyp()
        spoken = _spoken(best.hypstr) if best else ""
        return Recognized(tuple(_ranked(spoken, self._paths()))) if spoken else Recognized()

    def _begin(self) -> None:
        """Take the mean of the beginning, then decode it as if it had just been fed."""
        beginning, self._beginning = bytes(self._beginning or b""), None
        mean = self._mean(beginning[:BEGINNING_BYTES])
        beginning = self._lead_in + beginning
        # Without new features and scorers the last capture's last frames shift these scores.
        self._decoder.activate_search(RECOGNITION)
        self._decoder.reinit_feat()
        self._decoder.set_cmn(mean)
        self._decoder.start_utt()
        self._decoding = True
        for at in range(0, len(beginning), FRAME_BYTES):
            self._decode(beginning[at : at + FRAME_BYTES])

    def _mean(self, pcm: bytes) -> str:
        self._decoder.activate_search(FEATURES_ONLY)
        self._decoder.reinit_feat()
        self._decoder.start_utt()
        self._decoding = True
        self._decode(pcm, whole=True)
        self._end()
        return str(self._decoder.get_cmn(False))

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


def _load_decoder() -> Decoder:
    try:
        from pocketsphinx import Decoder
    except ImportError as error:
        raise EngineError(
            "pocketsphinx is not installed: install the extra 'pocketsphinx'"
        ) from error
    try:
        decoder = Decoder(loglevel="FATAL")
        decoder.add_keyphrase(FEATURES_ONLY, "good morning")
    except RuntimeError as error:
        raise EngineError(
            "pocketsphinx cannot load its en-us model: reinstall pocketsphinx"
        ) from error
    return decoder


def _lead_in() -> bytes:
    noise = random.Random(0)
    samples = (round(noise.gauss(0.0, LEAD_IN_LOUDNESS)) for _ in range(LEAD_IN_SAMPLES))
    return array("h", samples).tobytes()


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
