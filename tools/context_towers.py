"""The context encoder's two towers in TensorFlow: what they compute, the loss, and the files.

It knows batches and layouts; it never judges what it has learned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from edge import text
from edge.context import ACTS, MARKS, Layout
from tools.context_batches import CHOICES, GUESSED_WORDS, ROWS, Examples

WIDTH, HIDDEN, SIZE = 64, 512, 128
BAG_SHARES = (0.3, 1.0, 1.0, 0.5, 0.3)
"""How loud act and slot, tail, reply, utterance and memory are before training."""
MEMORY_DECAY = 0.5
BACK_SHARE, NAMED_SHARE, WORDS_SHARE, ASKED_SHARE = 0.5, 0.5, 0.2, 0.2
"""How much finding the context of an answer, choosing the phrase that was meant, guessing the
answer's words, and telling act and slot count beside choosing the answer."""
SCALE_LOG, GUESS_SCALE_LOG, IMPOSSIBLE = 2.7, 1.5, -30.0

Array = np.ndarray[Any, Any]


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
        self.context_in = normal(ROWS * WIDTH, HIDDEN)
        self.context_bias = tf.Variable(tf.zeros([HIDDEN]))
        self.context_out = normal(HIDDEN, SIZE, 0.3)
        self.phrase_line = tf.Variable(straight)
        self.phrase_in = normal(WIDTH, HIDDEN)
        self.phrase_bias = tf.Variable(tf.zeros([HIDDEN]))
        self.phrase_out = normal(HIDDEN, SIZE, 0.3)
        self.log_scale = tf.Variable(SCALE_LOG)
        self.words = normal(SIZE, GUESSED_WORDS)
        self.words_bias = tf.Variable(tf.zeros([GUESSED_WORDS]))
        self.words_log_scale = tf.Variable(GUESS_SCALE_LOG)

    def context(self, pooled: tf.Tensor) -> tf.Tensor:
        """[n, ROWS * WIDTH] to [n, SIZE], not of unit length."""
        hidden = tf.nn.relu(pooled @ self.context_in + self.context_bias)
        return pooled @ self.context_line + hidden @ self.context_out

    def phrase(self, pooled: tf.Tensor) -> tf.Tensor:
        """[n, WIDTH] to [n, SIZE], not of unit length."""
        hidden = tf.nn.relu(pooled @ self.phrase_in + self.phrase_bias)
        return pooled @ self.phrase_line + hidden @ self.phrase_out

    def contexts(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Unit vectors of contexts, ROWS rows of flat ids each."""
        pooled = tf.reshape(self.pool(ids, rows, count), [-1, ROWS * WIDTH])
        return tf.nn.l2_normalize(self.context(pooled), -1)

    def phrases(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """Unit vectors of phrases, one row of flat ids each."""
        return tf.nn.l2_normalize(self.phrase(self.pool(ids, rows, count)), -1)

    def pool(self, ids: tf.Tensor, rows: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
        """What `text.bags` weighs: words and pairs, and the grams for their share."""
        spelled = tf.cast(ids < self.layout.buckets.first_gram, tf.float32)
        grams = 1 - spelled

        def own(kept: tf.Tensor) -> tf.Tensor:
            counted = tf.math.unsorted_segment_sum(kept, rows, count)
            return kept * tf.gather(tf.math.rsqrt(tf.maximum(counted, 1)), rows)

        return _weighed(self.table, ids, rows, own(spelled) + text.GRAM_SHARE * own(grams), count)

    def graph(
        self,
        context_ids: tf.Tensor,
        context_weights: tf.Tensor,
        memory: tf.Tensor,
        phrase_ids: tf.Tensor,
        phrase_weights: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """What ships: static shapes, pooling as a matrix product, no division.

        The round's gist is not part of its own context: it becomes the next round's memory.
        """
        layout = self.layout
        ids = tf.concat([context_ids[0], tf.reshape(phrase_ids, [-1])], 0)
        rows = tf.gather(self.table, ids)  # once, or the converter stores the table twice
        pooled = context_weights @ rows[None, : layout.context_ids]
        last = tf.reshape(pooled[:, :-1], [1, (ROWS - 1) * WIDTH])
        offered = tf.reshape(rows[layout.context_ids :], [layout.batch, layout.phrase_ids, WIDTH])
        phrases = phrase_weights @ offered
        return {
            "context": self.context(tf.concat([last, memory], -1)),
            "memory": MEMORY_DECAY * memory + pooled[:, -1],
            "phrases": self.phrase(tf.reshape(phrases, [layout.batch, WIDTH])),
        }


def _weighed(
    table: tf.Variable, ids: tf.Tensor, rows: tf.Tensor, weights: tf.Tensor, count: tf.Tensor
) -> tf.Tensor:
    """Weighted sums of table rows; the gradient of TensorFlow's own sparse sums is not reliable."""
    size = table.shape[0]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow has no types
    def summed(known: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            back = tf.gather(upstream, rows) * weights[:, None]
            return tf.math.unsorted_segment_sum(back, ids, size)

        picked = tf.gather(known, ids) * weights[:, None]
        return tf.math.unsorted_segment_sum(picked, rows, count), gradient

    return summed(table.read_value())


def loss(towers: Towers, given: Sequence[tf.Tensor]) -> tf.Tensor:
    """All tasks of a batch.

    The answer among the batch's answers and what sounds like them, and the context among the
    batch's contexts; the phrase that was meant among those on offer; act and slot, where they
    were not told; the words of the answer.
    """
    twins, twin_phrases, rights, acts, slots, words = given[9:]
    contexts, answers = towers.contexts(*given[0:3]), towers.phrases(*given[3:6])
    offered = towers.phrases(*given[6:9])
    scale = tf.exp(towers.log_scale)
    said = tf.where(twins, IMPOSSIBLE, scale * contexts @ tf.transpose(answers))
    named = tf.where(twin_phrases, IMPOSSIBLE, scale * contexts[:CHOICES] @ tf.transpose(offered))
    rows = tf.nn.sparse_softmax_cross_entropy_with_logits
    right = tf.range(tf.shape(said)[0])
    choosing = tf.reduce_mean(rows(right, said))
    finding = tf.reduce_mean(rows(right, tf.transpose(said[:, : tf.shape(said)[0]])))
    naming = tf.reduce_mean(rows(rights, named))
    guessing = _guessing(towers, contexts, words)
    asking = _asking(towers, contexts, scale, acts, slots)
    return (
        choosing
        + BACK_SHARE * finding
        + NAMED_SHARE * naming
        + WORDS_SHARE * guessing
        + ASKED_SHARE * asking
    )


def _guessing(towers: Towers, contexts: tf.Tensor, words: tf.Tensor) -> tf.Tensor:
    guessed = tf.exp(towers.words_log_scale) * contexts @ towers.words + towers.words_bias
    return -tf.reduce_mean(tf.reduce_sum(words * tf.nn.log_softmax(guessed), -1))


def _asking(
    towers: Towers, contexts: tf.Tensor, scale: tf.Tensor, acts: tf.Tensor, slots: tf.Tensor
) -> tf.Tensor:
    """Acts and slots are phrases of one mark each; only contexts that were not told count."""
    marks = np.array([text.marks([mark], towers.layout.buckets)[0] for mark in MARKS], np.int32)
    count = len(marks)
    named = towers.phrases(marks, np.arange(count, dtype=np.int32), np.int32(count))
    near = scale * contexts @ tf.transpose(named)
    rows = tf.nn.sparse_softmax_cross_entropy_with_logits
    untold = tf.cast(acts >= 0, tf.float32)
    both = rows(tf.maximum(acts, 0), near[:, : len(ACTS)]) + rows(slots, near[:, len(ACTS) :])
    return tf.reduce_mean(untold * both)


def to_tflite(towers: Towers, found: Examples, calibration: Array, quantized: bool) -> bytes:
    """The file that ships, all integers, or its float twin; quantized over these examples."""
    layout = towers.layout
    shapes = {
        "context_ids": ([1, layout.context_ids], tf.int32),
        "context_weights": ([1, ROWS, layout.context_ids], tf.float32),
        "memory": ([1, WIDTH], tf.float32),
        "phrase_ids": ([layout.batch, layout.phrase_ids], tf.int32),
        "phrase_weights": ([layout.batch, 1, layout.phrase_ids], tf.float32),
    }
    named = {name: tf.TensorSpec(shape, kind, name) for name, (shape, kind) in shapes.items()}
    graph = tf.function(towers.graph).get_concrete_function(**named)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([graph], towers)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _samples(towers, found, calibration)
    return bytes(converter.convert())


def _samples(towers: Towers, found: Examples, picked: Array) -> Iterator[dict[str, Array]]:
    layout = towers.layout
    for group in np.split(picked, len(picked) // layout.batch):
        *bags, past = _bags(found, group[0])
        ids, weights = layout.context(bags)
        memory = towers.pool(np.array(past, np.int32), np.zeros(len(past), np.int32), 1)
        said = [found.answers.take(row[None])[0].tolist() for row in group]
        phrases, phrase_weights = text.stacked(said, layout.phrase_ids, layout.buckets)
        yield {
            "context_ids": ids,
            "context_weights": weights,
            "memory": memory.numpy(),
            "phrase_ids": phrases,
            "phrase_weights": phrase_weights[:, None],
        }


def _bags(found: Examples, row: int) -> list[list[int]]:
    return [found.contexts.take(np.array([row * ROWS + bag]))[0].tolist() for bag in range(ROWS)]
