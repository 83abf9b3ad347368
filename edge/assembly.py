"""Puts a profile's engines, store and children together into one running speaker.

Wiring only: what is missing or damaged is said before anything starts.
"""

from __future__ import annotations

import logging
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from edge import home, sounds, tflite, weights, wording
from edge.biasing import Rescorer
from edge.daemon import Daemon, Observer, Parts
from edge.dialogue import Act, Catalogue, Expectation, Slot
from edge.hearing import Hearing
from edge.keys import RamKeys
from edge.profile import Profile
from edge.protocols import (
    ContextEncoder,
    EchoCanceller,
    Loudspeaker,
    Microphone,
    Round,
    WakeWordDetector,
)
from edge.recognition import Recognition, RemoteRecognizer
from edge.scheduler import Scheduler
from edge.seal import Cipher
from edge.session import Session
from edge.signals import Reply, Signal
from edge.speaker import SpeakerEncoder
from edge.store import Clock, SqliteStore
from edge.window import RemoteEncoder, Window
from edge.worker import Child, Confinement, Header, Supervised, engine

S = TypeVar("S", bound=Supervised)

IN_RAM = Path("/dev/shm")  # noqa: S108 - a tmpfs on every Linux
SELF_TEST_RUNS = 20
SELF_TEST_ROUNDS = [Round("find a place to eat", "I found three. Which one would you like?")] * 3
SELF_TEST_QUESTION = Expectation(
    Act.CHOOSE, Slot.PLACE, (Catalogue(Slot.PLACE, tuple(f"place number {n}" for n in range(16))),)
)

_log = logging.getLogger(__name__)

CIPHERS = {"aes-256-gcm": Cipher.AES_256_GCM, "chacha20-poly1305": Cipher.CHACHA20_POLY1305}


@dataclass(frozen=True, slots=True)
class Places:
    """Where the store lives and, in RAM, its keys."""

    state: Path
    runtime: Path


@dataclass(frozen=True, slots=True)
class Speaker:
    """What `assembled` gives."""

    daemon: Daemon
    session: Session
    hearing: Hearing
    store: SqliteStore
    window: Window


@contextmanager
def assembled(
    profile: Profile,
    places: Places,
    scheduler: Scheduler,
    microphone: Microphone,
    loudspeaker: Loudspeaker,
    observe: Observer,
    wrap_encoder: Callable[[ContextEncoder], ContextEncoder] = lambda encoder: encoder,
) -> Iterator[Speaker]:
    """A speaker, its children warm; on leaving, the store is drained and everything closed."""
    with ExitStack() as stack:
        hearing = Hearing(
            profile.listening, detectors(profile), _voices(profile), _canceller(profile)
        )
        recognizer = _recognizer(profile, stack)
        own_encoder = bool(profile.engines.context_model_sha256)
        encoder = _encoder(profile, stack)
        vector = _fits(encoder, profile.children.encoder_budget_ms)
        store = scheduler.do("store", lambda: open_store(profile, places))
        stack.callback(scheduler.do, "store", store.close)
        rules = replace(profile.turns, vector=profile.turns.vector and vector)
        session = Session(rules, lambda: secrets.token_hex(8))
        parts = Parts(
            microphone=microphone,
            hearing=hearing,
            recognition=Recognition(recognizer, shipped_rescorer(own_encoder)),
            skill=engine("edge.skill", profile.engines.skill)(),
            synthesizer=engine("edge.synthesizer", profile.engines.synthesizer)(),
            loudspeaker=loudspeaker,
            store=store,
            window=Window(store, wrap_encoder(encoder), time.perf_counter),
            signals=_signals(profile),
        )
        daemon = Daemon(session, parts, scheduler, observe)
        yield Speaker(daemon, session, hearing, store, parts.window)


def _signals(profile: Profile) -> tuple[Signal, ...]:
    listed = home.load(Path(profile.signals.home)) if profile.signals.home else {}
    return Reply(), *listed.values()


def shipped_rescorer(own_encoder: bool = False) -> Rescorer:
    """The one that ships; ModelError when its weights are damaged.

    own_encoder: the vectors come from a model that does not ship, whose words nobody learned.
    """
    words = None if own_encoder else wording.english()
    return Rescorer(weights.shipped("rescorer"), sounds.english(), words)


