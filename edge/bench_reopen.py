"""`edge bench reopen`: is the microphone open in time, and does it never hear ourselves?

Replies in rooms with an echo, on a virtual clock, before the real ears and recognizer; the
baseline is the voice activity detector alone, with the same sounds.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.assembly import detectors, recognizer_child
from edge.clip import read_clip
from edge.dialogue import FRAME_BYTES, RATE_HZ
from edge.hearing import Hearing
from edge.profile import load_profile
from edge.protocols import Recognizer
from edge.recognition import RemoteRecognizer
from edge.reopening import LOOKED_BACK_S, Outcome, Replies, Reply, Unguarded
from edge.room import Echo, convolved
from edge.scenario import CLIPS
from edge.scheduler import Virtual
from edge.worker import engine

Array = NDArray[Any]

KINDS = ("ordinary", "slow start", "at once", "cut short", "empty", "long")
REPLIES_A_ROOM = 5
LONG = 12
"""Sentences that take half a minute."""
TEXTS = (
    "Do you mean Meg Jones or Meg Bauer?",
    "I found two. Which one would you like?",
    "For how long?",
    "Shall I turn on the kitchen light or the bedroom lamp?",
    "Okay, I can book a table for four at the harbour restaurant. What time do you want to go?",
    "Which room?",
    "This is Alexa. What can I do for you?",
)
NOMINAL_S = 0.002
BASELINE_PART = 5
CORRELATED, CHANCE = 0.3, 0.1
"""What was fed correlates with our own sound from here on, and from less on where a word of ours
was read in it: below that it was misheard, not overheard."""
INAUDIBLE = 32
"""The highest sample value that no listener misses, as the synthesizer has it."""
AUDIBLE_RMS = 100.0
"""Three times the room's noise."""
FIRST_WORD_S = 0.25
PRESENT = 0.5
"""Share of the first word's sound that must be there."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A customer's answer. plain: what the recognizer makes of it by itself."""

    words: str
    pcm: bytes
    plain: str


