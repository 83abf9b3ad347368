"""Follow-ups put to a profile's recognizer and encoder, each in its child, as in a real turn.

What describes the answer stays with the caller: nothing of it gets here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from edge.assembly import encoder_child, recognizer_child, shipped_rescorer
from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, Expectation, Recognized
from edge.followups import Clip, Followup
from edge.profile import Profile
from edge.protocols import Encoded, Recognizer
from edge.recognition import RemoteRecognizer
from edge.window import RemoteEncoder
from edge.worker import Supervised

PATIENCE_S = 120.0
"""Nobody waits for an answer here: a busy machine must not look like a recognizer that hangs."""


@dataclass(frozen=True, slots=True)
class Believed:
    """The text that was chosen, and the thread's CPU time that it took.

    prepare_ms: what needs no answer and is done while the question sounds. context_ms: the rest.
    """

    text: str
    prepare_ms: float = 0.0
    context_ms: float = 0.0


class Judgement:
    """The rescorer that ships, as a turn uses it: prepared by the question, asked by the answer."""

    def __init__(self) -> None:
        self._rescorer = shipped_rescorer()

    def believed(
        self,
        recognized: Recognized,
        expectation: Expectation | None,
        encoded: Encoded | None,
    ) -> Believed:
        """The text with context; without a question it is the text without."""
        if expectation is None or not recognized.nbest:
            return Believed(unbiased(recognized))
        begun_s = time.thread_time()
        prepared = self._rescorer.prepare(expectation)
        ready_s = time.thread_time()
        near, vector = (dict(encoded.similarities), encoded.vector) if encoded else (None, b"")
        text = self._rescorer.rescore(recognized, expectation, near, prepared, vector)
        done_s = time.thread_time()
        return Believed(text, (ready_s - begun_s) * 1000, (done_s - ready_s) * 1000)


class Trials:
    """The children, started when first needed."""

    def __init__(self, profile: Profile, stack: ExitStack) -> None:
        self._profile = profile
        self._stack = stack
        self.judgement = Judgement()

    def recognized(self, followup: Followup, expectation: Expectation | None) -> Recognized:
        """What the recognizer makes of the sound, or the readings that are given."""
        if followup.clip is None:
            return followup.recognized
        return heard(self._recognizer, followup.clip, expectation)

    def again(
        self, followup: Followup, before: Recognized, expectation: Expectation | None
    ) -> Recognized:
        """The same with another expectation: only a search for what is expected differs.

        Of given readings it is left out, because nobody can search them again.
        """
        if not before.expected or followup.clip is None:
            return replace(before, expected=())
        return self.recognized(followup, expectation)

    def encoded(self, followup: Followup, expectation: Expectation | None) -> Encoded | None:
        """The context vector and what is near to it; None where nothing was asked."""
        if expectation is None:
            return None
        return self._encoder.encode(followup.rounds, expectation)

    @cached_property
    def _recognizer(self) -> RemoteRecognizer:
        child = recognizer_child(self._profile)
        self._stack.callback(child.close)
        return RemoteRecognizer(child, PATIENCE_S)

    @cached_property
    def _encoder(self) -> RemoteEncoder:
        child = encoder_child(self._profile, Supervised)
        self._stack.callback(child.close)
        return RemoteEncoder(child, PATIENCE_S)


@contextmanager
def trials(profile: Profile, recognizer: str | None = None) -> Iterator[Trials]:
    """A profile's children, with another recognizer if one is named; closed on leaving."""
    if recognizer:
        profile = replace(profile, engines=replace(profile.engines, recognizer=recognizer))
    with ExitStack() as stack:
        yield Trials(profile, stack)


def heard(recognizer: Recognizer, clip: Clip, expectation: Expectation | None) -> Recognized:
    """One capture, fed as the microphone feeds it: 20 ms at a time."""
    pcm = read_clip(clip.path, clip.start_s, clip.length_s)
    recognizer.start(expectation)
    for at in range(0, len(pcm), FRAME_BYTES):
        recognizer.feed(pcm[at : at + FRAME_BYTES])
    return recognizer.finish()


def unbiased(recognized: Recognized) -> str:
    """The text without any context."""
    return recognized.nbest[0].text if recognized.nbest else ""
