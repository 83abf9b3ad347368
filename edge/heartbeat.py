"""Notices, several times a second, that a sound device is gone or hangs; it asks, and never waits.

A hung sound server answers nothing, not even close(): who notices touches it no more, and has
the process end.
"""

from __future__ import annotations

import logging

from edge.errors import AudioError, SoundHung
from edge.protocols import Loudspeaker

BEAT_S = 0.2
HUNG_S, OPENING_S = 0.6, 10.0
"""A microphone that gives nothing for so long, at two beats, hangs; while it is opened, later."""
HUNG_BEATS = 10
"""A loudspeaker that hangs is lost; after so many beats only a new process brings it back."""

_log = logging.getLogger(__name__)


class Heartbeat:
    """One microphone and one loudspeaker. `heard` may be called from another thread than `beat`."""

    def __init__(self, loudspeaker: Loudspeaker, now: float) -> None:
        self.loudspeaker_lost = False
        self._loudspeaker = loudspeaker
        self._opening = True
        self._heard_at = now
        self._late = self._hung = 0

    def heard(self, now: float, lost: bool) -> None:
        """The microphone gave a frame, or said that it is gone."""
        self._opening, self._heard_at = lost, now

    def beat(self, now: float) -> bool:
        """Whether the loudspeaker was lost since the last beat; SoundHung when all is in vain.

        Only a second late beat counts: a process that slept finds everything late.
        """
        limit_s = OPENING_S if self._opening else HUNG_S
        self._late = self._late + 1 if now - self._heard_at > limit_s else 0
        if self._late >= 2:
            raise SoundHung("the sound devices answer nothing any more; look at the sound server")
        before, self.loudspeaker_lost = self.loudspeaker_lost, self._is_lost()
        return self.loudspeaker_lost and not before

    def _is_lost(self) -> bool:
        try:
            self._loudspeaker.sounding_until()
        except AudioError as error:
            self._hung = self._hung + 1 if isinstance(error, SoundHung) else 0
            if self._hung >= HUNG_BEATS:
                raise
            if not self.loudspeaker_lost:
                _log.warning("loudspeaker lost: %s", error)
            return True
        self._hung = 0
        if self.loudspeaker_lost:
            _log.warning("loudspeaker back")
        return False
