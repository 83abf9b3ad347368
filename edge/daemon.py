"""The main loop's hands: every command of the session becomes a job for one worker.

Decides nothing: the session does. Keeps no words, and of the turn only whose sound and whose
vector are still wanted. A job that fails answers with an event: a part costs its own answer,
whatever it raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from edge.dialogue import (
    BEGINNINGS,
    FRAME_SAMPLES,
    Cancel,
    CloseMic,
    Command,
    ContextFailed,
    Embed,
    Event,
    Expectation,
    ExpectSpeech,
    Failed,
    LoudspeakerLost,
    MicBack,
    MicLost,
    MicOpened,
    OpenMic,
    Play,
    PlaybackFinished,
    PlaybackStarted,
    Recognize,
    Record,
    Recorded,
    Respond,
    Speak,
    StopPlayback,
    Transcribed,
)
from edge.errors import AudioError, EdgeError, StoreError
from edge.hearing import FRAME_S, PLAYED_FRAMES, Heard, Hearing, Piece
from edge.heartbeat import BEAT_S, Heartbeat
from edge.protocols import (
    DialogueStore,
    Frame,
    Loudspeaker,
    Microphone,
    Round,
    Skill,
    Synthesizer,
)
from edge.recognition import Recognition
from edge.scheduler import Scheduler
from edge.session import Session
from edge.signals import Question, Signal, applied
from edge.window import Window

MIC_RETRY_S = 1.0

_log = logging.getLogger(__name__)

Observer = Callable[[Event, tuple[Command, ...], float], None]


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that does something; `session` and `scheduler` only say what and when."""

    microphone: Microphone
    hearing: Hearing
    recognition: Recognition
    skill: Skill
    synthesizer: Synthesizer
    loudspeaker: Loudspeaker
    store: DialogueStore
    window: Window
    signals: Sequence[Signal] = ()


