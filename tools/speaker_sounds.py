"""Recorded voices for training: each clip as spectra, as recorded and through made-up channels.

Rooms, microphones, telephones, clipping and other speeds are made here from a seed; no recorded
room is used, so that those stay unseen for judging.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from edge.clip import read_clip
from edge.dialogue import RATE_HZ
from edge.spectrum import Spectrum

Array = np.ndarray[Any, Any]
Draw = np.random.Generator

SHORTEST_S, LONGEST_S = 0.3, 8.0
MARGIN_STEPS = 10
VOICED = 5.0
"""What lies within this of a clip's loud end (natural logarithm of power) may be voice."""
SPEEDS = (1.0, 0.88, 1.13)
"""A voice at another speed counts as another speaker's."""
STEP = RATE_HZ // 100
SILENT = -9.0


@dataclass(frozen=True, slots=True)
class Pool:
    """Spectra of all clips in all channels, one after the other.

    spectra: float16 [steps, bands]. starts, lengths: of each piece, in steps. clips: the
    clip that a piece is of. speakers, texts, chains: number of each clip's speaker (over all
    speeds), text and recording chain. noise: spectra of sound that is nobody's voice.
    """

    spectra: Array
    starts: Array
    lengths: Array
    clips: Array
    speakers: Array
    texts: Array
    chains: Array
    noise: Array


def pool(voices: Path, noises: Path, seed: int) -> Pool:
    """Read two manifests (voices; noise) into one pool."""
    noise = [Spectrum().take(_sound(*job)) for job in _jobs(noises) if "noise" in job[1]["set"]]
    pieces: list[Array] = []
    owners: list[int] = []
    speakers: list[tuple[str, float]] = []
    texts: list[str] = []
    chains: list[str] = []
    jobs = list(_jobs(voices))
    numbered = [(seed, number, *job) for number, job in enumerate(jobs)]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as workers:
        for done, made in enumerate(workers.map(_made, numbered, chunksize=25)):
            if done % 500 == 0:
                print(f"clip {done} of {len(jobs)}", file=sys.stderr, flush=True)
            row = jobs[done][1]
            for speed, spectra in zip(SPEEDS, made, strict=False):
                owners += [len(texts)] * len(spectra)
                pieces += spectra
                speakers.append((row["speaker"], speed))
                texts.append(row.get("text") or row["id"])
                chains.append(row["set"])
    lengths = np.array([len(piece) for piece in pieces])
    return Pool(
        spectra=np.concatenate(pieces),
        starts=np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        lengths=lengths,
        clips=np.array(owners),
        speakers=_numbered(speakers),
        texts=_numbered(texts),
        chains=_numbered(chains),
        noise=np.concatenate(noise).astype(np.float16),
    )


def _made(job: tuple[int, int, Path, Mapping[str, Any]]) -> list[list[Array]]:
    """Spectra of a clip, a list for each of SPEEDS; none when there is no voice in it."""
    seed, number, folder, row = job
    draw = np.random.default_rng([seed, number])
    cut = voiced(np.frombuffer(_sound(folder, row), "<i2") / 32768.0)
    if len(cut) < SHORTEST_S * RATE_HZ:
        return []
    own = [_spectra(channel(cut, draw)) for channel in CHANNELS]
    return [own, *([_spectra(_faster(cut, speed))] for speed in SPEEDS[1:])]


