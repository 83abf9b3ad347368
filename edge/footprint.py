"""What the real parts of a speaker take on this machine, measured in a process of their own.

CPU time and memory only: what else runs here has little part in it. The process listens to hiss,
encodes a made-up dialogue and recognizes the shipped recordings.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edge.assembly import (
    CIPHERS,
    SELF_TEST_ROUNDS,
    Places,
    assembled,
    encoder_child,
    recognizer_child,
    shipped_rescorer,
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
from edge.keys import RamKeys
from edge.profile import Profile, load_profile
from edge.protocols import Frame
from edge.recalled import Costs
from edge.recognition import Recognition, RemoteRecognizer
from edge.room import RoomLoudspeaker
from edge.scenario import Line, Voice, load, shipped
from edge.scheduler import Virtual
from edge.soundless import QUESTION, Turns
from edge.store import Clock, SqliteStore
from edge.window import REACH, TEXTS, RemoteEncoder
from edge.worker import Supervised, engine

SETTLED_S, LISTENED_S = 2.0, 22.0
HISS = 33.0
PHRASES = (0, 3, 16, 64, 200)
ENCODINGS = 100
IN_RAM = Path("/dev/shm")  # noqa: S108


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
    wake_word_share = _wake_word_share(profile)
    idle_share, daemon_pss_mb = _idle(profile)
    encode_ms, context, encoder_pss_mb = _encoder(profile)
    finish_ms, decode_share, recognizer_pss_mb = _recognizer(profile, context)
    return Costs(
        encode_ms=encode_ms,
        unseal_ms=_unseal_ms(profile),
        finish_ms=finish_ms,
        decode_share=decode_share,
        wake_word_share=wake_word_share,
        hearing_share=max(0.0, idle_share - wake_word_share),
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
    make = engine("edge.wake_word", profile.engines.wake_word)
    detectors = [make(word) for word in profile.engines.wake_words]
    for number, frame in enumerate(hiss() * 10):
        if number == SETTLED_S / FRAME_S:
            begun = time.process_time()
        for detector in detectors:
            detector.detect(frame)
    return (time.process_time() - begun) / ((number + 1) * FRAME_S - SETTLED_S)


def _idle(profile: Profile) -> tuple[float, float]:
    """(share of a core, memory in MB) of a daemon that listens."""
    scheduler = Virtual(lambda worker, took_s: 0.0)
    marks: list[float] = []

    def over() -> bool:
        if scheduler.now() >= (SETTLED_S, LISTENED_S)[len(marks)]:
            marks.append(time.process_time())
        return len(marks) == 2

    with _places() as places:
        microphone, loudspeaker = Still(scheduler), RoomLoudspeaker(scheduler.now)
        parts = (profile, places, scheduler, microphone, loudspeaker, lambda *happened: None)
        with assembled(*parts) as speaker:
            speaker.daemon.run(over)
            share = (marks[1] - marks[0]) / (LISTENED_S - SETTLED_S)
            return share, pss_mb("self")


def _encoder(profile: Profile) -> tuple[dict[int, list[float]], ContextReady, float]:
    """(phrases offered → milliseconds of each encoding, one vector, memory in MB)."""
    with closing(encoder_child(profile, Supervised)) as child:
        encoder, clock = RemoteEncoder(child, profile.children.encoder_limit_s), _clock(child)
        found: dict[int, list[float]] = {}
        for count in PHRASES:
            asked = _offering(count)
            encoder.encode(SELF_TEST_ROUNDS, asked)
            encode = partial(encoder.encode, SELF_TEST_ROUNDS, asked)
            found[count] = [round(clock(encode) * 1000, 3) for _ in range(ENCODINGS)]
        encoded = encoder.encode(SELF_TEST_ROUNDS, QUESTION)
        context = ContextReady("asked", encoded.vector, encoded.similarities, 0.0)
        return found, context, pss_mb(child.running().pid)


def _offering(count: int) -> Expectation:
    phrases = tuple(f"name {number} of it" for number in range(count))
    return Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, phrases),))


def _recognizer(profile: Profile, context: ContextReady) -> tuple[list[float], float, float]:
    """(milliseconds from each end of speech, share of a core while it lasts, memory in MB)."""
    with closing(recognizer_child(profile)) as child:
        remote, clock = RemoteRecognizer(child, profile.children.recognizer_limit_s), _clock(child)
        recognition = Recognition(remote, shipped_rescorer())
        finish_ms, decode_s, speech_s = [], 0.0, 0.0
        for line, pcm in _clips():
            asked = None if line.wake else QUESTION
            if asked:
                recognition.prepare(asked)
            decode_s += clock(partial(_feed, recognition, asked, pcm))
            finish_s = clock(partial(recognition.transcribe, "one", asked, context))
            finish_ms.append(round(finish_s * 1000, 1))
            speech_s += len(pcm) / 2 / RATE_HZ
        return finish_ms, decode_s / speech_s, pss_mb(child.running().pid)


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
    with _places() as places, closing(_store(profile, places)) as store:
        turns = Turns(store, "turn", asking=True)
        for _ in range(REACH):
            turns.take()
        (dialogue,) = {entry.dialogue for entry in store.reader.entries()}
        took_ms = []
        for _ in range(ENCODINGS):
            begun = time.process_time()
            list(store.unseal(dialogue, (*TEXTS, Kind.MEMORY), REACH))
            took_ms.append((time.process_time() - begun) * 1000)
        return median(took_ms)


def _store(profile: Profile, places: Places) -> SqliteStore:
    return SqliteStore(
        places.state / "dialogue.db",
        RamKeys(places.runtime, secrets.token_bytes),
        Clock.of_this_machine(),
        ttl_s=profile.storage.ttl_s,
        cipher=CIPHERS[profile.storage.cipher],
        randomness=secrets.token_bytes,
    )


@contextmanager
def _places() -> Iterator[Places]:
    with (
        tempfile.TemporaryDirectory(prefix="edge-", dir=IN_RAM) as state,
        tempfile.TemporaryDirectory(prefix="edge-", dir=IN_RAM) as runtime,
    ):
        yield Places(Path(state), Path(runtime))


def _answer(profile: str) -> dict[str, Any]:
    try:
        return asdict(costs(load_profile(profile)))
    except EdgeError as error:
        return {"error": str(error)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(sys.argv[1])))
