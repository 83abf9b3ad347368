"""The compute window: past rounds are unsealed and encoded while the reply is sounding.

Ordered only for an entry that re-opens the microphone. What the encoder kept of the dialogue
stands for the rounds before it; without that the last few are read. Best effort: whatever fails
here costs one vector, and nobody waits for it.
"""

from __future__ import annotations

import math
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple
from itertools import chain
from typing import Any, TypeGuard

from edge.dialogue import ContextReady, Entry, Expectation, Kind, Payload
from edge.errors import EngineError, SealError, WorkerGone
from edge.protocols import ContextEncoder, DialogueStore, Encoded, Round
from edge.worker import Supervised

ROUNDS = 3  # to start over from: more say nothing that the encoder would hear
REACH = 16  # a memory that so many interactions followed has faded
REMEMBERED = 64
TEXTS = (Kind.UTTERANCE, Kind.REPLY)


class RemoteEncoder:
    """protocols.ContextEncoder, in a child."""

    def __init__(self, child: Supervised, limit_s: float) -> None:
        self._child = child
        self._limit_s = limit_s

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """As the protocol says; EngineError when the child answers nonsense."""
        phrases = list(chain.from_iterable(one.phrases for one in expectation.catalogues))
        asked = {
            "rounds": [astuple(one) for one in rounds],
            "act": expectation.act,
            "slot": expectation.slot,
            "phrases": phrases,
        }
        answer, content = self._child.call("encode", asked, memory, self._limit_s)
        encoded = _encoded(answer, content)
        if encoded is None or not {phrase for phrase, _ in encoded.similarities} <= set(phrases):
            raise EngineError("the encoder's child sent something that is no vector")
        return encoded


class Window:
    """Past rounds in, vector and similarities out.

    left_out: offered phrases that did not fit into a window, so far. unsealed: for which
    interactions how many payloads were opened, the latest ones.
    """

    def __init__(
        self, store: DialogueStore, encoder: ContextEncoder, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._encoder = encoder
        self._clock = clock
        self._opened = 0
        self.unsealed: deque[tuple[str, int]] = deque(maxlen=REMEMBERED)
        self.left_out = 0

    def embed(self, entry: Entry, expectation: Expectation) -> ContextReady:
        """The answer to Embed; StoreError or EngineError when there is no vector to be had."""
        self._opened = 0
        try:
            return self._gone_on(entry, expectation) or self._started_over(entry, expectation)
        finally:
            self.unsealed.append((entry.interaction, self._opened))

    def _gone_on(self, entry: Entry, expectation: Expectation) -> ContextReady | None:
        """From what was kept last; None where nothing was that this encoder can go on from."""
        try:
            sequence = self._unsealed(entry, (*TEXTS, Kind.MEMORY), REACH, Kind.MEMORY)
            knows, kept = next(sequence, (entry.interaction, None))
            later = list(sequence)
            if kept and later and later[0][0] != knows:  # or its reply went on after the vector
                return self._encode(entry, _rounds(later), expectation, kept.content)
        except WorkerGone:
            raise
        except (SealError, EngineError):
            pass
        return None

    def _started_over(self, entry: Entry, expectation: Expectation) -> ContextReady:
        rounds = _rounds(self._unsealed(entry, TEXTS, ROUNDS))
        return self._encode(entry, rounds, expectation)

    def _encode(
        self, entry: Entry, rounds: Sequence[Round], expectation: Expectation, kept: bytes = b""
    ) -> ContextReady:
        begun = self._clock()
        encoded = self._encoder.encode(rounds, expectation, kept)
        took_ms = (self._clock() - begun) * 1000
        offered = set(chain.from_iterable(one.phrases for one in expectation.catalogues))
        self.left_out += len(offered) - len(encoded.similarities)
        return ContextReady(
            entry.interaction, encoded.vector, encoded.similarities, took_ms, encoded.memory
        )

    def _unsealed(
        self, entry: Entry, kinds: Sequence[Kind], last: int, since: Kind | None = None
    ) -> Iterator[tuple[str, Payload]]:
        for opened in self._store.unseal(entry.dialogue, kinds, last, since):
            self._opened += 1
            yield opened


def _rounds(said: Iterable[tuple[str, Payload]]) -> list[Round]:
    """Texts, put together by interaction."""
    texts: dict[str, dict[Kind, list[str]]] = {}
    for interaction, payload in said:
        here = texts.setdefault(interaction, {kind: [] for kind in TEXTS})
        here[payload.kind].append(payload.content.decode())
    return [Round(*(" ".join(here[kind]) for kind in TEXTS)) for here in texts.values()]


def _encoded(answer: Mapping[str, Any], content: bytes) -> Encoded | None:
    """What a child sent, `memory_bytes` of memory and then the vector; None for nonsense."""
    near, split = answer.get("near"), answer.get("memory_bytes")
    if not (_are_cosines(near) and isinstance(split, int) and 0 <= split < len(content)):
        return None
    memory, vector = content[:split], content[split:]
    return Encoded(vector, tuple(near.items()), memory) if _is_vector(vector) else None


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