class Daemon:
    """One speaker, running. `observe` sees every event, what followed from it, and when."""

    def __init__(
        self, session: Session, parts: Parts, scheduler: Scheduler, observe: Observer
    ) -> None:
        self._session = session
        self._parts = parts
        self._scheduler = scheduler
        self._observe = observe
        self._speaking: str | None = None  # whose reply may sound
        self._queued = 0  # replies ordered and not yet handed to the device
        self._playing = Lock()
        self._silent_at = float("-inf")
        self._embedding: str | None = None  # whose vector is still of use
        self._mic_lost = False
        self._heartbeat = Heartbeat(parts.loudspeaker, scheduler.now())

    def run(self, done: Callable[[], bool]) -> None:
        """Listen and carry out turns until done; SoundHung when the devices answer nothing."""
        self._scheduler.repeat("capture", self._capture, FRAME_S)
        self._expire_every_second()
        self._beat()
        self._scheduler.run(self.step, lambda: self._session.deadline, done)

    def step(self, event: Event) -> None:
        """One event through the table, and its orders to their workers."""
        now = self._scheduler.now()
        commands = self._session.handle(event, now)
        for command in commands:
            self._carry_out(command)
        self._observe(event, commands, now)

    def _carry_out(self, command: Command) -> None:
        match command:
            case OpenMic():
                self._embedding = None  # a vector that is not there by now is of no use
                self._submit("hearing", self._open_mic(command))
            case CloseMic():
                self._submit("hearing", self._close_mic(command))
            case Recognize():
                self._submit("recognizer", self._recognize(command))
            case Respond():
                self._submit("skill", self._respond(command))
            case Play():
                self._play(command)
            case StopPlayback():
                self._stop_playback()
            case Record():
                self._submit("store", self._record(command))
            case Embed():
                self._embedding = command.entry.interaction
                self._submit("context", self._embed(command))
            case Cancel():
                self._cancel(command)

    def _submit(self, worker: str, events: Iterable[Event]) -> None:
        """The job is a generator: it runs when the worker iterates it."""
        self._scheduler.submit(worker, lambda: events)

    # -------------------------------------------------------------- ears

    def _capture(self) -> None:
        try:
            frame = self._parts.microphone.read()
        except AudioError as error:
            self._change_mic(lost=True, why=error)
            self._heartbeat.heard(self._scheduler.now(), lost=True)
            self._scheduler.sleep_until(self._scheduler.now() + MIC_RETRY_S)
        else:
            self._change_mic(lost=False)
            self._heartbeat.heard(self._scheduler.now(), lost=False)
            self._submit("hearing", self._take(frame))

    def _change_mic(self, lost: bool, why: AudioError | None = None) -> None:
        if lost is not self._mic_lost:
            self._mic_lost = lost
            _log.warning("microphone %s", f"lost: {why}" if lost else "back")
            self._submit("hearing", iter([MicLost() if lost else MicBack()]))

    def _beat(self) -> None:
        if self._heartbeat.beat(self._scheduler.now()):
            self.step(LoudspeakerLost())
        self._scheduler.call_at(self._scheduler.now() + BEAT_S, self._beat)

    def _take(self, frame: Frame) -> Iterator[Event]:
        played = self._parts.loudspeaker.played(frame.at, PLAYED_FRAMES * FRAME_SAMPLES)
        yield from self._passed_on(self._parts.hearing.take(frame, played.tobytes()))

    def _close_mic(self, command: CloseMic) -> Iterator[Event]:
        self._parts.hearing.close(command.interaction)
        yield from ()

    def _open_mic(self, command: OpenMic) -> Iterator[Event]:
        over_our_own = self._parts.hearing.cancels
        since = command.since if over_our_own else max(command.since, self._silent_at)
        self._submit("recognizer", self._begin(command))
        heard = self._parts.hearing.open(
            command.interaction, since, command.no_speech_s, command.anchor
        )
        yield MicOpened(command.interaction, self._scheduler.now())
        yield from self._passed_on(heard)

    def _passed_on(self, heard: Iterable[Heard]) -> Iterator[Event]:
        """Sound goes to the recognizer, facts to the session."""
        for one in heard:
            if isinstance(one, Piece):
                self._submit("recognizer", self._feed(one))
            else:
                yield one

    def _prepare(self, expectation: Expectation) -> Iterator[Event]:
        self._parts.recognition.prepare(expectation)
        yield from ()

    def _begin(self, command: OpenMic) -> Iterator[Event]:
        self._parts.recognition.begin(command.interaction, command.expectation)
        yield from ()

    def _feed(self, piece: Piece) -> Iterator[Event]:
        self._parts.recognition.feed(piece.interaction, piece.pcm)
        yield from ()

    def _recognize(self, command: Recognize) -> Iterator[Event]:
        try:
            text, plain = self._parts.recognition.transcribe(
                command.interaction, command.expectation, command.context
            )
        except Exception as error:
            yield self._failed(command.interaction, "recognizer", error)
        else:
            yield Transcribed(command.interaction, text, plain)

    def _cancel(self, command: Cancel) -> None:
        self._embedding = None

        def cancel() -> Iterator[Event]:
            self._parts.recognition.cancel(command.interaction)
            yield from ()

        self._submit("recognizer", cancel())

    # ------------------------------------------------------------- mouth

    def _respond(self, command: Respond) -> Iterator[Event]:
        replies: list[str] = []
        skill = self._parts.skill
        try:
            for order in skill.respond(command.dialogue, command.interaction, command.text):
                match order:
                    case Speak(_, text):
                        replies.append(text)
                    case ExpectSpeech(_, _, expectation) if self._session.rules.context:
                        asked = Question((Round(command.text, " ".join(replies)),), expectation)
                        order = replace(order, expectation=self._signalled(asked))
                        self._submit("recognizer", self._prepare(order.expectation))
                yield order
        except Exception as error:
            yield self._failed(command.interaction, "skill", error)

    def _signalled(self, asked: Question) -> Expectation:
        """What the device's own signals add to the question; best effort."""
        try:
            return applied(self._parts.signals, asked)
        except Exception as error:
            _log.warning("part=signals failed: %s", type(error).__name__)
            return asked.expectation

    def _play(self, command: Play) -> None:
        with self._playing:
            self._speaking = command.interaction
            self._queued += 1
        self._submit("loudspeaker", self._sound(command))

    def _sound(self, command: Play) -> Iterator[Event]:
        interaction = command.interaction
        try:
            ends_at = self._queue_sound(interaction, command.text)
        except Exception as error:
            yield self._failed(interaction, "loudspeaker", error)
        else:
            if ends_at is not None:
                self._scheduler.call_at(ends_at, lambda: self._check_silence(interaction))
                yield PlaybackStarted(interaction, ends_at)

    def _queue_sound(self, interaction: str, text: str) -> float | None:
        """When it will have sounded; None when it was interrupted while it was synthesized."""
        try:
            sound = self._parts.synthesizer.synthesize(text)
            if self._speaking != interaction:
                return None
            ends_at = self._parts.loudspeaker.play(*sound)  # may wait for the device
            with self._playing:
                if self._speaking == interaction:
                    return ends_at
                self._silent_at = self._parts.loudspeaker.stop()
                return None
        finally:
            with self._playing:
                self._queued -= 1

    def _check_silence(self, interaction: str) -> None:
        """The end of the sound is what the device says, not what was expected of it."""
        with self._playing:
            more = self._queued > 0 or self._speaking != interaction
        try:
            until = self._parts.loudspeaker.sounding_until()
        except AudioError:  # the next heartbeat tells of it
            return
        if more:
            return
        if until > self._scheduler.now():
            self._scheduler.call_at(until, lambda: self._check_silence(interaction))
        else:
            self.step(PlaybackFinished(interaction, until))

    def _stop_playback(self) -> None:
        with self._playing:
            self._speaking = None
            self._silent_at = self._parts.loudspeaker.stop()

    # ------------------------------------------------------------ memory

    def _expire_every_second(self) -> None:
        self._submit("store", self._expire())
        self._scheduler.call_at(self._scheduler.now() + 1.0, self._expire_every_second)

    def _expire(self) -> Iterator[Event]:
        try:
            self._parts.store.expire()
        except StoreError as error:
            _log.warning("part=store expiry failed: %s", error)
        yield from ()

    def _record(self, command: Record) -> Iterator[Event]:
        store, what = self._parts.store, command
        try:
            if what.note in BEGINNINGS:
                entry = store.begin(what.dialogue, what.interaction, what.note, what.payloads)
            else:
                entry = store.append(what.interaction, what.note, what.expectation, what.payloads)
        except StoreError as error:  # the turn goes on, without the store's help or a vector
            self._failed(what.interaction, "store", error)
        else:
            yield Recorded(entry)

    def _embed(self, command: Embed) -> Iterator[Event]:
        interaction = command.entry.interaction
        if self._embedding != interaction:
            return
        try:
            yield self._parts.window.embed(command.entry, command.expectation)
        except Exception as error:
            self._failed(interaction, "context", error)
            yield ContextFailed(interaction)

    def _failed(self, interaction: str, part: str, error: Exception) -> Failed:
        """Our errors hold no words and are logged whole; of others' only the kind is."""
        what = error if isinstance(error, EdgeError) else type(error).__name__
        _log.warning("interaction=%s part=%s failed: %s", interaction, part, what)
        return Failed(interaction, part)
