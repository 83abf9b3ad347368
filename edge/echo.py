"""What of the captured sound is only our own, coming back from the room.

Compares the powers of what is played and what is captured, band by band: from the reply that
sounds it learns how late, how loud and how long this room answers, and so knows what is still to
be heard of it when it has ended. It never changes sound, and waits for no fixed time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.dialogue import FRAME_MS
from edge.spectrum import BANDS, Spectrum

Array = NDArray[Any]

AHEAD_FRAMES = 5
"""What is played is given so much ahead: a device may be earlier than it says."""
LAGS = 26
"""Frames that an echo may be late, what is given ahead among them."""
KEPT_FRAMES, RECENT_FRAMES, LEARN_EVERY, FEWEST_FRAMES = 150, 40, 10, 10
FLOOR_FRAMES = 500
TAIL_FRAMES, UNKNOWN_FRAMES = 60, 40
"""How far back an echo reaches; how long all is held for ours where nothing was learned yet."""
POOLED = 4
"""Neighbouring mel bands that count as one."""
WIDTH = BANDS // POOLED
SMEARED = np.array([0.25, 0.5, 0.25])
"""An echo falls between two frames."""
T60S_S, REVERBERANT = (0.15, 0.3, 0.5, 0.8), (0.3, 1.0, 3.0)
SILENT = 1e-5
"""Power of a band below which nothing is played."""
UNHEARD = -30.0
"""Logarithm of a gain that nothing is known of."""
FLOOR_PERCENT, AUDIBLE = 5, 2.0
"""The faintest of what was captured is no echo; from so many times its power on one is heard."""
AS_GOOD = 0.2
"""Of rooms that explain what was heard nearly as well as the best one, the longest is taken."""
UNLIKE = 1.4
"""Where the best is so far off, somebody talks over our own sound: what was known before holds."""
FOLLOW = 2.0
"""What is ours falls no further than so many times below what is heard."""
EXCESS = 1.0
"""Natural logarithm of power by which bands on average exceed our own sound where it is not all."""


class _Room(NamedTuple):
    """What was learned: delay in frames, weights of past frames' powers, gain of each band."""

    lag: int
    weights: Array
    gains: Array


def _weights(t60_s: float, reverberant: float) -> Array:
    """Of the powers of this and past frames, oldest first: the tail and the direct sound."""
    fall = 10.0 ** (-6.0 * FRAME_MS / 1000 / t60_s)
    tail = reverberant * (1.0 - fall) * fall ** np.arange(TAIL_FRAMES)
    tail[0] += 1.0
    return np.convolve(tail, SMEARED)[::-1]


MODELS = np.stack([_weights(t60_s, share) for t60_s in T60S_S for share in REVERBERANT], axis=1)
"""[frames, models]; rooms that ring longer come later."""
SLOWEST_FALL = 10.0 ** (-6.0 * FRAME_MS / 1000 / T60S_S[-1])
"""No sound of ours fades faster than the longest room lets it, until it is known how it fades."""
REACH = len(MODELS) + LAGS


