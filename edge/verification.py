"""How often a verifier is wrong about two pieces of sound: trials, equal error rate, interval.

It pairs clips by what is said of them and compares numbers that others computed; it knows
neither sound nor models.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.voices import Array, Clip

SHOTS = 3
RESAMPLES = 200
MOST_TRIALS = 60_000


@dataclass(frozen=True, slots=True)
class Trials:
    """Pairs of an anchor and a test; numbers are those of the judged pieces and speakers.

    anchors, tests: pieces. anchor_speakers, test_speakers: who they are; a target is of one.
    """

    anchors: Array
    tests: Array
    anchor_speakers: Array
    test_speakers: Array

    @property
    def targets(self) -> Array:
        """Whether each is of the same speaker."""
        same: Array = self.anchor_speakers == self.test_speakers
        return same

    def thinned(self, draw: np.random.Generator) -> Trials:
        """All targets, and at most MOST_TRIALS of the others."""
        others = np.flatnonzero(~self.targets)
        if len(others) <= MOST_TRIALS:
            return self
        kept = np.union1d(
            np.flatnonzero(self.targets), draw.choice(others, MOST_TRIALS, replace=False)
        )
        return self.only(kept)

    def only(self, kept: Array) -> Trials:
        """Some of them, by index or by mask."""
        return Trials(
            self.anchors[kept],
            self.tests[kept],
            self.anchor_speakers[kept],
            self.test_speakers[kept],
        )


def joined(trials: Sequence[Trials]) -> Trials:
    """Trials of several kinds as one."""
    return Trials(
        *(
            np.concatenate([getattr(one, name) for one in trials] or [np.empty(0, np.int64)])
            for name in ("anchors", "tests", "anchor_speakers", "test_speakers")
        )
    )


class Kinds:
    """All trials that a list of clips allows, by kind and by the sets that they are of."""

    def __init__(self, heard: Sequence[Clip]) -> None:
        self._sets = np.array([clip.set for clip in heard])
        self._speakers = numbered(clip.speaker for clip in heard)
        self._sessions = numbered((clip.speaker, clip.session) for clip in heard)
        self._texts = numbered(clip.text or number for number, clip in enumerate(heard))
        self._told = np.array([bool(clip.session) for clip in heard], bool)
        self._short = np.array([clip.short for clip in heard], bool)

    def trials(self) -> Iterator[tuple[str, str, Trials]]:
        """(kind, sets, trials): between sets of which some speaker has both sides."""
        for first in np.unique(self._sets[self._short]):
            for second in np.unique(self._sets):
                ours = np.flatnonzero((self._sets == first) & self._short)
                theirs = np.flatnonzero(self._sets == second)
                if np.isin(self._speakers[ours], self._speakers[theirs]).any():
                    for kind, trials in self._between(ours, theirs):
                        yield kind, f"{first} > {second}", trials

    def shots(self) -> tuple[list[Array], Trials]:
        """Groups of SHOTS clips of a word, as anchors numbered from the last clip on; trials."""
        takes: dict[tuple[Any, ...], list[int]] = defaultdict(list)
        for number in np.flatnonzero(self._short):
            takes[self._sets[number], self._texts[number], self._sessions[number]].append(number)
        groups = [np.array(each[:SHOTS]) for each in takes.values() if len(each) > SHOTS]
        free = self._short.copy()
        free[[number for group in groups for number in group]] = False
        found = [self._shot(len(self._sets) + n, group[0], free) for n, group in enumerate(groups)]
        return groups, joined(found)

    def _shot(self, anchor: int, first: int, free: Array) -> Trials:
        """An anchor that begins with clip `first`, by the free clips of its word."""
        near = self._sessions == self._sessions[first]
        near |= self._speakers != self._speakers[first]
        word = (self._sets == self._sets[first]) & (self._texts == self._texts[first])
        tests = np.flatnonzero(free & word & near)
        speaker = np.full(len(tests), self._speakers[first])
        return Trials(np.full(len(tests), anchor), tests, speaker, self._speakers[tests])

    def _between(self, ours: Array, theirs: Array) -> Iterator[tuple[str, Trials]]:
        anchors, tests = (side.ravel() for side in np.meshgrid(ours, theirs, indexing="ij"))
        other_person = self._speakers[anchors] != self._speakers[tests]
        near = other_person | (self._sessions[anchors] == self._sessions[tests])
        far = other_person | (self._sessions[anchors] != self._sessions[tests])
        far &= self._told[anchors] & self._told[tests]
        same_word = self._texts[anchors] == self._texts[tests]
        word = self._short[tests] & (anchors != tests)
        kinds = {
            "same_word": word & same_word & near,
            "other_word": word & ~same_word & near,
            "sentence": ~word & ~self._short[tests] & near,
            "same_word_other_session": word & same_word & far,
            "sentence_other_session": ~self._short[tests] & far,
        }
        for kind, kept in kinds.items():
            yield kind, self._of(anchors[kept], tests[kept])

    def _of(self, anchors: Array, tests: Array) -> Trials:
        return Trials(anchors, tests, self._speakers[anchors], self._speakers[tests])


def numbered(names: Iterable[Any]) -> Array:
    """The number of each name, in the order of first mention."""
    known: dict[Any, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], np.int64)


def equal_error(scores: Array, targets: Array, weights: Array) -> float:
    """The weighted share of errors where misses and false alarms are equally many."""
    order = np.argsort(scores, kind="stable")
    return _equal_error(scores[order], targets[order], weights[order])


def _equal_error(scores: Array, targets: Array, weights: Array) -> float:
    """Of sorted scores. Equal scores are accepted or refused together."""
    last = np.append(scores[1:] != scores[:-1], True)
    missed = np.cumsum(weights * targets)
    refused = np.cumsum(weights * ~targets)
    misses = np.append(0.0, missed[last] / missed[-1])
    alarms = np.append(1.0, 1.0 - refused[last] / refused[-1])
    after = int(np.argmax(misses >= alarms))
    before = max(0, after - 1)
    gap_before, gap_after = alarms[before] - misses[before], misses[after] - alarms[after]
    share = gap_before / (gap_before + gap_after) if gap_before + gap_after > 0 else 0.0
    return float(misses[before] + share * (misses[after] - misses[before]))


def rate(scores: Array, trials: Trials) -> float | None:
    """Equal error rate, every anchor's speaker counting alike; None without both kinds."""
    targets = trials.targets
    if targets.all() or not targets.any():
        return None
    return equal_error(scores, targets, _alike(trials, targets))


