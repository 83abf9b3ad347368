"""The recognizer in its child process, and its n-best list re-ranked by what was asked.

Audio is streamed to the child while the microphone is open. Without an expectation the
recognizer's own best goes through byte for byte; the reading without context is kept
beside the biased one, so that the difference can always be seen.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict

from edge.biasing import Prepared, Rescorer
from edge.dialogue import Act, Catalogue, ContextReady, Expectation, Hypothesis, Recognized, Slot
from edge.errors import EngineError
from edge.protocols import Recognizer
from edge.worker import Header, Hosted, Supervised, engine

_log = logging.getLogger(__name__)


def hosted(name: str) -> Hosted:
    """What the child answers: a recognizer of this name."""
    recognizer: Recognizer = engine("edge.recognizer", name)()

    def start(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        try:
            recognizer.start(_expectation(header["expected"]))
        except EngineError:
            raise
        except Exception:  # best effort: what cannot be expected is not
            recognizer.start()
        return {}, b""

    def feed(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        recognizer.feed(pcm)
        return {}, b""

    def finish(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        return asdict(recognizer.finish()), b""

    return {"start": start, "feed": feed, "finish": finish}


class RemoteRecognizer:
    """protocols.Recognizer, in a child."""

    def __init__(self, child: Supervised, limit_s: float) -> None:
        self._child = child
        self._limit_s = limit_s

    def start(self, expected: Expectation | None = None) -> None:
        asked = asdict(expected) if expected else None
        self._child.call("start", {"expected": asked}, b"", self._limit_s)

    def feed(self, pcm: bytes) -> None:
        self._child.call("feed", {}, pcm, self._limit_s)

    def finish(self) -> Recognized:
        answer, _ = self._child.call("finish", {}, b"", self._limit_s)
        try:
            nbest, expected = (_readings(answer[name]) for name in ("nbest", "expected"))
            return Recognized(nbest, expected, int(answer["frames"]), float(answer["native_ms"]))
        except (KeyError, TypeError, ValueError) as error:
            raise EngineError("the recognizer's child sent no n-best list") from error


def _readings(listed: Sequence[Header]) -> tuple[Hypothesis, ...]:
    readings = tuple(Hypothesis(str(one["text"]), float(one["score"])) for one in listed)
    if not all(math.isfinite(one.score) for one in readings):
        raise ValueError("a score is no number")
    return readings


def _expectation(asked: Header | None) -> Expectation | None:
    """What `asdict` made of it, as it was."""
    if asked is None:
        return None
    offered = (Catalogue(Slot(one["slot"]), tuple(one["phrases"])) for one in asked["catalogues"])
    return Expectation(Act(asked["act"]), Slot(asked["slot"]), tuple(offered))


class Recognition:
    """One capture at a time: begun and fed while the mic is open, ended by `transcribe`."""

    def __init__(self, recognizer: Recognizer, rescorer: Rescorer) -> None:
        self._recognizer = recognizer
        self._rescorer = rescorer
        self._prepared: tuple[Expectation, Prepared] | None = None
        self._interaction: str | None = None
        self._failure: EngineError | None = None

    def prepare(self, expectation: Expectation) -> None:
        """What needs no answer, done while the question sounds; best effort."""
        try:
            self._prepared = expectation, self._rescorer.prepare(expectation)
        except Exception as error:
            _log.warning("bias not prepared: %s", type(error).__name__)

    def begin(self, interaction: str, expectation: Expectation | None) -> None:
        """The capture of this interaction; of another one that was going on nothing is kept."""
        self._interaction, self._failure = interaction, None
        self._attempt(lambda: self._recognizer.start(expectation))

    def feed(self, interaction: str, pcm: bytes) -> None:
        """The next piece of the capture that is going on; a piece of another is late."""
        if interaction == self._interaction:
            self._attempt(lambda: self._recognizer.feed(pcm))

    def transcribe(
        self,
        interaction: str,
        expectation: Expectation | None,
        context: ContextReady | None,
    ) -> tuple[str, str]:
        """(text with context, text without); both empty when nothing was heard."""
        heard = interaction == self._interaction
        self.cancel(interaction)
        if not heard:
            return "", ""
        if self._failure:
            raise self._failure
        recognized = self._recognizer.finish()
        if not recognized.nbest:
            return "", ""
        plain = recognized.nbest[0].text
        biased = self._biased(recognized, expectation, context) if expectation else plain
        return biased, plain

    def cancel(self, interaction: str) -> None:
        """Drop this interaction's capture; the next `start` clears what was fed."""
        if interaction == self._interaction:
            self._interaction = None

    def _biased(
        self, recognized: Recognized, expectation: Expectation, context: ContextReady | None
    ) -> str:
        """Best effort: what the bias cannot take leaves the recognizer's own best."""
        similarities = dict(context.similarities) if context else None
        vector = context.vector if context else b""
        asked, prepared = self._prepared or (None, None)
        ready = prepared if asked is expectation else None
        try:
            return self._rescorer.rescore(recognized, expectation, similarities, ready, vector)
        except Exception as error:
            _log.warning("bias failed: %s", type(error).__name__)
            return recognized.nbest[0].text

    def _attempt(self, step: Callable[[], None]) -> None:
        """A failure while listening is reported when the transcript is asked for."""
        if self._failure:
            return
        try:
            step()
        except EngineError as failure:
            self._failure = failure
