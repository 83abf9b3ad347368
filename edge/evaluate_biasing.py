"""`edge eval biasing`: a list of rare words beside each of another recognizer's texts.

Corrects the hypotheses of the public deep-biasing benchmark and scores them, and the unchanged
ones, as it is scored there. Shares are in percent, as they are published.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from edge.dialogue import Act, Catalogue, Expectation, Hypothesis, Recognized, Slot
from edge.errors import QuestionError
from edge.gains import quantiles
from edge.trials import Believed, Judgement
from edge.word_errors import Aligned, aligned, counted

SEED = 20_261_122


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said, its rare words, and the list that holds them among others."""

    id: str
    reference: str
    rare: frozenset[str]
    listed: tuple[str, ...]

    def sized(self, size: int) -> Utterance:
        """With so many words in the list, all rare ones and others drawn with a fixed seed."""
        others = sorted(set(self.listed) - self.rare)
        wanted = min(len(others), max(0, size - len(self.rare)))
        kept = random.Random(f"{SEED}/{self.id}").sample(others, wanted)
        return Utterance(self.id, self.reference, self.rare, tuple(sorted({*kept, *self.rare})))

    def others(self) -> tuple[str, ...]:
        """The list without the rare words that were said."""
        return tuple(word for word in self.listed if word not in self.rare)


def expectation(words: tuple[str, ...]) -> Expectation | None:
    """A question that says nothing of its answer but these words; None without any."""
    if not words:
        return None
    return Expectation(Act.REQUEST, Slot.OTHER, (Catalogue(Slot.OTHER, words),))


def scored(said: Sequence[Utterance], hypotheses: Sequence[str]) -> dict[str, float | None]:
    """Percent of word errors: of all words, and of those that are not or are in the list.

    A word too many counts to the list it is in; taking words out of the lists changes no class.
    """
    errors, words = Counter[bool](), Counter[bool]()
    every = aligned([one.reference for one in said], hypotheses)
    for one, pairs in zip(said, every, strict=True):
        _count(pairs, frozenset(one.listed), errors, words)
    return {
        "wer": _percent(errors.total(), words.total()),
        "u_wer": _percent(errors[False], words[False]),
        "b_wer": _percent(errors[True], words[True]),
    }


def _count(
    pairs: Aligned, listed: frozenset[str], errors: Counter[bool], words: Counter[bool]
) -> None:
    for said, heard in pairs:
        of_list = (heard if said is None else said) in listed
        words[of_list] += said is not None
        errors[of_list] += said != heard


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 4) if whole else None


def read(references: Path) -> dict[str, Utterance]:
    """The benchmark's lists by utterance id; QuestionError names the line that is none."""
    found = {}
    for number, (name, *columns) in _columns(references):
        try:
            said, rare, listed = columns
            rare_words, words = frozenset(_words(rare)), _words(listed)
        except ValueError:
            raise QuestionError(
                f"{references}: line {number}: no id, reference and two JSON lists; mend the line"
            ) from None
        found[name] = Utterance(name, said, rare_words, tuple(dict.fromkeys(words)))
    return found


def _words(listed: str) -> list[str]:
    words = json.loads(listed)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("no list of texts")
    return words


def _columns(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise QuestionError(
            f"{path}: cannot be read ({type(error).__name__}); check the file"
        ) from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, line.split("\t")


def hypotheses(path: Path, wanted: Iterable[str]) -> list[str]:
    """The texts of these utterances, in their order; QuestionError names one that is missing."""
    found = {name: " ".join(text) for _, (name, *text) in _columns(path)}
    try:
        return [found[name] for name in wanted]
    except KeyError as error:
        raise QuestionError(f"{path}: holds no hypothesis of {error}; add its line") from None


def corrected(said: Sequence[Utterance], texts: Sequence[str], anti: bool) -> list[Believed]:
    """The texts with their lists; anti: with the words that were said taken out of them."""
    found, judgement = [], Judgement()
    pairs = list(zip(said, texts, strict=True))
    with Progress(console=Console(stderr=True)) as shown:
        for one, text in shown.track(pairs, description="Correcting"):
            asked = expectation(one.others() if anti else one.listed)
            found.append(judgement.believed(Recognized((Hypothesis(text, 0.0),)), asked, None))
    return found


def figures(
    said: Sequence[Utterance], before: Sequence[str], after: Sequence[str]
) -> dict[str, Any]:
    """The scores after and before, and how many utterances were changed for better and worse."""
    spoken = [one.reference for one in said]
    errors = [counted(spoken, texts) for texts in (before, after)]
    baseline, now = scored(said, before), scored(said, after)
    wer, wer_before = now["wer"], baseline["wer"]
    return {
        **now,
        "baseline": baseline,
        "relative": round(wer / wer_before - 1, 6) if wer is not None and wer_before else None,
        "utterances": len(said),
        "helped": sum(new < old for old, new in zip(*errors, strict=True)),
        "harmed": sum(new > old for old, new in zip(*errors, strict=True)),
        "unit": "percent",
    }


@click.command()
@click.option("--hyp", type=click.Path(path_type=Path), required=True, help="id TAB hypothesis.")
@click.option(
    "--ref",
    type=click.Path(path_type=Path),
    required=True,
    help="id TAB reference TAB rare words TAB biasing list, lists in JSON.",
)
@click.option("--size", type=click.IntRange(min=1), help="Words in each list, fewer than given.")
@click.option("--anti", is_flag=True, help="Take the words that were said out of the lists.")
@click.option("--out", type=click.Path(path_type=Path), help="Write id TAB corrected hypothesis.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def biasing(
    hyp: Path, ref: Path, size: int | None, anti: bool, out: Path | None, as_json: bool
) -> None:
    """Judge biasing on the public deep-biasing benchmark's files: WER, unbiased and biased."""
    said = [one.sized(size) if size else one for one in read(ref).values()]
    if not said:
        raise QuestionError(f"{ref}: holds no utterance; give one a line")
    before = hypotheses(hyp, [one.id for one in said])
    made = corrected(said, before, anti)
    after = [one.text for one in made]
    if out:
        _write(out, said, after)
    found = figures(said, before, after) | {
        "ms": quantiles([one.context_ms for one in made]),
        "prepare_ms": quantiles([one.prepare_ms for one in made]),
    }
    click.echo(json.dumps(found) if as_json else "\n".join(_lines(found)))


def _write(path: Path, said: Sequence[Utterance], texts: Sequence[str]) -> None:
    pairs = zip(said, texts, strict=True)
    try:
        path.write_text("".join(f"{one.id}\t{text}\n" for one, text in pairs), encoding="utf-8")
    except OSError as error:
        raise QuestionError(f"{path}: cannot be written ({error.strerror})") from None


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    for name, value in found.items():
        yield f"{name:12} {value}"
