"""Whose voice it is: how much a stream of sound is the voice that spoke the wake word.

Pure and streaming: no threads, clocks or devices. It filters, and never identifies: an anchor is
compared with the sound of its own dialogue and with nothing else. In doubt the sound is the
customer's, and passes as it came, bit for bit.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import mul
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import RATE_HZ, Kind, Payload
from edge.protocols import Frame

Array = NDArray[Any]

_log = logging.getLogger(__name__)

HOLD_FRAMES, LONGEST_HOLD_FRAMES = 15, 40
"""What is silenced is decided so much later, when it is known what followed; a voice that is not
known yet is waited for, but not longer than the second."""
DOUBT = math.inf

CUES = "alike", "drop", "loud"
FEWEST_ROWS, MOST_ROWS = 4, 25
LOUDEST_OF_FRAMES = 40
FAINTEST_DB = -30.0
"""Below the anchor; what is fainter still says no more."""

SHORTEST_MS, LONGEST_MS = 300, 1200
"""An anchor is a word: less says little of a voice, more holds other voices too."""
CLIPPED_SHARE = 0.02
QUIETEST_DB = 20.0
"""Mean square of the faintest word that counts, in dB over one int16 step."""
LOUD_SHARE = 0.7
"""Speech is as loud as this share of its frames at most is: pauses do not count."""


class Rows(Protocol):
    """A stream of sound as rows of numbers that add up."""

    def take(self, pcm: bytes) -> Array:
        """The rows that this piece completes, float32 [n, width]."""


class VoiceEncoder(Protocol):
    """What `speaker.SpeakerEncoder` offers."""

    def embed(self, pcm: bytes) -> bytes | None:
        """A unit vector, float32 little endian; None when there is too little sound."""

    def stream(self) -> Rows:
        """A new stream."""

    def pooled(self, rows: Array) -> Array | None:
        """The unit vector of rows; None of silence."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the cues are worth: weights of a sum that is the log-odds of the anchor's speaker.

    alike: of the cosine to the anchor, over the last second. drop: of how far it lies below its
    best so far. loud: of the dB above the anchor, of the loudest of the last frames. foreign,
    absent: below these odds a stretch is silenced, and the anchor's speaker silent. Fitted by
    tools/calibrate_voice, to the encoder that ships and to no other.
    """

    alike: float = 2.098
    drop: float = 4.202
    loud: float = 0.252
    bias: float = 0.649
    foreign: float = -2.658
    absent: float = -1.607


SHIPPED = Calibration()


@dataclass(frozen=True, slots=True)
class Judged:
    """A frame, and whether there is a voice in it that may be the customer's.

    silenced: it held someone else's, and holds zeros now.
    """

    frame: Frame
    voiced: bool
    silenced: bool = False


@dataclass(frozen=True, slots=True)
class Anchor:
    """How the wake word sounded: a voice (unit vector, float32) and its loudness in dB."""

    voice: bytes = field(repr=False)
    loudness_db: float

    def payload(self) -> Payload:
        """For the store: the voice, then the loudness."""
        return Payload(Kind.ANCHOR, self.voice + np.float32(self.loudness_db).tobytes())

    @classmethod
    def of(cls, content: bytes) -> Anchor | None:
        """What `payload` made; None when it is no anchor."""
        if len(content) % 4 or len(content) < 8:
            return None
        *voice, loudness_db = np.frombuffer(content, "<f4").astype(float)
        length = math.hypot(*voice)
        sound = math.isfinite(loudness_db) and 0.9 < length < 1.1
        return cls(content[:-4], float(loudness_db)) if sound else None


def anchored(encoder: VoiceEncoder, pcm: bytes) -> Anchor | None:
    """The anchor in the sound of a wake word; None when it is too short, silent or clipped.

    Best effort: none either when the encoder fails.
    """
    samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
    if len(samples) * 1000 < SHORTEST_MS * RATE_HZ:
        return None
    samples = _loudest(samples, LONGEST_MS * RATE_HZ // 1000)
    levels = [loudness_db(part) for part in np.array_split(samples, len(samples) // 320)]
    loud_db = float(np.quantile(levels, LOUD_SHARE))
    clipped = np.mean((samples > 32700) | (samples < -32700)) > CLIPPED_SHARE
    if clipped or loud_db < QUIETEST_DB:
        return None
    try:
        voice = encoder.embed(samples.tobytes())
    except Exception as error:
        _log.warning("no anchor: %s", type(error).__name__)
        return None
    return Anchor(voice, loud_db) if voice else None


def _loudest(samples: Array, size: int) -> Array:
    """So many samples in a row, where the most sound is."""
    if len(samples) <= size:
        return samples
    energy = np.concatenate([[0.0], np.cumsum(samples.astype(float) ** 2)])
    begin = int((energy[size:] - energy[:-size]).argmax())
    return samples[begin : begin + size]


class Judge:
    """Compares one stream with one anchor. Every frame goes through `take`, in order.

    alike: cosine of the last second's voice to the anchor; None while too little was heard.
    """

    def __init__(
        self, encoder: VoiceEncoder, anchor: Anchor, calibration: Calibration = SHIPPED
    ) -> None:
        self.calibration = calibration
        self._encoder = encoder
        self._voice = np.frombuffer(anchor.voice, "<f4")
        self._loudness_db = anchor.loudness_db
        self._weights = [float(getattr(calibration, cue)) for cue in CUES]
        self._stream = encoder.stream()
        self._rows: Array | None = None
        self.alike: float | None = None
        self._best = -1.0
        self._levels_db: deque[float] = deque(maxlen=LOUDEST_OF_FRAMES)

    def take(self, pcm: bytes) -> float:
        """Log-odds that the anchor's speaker is heard at the end of this frame; or DOUBT."""
        cues = self.cues(pcm)
        if cues is None:
            return DOUBT
        return sum(map(mul, self._weights, cues), self.calibration.bias)

    def cues(self, pcm: bytes) -> tuple[float, float, float] | None:
        """What is known by now, in the order of CUES; None while too little was heard."""
        above_db = loudness_db(np.frombuffer(pcm, "<i2")) - self._loudness_db
        self._levels_db.append(min(max(above_db, FAINTEST_DB), 0.0))
        rows = self._stream.take(pcm)
        if len(rows):
            self._compare(rows)
        if self.alike is None:
            return None
        return self.alike, self.alike - self._best, max(self._levels_db)

    def _compare(self, rows: Array) -> None:
        known = rows if self._rows is None else np.concatenate([self._rows, rows])
        self._rows = known[-MOST_ROWS:]
        if len(self._rows) >= FEWEST_ROWS:
            voice = self._encoder.pooled(self._rows)
            self.alike = None if voice is None else float(voice @ self._voice)
            self._best = max(self._best, -1.0 if self.alike is None else self.alike)