def interval(scores: Array, trials: Trials, seed: int) -> list[float]:
    """The 95 % interval of a rate that there is, from RESAMPLES draws of speakers."""
    order = np.argsort(scores, kind="stable")
    ordered, scores = trials.only(order), scores[order]
    targets = ordered.targets
    weights = _alike(ordered, targets)
    drawn = [
        _equal_error(scores, targets, weights * times)
        for times in _resampled(ordered, targets, seed)
    ]
    return [float(bound) for bound in np.percentile(drawn, (2.5, 97.5))] if drawn else [0.0, 1.0]


def _alike(trials: Trials, targets: Array) -> Array:
    """Weights that give every speaker the same share of targets, and of the rest."""
    sides = 2 * trials.anchor_speakers + targets
    counted: Array = 1.0 / np.bincount(sides)[sides]
    return counted


def _resampled(trials: Trials, targets: Array, seed: int) -> Iterator[Array]:
    """How often each trial counts, in draws of speakers that leave both kinds of trials."""
    draw = np.random.default_rng(seed)
    known, sides = np.unique(
        np.stack([trials.anchor_speakers, trials.test_speakers]), return_inverse=True
    )
    anchors, tests = sides.reshape(2, -1)
    for _ in range(RESAMPLES):
        times = np.bincount(draw.integers(len(known), size=len(known)), minlength=len(known))
        counted = times[anchors] * np.where(targets, 1, times[tests])
        if counted[targets].any() and counted[~targets].any():
            yield counted
