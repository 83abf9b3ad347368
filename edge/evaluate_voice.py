"""`edge eval voice`: how well the speaker encoder tells people apart whom it never heard.

Judges the model that ships on recordings with known speakers, beside a verifier that only
counts. It trains nothing, and the recordings' speakers stay numbers.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.progress import track

from edge import tflite
from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.errors import AudioError
from edge.pins import Pin
from edge.speaker import HOP_MS, SpeakerEncoder
from edge.spectrum import BANDS, Spectrum
from edge.telling import listed
from edge.verification import Kinds, Trials, interval, joined, rate
from edge.voices import Array, Clip, Room, clips

MODEL = "speaker-encoder"
SEED = 20_261_122
PIECE_ROWS = 1000 // HOP_MS
TIMED_S = 20
CEPSTRA = 20
HEADLINES = {
    "eer_same_word": ("same_word",),
    "eer_other_words": ("sentence", "other_word"),
    "eer_other_session": ("sentence_other_session", "same_word_other_session"),
}
"""What each promised figure is of: the first kind of trials that the recordings allow."""


class Voices(NamedTuple):
    """What a verifier made of every clip, as an anchor and as a test, rows of unit length.

    A clip of which it can say nothing is a row of zeros.
    """

    anchors: Array
    tests: Array


class Verifiers:
    """Every verifier that is judged, over the same sounds."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        self._encoder = encoder
        self._whole: list[Array] = []
        self._pieces: list[Array] = []
        self._counted: list[Array] = []

    def hear(self, pcm: bytes) -> None:
        """The next clip."""
        rows = self._encoder.rows(pcm)
        self._whole.append(self._voice(rows))
        self._pieces.append(self._voice(_busiest(rows)))
        self._counted.append(_cepstra(Spectrum().take(pcm), self._encoder))

    def voices(self) -> dict[str, Voices]:
        """By name: the model, the model given one second of each test, and counting."""
        whole, pieces = np.stack(self._whole), np.stack(self._pieces)
        counted = np.stack(self._counted)
        known = counted[counted.any(axis=1)]
        spread = known.std(axis=0) + 1e-6 if len(known) else np.ones(counted.shape[1])
        usual = known.mean(axis=0) if len(known) else np.zeros(counted.shape[1])
        scaled = _unit((counted - usual) / spread) * counted.any(axis=1, keepdims=True)
        return {
            "model": Voices(whole, whole),
            "one_second": Voices(whole, pieces),
            "baseline": Voices(scaled, scaled),
        }

    def _voice(self, rows: Array) -> Array:
        voice = self._encoder.pooled(rows)
        return np.zeros(self._encoder.size, np.float32) if voice is None else voice


def _busiest(rows: Array) -> Array:
    """The first second that has as little silence as any."""
    spoken = np.concatenate([[0], np.cumsum(rows.any(axis=1))])
    last = max(1, len(spoken) - PIECE_ROWS)
    ends = np.minimum(np.arange(last) + PIECE_ROWS, len(rows))
    start = int(np.argmax(spoken[ends] - spoken[:last]))
    piece: Array = rows[start : start + PIECE_ROWS]
    return piece


def _cepstra(spectra: Array, encoder: SpeakerEncoder) -> Array:
    """Mean and deviation of the cepstra of what is loud; zeros where there is too little."""
    loudest = spectra.max(axis=1, initial=encoder.silence)
    kept = spectra[loudest > max(encoder.silence, loudest.max(initial=-99) - encoder.voiced)]
    if len(kept) < PIECE_ROWS // 2:
        return np.zeros(2 * CEPSTRA - 1)
    turns = np.outer(np.arange(BANDS) + 0.5, np.arange(CEPSTRA)) * np.pi / BANDS
    found = kept @ np.cos(turns)
    return np.concatenate([found.mean(axis=0)[1:], found.std(axis=0)])


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)


