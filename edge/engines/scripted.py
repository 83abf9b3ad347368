"""Engines that follow a script, for tests and experiments; they never recognize or compute.

They stand where the real ones would and keep the same contracts.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from edge.dialogue import Expectation, ExpectSpeech, Hypothesis, Recognized, Responded, Speak
from edge.errors import EngineError
from edge.protocols import ContextEncoder, Encoded, Round

TONE_HZ = 440.0
TONE_LOUDNESS = 8000

Directive = Speak | ExpectSpeech | Responded
T = TypeVar("T")


class ScriptedRecognizer:
    """Gives its n-best lists in order; `fed` and `expected` tell of each capture begun."""

    def __init__(self, nbests: Iterable[Sequence[Hypothesis]]) -> None:
        self._nbests = iter(nbests)
        self.fed: list[bytes] = []
        self.expected: list[Expectation | None] = []

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; one that was going on is dropped with its place in the script kept."""
        self.fed.append(b"")
        self.expected.append(expected)

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture; EngineError before the first start."""
        if not self.fed:
            raise EngineError("the scripted recognizer was fed outside a capture: call start first")
        self.fed[-1] += pcm

    def finish(self) -> Recognized:
        """The next n-best list; EngineError when the script is over."""
        return Recognized(tuple(_next(self._nbests, "recognizer")))


class ScriptedSkill:
    """Gives its answers in order, whatever is said; `heard` and `forgotten` tell what was asked.

    answers: makes the directives of one answer for the interaction that it is given.
    """

    def __init__(self, answers: Iterable[Callable[[str], Sequence[Directive]]]) -> None:
        self._answers = iter(answers)
        self.heard: list[tuple[str, str, str]] = []
        self.forgotten: list[str] = []

    def respond(self, dialogue: str, interaction: str, text: str) -> Sequence[Directive]:
        """The next answer; EngineError when the script is over."""
        self.heard.append((dialogue, interaction, text))
        return _next(self._answers, "skill")(interaction)

    def forget(self, dialogue: str) -> None:
        """Note that this dialogue was forgotten."""
        self.forgotten.append(dialogue)


class ScriptedSynthesizer:
    """Speaks every text as a tone of the same length; `spoken` holds the texts."""

    def __init__(self, length_s: float, rate_hz: int = 16_000) -> None:
        samples = range(round(length_s * rate_hz))
        step = 2 * math.pi * TONE_HZ / rate_hz
        self._tone = array("h", (round(TONE_LOUDNESS * math.sin(step * at)) for at in samples))
        self._rate_hz = rate_hz
        self.spoken: list[str] = []

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """The tone, mono int16, and its rate; nothing for no words."""
        self.spoken.append(text)
        return (self._tone.tobytes() if text.strip() else b""), self._rate_hz


class SlowEncoder:
    """A real encoder that takes `delay_s` more than it needs."""

    def __init__(
        self, encoder: ContextEncoder, delay_s: float, sleep: Callable[[float], None]
    ) -> None:
        self._encoder = encoder
        self._delay_s = delay_s
        self._sleep = sleep

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """What the real encoder gives, later."""
        self._sleep(self._delay_s)
        return self._encoder.encode(rounds, expectation, memory)


class FailingEncoder:
    """An encoder that always fails."""

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """Raise EngineError."""
        raise EngineError("the scripted encoder fails, as it is meant to")


def _next(script: Iterator[T], part: str) -> T:
    try:
        return next(script)
    except StopIteration:
        raise EngineError(f"the script of the {part} is over: give it more answers") from None
