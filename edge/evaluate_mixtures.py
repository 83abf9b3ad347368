"""`edge eval mixtures`: what the voice filter keeps, silences and is worth to the recognizer.

Judges hearing and recognition on recorded mixtures, without an anchor and with it. It trains
nothing and changes nothing.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge import tflite
from edge.clip import write_flac
from edge.dialogue import Act, Catalogue, Expectation, Recognized, Slot
from edge.errors import QuestionError
from edge.followups import Clip, Followup, question, values
from edge.gains import figures as gains
from edge.gains import outcomes, quantiles
from edge.hearing import FRAME_S, Listening
from edge.mixtures import Captured, Mixture, captured, labelled, read
from edge.profile import load_profile
from edge.questions import plain
from edge.speaker import SpeakerEncoder
from edge.trials import Trials, trials
from edge.voice import VoiceEncoder, anchored

MODEL = "speaker-encoder"
EARLY_S = 0.3


@dataclass(frozen=True, slots=True)
class Tried:
    """One mixture, without an anchor and with it.

    texts: what is believed of either; None without a recognizer.
    """

    mixture: Mixture
    without: Captured
    filtered: Captured
    texts: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Ears:
    """What a mixture is played to; without a recognizer there are no texts."""

    listening: Listening
    encoder: VoiceEncoder
    recognizer: Trials | None
    folder: Path


def tried(ears: Ears, mixture: Mixture) -> Tried:
    """One mixture, heard twice."""
    anchor = anchored(ears.encoder, mixture.anchor)
    without = captured(mixture.pcm, ears.listening, ears.encoder, None)
    filtered = captured(mixture.pcm, ears.listening, ears.encoder, anchor)
    if ears.recognizer is None:
        return Tried(mixture, without, filtered, None)
    path, same = ears.folder / "capture.flac", filtered.pcm == without.pcm
    unfiltered = _recognized(ears.recognizer, mixture, without.pcm, path)
    text = unfiltered if same else _recognized(ears.recognizer, mixture, filtered.pcm, path)
    return Tried(mixture, without, filtered, (unfiltered, text))


def _recognized(recognizer: Trials, mixture: Mixture, pcm: bytes, path: Path) -> str:
    """The capture's text, as in a turn that follows a question with these entities."""
    if not pcm:
        return ""
    write_flac(path, pcm)
    heard = replace(_followup(mixture), clip=Clip(path, 0.0, None))
    asked = heard.expectation
    return recognizer.judgement.believed(recognizer.recognized(heard, asked), asked, None).text


def _followup(mixture: Mixture) -> Followup:
    record = mixture.record
    return Followup(
        id=mixture.id,
        group=mixture.group,
        kind="unknown",
        rounds=(),
        expectation=_expectation(record),
        clip=None,
        recognized=Recognized(),
        reference=plain(record.get("reference") or ""),
        values=values(record),
        stale=False,
        told={},
        record=record,
    )


def _expectation(record: Mapping[str, Any]) -> Expectation | None:
    """What was asked; entities without a question are what a skill would offer."""
    phrases = tuple(record.get("entities") or ())
    offered = (Catalogue(Slot.OTHER, phrases),)
    return question(record) or (Expectation(Act.REQUEST, Slot.OTHER, offered) if phrases else None)


# ---------------------------------------------------------------------- figures


def evaluated(every: Sequence[Tried]) -> dict[str, dict[str, Any]]:
    """The figures of each set and ratio, and of each set."""
    groups: dict[str, dict[str, list[Tried]]] = {}
    for one in every:
        ratios = groups.setdefault(one.mixture.group, {})
        for ratio in (one.mixture.ratio, "all"):
            ratios.setdefault(ratio, []).append(one)
    return {
        group: {ratio: figures(ones) for ratio, ones in ratios.items()}
        for group, ratios in groups.items()
    }


def figures(every: Sequence[Tried]) -> dict[str, Any]:
    """What is printed of mixtures; a share of nothing is None."""
    found: dict[str, Any] = {"mixtures": len(every)}
    sides = {"_without": [one.without for one in every], "": [one.filtered for one in every]}
    for side, ones in sides.items():
        found |= _shares(every, ones, side) | _times(every, ones, side)
    return found | _words(every) | {"ms_per_audio_s": _cost(every)}


