"""Wake words by microWakeWord's streaming models: 40 spectral features every 10 ms.

It knows one word, and nothing of refractory times, sessions or devices.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
from pymicro_features import MicroFrontend

from edge.dialogue import RATE_HZ
from edge.tflite import Manifest, Model, shipped

_STEP_BYTES = 2 * RATE_HZ // 100


class MicroWakeWord:
    """Listens for one wake word; fires once for each time that it is said.

    latency_s: from the word's last sound to the frame that reports it, as measured.
    """

    def __init__(self, word: str, manifest: Manifest | None = None) -> None:
        """Load the word's model (`wake-<word>.toml` as shipped); ModelError when it is not."""
        described = manifest or Manifest.load(shipped(f"wake-{word}"))
        self.word = word
        self.latency_s: float = described.parameter("latency_s", float)
        self._threshold: float = described.parameter("threshold", float)
        self._window: int = described.parameter("window", int)
        self._model = Model(described)
        heard, probability = described.inputs[0], described.outputs[0]
        self._steps = heard.shape[1]
        self._scale, self._zero = self._model.quantization(heard.name)
        self._full = self._model.quantization(probability.name)[0]
        self._front_end: Any = MicroFrontend()
        self._pending = bytearray()
        self._spectra: list[list[float]] = []
        self._recent: deque[float] = deque(maxlen=self._window)
        self._armed = True

    def detect(self, pcm: bytes) -> bool:
        """Take the stream's next 20 ms; True in the frame that completes the wake word."""
        self._pending += pcm
        completed = False
        while len(self._pending) >= _STEP_BYTES:
            spectrum = self._front_end.process_samples(bytes(self._pending[:_STEP_BYTES]))
            del self._pending[: 2 * spectrum.samples_read]
            if spectrum.features:
                self._spectra.append(spectrum.features)
            if len(self._spectra) == self._steps:
                completed |= self._completes(self._probability())
        return completed

    def _probability(self) -> float:
        scaled = np.round(np.array([self._spectra]) / self._scale) + self._zero
        self._spectra.clear()
        (probability,) = self._model.run(np.clip(scaled, -128, 127).astype(np.int8))
        return float(probability.item()) * self._full

    def _completes(self, probability: float) -> bool:
        """Fire once, then not again before the window has fallen to half the threshold."""
        self._recent.append(probability)
        mean = sum(self._recent) / self._window
        fires = self._armed and mean >= self._threshold
        self._armed = not fires and (self._armed or mean < self._threshold / 2)
        return fires
