"""A second search over the same sound: how well the answers that were expected fit it.

A small decoder of its own, so that the open search never hears of it. It decides nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

from edge import grammar, sounds, weights
from edge.dialogue import FRAME_BYTES, RATE_HZ, Expectation, Hypothesis
from edge.errors import EngineError
from edge.grammar import Carriers, Grammar

if TYPE_CHECKING:
    from pocketsphinx import Decoder

P = ParamSpec("P")
T = TypeVar("T")

WORDS_MAX = 100_000
"""Words that the decoder ever learns, in 150 bytes each; it cannot find more."""

FRAMES_PER_S = 100
NATS_PER_LOG_SCORE = 1024.0  # as in pocketsphinx.py
UNLIKELY = 1e-300  # below the smallest float that a score is handed out as

ANSWER, HEARD = "answer", "heard"
FEATURES_ONLY = "features"

BEGINNING_BYTES = 2 * RATE_HZ * 1200 // 1000
"""Of the speech, whose mean cepstrum is subtracted. With 0.8 s, 77 % of long answers by many
voices are right, with this 83 %, with 2 s 88 %; but until then nothing is searched, and what is
left of a short answer at its end is waited for."""

LOUD = 4.0  # times the quietest frame, by root mean square


class AnswerSearch:
    """Runs beside one capture after the other; `native_ms` is what it took of the last one.

    load: makes the small decoder, without any word.
    """

    def __init__(self, load: Callable[[], Decoder]) -> None:
        self._decoder = load()
        self._known: set[str] = set()
        self._learn("yes")
        self._search(FEATURES_ONLY, 1, [(0, 1, 1.0, "yes")])
        self._carriers = Carriers.read(weights.shipped("answer-carriers").content[:].decode())
        self._expected: Expectation | None = None
        self._prepared: Grammar | None = None
        self._grammar: Grammar | None = None
        self._mean = ""
        self._skipped = self._onset = 0
        self._pcm = bytearray()
        self._decoding = False
        self._sounds = sounds.english()
        self.native_ms = 0.0

    def expect(self, expected: Expectation | None) -> None:
        """Begin a capture: whatever was going on is dropped."""
        self.native_ms = 0.0
        if self._decoding:
            self._timed(self._end)
        self._pcm.clear()
        self._grammar = None
        if expected:
            self._timed(self._prepare, expected)

    def begin(self, skipped_bytes: int, onset_bytes: int) -> None:
        """The sound follows: so much that is ours, and after it so much before the speech."""
        self._skipped, self._onset = skipped_bytes, onset_bytes

    def feed(self, pcm: bytes) -> None:
        """The same pieces as the open search gets; they wait until the speech has a beginning."""
        if not self._grammar:
            return
        self._pcm += pcm
        if self._decoding:
            self._timed(self._decode, pcm)
        elif len(self._pcm) >= self._skipped + self._onset + BEGINNING_BYTES:
            self._timed(self._open)

    def finish(self, heard: Hypothesis | None) -> tuple[Hypothesis, ...]:
        """The best reading that answers; none when the best one does not.

        heard: the open search's best. The score is its, plus what the sound says for the answer
        and against what was heard: both aligned by this decoder, without any language model.
        """
        if not (self._grammar and self._pcm):
            return ()
        if not self._decoding:
            self._timed(self._open)
        found = self._timed(self._answer, heard) if heard else None
        if self._decoding:
            self._timed(self._end)
        self._grammar = None
        return (found,) if found else ()

    def _prepare(self, expected: Expectation) -> None:
        """A question that is asked again is searched with what was made of it the first time."""
        if expected != self._expected:
            self._expected = None
            self._prepared = grammar.grammar(expected, self._carriers)
            if self._prepared:
                self._build(self._prepared)
            self._expected = expected
        self._grammar = self._prepared

    def _build(self, network: Grammar) -> None:
        spoken = {word for word in network.words if self._learn(word)} | {""}
        arcs = [arc[: 4 if arc[3] else 3] for arc in network.arcs if arc[3] in spoken]
        self._search(ANSWER, network.final, arcs)

    def _open(self) -> None:
        """Take the mean of the speech so far, without its pauses, then search all of it."""
        sound = bytes(self._pcm[self._skipped :][: self._onset + BEGINNING_BYTES])
        loud = np.flatnonzero(loudness(sound) > LOUD) * FRAME_BYTES
        frames = [sound[at : at + FRAME_BYTES] for at in loud.tolist() if at >= self._onset]
        self._start(FEATURES_ONLY)
        self._decoder.process_raw(b"".join(frames) or sound, False, True)
        self._end()
        self._mean = str(self._decoder.get_cmn(False))
        self._start(ANSWER)
        self._decode_all()

    def _answer(self, heard: Hypothesis) -> Hypothesis | None:
        self._end()
        best = self._decoder.hyp()
        words = _bare(best.hypstr) if best else []
        if not (self._grammar and self._grammar.answers(words)):
            return None
        text = " ".join(words)
        if text == heard.text:
            return Hypothesis(text, heard.score)
        for_it, against = self._sound(), self._aligned(heard.text)
        return Hypothesis(text, heard.score + for_it - against) if against else None

    def _aligned(self, text: str) -> float | None:
        """What the sound says for this text; None when it cannot be laid under the sound."""
        words = [word for word in text.split() if self._learn(word)]
        arcs = [(at, at + 1, 1.0, word) for at, word in enumerate(words)]
        if not arcs:
            return None
        self._search(HEARD, len(words), arcs)
        self._start(HEARD)
        self._decode_all()
        self._end()
        return self._sound() if self._decoder.hyp() else None

    def _sound(self) -> float:
        """Log probability of the sound alone, in nats, given what was found in it."""
        parts = self._decoder.seg()
        return NATS_PER_LOG_SCORE * sum(math.log(max(part.ascore, UNLIKELY)) for part in parts)

    def _learn(self, word: str) -> bool:
        """Whether it can be searched for; a word of no letters cannot."""
        if word not in self._known and len(self._known) < WORDS_MAX:
            for number, phones in enumerate(sounds.pronunciations(word), 1):
                name = word if number == 1 else f"{word}({number})"
                self._decoder.add_word(name, " ".join(phones), False)
                self._known.add(word)
        return word in self._known

    def _search(self, name: str, final: int, arcs: Sequence[tuple[object, ...]]) -> None:
        self._decoder.add_fsg(name, self._decoder.create_fsg(name, 0, final, arcs))

    def _start(self, name: str) -> None:
        self._decoder.activate_search(name)
        self._decoder.reinit_feat()
        if name != FEATURES_ONLY:
            self._decoder.set_cmn(self._mean)
        self._decoder.start_utt()
        self._decoding = True

    def _decode_all(self) -> None:
        for at in range(0, len(self._pcm), FRAME_BYTES):
            self._decode(bytes(self._pcm[at : at + FRAME_BYTES]))

    def _decode(self, pcm: bytes) -> None:
        self._decoder.process_raw(pcm, False, False)

    def _end(self) -> None:
        self._decoding = False
        self._decoder.end_utt()

    def _timed(self, step: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        begun = time.thread_time()
        try:
            return step(*args, **kwargs)
        except (RuntimeError, ValueError) as error:
            raise EngineError("pocketsphinx could not search for answers: restart it") from error
        finally:
            self.native_ms += 1000.0 * (time.thread_time() - begun)


def _bare(text: str) -> list[str]:
    """Words without the number of their pronunciation, and without pauses."""
    return [word.partition("(")[0] for word in text.split() if word[0] not in "<[+"]


def loudness(pcm: bytes | bytearray) -> npt.NDArray[np.float32]:
    """Each whole frame's root mean square, told from the quietest one's."""
    whole = len(pcm) // FRAME_BYTES * FRAME_BYTES
    samples = np.frombuffer(bytes(pcm[:whole]), "<i2").reshape(-1, FRAME_BYTES // 2)
    found: npt.NDArray[np.float32] = np.sqrt(np.square(samples.astype(np.float32)).mean(axis=1))
    return found / max(float(found.min(initial=np.inf)), 1.0)
