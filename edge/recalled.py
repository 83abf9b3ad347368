"""Parts that take the time that the real ones were measured to take, and do nothing else.

They stand where the real ones would, on a virtual clock; whose times they take is what they are
given. Nothing is heard, synthesized, recognized or encoded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import ContextReady, Expectation
from edge.dialogue_script import Faults
from edge.hearing import Heard, Hearing
from edge.projection import Interval
from edge.protocols import Encoded, Frame, Round
from edge.recognition import Recognition
from edge.scheduler import Virtual

LATENCY_S = 0.08  # of the loudspeaker
SOUND_HZ = 100  # of silence that has a length and no samples worth keeping
VECTOR = np.eye(1, 128, dtype="<f4").tobytes()
MEMORY = bytes(264)


@dataclass(frozen=True, slots=True)
class Costs:
    """What the real parts took on one machine.

    encode_ms: phrases offered → times of one encoding each, of one round, its caller waiting.
    run_ms: of them, each run of the network, which takes `batch` phrases. round_ms: what each
    round more takes beside a run. unseal_ms: what is opened for one. finish_ms: from an end of
    speech to its transcript. decode_share: of a core, while speech is being recognized.
    wake_word_share, hearing_share: of a core, the wake words' networks and everything else of a
    device that only listens. Memory is PSS.
    """

    encode_ms: Mapping[int, Sequence[float]]
    run_ms: float
    batch: int
    round_ms: float
    unseal_ms: float
    finish_ms: Sequence[float]
    decode_share: float
    wake_word_share: float
    hearing_share: float
    daemon_pss_mb: float
    encoder_pss_mb: float
    recognizer_pss_mb: float

    def split(self, encode_ms: float, phrases: int, rounds: int) -> tuple[float, float]:
        """Milliseconds of the network and of everything else in one of the measured encodings."""
        runs = max(1, math.ceil(phrases / self.batch))
        network_ms = min(encode_ms, runs * self.run_ms)
        more = max(0, rounds - 1)
        other_ms = encode_ms - network_ms + self.unseal_ms + more * self.round_ms
        return network_ms + more * self.run_ms, other_ms

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Costs:
        """From JSON, where phrases are counted in texts."""
        encode_ms = {int(count): times for count, times in table["encode_ms"].items()}
        return cls(**{**table, "encode_ms": encode_ms})


@dataclass(frozen=True, slots=True)
class Pace:
    """A board's speed: what takes a second where it was measured takes so many there.

    write_s: one commit. synthesis: seconds for a second of speech. nice: how far the encoder
    steps back behind others on the same core.
    """

    encoder: Interval
    python: Interval
    recognizer: Interval
    write_s: float
    synthesis: float
    cores: int
    nice: int

    def took_s(self, network_ms: float, other_ms: float) -> Interval:
        """What takes so long where it was measured, on all ends."""
        network, other = self.encoder, self.python
        return Interval(
            (network_ms * network.low + other_ms * other.low) / 1000,
            (network_ms * network.mid + other_ms * other.mid) / 1000,
            (network_ms * network.high + other_ms * other.high) / 1000,
        )

    def share(self, busy_cores: int) -> float:
        """Of one core, what the encoder gets beside so many that compute."""
        weight = 0.8**self.nice  # the kernel's: each step of nice is a fifth less
        return 1.0 if self.cores > busy_cores else weight / (1 + weight)


class Deaf:
    """A microphone that nobody reads."""

    def read(self) -> Frame:
        raise AssertionError("nothing is captured here")


class Ears(Hearing):
    """Hears nothing: when speech begins and ends is told by the script."""

    def open(
        self, interaction: str, since: float, no_speech_s: float, anchor: bytes = b""
    ) -> tuple[Heard, ...]:
        return ()


class Mouth:
    """Synthesizer and loudspeaker: silence of the length that is wanted, once it is synthesized.

    busy_until: until then a core is taken. length_s: of the next sound.
    """

    def __init__(self, scheduler: Virtual, synthesis: float) -> None:
        """synthesis: seconds that a second of speech takes."""
        self._scheduler = scheduler
        self._synthesis = synthesis
        self._until = float("-inf")
        self.busy_until = 0.0
        self.length_s = 1.0

    def synthesize(self, text: str) -> tuple[bytes, int]:
        """Takes its time; others see until when."""
        self.busy_until = self._scheduler.now() + self.length_s * self._synthesis
        self._scheduler.sleep_until(self.busy_until)
        return bytes(2 * round(self.length_s * SOUND_HZ)), SOUND_HZ

    def play(self, pcm: bytes, rate_hz: int) -> float:
        self._until = max(self.busy_until + LATENCY_S, self._until) + len(pcm) / 2 / rate_hz
        return self._until

    def stop(self) -> float:
        self._until = min(self._until, self._scheduler.now() + LATENCY_S)
        return self._until

    def sounding_until(self) -> float:
        return self._until

    def played(self, since: float, samples: int) -> NDArray[np.int16]:
        return np.zeros(samples, np.int16)


class RecalledEncoder:
    """protocols.ContextEncoder: a measured time for as many phrases at least, drawn.

    On the clock it takes the upper end. took_s: each so far, with what was opened for it, on all
    ends; spent_s: their sum, of the upper end. faults: of the dialogue that is going on.
    """

    def __init__(
        self, scheduler: Virtual, costs: Costs, pace: Pace, randomness: Random, mouth: Mouth
    ) -> None:
        self._scheduler = scheduler
        self._times = sorted(costs.encode_ms.items())
        self._split = costs.split
        self._pace = pace
        self._random = randomness
        self._mouth = mouth
        self.faults = Faults()
        self.took_s: list[Interval] = []
        self.spent_s = 0.0

    def encode(
        self, rounds: Sequence[Round], expectation: Expectation, memory: bytes = b""
    ) -> Encoded:
        """A vector that says nothing, as late as the real one."""
        phrases = [phrase for one in expectation.catalogues for phrase in one.phrases]
        measured, times_ms = self._like(len(phrases))
        parts_ms = self._split(self._random.choice(times_ms), measured, len(rounds))
        alone = self._pace.took_s(*parts_ms)
        took_s = Interval(*map(self._beside_others, (alone.low, alone.mid, alone.high)))
        self.took_s.append(took_s)
        self.spent_s += took_s.high
        self._scheduler.sleep_until(self._scheduler.now() + took_s.high)
        return Encoded(VECTOR, tuple((phrase, 0.5) for phrase in phrases), MEMORY)

    def _like(self, phrases: int) -> tuple[int, Sequence[float]]:
        """What was measured with as many phrases at least."""
        return next((one for one in self._times if one[0] >= phrases), self._times[-1])

    def _beside_others(self, work_s: float) -> float:
        """How long it takes while a reply is being synthesized, and then without that."""
        busy, delay_s = self.faults.busy_cores, self.faults.encoder_delay_s
        beside, alone = self._pace.share(busy + 1), self._pace.share(busy)
        left_s = max(0.0, self._mouth.busy_until - self._scheduler.now())
        if work_s <= left_s * beside:
            return work_s / beside + delay_s
        return left_s + (work_s - left_s * beside) / alone + delay_s


class RecalledRecognition(Recognition):
    """What the script says, as late as it was recognized where that was measured.

    On the clock it takes the upper end; took_s: from each end of speech so far, on all ends.
    said: what is being said. speech_s: how long that took.
    """

    def __init__(self, scheduler: Virtual, costs: Costs, pace: Pace, randomness: Random) -> None:
        self._scheduler = scheduler
        self._costs = costs
        self._pace = pace.recognizer
        self._random = randomness
        self.took_s: list[Interval] = []
        self.said = ""
        self.speech_s = 0.0

    def prepare(self, expectation: Expectation) -> None:
        """Nothing."""

    def begin(self, interaction: str, expectation: Expectation | None) -> None:
        """Nothing."""

    def transcribe(
        self, interaction: str, expectation: Expectation | None, context: ContextReady | None
    ) -> tuple[str, str]:
        """The words; a recognizer slower than speech has still to catch up."""
        finish_s, pace = self._random.choice(self._costs.finish_ms) / 1000, self._pace
        took_s = Interval(*(self._took_s(finish_s, end) for end in (pace.low, pace.mid, pace.high)))
        self.took_s.append(took_s)
        self._scheduler.sleep_until(self._scheduler.now() + took_s.high)
        return self.said, self.said

    def cancel(self, interaction: str) -> None:
        """Nothing."""

    def _took_s(self, finish_s: float, pace: float) -> float:
        behind = max(0.0, self._costs.decode_share * pace - 1)
        return finish_s * pace + behind * self.speech_s
