"""`edge eval encoder`: how well the context encoder foresees the next utterance.

Judges the model that ships on recorded dialogues, beside baselines that only count words or
average the model's own embeddings. It trains nothing and changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from edge import tflite
from edge.baselines import Bm25, TfIdf
from edge.context import Array, Encoder
from edge.dialogue import Expectation
from edge.errors import QuestionError
from edge.protocols import Round
from edge.questions import Question, expected, plain, read
from edge.telling import listed

MODEL = "context-encoder"
SEED = 20_261_122
DISTRACTORS = 99


@dataclass
class Tally:
    """Points won and questions asked, by figure; `cosines` of quantized to exact vectors."""

    won: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    cosines: list[float] = field(default_factory=list)

    def add(self, figure: str, points: float) -> None:
        """Count one question."""
        self.won[figure] += points  # type: ignore[assignment]  # a share of a point at a tie
        self.asked[figure] += 1

    def take(self, other: Tally) -> None:
        """Count all of another's questions."""
        self.won.update(other.won)
        self.asked.update(other.asked)
        self.cosines += other.cosines

    def shares(self) -> dict[str, float]:
        """Points per question."""
        return {name: round(self.won[name] / n, 4) for name, n in self.asked.items()}


class Judge:
    """One encoder's scores, every phrase embedded once."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._known: dict[str, Array] = {}

    def read(self, phrases: Sequence[str]) -> None:
        """Embed phrases that are not yet known."""
        new = [phrase for phrase in dict.fromkeys(phrases) if phrase not in self._known]
        self._known.update(zip(new, self.encoder.embed(new), strict=True))

    def context(self, rounds: Sequence[Round]) -> Array:
        """The vector of a dialogue; act and slot are what a skill would have said."""
        encoded = self.encoder.encode(rounds, Expectation(*expected(rounds[-1].reply)))
        return np.frombuffer(encoded.vector, "<f4")

    def scores(self, context: Array, phrases: Sequence[str]) -> Array:
        """Cosines of known phrases."""
        scores: Array = np.stack([self._known[phrase] for phrase in phrases]) @ context
        return scores


def judge(
    judges: Mapping[str, Judge], asked: Sequence[Question], advance: Callable[[], None]
) -> Tally:
    """All figures of one file; `judges` holds the model that ships, and "float" if there is one."""
    tally, pool = Tally(), [question.answer for question in asked]
    draw = np.random.RandomState(SEED)
    words = _Words(asked, judges["int8"].encoder)
    for one in judges.values():
        one.read([*pool, *(phrase for question in asked for phrase in question.offered)])
    for question in asked:
        if question.asks:
            drawn = [pool[i] for i in draw.randint(len(pool), size=DISTRACTORS)]
            others = [other for other in drawn if other != question.answer]
            _model(tally, judges, question, [question.answer, *others])
            words.judge(tally, question, [question.answer, *others])
        advance()
    return tally


def _model(
    tally: Tally, judges: Mapping[str, Judge], question: Question, candidates: Sequence[str]
) -> None:
    vectors = {name: one.context(question.rounds) for name, one in judges.items()}
    for name, one in judges.items():
        suffix = "" if name == "int8" else f"_{name}"
        won = _point(one.scores(vectors[name], candidates), 0)
        tally.add(f"one_of_100{suffix}", won)
        if question.meant is not None and len(question.offered) > 1:
            near = one.scores(vectors[name], question.offered)
            tally.add(f"entity_choice{suffix}", _point(near, question.meant))
    tally.cosines += [float(vectors["int8"] @ vectors[n]) for n in vectors if n != "int8"]
    shipped = judges["int8"]
    alone = shipped.context(question.rounds[-1:])
    tally.add("one_of_100_single_round", _point(shipped.scores(alone, candidates), 0))
    if question.act is not None:
        act, slot = shipped.encoder.expected(question.rounds)
        tally.add("act", act is question.act)
        tally.add("slot", slot is question.slot)
        tally.add("act_slot", (act, slot) == (question.act, question.slot))


class _Words:
    """The baselines, with statistics of the file that is judged."""

    def __init__(self, asked: Sequence[Question], encoder: Encoder) -> None:
        answers = [question.answer for question in asked]
        texts = answers + [_said(question.rounds) for question in asked]
        self._counting = {"tfidf": TfIdf(texts).scores, "bm25": Bm25(texts, answers).scores}
        self._encoder = encoder
        self._mean = cache(lambda phrase: encoder.mean((Round("", phrase),)))

    def judge(self, tally: Tally, question: Question, candidates: Sequence[str]) -> None:
        """Each baseline on the last round and on all of them."""
        tasks = [("baselines", candidates, 0)]
        if question.meant is not None and len(question.offered) > 1:
            tasks.append(("entity_baselines", question.offered, question.meant))
            tally.add("entity_baselines.chance", 1 / len(question.offered))
        for suffix, rounds in ("_last_round", question.rounds[-1:]), ("", question.rounds):
            for task, phrases, right in tasks:
                for name, scores in self._scores(rounds, phrases):
                    tally.add(f"{task}.{name}{suffix}", _point(scores, right))

    def _scores(
        self, rounds: Sequence[Round], phrases: Sequence[str]
    ) -> Iterator[tuple[str, Sequence[float] | Array]]:
        said = _said(rounds)
        for name, scores in self._counting.items():
            yield name, scores(said, phrases)
        static = np.stack([self._mean(phrase) for phrase in phrases])
        yield "mean_static", static @ self._encoder.mean(rounds)


def _said(rounds: Sequence[Round]) -> str:
    return plain(" . ".join(f"{past.utterance} . {past.reply}" for past in rounds))


def _point(scores: Sequence[float] | Array, right: int) -> float:
    """1 for the highest score; equal scores share the point."""
    best = max(scores)
    return 1 / sum(score == best for score in scores) if scores[right] == best else 0.0


def figures(tally: Tally, manifest: tflite.Manifest) -> dict[str, Any]:
    """What is printed; what needs the exact model is the manifest's when there was none."""
    shares = tally.shares()
    found: dict[str, Any] = {"questions": tally.asked["one_of_100"]}
    if not shares:
        return found
    for name, share in shares.items():
        group, _, inner = name.partition(".")
        if inner:
            found.setdefault(group, {})[inner] = share
        else:
            found[group] = share
    found["int8_from"] = "float" if tally.cosines else "manifest"
    if tally.cosines:
        found["int8_cosine_p5"] = round(float(np.percentile(tally.cosines, 5)), 4)
        lost = shares["one_of_100_float"] - shares["one_of_100"]
        found["task_loss_points"] = round(100 * lost, 2)
    else:
        measured = manifest.metrics or {}
        found |= {name: measured.get(name) for name in ("int8_cosine_p5", "task_loss_points")}
    return found | {"model_bytes": manifest.size_bytes}