def _words(every: Sequence[Tried]) -> dict[str, float | None]:
    """What was recognized of them, where a recognizer heard them."""
    followups = [_followup(one.mixture) for one in every]
    texts = [one.texts for one in every if one.texts]
    worth = gains(outcomes(followups, *zip(*texts, strict=True))) if texts else {}
    found: dict[str, float | None] = {}
    for side in ("without", "with"):
        missed = worth.get(f"entity_error_{side}")
        found[f"wer_{side}"] = worth.get(f"wer_{side}")
        found[f"all_values_right_{side}"] = None if missed is None else round(1 - missed, 4)
    return found


def _shares(every: Sequence[Tried], ones: Sequence[Captured], side: str) -> dict[str, Any]:
    """Frames of the customer that were lost, and of the other talker alone that were taken out."""
    cut, removed = [], []
    for mixture, one in zip((each.mixture for each in every), ones, strict=True):
        target = labelled(mixture.target, len(one.kept))
        alone = labelled(mixture.other, len(one.kept)) & ~target
        cut.append(~one.kept[target])
        removed.append(~one.kept[alone])
    return {f"target_cut{side}": _mean(cut), f"interferer_removed{side}": _mean(removed)}


def _times(every: Sequence[Tried], ones: Sequence[Captured], side: str) -> dict[str, Any]:
    """How long after the customer's last sound the end was noticed, and how often too early."""
    late_ms = [
        1000 * (one.ended_s - each.mixture.target[-1][1])
        for each, one in zip(every, ones, strict=True)
        if one.ended_s is not None and each.mixture.target
    ]
    early = [
        one.began_s is not None
        and (not each.mixture.target or one.began_s < each.mixture.target[0][0] - EARLY_S)
        for each, one in zip(every, ones, strict=True)
    ]
    return {
        f"endpoint_delay_ms{side}": round(float(np.median(late_ms))) if late_ms else None,
        f"endpoint_delay_p99_ms{side}": quantiles(late_ms)["p99"],
        f"begun_by_another{side}": round(float(np.mean(early)), 4),
        f"never_begun{side}": sum(one.began_s is None for one in ones),
    }


def _mean(parts: Sequence[NDArray[np.bool_]]) -> float | None:
    whole = np.concatenate(parts)
    return round(float(whole.mean()), 4) if whole.size else None


def _cost(every: Sequence[Tried]) -> float:
    """What the filter adds to hearing, in CPU time."""
    added_ms = sum(one.filtered.cpu_ms - one.without.cpu_ms for one in every)
    return round(added_ms / sum(len(one.without.kept) * FRAME_S for one in every), 2)


# ---------------------------------------------------------------------- command


def evaluate(
    manifest: Path, profile: str, limit: int | None = None, recognize: bool = True
) -> dict[str, Any]:
    """The figures of a manifest."""
    device = load_profile(profile)
    every = list(islice(read(manifest), limit))
    if not every:
        raise QuestionError(f"{manifest}: holds no mixture; make some with tools/make_mixtures")
    model = tflite.shipped(MODEL)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        recognizer = stack.enter_context(trials(device)) if recognize else None
        ears = Ears(device.listening, SpeakerEncoder(model), recognizer, folder)
        shown = track(every, "Hearing", console=Console(stderr=True), transient=True)
        results = [tried(ears, mixture) for mixture in shown]
    size_bytes = tflite.Manifest.load(model).size_bytes
    return {"sets": evaluated(results), "model_bytes": size_bytes}


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--limit", type=click.IntRange(min=1), help="So many of the first lines.")
@click.option("--no-recognizer", is_flag=True, help="Only what is kept and silenced.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def mixtures(
    manifest: Path, profile: str, limit: int | None, no_recognizer: bool, as_json: bool
) -> None:
    """Judge the voice filter on mixtures of two talkers: a .jsonl(.gz) manifest."""
    found = evaluate(manifest, profile, limit, recognize=not no_recognizer)
    click.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for group, ratios in found["sets"].items():
        for ratio, one in ratios.items():
            yield f"{group} {ratio}"
            yield from (f"  {name:28} {value}" for name, value in one.items())
