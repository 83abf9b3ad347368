"""The recognizer sherpa-onnx, with a streaming transducer that the customer put on the device.

Phrases that were expected are made likelier in a second stream over the same sound. It never
downloads and keeps nothing of one capture for the next.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from edge.dialogue import RATE_HZ, Expectation, Hypothesis, Recognized
from edge.engines.vosk import models_folder, phrases
from edge.errors import EngineError

NEEDED = ("encoder", "decoder", "joiner")
PATHS = 8
PHRASE_SCORE = 1.5
TAIL_S = 0.6  # of silence, so that the model hears the end of the last word


class SherpaOnnx:
    """A Recognizer; EngineError when sherpa-onnx or its model is missing, or fed unasked.

    It has one reading, not a list. folder: encoder*.onnx, decoder*.onnx, joiner*.onnx,
    tokens.txt and, for phrases to be made likelier, bpe.vocab; the customer's by default.
    """

    def __init__(self, folder: Path | None = None) -> None:
        folder = folder or models_folder() / "sherpa-onnx"
        self._vocabulary = folder / "bpe.vocab"
        self._recognizer = _load(folder, self._vocabulary)
        self._upper = not any(map(str.islower, (folder / "tokens.txt").read_text("utf-8")))
        self._streams: list[Any] = []
        self._fed_bytes = 0
        self._native_s = 0.0

    def start(self, expected: Expectation | None = None) -> None:
        """Begin a capture; whatever was going on is dropped."""
        self._fed_bytes, self._native_s = 0, 0.0
        self._streams = [self._recognizer.create_stream()]
        offered = phrases(expected) if expected and self._vocabulary.is_file() else []
        if offered:
            begun = time.thread_time()
            listed = "/".join(offered)
            listed = listed.upper() if self._upper else listed
            self._streams.append(self._recognizer.create_stream(hotwords=listed))
            self._native_s = time.thread_time() - begun

    def feed(self, pcm: bytes) -> None:
        """Take the next piece of the capture: whole samples, any number of them."""
        if not self._streams:
            raise EngineError("sherpa-onnx was fed outside a capture: call start first")
        self._fed_bytes += len(pcm)
        self._hear(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0)

    def finish(self) -> Recognized:
        """End the capture; scores are the sums of the model's log probabilities of its tokens.

        expected: what was heard with the offered phrases made likelier.
        """
        if self._fed_bytes:
            self._hear(np.zeros(round(TAIL_S * RATE_HZ), np.float32), last=True)
        found = [self._reading(stream) for stream in self._streams] if self._fed_bytes else []
        self._streams = []
        frames = 100 * self._fed_bytes // (2 * RATE_HZ)
        nbest, expected = (
            tuple(one for one in part if one.text) for part in (found[:1], found[1:])
        )
        return Recognized(nbest, expected, frames, 1000.0 * self._native_s)

    def _hear(self, samples: Any, last: bool = False) -> None:
        for number, stream in enumerate(self._streams):
            begun = time.thread_time()
            stream.accept_waveform(RATE_HZ, samples)
            if last:
                stream.input_finished()
            while self._recognizer.is_ready(stream):
                self._recognizer.decode_stream(stream)
            if number:
                self._native_s += time.thread_time() - begun

    def _reading(self, stream: Any) -> Hypothesis:
        text = self._recognizer.get_result(stream).strip().lower()
        return Hypothesis(text, float(sum(self._recognizer.ys_probs(stream))))


def _load(folder: Path, vocabulary: Path) -> Any:
    try:
        import sherpa_onnx
    except ImportError as error:
        raise EngineError(
            "sherpa-onnx is not installed: install the extra 'sherpa-onnx'"
        ) from error
    files = {part: min(folder.glob(f"{part}*.onnx"), default=None) for part in NEEDED}
    tokens = folder / "tokens.txt"
    missing = [f"{part}*.onnx" for part, file in files.items() if file is None]
    missing += [] if tokens.is_file() else [tokens.name]
    if missing:
        raise EngineError(
            f"{folder}: lacks {', '.join(missing)}: put an English streaming transducer there"
        )
    units = {"modeling_unit": "bpe", "bpe_vocab": str(vocabulary)} if vocabulary.is_file() else {}
    try:
        return sherpa_onnx.OnlineRecognizer.from_transducer(
            **{part: str(file) for part, file in files.items()},
            tokens=str(tokens),
            num_threads=1,
            decoding_method="modified_beam_search",
            max_active_paths=PATHS,
            hotwords_score=PHRASE_SCORE,
            **units,
        )
    except (RuntimeError, ValueError) as error:
        raise EngineError(
            f"{folder}: sherpa-onnx cannot load this model: unpack it again"
        ) from error
