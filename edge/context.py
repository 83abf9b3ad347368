"""The context encoder: the rounds of a dialogue and phrases that may answer it, in one space.

It truncates whatever it is given to a fixed amount of work and never sees keys, devices or
the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge import text, tflite
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.errors import ModelError
from edge.protocols import ContextEncoder, Round
from edge.worker import Header, Hosted, engine

IDS_PER_WORD = 8
OLDER_IDS_PER_WORD = 2
BAGS = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """How much of each signal the encoder takes, and the shape its model wants it in.

    The context is five bags of ids: act and slot, the reply's last words, the reply, the last
    utterance, the older rounds. All limits are in words; `batch` phrases go in together.
    """

    buckets: text.Buckets
    tail_words: int
    reply_words: int
    utterance_words: int
    older_words: int
    phrase_words: int
    batch: int
    max_phrases: int

    @property
    def context_ids(self) -> int:
        """The width of the context tower's input."""
        spelled = self.tail_words + self.reply_words + self.utterance_words
        return 2 + IDS_PER_WORD * spelled + OLDER_IDS_PER_WORD * self.older_words

    @property
    def phrase_ids(self) -> int:
        """The width of the phrase tower's input."""
        return IDS_PER_WORD * self.phrase_words

    def context(self, rounds: Sequence[Round], expectation: Expectation) -> list[list[int]]:
        """The five bags of a dialogue, rounds oldest first."""
        last = rounds[-1] if rounds else Round("", "")
        reply = text.spoken(last.reply, self.reply_words)
        older = text.spoken(
            " . ".join(f"{past.utterance} . {past.reply}" for past in rounds[-3:-1]),
            self.older_words,
        )
        asked = (f"act={expectation.act}", f"slot={expectation.slot}")
        return [
            text.marks(asked, self.buckets),
            self._ids(reply[-self.tail_words :], self.tail_words),
            self._ids(reply, self.reply_words),
            self._ids(text.spoken(last.utterance, self.utterance_words), self.utterance_words),
            text.ids(older, self.buckets, OLDER_IDS_PER_WORD * self.older_words),
        ]

    def phrase(self, phrase: str) -> list[int]:
        """The bag of a phrase that may be said."""
        return self._ids(text.spoken(phrase, self.phrase_words), self.phrase_words)

    def _ids(self, words: Sequence[str], limit: int) -> list[int]:
        return text.ids(words, self.buckets, IDS_PER_WORD * limit)


class Encoder:
    """The two towers behind one manifest."""

    def __init__(self, manifest: Path) -> None:
        """Verify and load the model; ModelError when it is not the manifest's."""
        described = tflite.Manifest.load(manifest)
        self._layout = layout = _layout(described)
        wanted = (1, layout.context_ids), (layout.batch, layout.phrase_ids)
        if (described.inputs[0].shape, described.inputs[-2].shape) != wanted:
            raise ModelError(f"{manifest}: inputs and [parameters] disagree; restore the manifest")
        self._model = tflite.Model(described)
        self.vector_bytes = 4 * described.outputs[0].shape[-1]

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation
    ) -> tuple[bytes, tuple[tuple[str, float], ...]]:
        """Context vector (float32, little endian, unit length), and phrases with their cosine.

        At most the first `max_phrases` different phrases are embedded, catalogue by catalogue.
        """
        layout = self._layout
        context = layout.context(rounds, expectation)
        ids, weights = text.bags(context, layout.context_ids)
        offered = _offered(expectation, layout.max_phrases)
        vector = np.zeros(0, np.float32)
        cosines: list[float] = []
        for start in range(0, max(1, len(offered)), layout.batch):
            bags = [layout.phrase(phrase) for phrase in offered[start : start + layout.batch]]
            towers = self._model.run(ids[None], weights[None], *_batch(bags, layout))
            vector = _unit(towers[0][0])
            cosines += (_unit(towers[1][: len(bags)]) @ vector).tolist()
        near = tuple(zip(offered, (float(np.clip(c, -1, 1)) for c in cosines), strict=True))
        return vector.astype("<f4").tobytes(), near


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


def _batch(
    bags: Sequence[Sequence[int]], layout: Layout
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    filled = [text.bags([bag], layout.phrase_ids) for bag in bags]
    spare = layout.batch - len(filled)
    filled += [text.bags([[]], layout.phrase_ids)] * spare
    ids, weights = zip(*filled, strict=True)
    return np.stack(ids), np.stack(weights)


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Along the last axis; a vector of nothing stays as it is."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


def hosted(name: str, manifest: str) -> Hosted:
    """What the child answers: an encoder of this name over this manifest."""
    encoder: ContextEncoder = engine("edge.context_encoder", name)(Path(manifest))

    def encode(header: Header, content: bytes) -> tuple[Header, bytes]:
        rounds = [Round(*one) for one in header["rounds"]]
        catalogue = Catalogue(Slot(header["slot"]), tuple(header["phrases"]))
        asked = Expectation(Act(header["act"]), Slot(header["slot"]), (catalogue,))
        vector, near = encoder.encode(rounds, asked)
        return {"near": dict(near)}, vector

    return {"encode": encode}
