"""The recognizer in its child process, and its n-best list re-ranked by what was asked.

Audio is streamed to the child while the microphone is open. Without an expectation the
recognizer's own best goes through byte for byte; the reading without context is kept
beside the biased one, so that the difference can always be seen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict

from edge.biasing import rescore
from edge.dialogue import ContextReady, Expectation, Hypothesis
from edge.errors import EngineError
from edge.protocols import Recognizer
from edge.worker import Header, Hosted, Supervised, engine

_log = logging.getLogger(__name__)


def hosted(name: str) -> Hosted:
    """What the child answers: a recognizer of this name."""
    recognizer: Recognizer = engine("edge.recognizer", name)()

    def start(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        recognizer.start()
        return {}, b""

    def feed(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        recognizer.feed(pcm)
        return {}, b""

    def finish(header: Header, pcm: bytes) -> tuple[Header, bytes]:
        return {"nbest": [asdict(hypothesis) for hypothesis in recognizer.finish()]}, b""

    return {"start": start, "feed": feed, "finish": finish}


class RemoteRecognizer:
    """protocols.Recognizer, in a child."""

    def __init__(self, child: Supervised, limit_s: float) -> None:
        self._child = child
        self._limit_s = limit_s

    def start(self) -> None:
        self._child.call("start", {}, b"", self._limit_s)

    def feed(self, pcm: bytes) -> None:
        self._child.call("feed", {}, pcm, self._limit_s)

    def finish(self) -> Sequence[Hypothesis]:
        answer, _ = self._child.call("finish", {}, b"", self._limit_s)
        try:
            return [Hypothesis(one["text"], one["score"]) for one in answer["nbest"]]
        except (KeyError, TypeError) as error:
            raise EngineError("the recognizer's child sent no n-best list") from error


def _biased(
    nbest: Sequence[Hypothesis], expectation: Expectation, context: ContextReady | None
) -> str:
    """Best effort: what the bias cannot take leaves the recognizer's own best."""
    similarities = dict(context.similarities) if context else None
    try:
        return rescore(nbest, expectation, similarities)
    except Exception as error:
        _log.warning("bias failed: %s", type(error).__name__)
        return nbest[0].text


class Recognition:
    """One capture at a time: fed while the mic is open, ended by `transcribe`."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer
        self._interaction: str | None = None
        self._ended: str | None = None
        self._failure: EngineError | None = None

    def feed(self, interaction: str, pcm: bytes) -> None:
        """The next piece; the first of an interaction begins its capture, none after its end."""
        if interaction == self._ended:
            return
        if interaction != self._interaction:
            self._interaction, self._failure = interaction, None
            self._attempt(self._recognizer.start)
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
        nbest = self._recognizer.finish()
        if not nbest:
            return "", ""
        plain = nbest[0].text
        return (_biased(nbest, expectation, context) if expectation else plain), plain

    def cancel(self, interaction: str) -> None:
        """Drop this interaction's capture; the next `start` clears what was fed."""
        self._ended = interaction
        if interaction == self._interaction:
            self._interaction = None

    def _attempt(self, step: Callable[[], None]) -> None:
        """A failure while listening is reported when the transcript is asked for."""
        if self._failure:
            return
        try:
            step()
        except EngineError as failure:
            self._failure = failure
