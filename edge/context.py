"""The context encoder: the rounds of a dialogue and phrases that may answer it, in one space.

It truncates whatever it is given to a fixed amount of work and never sees keys, devices or
the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from edge import pins, text, tflite
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.errors import EngineError, ModelError
from edge.protocols import ContextEncoder, Encoded, Round
from edge.worker import Header, Hosted, engine

Array = np.ndarray[Any, Any]

IDS_PER_WORD = 5
STAMP_BYTES = 8  # of the model's SHA-256, before what is kept of a dialogue
BAGS = 4
ACTS, SLOTS = tuple(Act), tuple(Slot)
MARKS = (*(f"act={act}" for act in ACTS), *(f"slot={slot}" for slot in SLOTS))
"""Names that no text can contain, for the bag of what is asked and as phrases of their own."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How much of each signal the encoder takes, and the shape its model wants it in.

    A round is four bags of ids: act and slot, the reply's last words, the reply, the utterance.
    All limits are in words; `batch` phrases go in together. Rounds before the last `max_rounds`
    weigh too little to be read.
    """

    buckets: text.Buckets
    tail_words: int
    reply_words: int
    utterance_words: int
    phrase_words: int
    batch: int
    max_phrases: int
    max_rounds: int

    @property
    def context_ids(self) -> int:
        """The width of the context tower's input."""
        return 2 + IDS_PER_WORD * (self.tail_words + self.reply_words + self.utterance_words)

    @property
    def phrase_ids(self) -> int:
        """The width of the phrase tower's input."""
        return IDS_PER_WORD * self.phrase_words

    def bags(self, last: Round, asked: Sequence[int]) -> list[list[int]]:
        """The four bags of a round; `asked` are the marks of its question."""
        reply = text.spoken(last.reply, self.reply_words)
        return [
            list(asked),
            self._ids(reply[-self.tail_words :], self.tail_words),
            self._ids(reply, self.reply_words),
            self._ids(text.spoken(last.utterance, self.utterance_words), self.utterance_words),
        ]

    def gist(self, bags: Sequence[Sequence[int]]) -> list[int]:
        """What later rounds remember of a round: words and pairs of reply and utterance."""
        return [row for row in chain(*bags[2:]) if row < self.buckets.first_gram]

    def context(self, bags: Sequence[Sequence[int]]) -> tuple[Array, Array]:
        """Ids and pooling weights of a round's bags, and last of its gist."""
        ids, weights = text.bags(bags, self.context_ids, self.buckets)
        told = (ids < self.buckets.first_gram) & (weights[2:].sum(0) > 0)
        gist = told * np.float32(max(1, told.sum()) ** -0.5)
        return ids[None], np.vstack([weights, gist])[None]

    def asked(self, expectation: Expectation) -> list[int]:
        """The marks of a question."""
        marks = f"act={expectation.act}", f"slot={expectation.slot}"
        return text.marks(marks, self.buckets)

    def phrase(self, phrase: str) -> list[int]:
        """The bag of a phrase that may be said."""
        return self._ids(text.spoken(phrase, self.phrase_words), self.phrase_words)

    def _ids(self, words: Sequence[str], limit: int) -> list[int]:
        return text.ids(words, self.buckets, IDS_PER_WORD * limit)