class Figures:
    """Equal error rates of one list of clips, by kind of trial and by verifier."""

    def __init__(self, heard: Sequence[Clip]) -> None:
        kinds = Kinds(heard)
        draw = np.random.default_rng(SEED)
        by_kind: dict[str, list[tuple[str, Trials]]] = defaultdict(list)
        for kind, sets, trials in kinds.trials():
            if trials.targets.any() and not trials.targets.all():
                by_kind[kind].append((sets, trials.thinned(draw)))
        self._groups, shots = kinds.shots()
        if shots.targets.any():
            by_kind["same_word_3_shots"].append(("as same_word", shots))
        self._by_kind = by_kind

    def rates(self, voices: Voices) -> dict[str, float]:
        """By kind: the rate of all sets."""
        found = {}
        for kind, groups in self._by_kind.items():
            scores, kept = self._scored(voices, joined([trials for _, trials in groups]))
            if (share := rate(scores, kept)) is not None:
                found[kind] = round(share, 4)
        return found

    def details(self, voices: Voices) -> dict[str, dict[str, Any]]:
        """By kind: rate, interval, trials, and the rate between each two sets."""
        found = {}
        for kind, share in self.rates(voices).items():
            groups = self._by_kind[kind]
            scores, kept = self._scored(voices, joined([trials for _, trials in groups]))
            apart = {sets: rate(*self._scored(voices, trials)) for sets, trials in groups}
            found[kind] = {
                "eer": share,
                "ci95": [round(bound, 4) for bound in interval(scores, kept, SEED)],
                "targets": int(kept.targets.sum()),
                "others": int((~kept.targets).sum()),
                "speakers": len(np.unique(kept.anchor_speakers[kept.targets])),
                "sets": {sets: round(each, 4) for sets, each in apart.items() if each is not None},
            }
        return found

    def _scored(self, voices: Voices, trials: Trials) -> tuple[Array, Trials]:
        """Scores, and the trials that they are of: what says nothing is left out."""
        sums = [voices.anchors[group].sum(axis=0) for group in self._groups]
        anchors = np.vstack([voices.anchors, _unit(np.array(sums))]) if sums else voices.anchors
        told = anchors[trials.anchors].any(axis=1) & voices.tests[trials.tests].any(axis=1)
        kept = trials.only(told)
        scores = np.einsum("nd,nd->n", anchors[kept.anchors], voices.tests[kept.tests])
        return scores, kept


def headlines(kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The promised figures; None where the recordings hold no such trials."""
    used = {
        name: next((kind for kind in wanted if kind in kinds), None)
        for name, wanted in HEADLINES.items()
    }
    rates = {name: kinds[kind]["eer"] if kind else None for name, kind in used.items()}
    return rates | {
        "ci95": {name: kinds[kind]["ci95"] for name, kind in used.items() if kind},
        "trials": used,
    }


def _cost_ms(encoder: SpeakerEncoder, sound: bytes) -> float:
    """CPU time of this thread for a second of a stream, in pieces as a microphone gives them."""
    stream = encoder.stream()
    begun = time.thread_time()
    for start in range(0, len(sound), FRAME_BYTES):
        stream.take(sound[start : start + FRAME_BYTES])
    return (time.thread_time() - begun) * 1000 / (len(sound) / 2 / RATE_HZ)


def evaluate(
    manifest: Path, model: Path, noises: Path | None = None, pin: Pin | None = None
) -> dict[str, Any]:
    """The figures of a voice manifest; in one room too, where `noises` has one."""
    encoder = SpeakerEncoder(model, pin)
    heard = [clip for clip in clips(manifest) if clip.speaker]
    if not heard:
        raise AudioError(f"{manifest}: holds no clip of a known speaker; give recorded voices")
    room = Room(noises) if noises else None
    near, far, timed = Verifiers(encoder), Verifiers(encoder), bytearray()
    console = Console(stderr=True)
    for clip in track(heard, manifest.name, console=console):
        pcm = clip.sound()
        near.hear(pcm)
        if room:
            far.hear(room.heard(pcm))
        timed += pcm if len(timed) < 2 * TIMED_S * RATE_HZ else b""
    figures, voices = Figures(heard), near.voices()
    kinds = figures.details(voices["model"])
    found = headlines(kinds) | {
        "speakers": len({clip.speaker for clip in heard}),
        "clips": len(heard),
        "silent": int((~voices["model"].tests.any(axis=1)).sum()),
        "ms_per_audio_s": round(_cost_ms(encoder, bytes(timed)), 2),
        "model_bytes": tflite.Manifest.load(model, pin).size_bytes,
        "kinds": kinds,
        "one_second": figures.rates(voices["one_second"]),
        "baseline": figures.rates(voices["baseline"]),
    }
    if room:
        in_room = far.voices().items()
        found |= {f"one_room_{name}": figures.rates(of) for name, of in in_room}
    return found


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option(
    "--noise", type=click.Path(path_type=Path), help="Manifest with a room and a noise for all."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def voice(manifest: Path, noise: Path | None, as_json: bool) -> None:
    """Judge the speaker encoder on a manifest of recorded voices."""
    found = evaluate(manifest, tflite.shipped(MODEL), noise)
    click.echo(json.dumps(found) if as_json else "\n".join(listed(found, 28)))
