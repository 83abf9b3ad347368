"""Recorded mixtures of a customer and another talker, and what hearing makes of them.

Plays them to the hearing that a device has, as if the microphone had just opened. What describes
the answer is kept for the judge: hearing gets the sound and the wake word's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, EndOfSpeech, SpeechStarted
from edge.errors import QuestionError
from edge.followups import records
from edge.hearing import FRAME_S, Heard, Hearing, Listening, Piece
from edge.protocols import Frame
from edge.voice import Anchor, VoiceEncoder

AFTER_S = 3.0
"""Silence after a recording: whatever is still open then ends by itself."""

Stretches = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Mixture:
    """A capture's sound and who speaks where in it (seconds); anchor is the wake word's sound."""

    id: str
    group: str
    ratio: str
    pcm: bytes
    anchor: bytes
    target: Stretches
    other: Stretches
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Captured:
    """What came of it. kept: of each frame of the recording, whether it was handed over as it was.

    began_s, ended_s: when speech was taken for begun and ended; None: never. cpu_ms: of hearing
    it all, in this thread.
    """

    pcm: bytes
    kept: NDArray[np.bool_]
    began_s: float | None
    ended_s: float | None
    cpu_ms: float


def read(path: Path) -> Iterator[Mixture]:
    """The mixtures of a manifest; QuestionError names the line that is none."""
    for number, record in records(path):
        try:
            yield _mixture(record, path.parent, number)
        except KeyError as error:
            message = f"{path}: line {number}: field {error} is missing; add it"
            raise QuestionError(message) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise QuestionError(f"{path}: line {number}: {error}; mend the line") from None


def _mixture(record: Mapping[str, Any], folder: Path, number: int) -> Mixture:
    ratio = record.get("snr_db")
    return Mixture(
        str(record.get("id", number)),
        str(record.get("set") or "unnamed"),
        "clean" if ratio is None else f"{float(ratio):g}",
        _sound(record, folder),
        _sound(record["anchor"], folder) if record.get("anchor") else b"",
        _stretches(record["target"]),
        _stretches(record.get("other") or ()),
        record,
    )


def _sound(place: Mapping[str, Any], folder: Path) -> bytes:
    length_s = place.get("dur")
    return read_clip(
        folder / place["audio"],
        float(place.get("start") or 0.0),
        None if length_s is None else float(length_s),
    )


def _stretches(listed: Sequence[Sequence[float]]) -> Stretches:
    return [(float(begin), float(end)) for begin, end in listed]


# ---------------------------------------------------------------------- hearing


def captured(
    pcm: bytes, listening: Listening, encoder: VoiceEncoder, anchor: Anchor | None
) -> Captured:
    """The capture that a microphone, opened at the first sample, would have given."""
    whole = range(FRAME_BYTES, len(pcm) + 1, FRAME_BYTES)
    frames = [pcm[end - FRAME_BYTES : end] for end in whole]
    hearing = Hearing(listening, [], encoder)
    content = anchor.payload().content if anchor else b""
    begun_s = time.thread_time()
    heard: list[Heard] = list(hearing.open("mixture", 0.0, float("inf"), content))
    for number, frame in enumerate([*frames, *[bytes(FRAME_BYTES)] * round(AFTER_S / FRAME_S)]):
        heard += hearing.take(Frame(frame, number * FRAME_S))
    cpu_ms = (time.thread_time() - begun_s) * 1000
    began_s = next((one.at for one in heard if isinstance(one, SpeechStarted)), None)
    ended_s = next((one.at for one in heard if isinstance(one, EndOfSpeech)), None)
    given = b"".join(one.pcm for one in heard if isinstance(one, Piece))
    kept = _kept(given, frames, round((ended_s or 0.0) / FRAME_S))
    return Captured(given, kept, began_s, ended_s, cpu_ms)


def _kept(given: bytes, frames: Sequence[bytes], end: int) -> NDArray[np.bool_]:
    """Which frames are in what was handed over, and unchanged; it ends before frame `end`."""
    kept = np.zeros(len(frames), bool)
    first = end - len(given) // FRAME_BYTES
    for number in range(max(0, first), min(end, len(frames))):
        kept[number] = given[(number - first) * FRAME_BYTES :][:FRAME_BYTES] == frames[number]
    return kept


def labelled(stretches: Stretches, frames: int) -> NDArray[np.bool_]:
    """Frames whose middle is in one of the stretches."""
    middles_s = (np.arange(frames) + 0.5) * FRAME_S
    inside = np.zeros(frames, bool)
    for begin, end in stretches:
        inside |= (begin <= middles_s) & (middles_s < end)
    return inside