def voiced(samples: Array) -> Array:
    """The part of a clip from its first voice to its last, with a little around it."""
    loud = Spectrum().take(_pcm(samples)).max(axis=1, initial=SILENT)
    if loud.max(initial=SILENT) <= SILENT:
        return samples[:0]
    top, bottom = np.percentile(loud, (95, 10))
    above = np.flatnonzero(loud >= max(top - VOICED, bottom + (top - bottom) / 4))
    first = max(0, above[0] - MARGIN_STEPS) * STEP
    last = min(above[-1] + 3 + MARGIN_STEPS, len(samples) // STEP) * STEP
    part: Array = samples[first:last][: round(LONGEST_S * RATE_HZ)]
    return part


def _jobs(manifest: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for line in manifest.read_text(encoding="utf-8").splitlines():
        yield manifest.parent, json.loads(line)


def _sound(folder: Path, row: Mapping[str, Any]) -> bytes:
    return read_clip(folder / row["file"], row["start"], row["dur"])


def _numbered(names: Sequence[Any]) -> Array:
    known: dict[Any, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names])


def _spectra(samples: Array) -> Array:
    return Spectrum().take(_pcm(samples)).astype(np.float16)


def _pcm(samples: Array) -> bytes:
    whole: Array = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    return whole.tobytes()


def _faster(samples: Array, speed: float) -> Array:
    """Resampled by cutting or padding its spectrum: pitch and pace change together."""
    size = STEP * round(len(samples) / speed / STEP)
    return np.fft.irfft(_resized(np.fft.rfft(samples), size // 2 + 1), size) * (size / len(samples))


def _resized(bins: Array, size: int) -> Array:
    return np.pad(bins, (0, max(0, size - len(bins))))[:size]


def _as_recorded(samples: Array, draw: Draw) -> Array:
    return samples


def _in_a_room(samples: Array, draw: Draw) -> Array:
    return _loudness(_reverberated(samples, draw), draw)


def _by_telephone(samples: Array, draw: Draw) -> Array:
    """300 to 3,400 Hz, 8 kHz, 8-bit mu-law; a room before it half of the time."""
    spoken = _reverberated(samples, draw) if draw.random() < 0.5 else samples
    bins = np.fft.rfft(spoken)
    hz = np.linspace(0, RATE_HZ / 2, len(bins))
    bins *= (hz > draw.uniform(150, 350)) & (hz < draw.uniform(3200, 3700))
    narrow = _loudness(np.fft.irfft(bins, len(spoken)), draw)[::2]
    squeezed = np.sign(narrow) * np.log1p(255 * np.minimum(1, np.abs(narrow))) / np.log(256)
    coded = np.rint(squeezed * 127) / 127
    opened = np.sign(coded) * (256 ** np.abs(coded) - 1) / 255
    wide = np.fft.irfft(_resized(np.fft.rfft(opened), len(samples) // 2 + 1), len(samples)) * 2
    return wide


def _too_loud(samples: Array, draw: Draw) -> Array:
    """Cut off at the microphone's limits."""
    spoken = _reverberated(samples, draw) if draw.random() < 0.5 else samples
    peak = np.abs(spoken).max(initial=1e-4)
    cut: Array = np.clip(spoken / peak * draw.uniform(1.0, 6.0), -1, 1) * draw.uniform(0.2, 1.0)
    return cut


CHANNELS: tuple[Callable[[Array, Draw], Array], ...] = (
    _as_recorded,
    _by_telephone,
    _in_a_room,
    _too_loud,
)


def _reverberated(samples: Array, draw: Draw) -> Array:
    """A direct sound and a decaying tail of noise, somewhat coloured."""
    size = round(0.5 * RATE_HZ)
    fall = np.exp(-6.9 * np.arange(size) / RATE_HZ / draw.uniform(0.1, 0.7))
    tail = draw.normal(size=size) * fall
    tail[: round(draw.uniform(0.001, 0.01) * RATE_HZ)] = 0
    tail *= 10 ** (-draw.uniform(-3, 12) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    full = 1 << (len(samples) + size).bit_length()
    found: Array = np.fft.irfft(np.fft.rfft(samples, full) * np.fft.rfft(tail, full), full)
    return found[: len(samples)]


def _loudness(samples: Array, draw: Draw) -> Array:
    """Its loudest sample at -26 to 0 dB of full scale."""
    peak = np.abs(samples).max(initial=1e-4)
    scaled: Array = samples / peak * 10 ** (-draw.uniform(0, 26) / 20)
    return scaled