def _files(where: Path) -> list[Path]:
    if not where.is_dir():
        return [where]
    found = sorted(path for end in ("jsonl", "jsonl.gz") for path in where.glob(f"*.{end}"))
    if not found:
        raise QuestionError(f"{where}: holds no .jsonl or .jsonl.gz; name a folder that does")
    return found


def _judged(
    paths: Sequence[Path], judges: Mapping[str, Judge], limit: int | None
) -> Iterator[tuple[str, Tally]]:
    with Progress(console=Console(stderr=True)) as progress:
        for path in paths:
            asked = list(islice(read(path), limit))
            shown = progress.add_task(path.name, total=len(asked))
            yield path.name, judge(judges, asked, partial(progress.advance, shown))


def evaluate(
    where: Path,
    described: tflite.Manifest,
    exact: tflite.Manifest | None = None,
    limit: int | None = None,
) -> dict[str, Any]:
    """The figures of a file, or of a folder's files together and each alone."""
    judges = {"int8": Judge(Encoder(described))}
    if exact:
        judges["float"] = Judge(Encoder(exact))
    every, each = Tally(), {}
    for name, tally in _judged(_files(where), judges, limit):
        each[name] = figures(tally, described)
        every.take(tally)
    if not every.asked:
        raise QuestionError(f"{where}: no reply in it asks; give recorded follow-ups")
    found = figures(every, described)
    return found | {"files": each} if len(each) > 1 else found


@click.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--float", "exact", type=click.Path(path_type=Path), help="Manifest of the float model."
)
@click.option("--limit", type=click.IntRange(min=1), help="Records per file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def encoder(data: Path, exact: Path | None, limit: int | None, as_json: bool) -> None:
    """Judge the context encoder on recorded dialogues: a .jsonl(.gz) file or a folder of them."""
    shipped = tflite.Manifest.load(tflite.shipped(MODEL))
    judged_too = tflite.Manifest.unpinned(exact) if exact else None
    found = evaluate(data, shipped, judged_too, limit)
    click.echo(json.dumps(found) if as_json else "\n".join(listed(found, 24)))
