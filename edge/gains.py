"""What a context was worth: word errors and missed values of the same utterances, without and with.

Counts and intervals only; it recognizes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge import word_errors
from edge.followups import Followup
from edge.questions import plain

SEED = 20_261_122
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Outcome:
    """One utterance, judged. missed: not all of its values were recognized; None: it has none."""

    words: int
    errors_without: int
    errors_with: int
    missed_without: bool | None
    missed_with: bool | None
    stale: bool


def outcomes(
    followups: Sequence[Followup], without: Sequence[str], biased: Sequence[str]
) -> list[Outcome]:
    """Each utterance's outcome, from the texts without and with context."""
    said = [followup.reference for followup in followups]
    texts = [[plain(text) for text in every] for every in (without, biased)]
    errors = [word_errors.counted(said, every) for every in texts]
    return [
        Outcome(
            len(followup.reference.split()),
            errors[0][at],
            errors[1][at],
            _missed(followup.values, texts[0][at]),
            _missed(followup.values, texts[1][at]),
            followup.stale,
        )
        for at, followup in enumerate(followups)
    ]


def _missed(values: Iterable[str], text: str) -> bool | None:
    found = [f" {value} " in f" {text} " for value in values]
    return not all(found) if found else None


def figures(judged: Sequence[Outcome]) -> dict[str, Any]:
    """What is printed of a set; a share of nothing is None."""
    words = sum(one.words for one in judged)
    without = sum(one.errors_without for one in judged)
    biased = sum(one.errors_with for one in judged)
    valued = [one for one in judged if one.missed_without is not None]
    return {
        "utterances": len(judged),
        "words": words,
        "wer_without": _share(without, words),
        "wer_with": _share(biased, words),
        "relative": _share(biased - without, without),
        "ci95": interval(judged),
        "utterances_with_values": len(valued),
        "entity_error_without": _share(
            sum(one.missed_without is True for one in valued), len(valued)
        ),
        "entity_error_with": _share(sum(one.missed_with is True for one in valued), len(valued)),
        **_moved(judged),
    }


def _moved(judged: Sequence[Outcome]) -> dict[str, Any]:
    """How many utterances were changed for the better and for the worse."""
    found: dict[str, Any] = {
        "helped": sum(one.errors_with < one.errors_without for one in judged),
        "harmed": sum(one.errors_with > one.errors_without for one in judged),
    }
    if judged and all(one.stale for one in judged):
        net = found["harmed"] - found["helped"]
        found["net_harmed_per_1000"] = round(1000 * net / len(judged), 2)
    return found


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def interval(judged: Sequence[Outcome]) -> list[float | None]:
    """95 % of the relative change of the word error rate, by drawing utterances again.

    Draws without an error to begin with have no such change and are left out.
    """
    without = np.array([one.errors_without for one in judged])
    change = np.array([one.errors_with for one in judged]) - without
    draw = np.random.default_rng(SEED)
    changes = []
    for _ in range(RESAMPLES if without.sum() else 0):
        drawn = draw.integers(len(judged), size=len(judged))
        if before := without[drawn].sum():
            changes.append(change[drawn].sum() / before)
    if not changes:
        return [None, None]
    return [round(float(edge), 4) for edge in np.percentile(changes, (2.5, 97.5))]


def grouped(labels: Iterable[str], judged: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes by label, in the order of their first."""
    groups: dict[str, list[Outcome]] = {}
    for label, outcome in zip(labels, judged, strict=True):
        groups.setdefault(label, []).append(outcome)
    return groups


def quantiles(values: Sequence[float]) -> Mapping[str, float | None]:
    """Median and 99th percentile."""
    if not values:
        return {"p50": None, "p99": None}
    p50, p99 = np.percentile(values, (50, 99), method="higher")
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def percent(share: float | None) -> str:
    """A share as people read it."""
    return "-" if share is None else f"{100 * share:.1f}"
