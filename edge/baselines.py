"""What a context encoder must beat: counting the words that a phrase shares with the dialogue.

Word statistics come from the judged texts themselves; nothing here has learned anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain

_SATURATION, _LENGTH_SHARE = 1.2, 0.75  # BM25's k1 and b, as commonly set


class TfIdf:
    """Cosine of TF-IDF weighted words."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._weights = _rarities(texts)

    def scores(self, said: str, phrases: Sequence[str]) -> list[float]:
        """How near each phrase is to what was said."""
        context = self._vector(said)
        return [
            sum(weight * context.get(word, 0.0) for word, weight in self._vector(phrase).items())
            for phrase in phrases
        ]

    def _vector(self, words: str) -> dict[str, float]:
        raw = {w: n * self._weights.get(w, 0.0) for w, n in Counter(words.split()).items()}
        norm = math.hypot(*raw.values()) or 1.0
        return {word: value / norm for word, value in raw.items()}


class Bm25:
    """BM25 of each phrase as a document; what was said is the query."""

    def __init__(self, texts: Sequence[str], phrases: Sequence[str]) -> None:
        self._weights = _rarities(texts)
        self._usual = sum(len(phrase.split()) for phrase in phrases) / max(1, len(phrases))

    def scores(self, said: str, phrases: Sequence[str]) -> list[float]:
        """How well each phrase matches what was said."""
        query = set(said.split())
        return [self._score(query, phrase.split()) for phrase in phrases]

    def _score(self, query: set[str], words: Sequence[str]) -> float:
        length = 1 - _LENGTH_SHARE + _LENGTH_SHARE * len(words) / self._usual
        return sum(
            self._weights.get(word, 0.0) * n * (_SATURATION + 1) / (n + _SATURATION * length)
            for word, n in Counter(words).items()
            if word in query
        )


def _rarities(texts: Sequence[str]) -> dict[str, float]:
    """How rare each word is: the logarithm of texts per text that has it."""
    having = Counter(chain.from_iterable(set(text.split()) for text in texts))
    return {word: math.log(len(texts) / n) for word, n in having.items()}
