"""The speaker encoder's net in TensorFlow: its layers, its loss, and the file that ships.

It knows blocks of scaled spectra and numbered speakers; it never reads sound.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from edge.spectrum import BANDS

Array = np.ndarray[Any, Any]

SIZE = 64


class Layer(NamedTuple):
    """A convolution over time: `kernel` and `stride` in steps of the layer below."""

    kernel: int
    stride: int
    channels: int


LAYERS = (Layer(5, 2, 96), Layer(3, 2, 112), Layer(3, 1, 128), Layer(3, 1, 128), Layer(1, 1, 128))


def reach() -> int:
    """Steps of spectra that one row hears."""
    steps = 1
    for layer in reversed(LAYERS):
        steps = (steps - 1) * layer.stride + layer.kernel
    return steps


def net(steps: int | None) -> Any:
    """Scaled spectra [n, steps, BANDS] to rows [n, hops, SIZE]; any length where steps is None."""
    given = tf.keras.Input((steps, BANDS), 1 if steps else None, "spectra")
    flow = given[:, :, None]
    for layer in LAYERS:
        flow = tf.keras.layers.Conv2D(
            layer.channels, (layer.kernel, 1), (layer.stride, 1), use_bias=False
        )(flow)
        flow = tf.keras.layers.BatchNormalization(momentum=0.95)(flow)
        flow = tf.keras.layers.ReLU()(flow)
    rows = tf.keras.layers.Conv2D(SIZE, (1, 1))(flow)
    return tf.keras.Model(given, rows[:, :, 0])


def to_tflite(trained: Any, calibration: Array, quantized: bool) -> bytes:
    """The file that ships, all integers inside, or its float twin; one row at a time.

    calibration: blocks [n, reach(), BANDS] as the device sees them.
    """
    single = net(reach())
    single.set_weights(trained.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    if quantized:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: ([block[None]] for block in calibration)
    return bytes(converter.convert())


class Judge(tf.Module):  # type: ignore[misc]  # tensorflow has no types
    """What a voice is compared with in training: one direction for every known speaker."""

    SCALE, MARGIN, FIRST_SCALE = 24.0, 0.15, 10.0
    SHORT = 0.1
    """How long directions are at first: the shorter, the sooner they turn."""

    def __init__(self, speakers: int) -> None:
        super().__init__()
        self.known = tf.Variable(tf.random.normal([speakers, SIZE], stddev=self.SHORT))
        self.scale = tf.Variable(self.FIRST_SCALE)

    def loss(self, rows: tf.Tensor, voices: tf.Tensor, pieces: int) -> tf.Tensor:
        """Of rows [n * pieces, hops, SIZE]: naming the speaker, and finding the same voice.

        Named with a margin among all speakers; found among the batch's voices, each piece
        against the sums of all others.
        """
        found = tf.nn.l2_normalize(tf.reduce_sum(rows, 1), -1)
        named = tf.repeat(voices, pieces)
        near = found @ tf.transpose(tf.nn.l2_normalize(self.known, -1))
        near -= self.MARGIN * tf.one_hot(named, tf.shape(near)[1])
        naming = tf.nn.sparse_softmax_cross_entropy_with_logits(named, self.SCALE * near)
        return tf.reduce_mean(naming) + tf.reduce_mean(self._finding(found, pieces))

    def _finding(self, found: tf.Tensor, pieces: int) -> tf.Tensor:
        each = tf.reshape(found, [-1, pieces, SIZE])
        others = tf.nn.l2_normalize(tf.reduce_sum(each, 1, keepdims=True) - each, -1)
        voices = tf.range(tf.shape(each)[0])
        losses = []
        for piece in range(pieces):
            near = each[:, piece] @ tf.transpose(others[:, piece])
            losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(voices, self.scale * near))
        return tf.concat(losses, 0)
