"""The context encoder's two towers in TensorFlow: batches, loss, and the int8 file.

It knows questions and layouts; it never judges what it has learned.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edge import text
from edge.context import BAGS, Layout
from tools.context_task import Question

WIDTH, HIDDEN, SIZE = 64, 256, 128
BATCH, CHOICES, RIVALS = 512, 128, 7
DROPPED_IDS = 0.15
UNASKED = 0.3
BAG_SHARES = (0.3, 1.0, 1.0, 0.5, 0.3)
"""How loud act and slot, tail, reply, utterance and older rounds are before training."""

Bag: TypeAlias = "array[int]"
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Example:
    """A question as ids: context bags, the answer, and what was on offer (the meant one first)."""

    context: list[Bag]
    answer: Bag
    answer_key: int
    offered: list[Bag]
    offered_keys: list[int]


def example(question: Question, layout: Layout) -> Example:
    """What the towers see of a question."""
    offered = list(question.offered) if question.meant is not None else []
    if offered:
        offered.insert(0, offered.pop(question.meant or 0))
    return Example(
        [_bag(ids) for ids in layout.context(question.rounds, question.expectation)],
        _bag(layout.phrase(question.answer)),
        zlib.crc32(question.answer.encode()),
        [_bag(layout.phrase(phrase)) for phrase in offered],
        [zlib.crc32(phrase.encode()) for phrase in offered],
    )


def _bag(ids: Sequence[int]) -> Bag:
    return array("i", ids)


class Towers(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """Both towers over one embedding table; each is a linear path beside a hidden layer."""

    def __init__(self, layout: Layout, seed: int) -> None:
        super().__init__()
        self.layout = layout
        draw = tf.random.Generator.from_seed(seed)

        def normal(rows: int, columns: int, gain: float = 1.0) -> tf.Variable:
            return tf.Variable(draw.normal([rows, columns]) * gain * rows**-0.5)

        straight = draw.normal([WIDTH, SIZE]) * WIDTH**-0.5
        shares = tf.constant(BAG_SHARES)[:, None, None]
        self.table = tf.Variable(draw.normal([layout.buckets.total, WIDTH]) * 0.1)
        self.context_line = tf.Variable(tf.reshape(shares * straight[None], [-1, SIZE]))
        self.context_in = normal(BAGS * WIDTH, HIDDEN)
        self.context_bias = tf.Variable(tf.zeros([HIDDEN]))
        self.context_out = normal(HIDDEN, SIZE, 0.3)
        self.phrase_line = tf.Variable(straight)
        self.phrase_in = normal(WIDTH, HIDDEN)
        self.phrase_bias = tf.Variable(tf.zeros([HIDDEN]))
        self.phrase_out = normal(HIDDEN, SIZE, 0.3)
        self.log_scale = tf.Variable(2.7)

    def context(self, pooled: tf.Tensor) -> tf.Tensor:
        """[n, BAGS * WIDTH] to [n, SIZE], not of unit length."""
        hidden = tf.nn.relu(pooled @ self.context_in + self.context_bias)
        return pooled @ self.context_line + hidden @ self.context_out

    def phrase(self, pooled: tf.Tensor) -> tf.Tensor:
        """[n, WIDTH] to [n, SIZE], not of unit length."""
        hidden = tf.nn.relu(pooled @ self.phrase_in + self.phrase_bias)
        return pooled @ self.phrase_line + hidden @ self.phrase_out

    def contexts(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Unit vectors of contexts, BAGS rows of flat ids each."""
        pooled = tf.reshape(self._pool(ids, rows, count), [-1, BAGS * WIDTH])
        return tf.nn.l2_normalize(self.context(pooled), -1)

    def phrases(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Unit vectors of phrases, one row of flat ids each."""
        return tf.nn.l2_normalize(self.phrase(self._pool(ids, rows, count)), -1)

    def _pool(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.SparseSegmentSqrtNWithNumSegments(
            data=self.table, indices=ids, segment_ids=rows, num_segments=count
        )

    def graph(
        self,
        context_ids: tf.Tensor,
        context_weights: tf.Tensor,
        phrase_ids: tf.Tensor,
        phrase_weights: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """What ships: static shapes, pooling as a matrix product, no division."""
        context = context_weights @ tf.gather(self.table, context_ids)
        phrases = phrase_weights @ tf.gather(self.table, phrase_ids)
        return {
            "context": self.context(tf.reshape(context, [1, BAGS * WIDTH])),
            "phrases": self.phrase(tf.reshape(phrases, [self.layout.batch, WIDTH])),
        }


def steps(examples: int) -> int:
    """Batches of an epoch."""
    return examples // (BATCH - CHOICES)


def batches(examples: Sequence[Example], draw: np.random.Generator) -> Iterator[list[Array]]:
    """One epoch; each batch begins with questions whose answer names one of several on offer."""
    choices = [i for i, each in enumerate(examples) if len(each.offered) > 1]
    order = draw.permutation(len(examples))
    for step in range(steps(len(examples))):
        drawn = order[step * (BATCH - CHOICES) :][: BATCH - CHOICES]
        picked = [*draw.choice(choices, CHOICES), *drawn]
        yield _batch([examples[i] for i in picked], draw)


def _batch(picked: Sequence[Example], draw: np.random.Generator) -> list[Array]:
    contexts: list[Bag] = []
    offered: list[Bag] = []
    keys: list[int] = []
    rights: list[int] = []
    for each in picked:
        asked = each.context[0] if draw.random() >= UNASKED else each.context[0][:0]
        contexts += [asked, *each.context[1:]]
    for each in picked[:CHOICES]:
        rivals = draw.permutation(np.arange(1, len(each.offered)))[:RIVALS]
        rights.append(len(offered))
        offered += [each.offered[i] for i in (0, *rivals)]
        keys += [each.offered_keys[i] for i in (0, *rivals)]
    said = [each.answer_key for each in picked]
    return [
        *flat(contexts, draw),
        *flat([each.answer for each in picked], draw),
        *flat(offered, draw),
        _twins(said, np.arange(len(said))),
        _twins(keys, np.array(rights)),
        np.array(rights, np.int32),
    ]


def flat(bags: Sequence[Bag], draw: np.random.Generator | None = None) -> list[Array]:
    """Bags as flat ids, their rows, and how many; with `draw`, some ids are dropped."""
    ids = np.concatenate([np.zeros(0, np.int32), *bags])
    rows = np.repeat(np.arange(len(bags), dtype=np.int32), [len(bag) for bag in bags])
    if draw is not None:
        kept = draw.random(len(ids)) >= DROPPED_IDS
        ids, rows = ids[kept], rows[kept]
    return [ids, rows, np.array(len(bags), np.int32)]


def _twins(keys: Sequence[int], rights: Array) -> Array:
    """Which candidates say the same as the right one of a row without being it."""
    every: npt.NDArray[np.int64] = np.array(keys)
    same: Array = every[rights][:, None] == every[None]
    same[np.arange(len(rights)), rights] = False
    return same


def loss(towers: Towers, given: Sequence[tf.Tensor]) -> tf.Tensor:
    """Contrastive: the answer among the batch's answers, the meant phrase among those on offer."""
    contexts = towers.contexts(*given[0:3])
    answers = towers.phrases(*given[3:6])
    offered = towers.phrases(*given[6:9])
    same_answer, same_phrase, rights = given[9:]
    scale = tf.exp(towers.log_scale)
    said = tf.where(same_answer, -30.0, scale * contexts @ tf.transpose(answers))
    named = tf.where(same_phrase, -30.0, scale * contexts[:CHOICES] @ tf.transpose(offered))
    diagonal = tf.range(tf.shape(said)[0])
    rows = tf.nn.sparse_softmax_cross_entropy_with_logits
    return tf.reduce_mean(rows(diagonal, said)) + tf.reduce_mean(rows(rights, named))


def to_int8(towers: Towers, examples: Sequence[Example]) -> bytes:
    """The file that ships, quantized over these examples."""
    layout = towers.layout
    shapes = {
        "context_ids": tf.TensorSpec([1, layout.context_ids], tf.int32),
        "context_weights": tf.TensorSpec([1, BAGS, layout.context_ids], tf.float32),
        "phrase_ids": tf.TensorSpec([layout.batch, layout.phrase_ids], tf.int32),
        "phrase_weights": tf.TensorSpec([layout.batch, 1, layout.phrase_ids], tf.float32),
    }
    named = {name: tf.TensorSpec(s.shape, s.dtype, name) for name, s in shapes.items()}
    graph = tf.function(towers.graph).get_concrete_function(**named)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], towers)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: _samples(examples, layout)
    return bytes(converter.convert())


def _samples(examples: Sequence[Example], layout: Layout) -> Iterator[dict[str, Array]]:
    for start in range(0, len(examples) - layout.batch, layout.batch):
        group = examples[start : start + layout.batch]
        ids, weights = text.bags(group[0].context, layout.context_ids)
        phrases = [
            text.bags([each.offered[0] if each.offered else each.answer], layout.phrase_ids)
            for each in group
        ]
        yield {
            "context_ids": ids[None],
            "context_weights": weights[None],
            "phrase_ids": np.stack([ids for ids, _ in phrases]),
            "phrase_weights": np.stack([weights for _, weights in phrases]),
        }
