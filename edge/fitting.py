"""Whether what a replay and the parts cost fits a board: figures, and which budgets they miss.

Arithmetic on what was measured. A figure that has to fit is that of the slow end of what is
expected of the board.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edge.assembly import SELF_TEST_QUESTION, SELF_TEST_ROUNDS
from edge.board import Speeds, Work
from edge.chronicle import Turn
from edge.errors import ProfileError
from edge.profile import Profile
from edge.projection import Interval, factor
from edge.recalled import Costs, Pace
from edge.replaying import TURNS_A_DAY, Asked, Outcome

ENOUGH_S = 0.9
MARGINS = {"p1": 0.01, "p50": 0.5}


@dataclass(frozen=True, slots=True)
class Miss:
    """A figure beyond what is allowed: for budgets more than 1 of it, for shares less."""

    budget: str
    figure: float
    allowed: float

    @property
    def share_of_budget(self) -> float:
        """How much of it the figure is."""
        return self.figure / self.allowed

    def told_of(self, board: str) -> str:
        """One line that says what does not fit where."""
        share, wants = f"{self.share_of_budget:.0%}", f"{self.allowed:.4g}"
        return f"{board}: {self.budget} is {self.figure:.4g}, {share} of its budget of {wants}"


def pace_of(profile: Profile, here: Speeds) -> Pace:
    """How a board does what took some time on a machine of these speeds; ProfileError without."""
    speed = profile.speed
    if speed.storage is None or speed.synthesis is None:
        raise ProfileError(
            f"{profile.board.title}: a replay wants [speed.storage] and [speed.synthesis]"
        )
    return Pace(
        encoder=factor(Work.INT8, here, speed),
        python=factor(Work.SCALAR, here, speed),
        recognizer=factor(Work.SCALAR, here, speed),
        write_s=factor(Work.STORAGE, speed, speed).high / speed.storage.value,
        synthesis=speed.synthesis.value,
        cores=profile.board.cores,
        nice=profile.children.encoder_nice,
    )


def figures(
    profile: Profile, pace: Pace, costs: Costs, outcome: Outcome, written_bytes: float | None
) -> dict[str, Any]:
    """What `edge replay --json` says of a board. written_bytes: a turn; None: not counted."""
    idle = costs.wake_word_share * pace.encoder.high + costs.hearing_share * pace.python.high
    pss_mb = costs.daemon_pss_mb + costs.encoder_pss_mb
    long_enough = [asked for asked in outcome.asked if asked.length_s >= ENOUGH_S]
    margins_s = sorted(one.margin_s for one in outcome.asked if one.margin_s is not None)
    return {
        "ready_share": _ready_share(outcome.asked),
        "ready_share_ge_900ms": _ready_share(long_enough),
        "encode_p99_ms": _ends_ms(outcome.encode_s),
        "margin_ms": {name: _at(margins_s, at, 1000) for name, at in MARGINS.items()},
        "transcript_p99_ms": _ends_ms(outcome.transcript_s),
        "self_test_ms": _self_test_ms(costs, pace),
        "pss_mb": round(pss_mb, 1),
        "pss_with_recognizer_mb": round(pss_mb + costs.recognizer_pss_mb, 1),
        "idle_core_share": round(idle, 4),
        "written_mb_per_day": written_bytes and round(written_bytes * TURNS_A_DAY / 1e6, 2),
        "turns": outcome.turns,
        "lost": outcome.lost,
        "astray": outcome.astray,
    }


def misses(profile: Profile, found: Mapping[str, Any]) -> list[Miss]:
    """The budgets that these figures do not keep, and whatever else the board cannot do."""
    budgets = profile.budgets
    encode, transcript = found["encode_p99_ms"], found["transcript_p99_ms"]
    bounds = {
        "vector_p99_ms": (encode and encode["high"], budgets.vector_p99_ms),
        "pss_mb": (found["pss_mb"], budgets.pss_mb),
        "idle_core_share": (found["idle_core_share"], budgets.idle_core_share),
        "written_mb_per_day": (found["written_mb_per_day"], budgets.written_mb_per_day),
        "end_of_speech_to_transcript_ms": (
            transcript and transcript["high"],
            budgets.end_of_speech_to_transcript_ms,
        ),
        "memory_mb": (found["pss_with_recognizer_mb"], profile.board.memory_mb),
        "encoder_budget_ms": (found["self_test_ms"], profile.children.encoder_budget_ms),
    }
    missed = [
        Miss(name, figure, allowed)
        for name, (figure, allowed) in bounds.items()
        if figure is not None and figure > allowed
    ]
    ready = found["ready_share_ge_900ms"]
    late = ready is not None and ready < 1.0
    return missed + ([Miss("ready_share_ge_900ms", ready, 1.0)] if late else [])


def judged(profile: Profile, found: Mapping[str, Any]) -> dict[str, Any]:
    """The figures, whether they fit, and what they miss."""
    missed = misses(profile, found)
    listed = [
        {
            "budget": one.budget,
            "figure": one.figure,
            "share_of_budget": round(one.share_of_budget, 4),
        }
        for one in missed
    ]
    return {**found, "fits": not missed, "misses": listed}


def spoken(turns: Iterable[Turn], pace: Pace, costs: Costs) -> Outcome:
    """What the turns of a conversation with sound come to, their vectors as late as on a board."""
    outcome, asked, encode_s = Outcome(), [], []
    for turn in turns:
        outcome.turns += turn.recognized is not None
        if turn.window_ms is None:
            continue
        one = Asked((turn.playback_ms or 0.0) / 1000, 0.0, ended_at=turn.window_ms / 1000)
        if turn.encode_ms is not None:
            encode_s.append(took_s := pace.took_s(*costs.split(turn.encode_ms, 0, 1)))
            one.ready_at = took_s.high if took_s.high * 1000 < turn.window_ms else None
        asked.append(one)
    outcome.asked, outcome.encode_s = asked, encode_s
    return outcome


def _self_test_ms(costs: Costs, pace: Pace) -> float:
    """The slowest encoding of the self-test that a daemon makes at its start."""
    wanted = len(SELF_TEST_QUESTION.catalogues[0].phrases)
    counts = sorted(costs.encode_ms)
    count = next((one for one in counts if one >= wanted), counts[-1])
    network, other = costs.split(max(costs.encode_ms[count]), count, len(SELF_TEST_ROUNDS))
    return round(pace.took_s(network, other).high * 1000, 3)


def _ready_share(asked: Iterable[Asked]) -> float | None:
    """Of the questions whose sound has ended."""
    ready = [one.margin_s is not None for one in asked if one.ended_at is not None]
    return round(sum(ready) / len(ready), 6) if ready else None


def _ends_ms(took_s: Sequence[Interval]) -> dict[str, float | None] | None:
    """Each end's 99th percentile; None of nothing."""
    if not took_s:
        return None
    return {
        end.name: _at(sorted(getattr(one, end.name) for one in took_s), 0.99, 1000)
        for end in fields(Interval)
    }


def _at(values: Sequence[float], share: float, scale: float) -> float | None:
    """The value at this share of sorted values."""
    return (
        round(values[min(len(values) - 1, int(share * len(values)))] * scale, 3) if values else None
    )