class Sieve:
    """Frames in, the same frames out a little later, with someone else's silenced.

    Without a judge they come out at once. present: whether the anchor's speaker may be heard in
    the newest frame.
    """

    def __init__(self, judge: Judge | None) -> None:
        self.present = True
        self._judge = judge
        self._held: deque[tuple[Judged, float]] = deque()

    @property
    def judges(self) -> bool:
        """Whether voices are told apart."""
        return self._judge is not None

    @property
    def alike(self) -> float | None:
        """See Judge."""
        return self._judge.alike if self._judge else None

    def take(self, judged: Judged) -> Iterator[Judged]:
        """The frames that are decided now, oldest first."""
        odds = self._odds(judged.frame.pcm)
        self._held.append((judged, odds))
        if self._judge is None:
            yield from self.flush()
            return
        self.present = odds >= self._judge.calibration.absent
        while len(self._held) > self._patience(odds):
            yield self._released(self._judge.calibration)

    def flush(self) -> Iterator[Judged]:
        """What is held, decided by what is known."""
        while self._held:
            yield self._released(self._judge.calibration if self._judge else SHIPPED)

    def _patience(self, odds: float) -> int:
        """A voice that is not known yet is waited for."""
        unknown = odds == DOUBT and self._held[0][0].voiced
        return LONGEST_HOLD_FRAMES if unknown else HOLD_FRAMES

    def _released(self, calibration: Calibration) -> Judged:
        best = max((odds for _, odds in self._held if odds != DOUBT), default=DOUBT)
        judged, _ = self._held.popleft()
        if best >= calibration.absent:
            return judged
        if best >= calibration.foreign:
            return Judged(judged.frame, voiced=False)
        silence = Frame(bytes(len(judged.frame.pcm)), judged.frame.at)
        return Judged(silence, voiced=False, silenced=True)

    def _odds(self, pcm: bytes) -> float:
        """Best effort: a judge that fails is in doubt from then on."""
        try:
            return self._judge.take(pcm) if self._judge else DOUBT
        except Exception as error:
            _log.warning("voice filter failed: %s", type(error).__name__)
            self._judge, self.present = None, True
            return DOUBT


def loudness_db(samples: Array) -> float:
    """Mean square without its constant part, in dB over one int16 step."""
    values = samples.astype(np.float32)
    centred = values - values.mean()
    return 10.0 * math.log10(float(centred @ centred) / len(values) + 1.0)
