"""The speaker encoder: how a voice sounds, as one direction in 64 dimensions.

It says how alike two pieces of sound are as voices, never who speaks, and decides nothing.
Every 40 ms of a stream become a row; rows add up, so that any stretch of a stream is judged
from a sum, without running the model again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge import tflite
from edge.dialogue import RATE_HZ
from edge.errors import ModelError
from edge.pins import Pin
from edge.spectrum import BANDS, STEP_MS, WINDOW_MS, Array, Spectrum

HOP_MS = 40
"""From one row to the next."""
_HOP_STEPS = HOP_MS // STEP_MS
_HOP_BYTES = 2 * RATE_HZ * HOP_MS // 1000


class SpeakerEncoder:
    """The model behind one manifest.

    width: numbers in a row. size: dimensions of a voice. reach_ms: the sound that a row has
    heard: row i of a stream stands for [i * HOP_MS, i * HOP_MS + reach_ms).
    """

    def __init__(self, manifest: Path, pin: Pin | None = None) -> None:
        """Verify and load the model; ModelError when it is not the manifest's.

        pin: of a manifest that is none of those that ship.
        """
        described = tflite.Manifest.load(manifest, pin)
        _, self.steps, bands = described.inputs[0].shape
        if bands != BANDS:
            raise ModelError(f"{manifest}: wants {bands} bands, not {BANDS}; restore the manifest")
        self.width = self.size = described.outputs[0].shape[-1]
        self.reach_ms = (self.steps - 1) * STEP_MS + WINDOW_MS
        self.silence: float = described.parameter("silence", float)
        self.voiced: float = described.parameter("voiced", float)
        self.decay: float = described.parameter("decay_per_s", float) * HOP_MS / 1000
        self._range: float = described.parameter("range", float)
        self._model = tflite.Model(described)

    def embed(self, pcm: bytes) -> bytes | None:
        """The voice of a piece of sound: a unit vector, float32 little endian, `4 * size` bytes.

        pcm: 16 kHz mono int16, `reach_ms` or longer. None when there is too little sound in it.
        """
        voice = self.pooled(self.rows(pcm))
        return None if voice is None else voice.astype("<f4").tobytes()

    def rows(self, pcm: bytes) -> Array:
        """The rows of a whole piece of sound, float32 [n, width], its loudest moment known."""
        spectra = Spectrum().take(pcm)
        return Hops(self, float(spectra.max(initial=self.silence))).rows(spectra)

    def stream(self) -> Hops:
        """A new stream over this model; the streams of one thread may share it."""
        return Hops(self, self.silence)

    def pooled(self, rows: Array) -> Array | None:
        """The voice in rows of a stream: a unit vector, float32 [size]; None when all was silent.

        rows: float [n, width], rows or sums of rows: the voice of a sum is that of its parts.
        How alike two voices are is their inner product, -1 to 1.
        """
        total = rows.sum(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(total))
        return None if length < 1e-6 else (total / length).astype(np.float32)

    def row(self, spectra: Array, level: float) -> Array:
        """One row, float32 [width], of [steps, BANDS] spectra; none is above `level`."""
        scaled = np.maximum((spectra - np.float32(level)) / np.float32(self._range) + 1, 0)
        row: Array = self._model.run(scaled[None])[0].reshape(-1)
        return row


class Hops:
    """One stream of sound as rows. Every piece goes through `take`, in order."""

    def __init__(self, encoder: SpeakerEncoder, level: float) -> None:
        """level: how loud (log power in the loudest band) the stream is known to be."""
        self._encoder = encoder
        self._level = level
        self._pending = bytearray()
        self._spectrum = Spectrum()
        self._heard = np.empty((0, BANDS), np.float32)

    def take(self, pcm: bytes) -> Array:
        """The rows that this piece completes, float32 [n, width]; silence makes rows of zeros.

        pcm: the stream's next 16 kHz mono int16, any length. Work is done once for every HOP_MS.
        Silence is what is faint by itself, or beside what was heard in the last seconds.
        """
        self._pending += pcm
        ready = len(self._pending) - len(self._pending) % _HOP_BYTES
        spectra = self._spectrum.take(bytes(self._pending[:ready]))
        del self._pending[:ready]
        return self.rows(spectra)

    def rows(self, spectra: Array) -> Array:
        """The rows that these spectra complete."""
        encoder = self._encoder
        if not len(spectra):
            return np.empty((0, encoder.width), np.float32)
        heard = np.concatenate([self._heard, spectra])
        count = max(0, (len(heard) - encoder.steps) // _HOP_STEPS + 1)
        rows = np.zeros((count, encoder.width), np.float32)
        for number in range(count):
            block = heard[number * _HOP_STEPS :][: encoder.steps]
            loudest = float(block.max())
            self._level = max(self._level - encoder.decay, loudest)
            if loudest > max(encoder.silence, self._level - encoder.voiced):
                rows[number] = encoder.row(block, self._level)
        self._heard = heard[count * _HOP_STEPS :]
        return rows
