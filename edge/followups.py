"""Follow-ups to recognize: what was asked before them, and where their sound or readings are.

Reads manifests in JSON Lines. What describes the answer (its words, its values, its kind) is kept
for the judge and never becomes part of what is expected.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot
from edge.errors import QuestionError
from edge.protocols import Round
from edge.questions import expected, opened, plain

E = TypeVar("E", bound=StrEnum)

RANK_NATS = 10.0
"""How much less likely a reading is than the one before it, when a list comes without scores:
about what pocketsphinx's own lists lose a rank over their first five."""

_REFERENCES = ("reference", "target_spoken", "target")
_VALUES = ("target_values", "target_slots")


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording, or a part of one; length_s None: to its end."""

    path: Path
    start_s: float
    length_s: float | None


@dataclass(frozen=True, slots=True)
class Followup:
    """One utterance, what was known when it was said, and what was really said.

    expectation: what the question says of its answer; None when nothing was asked. recognized: the
    readings that came with it, when there is no clip to recognize. reference and values are as a
    recognizer prints them. told: the phrases that context signals know, by signal. record: the
    line of the manifest.
    """

    id: str
    group: str
    kind: str
    rounds: tuple[Round, ...]
    expectation: Expectation | None
    clip: Clip | None
    recognized: Recognized
    reference: str
    values: tuple[str, ...]
    stale: bool
    told: Mapping[str, tuple[str, ...]]
    record: Mapping[str, Any]


def read(path: Path, signals: Sequence[str] = ()) -> Iterator[Followup]:
    """The follow-ups of a .jsonl or .jsonl.gz manifest; QuestionError names the line that is none.

    signals: the optional keys whose lists of phrases are kept in `told`.
    """
    for number, record in records(path):
        try:
            yield _followup(record, path.parent, number, signals)
        except KeyError as error:
            raise QuestionError(
                f"{path}: line {number}: field {error} is missing; add it"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise QuestionError(f"{path}: line {number}: {error}; mend the line") from None


def require_clips(followups: Sequence[Followup], manifest: Path) -> None:
    """QuestionError when there is no follow-up, or a sound file of one is not there."""
    if not followups:
        raise QuestionError(f"{manifest}: holds no follow-up; give one a line")
    for one in followups:
        if one.clip and not one.clip.path.is_file():
            raise QuestionError(f"{manifest}: {one.clip.path}: no such audio file; make it again")


def records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is not empty; QuestionError says what is wrong."""
    number = 0
    try:
        with opened(path) as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield number, _object(line)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise QuestionError(
            f"{path}: line {number + 1}: cannot be read ({type(error).__name__}); check the file"
        ) from None
    except (ValueError, RecursionError):
        raise QuestionError(f"{path}: line {number}: is no JSON object; mend the line") from None


def rounds(turns: Sequence[Mapping[str, Any]]) -> tuple[Round, ...]:
    """Utterance and reply by turns; what the customer said last, unanswered, is left out."""
    found, utterance = [], ""
    for turn in turns:
        said = _text(turn["text"], "a turn's text")
        if turn["role"] == "user":
            utterance = said
        else:
            found.append(Round(utterance, said))
            utterance = ""
    return tuple(found)


def question(record: Mapping[str, Any]) -> Expectation | None:
    """What the last reply asks; act and slot as given, else told from the reply's words."""
    asked = rounds(record.get("turns") or ())
    if not asked:
        return None
    act, slot = expected(asked[-1].reply)
    act, slot = _known(Act, record.get("act"), act), _known(Slot, record.get("slot"), slot)
    phrases = tuple(dict.fromkeys(filter(str.strip, _texts(record, "entities"))))
    typed = Slot.OTHER if slot is Slot.YES_NO else slot
    return Expectation(act, slot, (Catalogue(typed, phrases),) if phrases else ())


