"""Dialogues without sound, held by the real daemon, store and window at a board's speed.

Ears, mouth, encoder and recognizer know only how long they take, at the slow end of what is
expected of the board. The same seed gives the same dialogues and times.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, cycle
from random import Random

from edge.assembly import Places, open_store
from edge.daemon import Daemon, Parts
from edge.dialogue import (
    Command,
    ContextReady,
    EndOfSpeech,
    Event,
    ExpectSpeech,
    MicOpened,
    PlaybackFinished,
    Responded,
    Speak,
    SpeechStarted,
    Transcribed,
    WakeWordDetected,
)
from edge.dialogue_script import WORDS_PER_S, Exchange, Faults, Script
from edge.hearing import Listening
from edge.profile import Profile
from edge.projection import Interval
from edge.recalled import (
    Costs,
    Deaf,
    Ears,
    Mouth,
    Pace,
    RecalledEncoder,
    RecalledRecognition,
)
from edge.scheduler import Virtual
from edge.session import Session, State
from edge.store import Clock
from edge.window import Window

DAY_S, TURNS_A_DAY = 86_400.0, 1_000
EXPIRY_S = 30.0  # once a second on a device; so rarely it deletes the same, a little later
PATIENCE_MS = 8_000
ANCHOR = bytes(260)


@dataclass(slots=True)
class Asked:
    """One question. length_s: of its sound. window_s: from the question to the sound's end.

    margin_s: how long before that the vector was there; None: it was not.
    """

    length_s: float
    asked_at: float
    ready_at: float | None = None
    ended_at: float | None = None

    @property
    def window_s(self) -> float | None:
        return None if self.ended_at is None else self.ended_at - self.asked_at

    @property
    def margin_s(self) -> float | None:
        if self.ready_at is None or self.ended_at is None:
            return None
        return self.ended_at - self.ready_at


@dataclass(slots=True)
class Outcome:
    """What came of a replay. lost: turns whose words came too late, or never. astray: answers
    left out because nobody listened to them.

    encode_s: each vector's time on its way. transcript_s: from each end of speech. cpu_s: of the
    thread that replayed.
    """

    turns: int = 0
    lost: int = 0
    astray: int = 0
    asked: Collection[Asked] = ()
    encode_s: Sequence[Interval] = ()
    transcript_s: Sequence[Interval] = ()
    virtual_s: float = 0.0
    cpu_s: float = 0.0


class Replay:
    """Holds dialogues one after the other until so many turns were taken."""

    def __init__(
        self,
        scripts: Sequence[Script],
        costs: Costs,
        profile: Profile,
        pace: Pace,
        seed: int,
        places: Places,
    ) -> None:
        self._random = Random(seed)
        self._pace = pace
        self._scheduler = scheduler = Virtual(self._cost_s)
        clock = Clock(scheduler.now, "this-boot", time.time)
        self._store = open_store(profile, places, clock)
        self._mouth = Mouth(scheduler, pace.synthesis)
        self._encoder = RecalledEncoder(scheduler, costs, pace, self._random, self._mouth)
        self._recognition = RecalledRecognition(scheduler, costs, pace, self._random)
        rules = replace(profile.turns, vector=True)
        self._session = Session(rules, lambda: self._random.randbytes(8).hex())
        self._daemon = Daemon(self._session, self._parts(), scheduler, self._observe)
        self._script = chain.from_iterable(map(_lines, cycle(scripts)))
        self._next = next(self._script)
        self._now_said = self._next[1]
        self._faults = Faults()
        self._quiet_since = 0.0
        self._turns = 0
        self._asked: dict[str, Asked] = {}
        self.outcome = Outcome()

    def _parts(self) -> Parts:
        store = self._store
        return Parts(
            microphone=Deaf(),
            hearing=Ears(Listening(), []),
            recognition=self._recognition,
            skill=self,
            synthesizer=self._mouth,
            loudspeaker=self._mouth,
            store=store,
            window=Window(store, self._encoder, lambda: self._encoder.spent_s),
        )

    def hold(self, turns: int, after_turn: Callable[[], None] = lambda: None) -> Outcome:
        """Take so many turns; the store is closed afterwards."""
        self._turns, self._after_turn = turns, after_turn
        begun = time.thread_time()
        self._scheduler.call_at(0.0, self._request)
        self._scheduler.call_at(EXPIRY_S, self._expire)
        try:
            self._scheduler.run(self._daemon.step, lambda: self._session.deadline, self._over)
        finally:
            self._store.close()
        self.outcome.cpu_s = time.thread_time() - begun
        self.outcome.asked = self._asked.values()
        self.outcome.encode_s = self._encoder.took_s
        self.outcome.transcript_s = self._recognition.took_s
        self.outcome.virtual_s = self._scheduler.now()
        return self.outcome

    def _over(self) -> bool:
        return self.outcome.turns >= self._turns and self._session.state is State.IDLE

    def _cost_s(self, worker: str, took_s: float) -> float:
        """What a job takes there beside what it has slept: nothing is measured here."""
        if worker != "store":
            return 0.0
        faults, write_s = self._faults, self._pace.write_s
        stalls = faults.storage_stall_s and self._random.random() < faults.storage_stall_share
        return write_s + faults.storage_stall_s if stalls else write_s

    def _expire(self) -> None:
        self._store.expire()
        self._scheduler.call_at(self._scheduler.now() + EXPIRY_S, self._expire)

    # ---------------------------------------------------------- the customer

    def _request(self) -> None:
        """The next line that begins with a wake word; answers that nobody asked for are left."""
        while self._next[1].wake is None:
            self.outcome.astray += 1
            self._next = next(self._script)
        self._take_line()
        now = self._scheduler.now()
        self._daemon.step(WakeWordDetected(self._now_said.wake or "", now, now, ANCHOR))

    def _take_line(self) -> None:
        self.outcome.turns += 1
        self.outcome.lost += 1  # until its words are there
        (self._faults, self._now_said), self._next = self._next, next(self._script)
        self._encoder.faults = self._faults
        self._recognition.said = self._now_said.say
        self._mouth.length_s = self._now_said.sounds_s

    def _fall_silent(self, interaction: str) -> None:
        """The customer speaks as fast as the device does."""
        speech_s = len(self._now_said.say.split()) / WORDS_PER_S
        self._recognition.speech_s = speech_s
        end = self._scheduler.now() + speech_s
        self._scheduler.call_at(end, lambda: self._daemon.step(EndOfSpeech(interaction, end)))

    def _answer(self, interaction: str) -> None:
        now = self._scheduler.now()
        if self._session.interaction == interaction and self._session.state is State.EXPECTING:
            self._take_line()
            self._daemon.step(SpeechStarted(interaction, now))
            self._fall_silent(interaction)

    def respond(
        self, dialogue: str, interaction: str, text: str
    ) -> Iterator[Speak | ExpectSpeech | Responded]:
        """protocols.Skill: what the script replies."""
        said = self._now_said
        yield Speak(interaction, said.reply)
        if said.asked:
            yield ExpectSpeech(interaction, PATIENCE_MS, said.asked)

    def forget(self, dialogue: str) -> None:
        """Nothing is known of it."""

    # --------------------------------------------------------------- watching

    def _observe(self, event: Event, commands: tuple[Command, ...], now: float) -> None:
        match event:
            case MicOpened(interaction):
                self._opened(interaction)
            case Transcribed() if commands:
                self.outcome.lost -= 1
            case ExpectSpeech(str(interaction)) if commands:
                self._asked[interaction] = Asked(self._now_said.sounds_s, now)
            case ContextReady(interaction) if commands:
                self._asked[interaction].ready_at = now
            case PlaybackFinished(interaction, at) if commands:
                self._quiet_since = at
                if interaction in self._asked:
                    self._asked[interaction].ended_at = at
        if commands and self._session.state is State.IDLE:
            self._pause()

    def _opened(self, interaction: str) -> None:
        if self._session.state is State.RECOGNIZING:
            self._fall_silent(interaction)
        elif (after_ms := self._next[1].after_ms) is not None:
            answer_at = self._quiet_since + after_ms / 1000
            self._scheduler.call_at(answer_at, lambda: self._answer(interaction))

    def _pause(self) -> None:
        """Until the next request, so long that it comes to the turns of a day."""
        self._after_turn()
        pause_s = self._random.expovariate(TURNS_A_DAY / DAY_S)
        self._scheduler.call_at(self._scheduler.now() + pause_s, self._request)


def _lines(script: Script) -> Iterator[tuple[Faults, Exchange]]:
    return ((script.faults, exchange) for exchange in script.exchanges)
