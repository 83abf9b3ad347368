"""What the real parts of a speaker take on this machine, measured in a process of their own.

CPU time and memory only: what else runs here has little part in it. The process listens to hiss,
encodes a made-up dialogue and recognizes the shipped recordings.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from functools import partial
from itertools import cycle, pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edge import pins, tflite
from edge.assembly import (
    SELF_TEST_ROUNDS,
    assembled,
    encoder_child,
    open_store,
    recognizer_child,
    shipped_rescorer,
    temporary_places,
)
from edge.dialogue import (
    FRAME_BYTES,
    FRAME_SAMPLES,
    RATE_HZ,
    Act,
    Catalogue,
    ContextReady,
    Expectation,
    Kind,
    Slot,
)
from edge.errors import EdgeError, EngineError
from edge.hearing import FRAME_S
from edge.profile import Profile, load_profile
from edge.protocols import Frame
from edge.recalled import Costs
from edge.recognition import Recognition, RemoteRecognizer
from edge.room import RoomLoudspeaker
from edge.scenario import Line, Voice, load, shipped
from edge.scheduler import Virtual
from edge.soundless import QUESTION, Turns
from edge.window import REACH, TEXTS, RemoteEncoder
from edge.worker import Supervised

STRETCH_S, STRETCHES = 4.0, 6  # of listening, after a first one
HISS = 33.0
PHRASES = (0, 3, 16, 64, 200)
ENCODINGS, RUNS, HEARINGS = 100, 300, 2
STEP_MS = 10  # of the wake words' networks


def measured(profile: str) -> Costs:
    """The costs here of a speaker with this profile (name or file); EngineError when it is none."""
    command = [sys.executable, "-P", "-m", "edge.footprint", profile]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise EngineError(f"a speaker of profile {profile} ended while it was measured") from error
    if "error" in answer:
        raise EngineError(answer["error"])
    return Costs.of(answer)


def costs(profile: Profile) -> Costs:
    """Measured in this process, which becomes a speaker for it."""
    idle_share, daemon_pss_mb = _idle(profile)
    wake_word_share = _wake_word_share(profile)
    encoding, context, encoder_pss_mb = _encoder(profile)
    finish_ms, decode_share, recognizer_pss_mb = _recognizer(profile, context)
    return Costs(
        **encoding,
        unseal_ms=_unseal_ms(profile),
        finish_ms=finish_ms,
        decode_share=decode_share,
        wake_word_share=wake_word_share,
        hearing_share=round(max(0.0, idle_share - wake_word_share), 5),
        daemon_pss_mb=daemon_pss_mb,
        encoder_pss_mb=encoder_pss_mb,
        recognizer_pss_mb=recognizer_pss_mb,
    )


class Still:
    """protocols.Microphone in a room where nobody speaks; it costs next to nothing."""

    def __init__(self, scheduler: Virtual) -> None:
        self._scheduler = scheduler
        self._frames = 0
        self._hiss = cycle(hiss())

    def read(self) -> Frame:
        at = self._frames * FRAME_S
        self._scheduler.sleep_until(at + FRAME_S)
        self._frames += 1
        return Frame(next(self._hiss), at)


def hiss() -> list[bytes]:
    """Two seconds of it, in frames."""
    noise = np.random.default_rng(1).normal(0.0, HISS, (100, FRAME_SAMPLES))
    return [frame.astype("<i2").tobytes() for frame in noise]


def pss_mb(pid: int | str) -> float:
    """Memory of a process; what it shares with others counts in parts."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    (kb,) = (line.split()[1] for line in rollup if line.startswith("Pss:"))
    return round(int(kb) * 1024 / 1e6, 1)


def _wake_word_share(profile: Profile) -> float:
    """Of a core, the networks that listen for wake words; each takes some steps of 10 ms a run."""
    share = 0.0
    for word in profile.engines.wake_words:
        manifest = tflite.Manifest.load(tflite.shipped(f"wake-{word}"))
        share += _run_ms(manifest) / (STEP_MS * manifest.inputs[0].shape[1])
    return round(share, 5)


def _run_ms(manifest: tflite.Manifest) -> float:
    """CPU time of a run of a network on nothing."""
    nothing = [np.zeros(one.shape, one.dtype) for one in manifest.inputs]
    model, took_ms = tflite.Model(manifest), []
    for _ in range(RUNS):
        begun = time.process_time()
        model.run(*nothing)
        took_ms.append((time.process_time() - begun) * 1000)
    return round(median(took_ms), 4)


def _idle(profile: Profile) -> tuple[float, float]:
    """(share of a core, memory in MB) of a daemon that listens; the calmest stretch counts."""
    scheduler = Virtual(lambda worker, took_s: 0.0)
    marks: list[float] = []

    def over() -> bool:
        if scheduler.now() >= (1 + len(marks)) * STRETCH_S:
            marks.append(time.process_time())
        return len(marks) > STRETCHES

    with temporary_places() as places:
        microphone, loudspeaker = Still(scheduler), RoomLoudspeaker(scheduler.now)
        parts = (profile, places, scheduler, microphone, loudspeaker, lambda *happened: None)
        with assembled(*parts) as speaker:
            speaker.daemon.run(over)
            share = min(after - before for before, after in pairwise(marks)) / STRETCH_S
            return round(share, 5), pss_mb("self")