def reference(record: Mapping[str, Any]) -> str:
    """What was really said, as a recognizer prints it."""
    said = next((record[key] for key in _REFERENCES if record.get(key) is not None), None)
    if said is None:
        raise KeyError(_REFERENCES[0])
    return plain(_text(said, "the reference"))


def values(record: Mapping[str, Any]) -> tuple[str, ...]:
    """The values in the answer that count, as a recognizer prints them.

    One that is not among the words that were said cannot be heard and is left out.
    """
    listed = next((key for key in _VALUES if record.get(key) is not None), _VALUES[0])
    said, named = f" {reference(record)} ", map(plain, _texts(record, listed))
    return tuple(dict.fromkeys(value for value in named if value and f" {value} " in said))


def _followup(
    record: Mapping[str, Any], folder: Path, number: int, signals: Sequence[str]
) -> Followup:
    clip = _clip(record, folder)
    if clip is None and "asr_nbest" not in record:
        raise KeyError("audio")
    return Followup(
        id=str(record.get("id", number)),
        group=str(record.get("set") or "unnamed"),
        kind=str(record.get("kind") or "unknown"),
        rounds=rounds(record.get("turns") or ()),
        expectation=question(record),
        clip=clip,
        recognized=Recognized() if clip else _readings(record),
        reference=reference(record),
        values=values(record),
        stale=record.get("stale_context") is True,
        told={name: tuple(_texts(record, name)) for name in signals if name in record},
        record=record,
    )


def _clip(record: Mapping[str, Any], folder: Path) -> Clip | None:
    if "audio" not in record:
        return None
    path = folder / _text(record["audio"], "audio")
    start, length = record.get("start") or 0, record.get("dur")
    length_s = None if length is None else _number(length, "'dur'")
    return Clip(path, _number(start, "'start'"), length_s)


def with_readings(record: Mapping[str, Any], recognized: Recognized) -> dict[str, Any]:
    """The record with a recognizer's readings and their scores in place of its sound."""
    kept = {key: value for key, value in record.items() if key not in ("audio", "start", "dur")}
    return kept | {
        "asr_nbest": [one.text for one in recognized.nbest],
        "asr_scores": [round(one.score, 3) for one in recognized.nbest],
        "asr_expected": [one.text for one in recognized.expected],
        "asr_expected_scores": [round(one.score, 3) for one in recognized.expected],
        "asr_frames": recognized.frames,
        "asr_native_ms": round(recognized.native_ms, 3),
    }


def _readings(record: Mapping[str, Any]) -> Recognized:
    return Recognized(
        _ranked(_texts(record, "asr_nbest"), record.get("asr_scores")),
        _ranked(_texts(record, "asr_expected"), record.get("asr_expected_scores")),
        int(_number(record.get("asr_frames") or 0, "'asr_frames'")),
        _number(record.get("asr_native_ms") or 0, "'asr_native_ms'"),
    )


def _ranked(texts: Sequence[str], scores: Sequence[float] | None) -> tuple[Hypothesis, ...]:
    given = [-RANK_NATS * rank for rank in range(len(texts))] if scores is None else scores
    falling = [_number(one, "a score") for one in given]
    return tuple(Hypothesis(*one) for one in zip(texts, falling, strict=True))


def _number(given: object, what: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise TypeError(f"{what} is no number")
    return float(given)


def _known(kind: type[E], name: object, otherwise: E) -> E:
    return next((one for one in kind if one == name), otherwise)


def _texts(record: Mapping[str, Any], key: str) -> list[str]:
    listed = record.get(key) or ()
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise TypeError(f"'{key}' is no list of texts")
    if not all(isinstance(one, str) for one in listed):
        raise TypeError(f"'{key}' is no list of texts")
    return list(listed)


def _text(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"{what} is no text")
    return given


def _object(line: str) -> dict[str, Any]:
    record = json.loads(line)
    if not isinstance(record, dict):
        raise ValueError("no object")
    return record
