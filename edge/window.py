"""The compute window: past rounds are unsealed and encoded while the reply is sounding.

Ordered only for an entry that re-opens the microphone. Best effort: whatever fails here
costs one vector, and nobody waits for it.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import astuple
from itertools import chain
from typing import Any, TypeGuard

from edge.dialogue import ContextReady, Entry, Expectation, Kind
from edge.errors import EngineError
from edge.protocols import ContextEncoder, DialogueStore, Round
from edge.worker import Supervised

ROUNDS = 3  # more than these say nothing that the encoder would hear
REMEMBERED = 64


class RemoteEncoder:
    """protocols.ContextEncoder, in a child."""

    def __init__(self, child: Supervised, limit_s: float) -> None:
        self._child = child
        self._limit_s = limit_s

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation
    ) -> tuple[bytes, tuple[tuple[str, float], ...]]:
        """As the protocol says; EngineError when the child answers nonsense."""
        phrases = list(chain.from_iterable(one.phrases for one in expectation.catalogues))
        asked = {
            "rounds": [astuple(one) for one in rounds],
            "act": expectation.act,
            "slot": expectation.slot,
            "phrases": phrases,
        }
        answer, vector = self._child.call("encode", asked, b"", self._limit_s)
        near = answer.get("near")
        if not (_is_vector(vector) and _are_cosines(near) and near.keys() <= set(phrases)):
            raise EngineError("the encoder's child sent something that is no vector")
        return vector, tuple(near.items())


class Window:
    """Past rounds in, vector and similarities out.

    unsealed: for which interactions how many payloads were opened, the latest ones.
    """

    def __init__(
        self, store: DialogueStore, encoder: ContextEncoder, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._clock = clock
        self.unsealed: deque[tuple[str, int]] = deque(maxlen=REMEMBERED)

    def embed(self, entry: Entry, expectation: Expectation) -> ContextReady:
        """The answer to Embed; StoreError or EngineError when there is no vector to be had."""
        rounds, unsealed = self._rounds(entry.dialogue)
        self.unsealed.append((entry.interaction, unsealed))
        begun = self._clock()
        vector, similarities = self._encoder.encode(rounds, expectation)
        encode_ms = (self._clock() - begun) * 1000
        return ContextReady(entry.interaction, vector, similarities, encode_ms)

    def _rounds(self, dialogue: str) -> tuple[list[Round], int]:
        said: dict[str, dict[Kind, list[str]]] = {}
        unsealed = 0
        kinds = (Kind.UTTERANCE, Kind.REPLY)
        for interaction, payload in self._store.unseal(dialogue, kinds, ROUNDS):
            texts = said.setdefault(interaction, {kind: [] for kind in kinds})
            texts[payload.kind].append(payload.content.decode())
            unsealed += 1
        rounds = [Round(*(" ".join(texts[kind]) for kind in kinds)) for texts in said.values()]
        return rounds, unsealed


def _are_cosines(near: Any) -> TypeGuard[dict[str, float]]:
    return isinstance(near, dict) and all(
        isinstance(cosine, float) and abs(cosine) <= 1 for cosine in near.values()
    )


def _is_vector(content: bytes) -> bool:
    """Whether it is float32, not empty, finite and of unit length."""
    if not content or len(content) % 4:
        return False
    length = math.hypot(*struct.unpack(f"<{len(content) // 4}f", content))
    return abs(length - 1) < 0.01
