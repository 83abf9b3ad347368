"""The recognizer Vosk, with a model that the customer has put on the device.

What is expected is searched for by a second search over the same sound, in models that can be
narrowed at run time. It never downloads and keeps nothing of one capture for the next.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from edge.dialogue import RATE_HZ, Expectation, Hypothesis, Recognized
from edge.errors import EngineError
from edge.text import spoken

NBEST_MAX = 50
PHRASES_MAX = 1000
PHRASE_WORDS = 8
ANYTHING_ELSE = "[unk]"


def models_folder() -> Path:
    """Where recognizers look for models that the customer has brought."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "edge" / "models"


class Vosk:
    """A Recognizer; EngineError when vosk or its model is missing, or audio is outside a capture.

    folder: the unpacked model; the customer's by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._vosk = _vosk()
        self._model = self._load(folder or models_folder() / "vosk")
        self._searches: list[Any] = []
        self._earlier: list[list[str]] = []
        self._fed_bytes = 0
        self._native_s = 0.0

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; whatever was going on is dropped."""
        offered = phrases(expected) if expected else []
        self._searches = [self._vosk.KaldiRecognizer(self._model, RATE_HZ)]
        self._searches[0].SetMaxAlternatives(NBEST_MAX)
        self._fed_bytes, self._native_s = 0, 0.0
        if offered:
            begun = time.thread_time()
            grammar = json.dumps([*offered, ANYTHING_ELSE])
            narrow = self._vosk.KaldiRecognizer(self._model, RATE_HZ, grammar)
            narrow.SetMaxAlternatives(NBEST_MAX)
            self._searches.append(narrow)
            self._native_s = time.thread_time() - begun
        self._earlier = [[] for _ in self._searches]

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture: whole samples, any number of them."""
        if not self._searches:
            raise EngineError("vosk was fed outside a capture: call start first")
        self._fed_bytes += len(pcm)
        for number, search in enumerate(self._searches):
            begun = time.thread_time()
            # It ends a segment where it finds a pause; its best reading stays in front.
            if search.AcceptWaveform(pcm):
                self._earlier[number] += [one.text for one in _readings(search.Result())[:1]]
            if number:
                self._native_s += time.thread_time() - begun

    def finish(self) -> Recognized:
        """End the capture; scores are Kaldi's log likelihoods of the last segment.

        expected: readings of offered phrases alone, none with other words between them.
        """
        if not self._fed_bytes:
            self._searches = []
            return Recognized()
        ended = [self._ended(number) for number in range(len(self._searches))]
        self._searches = []
        expected = [one for one in (ended[1] if ended[1:] else ()) if ANYTHING_ELSE not in one.text]
        frames = 100 * self._fed_bytes // (2 * RATE_HZ)
        return Recognized(tuple(ended[0]), tuple(expected), frames, 1000.0 * self._native_s)

    def _ended(self, number: int) -> list[Hypothesis]:
        begun = time.thread_time()
        found = _behind(self._earlier[number], _readings(self._searches[number].FinalResult()))
        if number:
            self._native_s += time.thread_time() - begun
        return found

    def _load(self, folder: Path) -> Any:
        if not folder.is_dir():
            raise EngineError(f"{folder}: no vosk model: unpack one there, English and small")
        self._vosk.SetLogLevel(-1)
        try:
            return self._vosk.Model(str(folder))
        except Exception as error:  # vosk raises Exception itself
            raise EngineError(f"{folder}: vosk cannot load this model: unpack it again") from error


def _vosk() -> Any:
    try:
        import vosk
    except ImportError as error:
        raise EngineError("vosk is not installed: install the extra 'vosk'") from error
    return vosk


def phrases(expected: Expectation) -> list[str]:
    """What is offered, as a recognizer prints it, each once, the likeliest first."""
    offered = (phrase for catalogue in expected.catalogues for phrase in catalogue.phrases)
    words = (" ".join(spoken(phrase, PHRASE_WORDS)) for phrase in offered)
    return [phrase for phrase in dict.fromkeys(words) if phrase][:PHRASES_MAX]


def _readings(answer: str) -> list[Hypothesis]:
    listed = json.loads(answer).get("alternatives", ())
    return [Hypothesis(one["text"].strip(), float(one["confidence"])) for one in listed]


def _behind(earlier: list[str], readings: list[Hypothesis]) -> list[Hypothesis]:
    """Each reading of the last segment after what was said before it; nothing said is none."""
    said = [Hypothesis(" ".join([*earlier, one.text]).strip(), one.score) for one in readings]
    return [one for one in said if one.text]
