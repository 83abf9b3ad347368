"""How much likelier each word of an answer is, now that the dialogue is known.

It knows frequent words only, says nothing about the order of words, and keeps no text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from edge.weights import Weights, shipped

Array = npt.NDArray[np.float32]


class Wording:
    """One weights file: words, their log frequency, and an affine map from a context vector.

    encoder: the SHA-256 of the model whose vectors it understands.

    File: one int8 row of `size` columns a word, then per word the row's scale, its bias and its
    log frequency (float32), then the words, one a line.
    """

    def __init__(self, weights: Weights) -> None:
        self.encoder = str(weights.parameters["encoder"])
        count, size = int(weights.parameters["words"]), int(weights.parameters["size"])
        rows = np.frombuffer(weights.content, np.int8, count * size).reshape(count, size)
        columns = np.frombuffer(weights.content, "<f4", 3 * count, count * size)
        scales, self._bias, self._often = columns.reshape(3, count)
        self._rows = rows * scales[:, None]
        words = weights.content[count * (size + 12) :].decode("ascii").split("\n")
        self._places = {word: place for place, word in enumerate(words[:count])}

    def gains(self, texts: Sequence[str], vector: bytes) -> Array:
        """Nats by which the context makes the words of each text likelier; unknown words, none.

        vector: float32, little endian; of another size it says nothing.
        """
        if len(vector) != 4 * self._rows.shape[1]:
            return np.zeros(len(texts), np.float32)
        likely = self._often + self._bias + self._rows @ np.frombuffer(vector, "<f4")
        top = likely.max()
        gains = likely - top - np.log(np.exp(likely - top).sum()) - self._often
        known = ([self._places[w] for w in text.split() if w in self._places] for text in texts)
        return np.array([gains[places].sum() for places in known], np.float32)


@cache
def english() -> Wording:
    """The weights that ship, read once."""
    return Wording(shipped("wording"))