@click.command
@click.option(
    "--replies",
    default=1000,
    show_default=True,
    type=click.IntRange(min=1),
    help="Replies on the virtual clock.",
)
@click.option("--profile", default="laptop", show_default=True, help="Name or .toml file.")
@click.option("--seed", default=1, show_default=True, help="Of rooms, replies and answers.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def reopen(replies: int, profile: str, seed: int, as_json: bool) -> None:
    """Measure how the microphone re-opens after replies: when, and what it lets through.

    The profile's ears listen for the wake word too; anybody may answer.
    """
    chosen = load_profile(profile)
    with closing(recognizer_child(chosen)) as child:
        recognizer = RemoteRecognizer(child, chosen.children.recognizer_limit_s)
        clips = [Clip(one.stem, pcm := read_clip(one), _plain(recognizer, pcm)) for one in _clips()]
        drawn = list(_drawn(replies, clips, seed))
        said = {clip.pcm: clip for clip in clips}
        synthesizer = engine("edge.synthesizer", chosen.engines.synthesizer)()

        def held(ears: Hearing, replies: Sequence[Reply], what: str) -> dict[str, Any]:
            in_room = Replies(_virtual(), recognizer, synthesizer, ears)
            shown = track(replies, what, console=Console(stderr=True), transient=True)
            return figures_of(in_room.hold(shown), said)

        figures = held(Hearing(chosen.listening, detectors(chosen)), drawn, "replies")
        few = drawn[: max(1, len(drawn) // BASELINE_PART)]
        unguarded = Unguarded(chosen.listening, detectors(chosen))
        figures["voice_detector_alone"] = held(unguarded, few, "baseline")
    if as_json:
        click.echo(json.dumps(figures))
    else:
        Console().print_json(json.dumps(figures))


def _virtual() -> Virtual:
    """What the ears take is measured; every other job takes the same."""
    return Virtual(lambda worker, took_s: took_s if worker == "hearing" else NOMINAL_S)


def _clips() -> list[Path]:
    return sorted(path for path in CLIPS.glob("*/*.flac") if path.stem != "alexa")


def _plain(recognizer: Recognizer, pcm: bytes) -> str:
    recognizer.start()
    recognizer.feed(bytes(FRAME_BYTES * 10) + pcm + bytes(FRAME_BYTES * 10))
    nbest = recognizer.finish().nbest
    return nbest[0].text if nbest else ""


def _drawn(replies: int, clips: Sequence[Clip], seed: int) -> Iterator[Reply]:
    """Replies of every kind, a few in each room; every second is answered."""
    draw = random.Random(seed)
    echo = Echo()
    for number in range(replies):
        if number % REPLIES_A_ROOM == 0:
            echo = _room(draw)
        kind = KINDS[number % len(KINDS)]
        text = "" if kind == "empty" else draw.choice(TEXTS)
        yield Reply(
            kind,
            " ".join(draw.choices(TEXTS, k=LONG)) if kind == "long" else text,
            echo,
            starts_s=10 ** draw.uniform(-1, 1) if kind == "slow start" else 0.0,
            kept=draw.uniform(0.1, 0.9) if kind == "cut short" else 1.0,
            answer=draw.choice(clips).pcm if draw.random() < 0.5 else b"",
            after_s=draw.uniform(0.0, 0.2),
        )


def _room(draw: random.Random) -> Echo:
    return Echo(
        t60_s=draw.uniform(0.2, 0.8),
        gain_db=draw.uniform(-30.0, 0.0),
        reverberant=draw.choice((0.3, 1.0, 3.0)),
        seed=draw.randrange(1 << 30),
    )


def figures_of(outcomes: Sequence[Outcome], said: dict[bytes, Clip]) -> dict[str, Any]:
    """What `--json` prints."""
    answered = [one for one in outcomes if one.reply.answer]
    silent = [one for one in outcomes if not one.reply.answer]
    late_ms = [late for one in outcomes if (late := _late_ms(one)) is not None]
    echoed = [likeness_to_own(one) for one in answered]
    worded = [bool(_own_words(one, said[one.reply.answer])) for one in answered]
    accepted = [one for one in outcomes if one.woken]
    accepted += [one for one in silent if (one.fed or one.started) and not one.woken]
    accepted += [
        one
        for one, like, words in zip(answered, echoed, worded, strict=True)
        if like > (CHANCE if words else CORRELATED) and not one.woken
    ]
    lost = [one for one in answered if first_word(one) < PRESENT]
    return {
        "replies": len(outcomes),
        "answered": len(answered),
        "own_speech_accepted": len(accepted),
        "woken_by_ourselves": sum(one.woken for one in outcomes),
        "accepted_by_kind": dict(Counter(one.reply.kind for one in accepted)),
        "misread_as_reply_words": sum(worded),
        "never_opened": len(outcomes) - len(late_ms),
        "opened_early": sum(each < 0 for each in late_ms),
        "reopen_ms": {
            "p50": _at(late_ms, 50),
            "p99": _at(late_ms, 99),
            "max": _at(late_ms, 100),
        },
        "first_words_lost": len(lost),
        "lost_by_kind": dict(Counter(one.reply.kind for one in lost)),
        "own_sound_correlation": {"p50": _at(echoed, 50), "p99": _at(echoed, 99)},
        "read_as_without_echo": _share(
            [one.text == said[one.reply.answer].plain for one in answered]
        ),
    }


def _late_ms(one: Outcome) -> float | None:
    """From the last sample that could be heard; of nothing played, from what the device said."""
    if one.opened_at is None or one.ended_at is None:
        return None
    own = round(min(one.ended_at - one.began_at, LOOKED_BACK_S) * RATE_HZ)
    heard = np.flatnonzero(np.abs(_samples(one.played)[-own:]) > INAUDIBLE)
    silent_s = (own - 1 - heard[-1]) / RATE_HZ if len(heard) else 0.0
    return float(1000 * (one.opened_at - one.ended_at + silent_s))


def _own_words(one: Outcome, clip: Clip) -> set[str]:
    """Words of the reply that were recognized, and were neither said nor misheard by itself."""
    innocent = {*clip.words.split("_"), *clip.plain.split()}
    replied = {word.strip("?.,").lower() for word in one.reply.text.split()}
    return set(one.text.split()) & replied - innocent


def first_word(one: Outcome) -> float:
    """How much of the answer's first sound reached the recognizer: 1 is all of it."""
    fed, clip = _samples(one.fed), _samples(one.reply.answer)
    if not len(fed):
        return 0.0
    begin = _onset(clip)
    word = clip[begin : begin + round(FIRST_WORD_S * RATE_HZ)]
    place = _place(fed, clip) + begin
    heard = fed[max(0, place) : max(0, place + len(word))]
    heard = np.pad(heard, (max(0, -place), 0))[: len(word)]
    return float(heard @ word[: len(heard)]) / float(word @ word)


def likeness_to_own(one: Outcome) -> float:
    """Correlation of what was fed with what the room echoed at that time, 0 to 1.

    Of all that was fed, or of what came before the answer: there even little is seen.
    """
    fed, clip = _samples(one.fed), _samples(one.reply.answer)
    if not len(fed) or one.answered_at is None or one.ended_at is None:
        return 0.0
    place = _place(fed, clip)
    echoed = convolved(_samples(one.played), one.reply.echo.response())
    begun_s = one.answered_at - place / RATE_HZ - one.ended_at + LOOKED_BACK_S
    echo = echoed[max(0, round(begun_s * RATE_HZ)) :][: len(fed)]
    before = max(0, place + _onset(clip))
    return max(_correlation(fed[: len(echo)], echo), _correlation(fed[:before], echo[:before]))


def _correlation(heard: Array, echo: Array) -> float:
    """Of an echo that could be heard: its loudest 20 ms are above the room's noise."""
    heard = heard[: len(echo)]
    echo = echo[: len(heard)]
    loudest = np.square(echo[: len(echo) // 320 * 320]).reshape(-1, 320).mean(axis=1)
    if loudest.max(initial=0.0) < AUDIBLE_RMS**2:
        return 0.0
    return abs(float(heard @ echo)) / float(np.linalg.norm(heard) * np.linalg.norm(echo) + 1e-9)


def _place(fed: Array, clip: Array) -> int:
    """Where in what was fed the clip begins; negative when its beginning is missing."""
    size = 1 << (len(fed) + len(clip)).bit_length()
    found = np.fft.irfft(np.fft.rfft(fed, size) * np.conj(np.fft.rfft(clip, size)), size)
    best = int(found.argmax())
    return best if best < size - len(clip) else best - size


def _onset(clip: Array) -> int:
    """The first sample of speech: within 30 dB of the loudest 20 ms."""
    step = RATE_HZ // 50
    levels = np.square(clip[: len(clip) // step * step]).reshape(-1, step).sum(axis=1)
    return int(np.argmax(levels > levels.max() / 1000)) * step


def _samples(pcm: bytes) -> Array:
    return np.frombuffer(pcm, "<i2").astype(float)


def _at(values: Sequence[float], percent: float) -> float | None:
    return round(float(np.percentile(values, percent)), 3) if values else None


def _share(values: Sequence[bool]) -> float | None:
    return round(sum(values) / len(values), 3) if values else None