def detectors(profile: Profile) -> list[WakeWordDetector]:
    """Of the profile's wake words."""
    detector = engine("edge.wake_word", profile.engines.wake_word)
    return [detector(word) for word in profile.engines.wake_words]


def _voices(profile: Profile) -> SpeakerEncoder | None:
    name = profile.engines.speaker_model
    return SpeakerEncoder(tflite.shipped(name)) if name else None


def _canceller(profile: Profile) -> EchoCanceller | None:
    name = profile.engines.echo_canceller
    return engine("edge.echo_canceller", name)() if name else None


def _recognizer(profile: Profile, stack: ExitStack) -> RemoteRecognizer:
    child = recognizer_child(profile)
    stack.callback(child.close)
    return RemoteRecognizer(child, profile.children.recognizer_limit_s)


def _encoder(profile: Profile, stack: ExitStack) -> RemoteEncoder:
    child = encoder_child(profile, Supervised)
    stack.callback(child.close)
    return RemoteEncoder(child, profile.children.encoder_limit_s)


def recognizer_child(profile: Profile) -> Supervised:
    """The profile's recognizer in its child, running."""
    confinement = Confinement(profile.children.recognizer_memory_mb)
    options = {"name": profile.engines.recognizer}
    return _running("edge.recognition:hosted", options, confinement, Supervised, time.monotonic)


def encoder_child(
    profile: Profile,
    supervised: Callable[[Callable[[], Child], Callable[[], float]], S],
    now: Callable[[], float] = time.monotonic,
) -> S:
    """The profile's encoder in its child, running; a bench may supervise it in its own way."""
    limits, engines = profile.children, profile.engines
    confinement = Confinement(limits.encoder_memory_mb, limits.encoder_nice)
    name, sha256 = engines.context_model, engines.context_model_sha256
    manifest = Path(name) if sha256 else tflite.shipped(name)
    options = {"name": engines.context_encoder, "manifest": str(manifest), "sha256": sha256}
    return _running("edge.context:hosted", options, confinement, supervised, now)


def _fits(encoder: ContextEncoder, budget_ms: float) -> bool:
    """Whether the slowest of some encodings on this machine, now, is within the budget."""
    took_ms = []
    for _ in range(SELF_TEST_RUNS):
        begun = time.perf_counter()
        encoder.encode(SELF_TEST_ROUNDS, SELF_TEST_QUESTION)
        took_ms.append((time.perf_counter() - begun) * 1000)
    slowest_ms = max(took_ms)
    if slowest_ms > budget_ms:
        _log.warning(
            "context vector off: the encoder took %.0f ms, the profile allows %.0f ms",
            slowest_ms,
            budget_ms,
        )
    return slowest_ms <= budget_ms


def _running(
    target: str,
    options: Header,
    confinement: Confinement,
    supervised: Callable[[Callable[[], Child], Callable[[], float]], S],
    now: Callable[[], float],
) -> S:
    """A child that is running; an engine or model that cannot start is said here, at start."""
    child = supervised(lambda: Child(target, options, confinement), now)
    child.running()
    return child


def open_store(profile: Profile, places: Places, clock: Clock | None = None) -> SqliteStore:
    """The profile's store at these places. clock: of expiry; this machine's where none is given."""
    return SqliteStore(
        places.state / "dialogue.db",
        RamKeys(places.runtime, secrets.token_bytes),
        clock or Clock.of_this_machine(),
        ttl_s=profile.storage.ttl_s,
        cipher=CIPHERS[profile.storage.cipher],
        randomness=secrets.token_bytes,
    )


@contextmanager
def temporary_places(parent: Path = IN_RAM) -> Iterator[Places]:
    """Places that are gone afterwards. parent: where the store's own is made."""
    with (
        tempfile.TemporaryDirectory(prefix="edge-", dir=parent) as state,
        tempfile.TemporaryDirectory(prefix="edge-", dir=IN_RAM) as runtime,
    ):
        yield Places(Path(state), Path(runtime))
