"""Recorded voices: the clips of a voice manifest, and one room to put all of them in.

It reads recordings, and judges nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.clip import read_clip
from edge.dialogue import RATE_HZ
from edge.errors import AudioError

Array = NDArray[Any]

ANCHOR_WORDS = 3
"""The most words of a text that may be a wake word."""
UNKNOWN_SHORT_S = 2.0
ANCHOR_MARGIN_S = 0.1
UNSURE = "pseudo-low"
"""The kind of speakers that only a clustering told apart: too unsure to judge by."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording of one speaker, "" where nobody knows whose; so are session and text.

    short: it may be a wake word. keyword_s: where in it a wake word is said, if anywhere.
    """

    set: str
    speaker: str
    session: str
    text: str
    path: Path
    start_s: float
    length_s: float
    short: bool
    keyword_s: tuple[float, float] | None

    def sound(self) -> bytes:
        """The wake word alone, a sentence without it, or all there is."""
        pcm = read_clip(self.path, self.start_s, self.length_s)
        if self.keyword_s is None:
            return pcm
        first, last = (2 * round(at * RATE_HZ) for at in self.keyword_s)
        if self.short:
            margin = 2 * round(ANCHOR_MARGIN_S * RATE_HZ)
            return pcm[max(0, first - margin) : last + margin]
        return pcm[:first] + pcm[last:]


def clips(manifest: Path) -> list[Clip]:
    """The clips of a voice manifest whose speakers are sure; AudioError names a line that is none.

    A clip without a speaker (noise, a room) has the speaker "".
    """
    return [clip for kind, clip in _read(manifest) if kind != UNSURE]


def _read(manifest: Path) -> Iterator[tuple[Any, Clip]]:
    number = 0
    try:
        with manifest.open(encoding="utf-8") as lines:
            for line in lines:
                number += 1
                row = json.loads(line)
                yield row.get("speaker_kind"), _clip(manifest.parent, row)
    except (OSError, UnicodeDecodeError) as error:
        raise AudioError(
            f"{manifest}: line {number + 1}: cannot be read ({type(error).__name__}); check it"
        ) from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AudioError(
            f"{manifest}: line {number}: no voice clip ({type(error).__name__}); mend the line"
        ) from None


def _clip(folder: Path, row: Mapping[str, Any]) -> Clip:
    text, length_s = _plain(row.get("text")), float(row["dur"])
    return Clip(
        set=str(row["set"]),
        speaker=str(row.get("speaker") or ""),
        session=str(row.get("session") or ""),
        text=text,
        path=folder / row["file"],
        start_s=float(row["start"]),
        length_s=length_s,
        short=_short(text, _plain(row.get("keyword")), length_s),
        keyword_s=_keyword_s(row, length_s),
    )


def _plain(text: str | None) -> str:
    return " ".join((text or "").lower().split())


def _short(text: str, keyword: str, length_s: float) -> bool:
    """By what is said, or by the length where nobody knows it."""
    if not text:
        return length_s <= UNKNOWN_SHORT_S
    return len(text.split()) <= (len(keyword.split()) or ANCHOR_WORDS)


def _keyword_s(row: Mapping[str, Any], length_s: float) -> tuple[float, float] | None:
    """The marks of a wake word; marks that cannot be are none."""
    first, last = (float(row.get(name) or 0.0) for name in ("kw_start", "kw_end"))
    return (first, last) if 0.0 <= first < last <= length_s else None


class Room:
    """One room and one microphone for everybody: an impulse response, and noise at 20 dB."""

    SNR_DB = 20.0

    def __init__(self, manifest: Path) -> None:
        """Take the first impulse response and the first noise; AudioError without either."""
        found = {clip.set: clip for clip in reversed(clips(manifest))}
        if not {"rir", "noise"} <= found.keys():
            raise AudioError(f"{manifest}: holds no set 'rir' or no set 'noise'; add one of each")
        response, self._noise = (_samples(found[name].sound()) for name in ("rir", "noise"))
        self._response = response[int(np.abs(response).argmax()) :]
        self._response /= np.sqrt((self._response**2).sum())

    def heard(self, pcm: bytes) -> bytes:
        """How this sounds there."""
        if not pcm:
            return pcm
        dry = _samples(pcm)
        size = 1 << (len(dry) + len(self._response)).bit_length()
        wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(self._response, size), size)
        wet = wet[: len(dry)]
        noise = np.resize(self._noise, len(dry))
        loud = np.sqrt((wet**2).mean() / max(1e-12, float((noise**2).mean())))
        mixed = wet + noise * loud * 10 ** (-self.SNR_DB / 20)
        whole: Array = np.clip(np.rint(mixed), -32768, 32767).astype("<i2")
        return whole.tobytes()


def _samples(pcm: bytes) -> Array:
    return np.frombuffer(pcm, "<i2").astype(np.float64)