def _encoder(profile: Profile) -> tuple[dict[str, Any], ContextReady, float]:
    """(what encodings take, one vector, memory in MB)."""
    run_ms, batch = _network(profile)
    with closing(encoder_child(profile, Supervised)) as child:
        encoder, clock = RemoteEncoder(child, profile.children.encoder_limit_s), _clock(child)

        def times_ms(rounds: int, asked: Expectation) -> list[float]:
            encode = partial(encoder.encode, SELF_TEST_ROUNDS[:rounds], asked)
            return [round(clock(encode) * 1000, 3) for _ in range(ENCODINGS + 1)][1:]

        found = {count: times_ms(1, _offering(count)) for count in PHRASES}
        all_rounds_ms = median(times_ms(len(SELF_TEST_ROUNDS), _offering(0)))
        more_ms = (all_rounds_ms - median(found[0])) / (len(SELF_TEST_ROUNDS) - 1)
        costs = {"encode_ms": found, "run_ms": run_ms, "batch": batch}
        costs["round_ms"] = max(0.0, round(more_ms - run_ms, 3))
        encoded = encoder.encode(SELF_TEST_ROUNDS, QUESTION)
        context = ContextReady("asked", encoded.vector, encoded.similarities, 0.0)
        return costs, context, pss_mb(child.running().pid)


def _network(profile: Profile) -> tuple[float, int]:
    """(milliseconds of each run of the encoder's network, how many phrases it takes)."""
    name, sha256 = profile.engines.context_model, profile.engines.context_model_sha256
    path, pin = (Path(name), pins.Pin(sha256)) if sha256 else (tflite.shipped(name), None)
    manifest = tflite.Manifest.load(path, pin)
    return _run_ms(manifest), manifest.parameter("batch", int)


def _offering(count: int) -> Expectation:
    phrases = tuple(f"name {number} of it" for number in range(count))
    return Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, phrases),))


def _recognizer(profile: Profile, context: ContextReady) -> tuple[list[float], float, float]:
    """(milliseconds from each end of speech, share of a core while it lasts, memory in MB)."""
    with closing(recognizer_child(profile)) as child:
        remote, clock = RemoteRecognizer(child, profile.children.recognizer_limit_s), _clock(child)
        recognition = Recognition(remote, shipped_rescorer())

        def took_s(asked: Expectation | None, pcm: bytes) -> tuple[float, float]:
            if asked:
                recognition.prepare(asked)
            decode_s = clock(partial(_feed, recognition, asked, pcm))
            return clock(partial(recognition.transcribe, "one", asked, context)), decode_s

        clips = [(None if line.wake else QUESTION, pcm) for line, pcm in _clips()]
        took = [min(took_s(*clip) for _ in range(HEARINGS)) for clip in clips]
        speech_s = sum(len(pcm) for _, pcm in clips) / 2 / RATE_HZ
        finish_ms = [round(finish_s * 1000, 1) for finish_s, _ in took]
        decode_share = sum(decode_s for _, decode_s in took) / speech_s
        return finish_ms, round(decode_share, 4), pss_mb(child.running().pid)


def _clips() -> Iterator[tuple[Line, bytes]]:
    for scenario in map(load, shipped()):
        voice = Voice(scenario.voice)
        yield from ((line, voice.clip(line.say)) for line in scenario.lines)


def _feed(recognition: Recognition, asked: Expectation | None, pcm: bytes) -> None:
    recognition.begin("one", asked)
    for start in range(0, len(pcm), FRAME_BYTES):
        recognition.feed("one", pcm[start : start + FRAME_BYTES])


def _clock(child: Supervised) -> Callable[[Callable[[], object]], float]:
    """Times a call: CPU seconds of the child and of this process together."""
    childs = (~child.running().pid << 3) | 2  # Linux: the clock of that process

    def timed(call: Callable[[], object]) -> float:
        begun = time.clock_gettime(childs) + time.process_time()
        call()
        return time.clock_gettime(childs) + time.process_time() - begun

    return timed


def _unseal_ms(profile: Profile) -> float:
    """What is opened for a vector, from a store in RAM."""
    with temporary_places() as places, closing(open_store(profile, places)) as store:
        turns = Turns(store, "turn", asking=True)
        for _ in range(REACH):
            turns.take()
        (dialogue,) = {entry.dialogue for entry in store.reader.entries()}
        took_ms = []
        for _ in range(ENCODINGS):
            begun = time.process_time()
            list(store.unseal(dialogue, (*TEXTS, Kind.MEMORY), REACH))
            took_ms.append((time.process_time() - begun) * 1000)
        return round(median(took_ms), 4)


def _answer(profile: str) -> dict[str, Any]:
    try:
        return asdict(costs(load_profile(profile)))
    except EdgeError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(sys.argv[1])))