class EchoGate:
    """One microphone and one loudspeaker. Every frame goes through `take`, in order."""

    def __init__(self) -> None:
        self._heard, self._sounded = Spectrum(), Spectrum()
        self._captured = _Past(FLOOR_FRAMES)
        self._played = _Past(KEPT_FRAMES + REACH, KEPT_FRAMES + REACH)
        self._floor = np.zeros(WIDTH)
        self._room: _Room | None = None
        self._own = np.zeros(WIDTH)  # what was ours in the last frame, at most
        self._unlearned = 0
        self._quiet = REACH  # frames for which nothing has been played

    def take(self, pcm: bytes, played: bytes) -> bool:
        """Whether nothing but our own sound is heard in this frame.

        played: what sounds AHEAD_FRAMES later, 16 kHz mono int16 of the same length.
        """
        power, sound = _power(self._heard, pcm), _power(self._sounded, played)
        self._quiet = 0 if sound.max() > SILENT else self._quiet + 1
        self._captured.append(power)
        self._played.append(sound)
        if self._quiet >= REACH:
            return False
        self._unlearned += 1
        if self._unlearned >= LEARN_EVERY and self._captured.size >= FEWEST_FRAMES:
            self._learn()
        if self._room is None:
            return self._quiet < UNKNOWN_FRAMES
        return self._is_ours(power, self._room)

    def _is_ours(self, power: Array, room: _Room) -> bool:
        past = self._played.last(len(room.weights) + room.lag)
        expected = room.gains * _through(past, room.lag, room.weights)[-1]
        expected = np.maximum(expected, SLOWEST_FALL * self._own)
        self._own = np.maximum(np.minimum(expected, FOLLOW * power), 1e-12)
        if (expected > AUDIBLE * self._floor).sum() < 2:
            return False
        excess = np.log(power) - np.log(expected + self._floor)
        return bool(np.maximum(excess, 0).mean() < EXCESS)

    def _learn(self) -> None:
        """From all that is kept, or from the last frames: the room may be another one by now."""
        self._unlearned = 0
        self._floor = np.percentile(self._captured.last(FLOOR_FRAMES), FLOOR_PERCENT, axis=0)
        captured = self._captured.last(KEPT_FRAMES)
        played = self._played.last(len(captured) + REACH)
        lag = _lag(captured, played[REACH - LAGS + 1 :])
        through = _through(played, lag, MODELS)[-len(captured) :]
        spans = (slice(-size, None) for size in (KEPT_FRAMES, RECENT_FRAMES))
        found = (_fitted(captured[span], through[span], self._floor) for span in spans)
        off, model, gains = min(found, key=lambda one: one[0])
        if off < UNLIKE:
            self._room = _Room(lag, MODELS[:, model], gains)


class _Past:
    """The last so many rows. size: how many of them there are already, as silence."""

    def __init__(self, most: int, size: int = 0) -> None:
        self._rows = np.zeros((most, WIDTH))
        self.size = size

    def append(self, row: Array) -> None:
        self._rows[:-1] = self._rows[1:]
        self._rows[-1] = row
        self.size = min(self.size + 1, len(self._rows))

    def last(self, count: int) -> Array:
        return self._rows[-min(count, self.size) :]


def _power(spectrum: Spectrum, pcm: bytes) -> Array:
    """Power of each band in this frame [WIDTH]."""
    logs = spectrum.take(pcm)
    if not len(logs):
        return np.full(WIDTH, 1e-6)
    power: Array = np.exp(logs).mean(axis=0).reshape(WIDTH, POOLED).mean(axis=1)
    return power


def _through(played: Array, lag: int, weights: Array) -> Array:
    """Powers after a room [n, bands], or rooms [n, bands, models], of all frames with a past."""
    windows = np.lib.stride_tricks.sliding_window_view(played, len(weights), axis=0)
    found: Array = windows[: len(windows) - lag] @ weights
    return found


def _lag(captured: Array, played: Array) -> int:
    """By how many frames the captured levels follow the played ones best."""
    heard, sounds = (np.log(each).mean(axis=1) for each in (captured, played + SILENT))
    size = len(heard)
    heard = heard - heard.mean()
    parts = np.lib.stride_tricks.sliding_window_view(sounds, size)
    parts = parts - parts.mean(axis=1, keepdims=True)
    likeness = parts @ heard / (np.linalg.norm(parts, axis=1) + 1e-9)
    return len(parts) - 1 - int(np.argmax(likeness))


def _fitted(captured: Array, through: Array, floor: Array) -> tuple[float, int, Array]:
    """How far off the best room is, and the longest that is nearly as good, with its gains."""
    sounding = through > SILENT
    if sounding[:, :, 0].sum() < FEWEST_FRAMES:
        return np.inf, 0, np.zeros_like(floor)
    heard, sounds = np.log(captured)[:, :, None], np.log(through + 1e-12)
    loud = sounding & (sounds >= _mean(sounds, sounding))
    gains = np.exp(_mean(heard - sounds, loud))
    off = np.abs(heard - np.log(gains * through + floor[:, None]))
    errors = (off * sounding).sum(axis=(0, 1)) / sounding.sum(axis=(0, 1))
    model = int(np.flatnonzero(errors <= errors.min() + AS_GOOD)[-1])
    return float(errors.min()), model, gains[:, model]


def _mean(values: Array, chosen: Array) -> Array:
    """Over frames, of those chosen in each band; UNHEARD where none is."""
    count = chosen.sum(axis=0)
    found: Array = np.where(count, (values * chosen).sum(axis=0) / np.maximum(count, 1), UNHEARD)
    return found