class Encoder:
    """The two towers behind one manifest."""

    def __init__(self, described: tflite.Manifest) -> None:
        """Verify and load the model; ModelError when it is not the manifest's."""
        self._layout = layout = _layout(described)
        wanted = (1, layout.context_ids), (layout.batch, layout.phrase_ids)
        if (described.inputs[0].shape, described.inputs[-2].shape) != wanted:
            raise ModelError(
                f"{described.path}: inputs and [parameters] disagree; restore the manifest"
            )
        self._model = tflite.Model(described)
        self._none = next(self._batches(()))
        self.vector_bytes = 4 * described.outputs[0].shape[-1]
        self._stamp = bytes.fromhex(described.sha256)[:STAMP_BYTES]
        self._beginning = np.zeros(described.outputs[1].shape, np.float32)

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """Context vector (float32, little endian, unit length), phrases with cosine, memory.

        At most the first `max_phrases` different phrases are embedded, catalogue by catalogue.
        A memory begins with the model's stamp: EngineError when it is not this encoder's.
        """
        layout = self._layout
        recent = rounds[-layout.max_rounds :] or (Round("", ""),)
        before = self._sequence(recent[:-1], self._opened(memory))
        bags = layout.bags(recent[-1], layout.asked(expectation))
        offered = _offered(expectation, layout.max_phrases)
        vector, cosines, after = self._near(before, bags, [*map(layout.phrase, offered)])
        near = tuple(zip(offered, map(float, cosines), strict=True))
        return Encoded(vector.astype("<f4").tobytes(), near, self._stamp + after.tobytes())

    def expected(self, rounds: Sequence[Round]) -> tuple[Act, Slot]:
        """Act and slot of the last reply's question, as far as the model can tell."""
        layout = self._layout
        recent = rounds[-layout.max_rounds :] or (Round("", ""),)
        before = self._sequence(recent[:-1], self._beginning)
        answers = [text.marks([mark], layout.buckets) for mark in MARKS]
        _, cosines, _ = self._near(before, layout.bags(recent[-1], ()), answers)
        acts, slots = np.split(cosines, [len(ACTS)])
        return ACTS[int(acts.argmax())], SLOTS[int(slots.argmax())]

    def embed(self, phrases: Sequence[str]) -> Array:
        """Unit vectors of phrases, float32 [len(phrases), size]."""
        silent = self._layout.bags(Round("", ""), ())
        bags = [self._layout.phrase(phrase) for phrase in phrases]
        runs = [self._run(self._beginning, silent, one) for one in self._batches(bags)]
        return _unit(np.vstack([towers[2] for towers in runs])[: len(bags)])

    def mean(self, rounds: Sequence[Round]) -> Array:
        """Unit mean of the rounds' embeddings before any layer: what a static model would know."""
        return _unit(self._sequence(rounds, self._beginning)[0])

    def _opened(self, memory: bytes) -> Array:
        if not memory:
            return self._beginning
        if (
            memory[:STAMP_BYTES] != self._stamp
            or len(memory) != STAMP_BYTES + self._beginning.nbytes
        ):
            raise EngineError("what was kept of the dialogue is not this encoder's; start over")
        return np.frombuffer(memory[STAMP_BYTES:], "<f4").reshape(self._beginning.shape)

    def _sequence(self, past: Sequence[Round], memory: Array) -> Array:
        """What is known of a dialogue after some more rounds."""
        for one in past:
            memory = self._run(memory, self._layout.bags(one, ()), self._none)[1]
        return memory

    def _near(
        self, memory: Array, bags: Sequence[Sequence[int]], phrases: Sequence[Sequence[int]]
    ) -> tuple[Array, Array, Array]:
        """The context's unit vector, the cosines of bags of phrases to it, and the memory after."""
        runs = [self._run(memory, bags, one) for one in self._batches(phrases)]
        vector = _unit(runs[0][0][0])
        near = np.vstack([_unit(towers[2]) for towers in runs]) @ vector
        return vector, np.clip(near[: len(phrases)], -1, 1), runs[0][1]

    def _batches(self, bags: Sequence[Sequence[int]]) -> Iterator[tuple[Array, Array]]:
        """At least one batch, the last filled up with nothing."""
        layout = self._layout
        for start in range(0, max(1, len(bags)), layout.batch):
            group = list(bags[start : start + layout.batch])
            group += [()] * (layout.batch - len(group))
            ids, weights = text.stacked(group, layout.phrase_ids, layout.buckets)
            yield ids, weights[:, None]

    def _run(
        self, memory: Array, bags: Sequence[Sequence[int]], phrases: tuple[Array, Array]
    ) -> tuple[Array, ...]:
        return self._model.run(*self._layout.context(bags), memory, *phrases)


def _layout(manifest: tflite.Manifest) -> Layout:
    def limit(name: str) -> int:
        value: int = manifest.parameter(name, int)
        return value

    return Layout(
        text.Buckets(limit("words"), limit("pairs"), limit("grams")),
        *(limit(field.name) for field in fields(Layout)[1:]),
    )


def _offered(expectation: Expectation, limit: int) -> list[str]:
    every = chain.from_iterable(catalogue.phrases for catalogue in expectation.catalogues)
    return list(dict.fromkeys(islice(every, limit)))


def _unit(vectors: Array) -> Array:
    """Along the last axis; a vector of nothing stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def hosted(name: str, manifest: str, sha256: str = "") -> Hosted:
    """What the child answers: an encoder of this name over this manifest.

    sha256: of a manifest that does not ship.
    """
    described = tflite.Manifest.load(Path(manifest), pins.Pin(sha256) if sha256 else None)
    encoder: ContextEncoder = engine("edge.context_encoder", name)(described)

    def encode(header: Header, content: bytes) -> tuple[Header, bytes]:
        rounds = [Round(*one) for one in header["rounds"]]
        catalogue = Catalogue(Slot(header["slot"]), tuple(header["phrases"]))
        asked = Expectation(Act(header["act"]), Slot(header["slot"]), (catalogue,))
        encoded = encoder.encode(rounds, asked, content)
        near, split = dict(encoded.similarities), len(encoded.memory)
        return {"near": near, "memory_bytes": split}, encoded.memory + encoded.vector

    return {"encode": encode}
