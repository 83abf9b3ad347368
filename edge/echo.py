"""What of the captured sound is only our own, coming back from the room.

Compares the powers of what is played and what is captured, band by band: from the reply that
sounds it learns how late, how loud and how long this room answers, and so knows what is still to
be heard of it when it has ended. It never changes sound, and waits for no fixed time.
"""

from __future__ import annotations

from collections import deque
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
KEPT_FRAMES, RECENT_FRAMES, FIT_EVERY, FEWEST_FRAMES = 150, 40, 10, 10
FLOOR_FRAMES = 500
TAIL_FRAMES = 60
POOLED = 4
"""Neighbouring mel bands that count as one."""
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
EXCESS = 1.0
"""Natural logarithm of power by which bands on average exceed our own sound where it is not all."""


class _Room(NamedTuple):
    """What was learned: delay in frames, weights of past frames' powers, gain of each band."""

    lag: int
    weights: Array
    gains: Array


def _weights(t60_s: float, reverberant: float) -> Array:
    """Of the powers of this and past frames, newest first: the direct sound and its tail."""
    fall = 10.0 ** (-6.0 * FRAME_MS / 1000 / t60_s)
    tail = reverberant * (1.0 - fall) * fall ** np.arange(TAIL_FRAMES)
    tail[0] += 1.0
    return np.convolve(tail, SMEARED)


SLOWEST_FALL = 10.0 ** (-6.0 * FRAME_MS / 1000 / T60S_S[-1])
"""No sound of ours fades faster than the longest room lets it, until it is known how it fades."""
FOLLOW = 2.0
MODELS = [_weights(t60_s, share) for t60_s in T60S_S for share in REVERBERANT]
"""Rooms that ring longer come later."""
REACH = len(MODELS[0]) + LAGS


class EchoGate:
    """One microphone and one loudspeaker. Every frame goes through `take`, in order."""

    def __init__(self) -> None:
        self._captured, self._sounded = Spectrum(), Spectrum()
        self._powers: deque[Array] = deque(maxlen=FLOOR_FRAMES)
        silence = [np.zeros(BANDS // POOLED)] * REACH
        self._played: deque[Array] = deque(silence, KEPT_FRAMES + REACH)
        self._floor = np.zeros(BANDS // POOLED)
        self._room: _Room | None = None
        self._own = np.zeros(BANDS // POOLED)  # what was ours in the last frame, at most
        self._unfitted = 0
        self._quiet = REACH  # frames for which nothing has been played

    def take(self, pcm: bytes, played: bytes) -> bool:
        """Whether nothing but our own sound is heard in this frame.

        played: what sounds AHEAD_FRAMES later, 16 kHz mono int16 of the same length.
        """
        power, sound = _power(self._captured, pcm), _power(self._sounded, played)
        self._quiet = 0 if sound.max() > SILENT else self._quiet + 1
        self._powers.append(power)
        self._played.append(sound)
        if self._quiet >= REACH:
            return False
        self._unfitted += 1
        if self._unfitted >= FIT_EVERY and len(self._powers) >= FEWEST_FRAMES:
            self._learn()
        return self._room is not None and self._is_ours(power, self._room)

    def _is_ours(self, power: Array, room: _Room) -> bool:
        expected = room.gains * _past(np.array(self._played)[-REACH:], room)[-1]
        expected = np.maximum(expected, SLOWEST_FALL * self._own)
        self._own = np.maximum(np.minimum(expected, FOLLOW * power), 1e-12)
        if (expected > AUDIBLE * self._floor).sum() < 2:
            return False
        excess = np.log(power) - np.log(expected + self._floor)
        return bool(np.maximum(excess, 0).mean() < EXCESS)

    def _learn(self) -> None:
        """From all that is kept, or from the last frames: the room may be another one by now."""
        self._unfitted = 0
        captured, played = np.array(self._powers), np.array(self._played)
        self._floor = np.percentile(captured, FLOOR_PERCENT, axis=0)
        spans = (captured[-size:] for size in (KEPT_FRAMES, RECENT_FRAMES))
        off, room = min((_learned(span, played, self._floor) for span in spans), key=_by_error)
        if off < UNLIKE:
            self._room = room


def _by_error(found: tuple[float, _Room]) -> float:
    return found[0]


def _learned(captured: Array, played: Array, floor: Array) -> tuple[float, _Room]:
    """The longest of the rooms that explain this nearly as well as the best, and how far off."""
    played = played[-len(captured) - REACH :]
    lag = _lag(captured, played[-len(captured) - LAGS :])
    found = [_fitted(captured, played, lag, model, floor) for model in MODELS]
    nearly = min(map(_by_error, found)) + AS_GOOD
    return next(one for one in reversed(found) if one[0] <= nearly)


def _power(spectrum: Spectrum, pcm: bytes) -> Array:
    """Power of each band in this frame [BANDS // POOLED]."""
    logs = spectrum.take(pcm)
    if not len(logs):
        return np.full(BANDS // POOLED, 1e-6)
    power: Array = np.exp(logs).mean(axis=0).reshape(-1, POOLED).mean(axis=1)
    return power


def _past(played: Array, room: _Room) -> Array:
    """Weighted powers of what was played [n, bands], for the frames that have a whole past."""
    size = len(room.weights)
    windows = np.lib.stride_tricks.sliding_window_view(played, size, axis=0)
    seen = windows[: len(windows) - room.lag] if room.lag else windows
    found: Array = seen @ room.weights[::-1]
    return found


def _lag(captured: Array, played: Array) -> int:
    """By how many frames the captured levels follow the played ones best."""
    heard, sounds = (np.log(each).mean(axis=1) for each in (captured, played + SILENT))
    size = len(heard)
    heard = heard - heard.mean()
    likeness = []
    for lag in range(LAGS):
        part = sounds[len(sounds) - size - lag : len(sounds) - lag]
        part = part - part.mean()
        likeness.append(float(heard @ part) / (float(np.linalg.norm(part)) + 1e-9))
    return int(np.argmax(likeness))


def _median(ratio: Array) -> Array:
    """Of each band, where it is known."""
    known = np.where(np.isnan(ratio).all(axis=0), UNHEARD, ratio)
    found: Array = np.nanmedian(known, axis=0)
    return found


def _fitted(
    captured: Array, played: Array, lag: int, weights: Array, floor: Array
) -> tuple[float, _Room]:
    """How far off this model of the room is, and its gains."""
    past = _past(played, _Room(lag, weights, floor))[-len(captured) :]
    sounding = past > SILENT
    if sounding.sum() < FEWEST_FRAMES:
        return np.inf, _Room(lag, weights, np.zeros_like(floor))
    ratio = np.where(sounding, np.log(captured) - np.log(past + 1e-12), np.nan)
    ratio[past < np.median(past, axis=0)] = np.nan
    gains = np.exp(_median(ratio))
    off = np.log(captured) - np.log(gains * past + floor)
    return float(np.abs(off[sounding]).mean()), _Room(lag, weights, gains)
