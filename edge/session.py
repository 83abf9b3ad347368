"""The whole turn as a table: state and event give the next state and the orders.

No threads, no clocks, no devices, no I/O: `handle` is told the time and returns commands.

How to read it. TABLE is the machine; a row is `event: (next state, action)`, and an action
says what is ordered on the way. A pair that is not in the table is dropped and counted,
and so is an event that names another interaction than the current one: that rule alone
is "best effort", because a late vector, a late transcript or a late reply finds no row.
Whatever needs a condition is classified into an event of its own before the table is
read (`_classified`), so the table has no guards and the README's diagram is drawn from it.

The vector's deadline is the re-opening of the microphone: ContextReady has a row only in
PROMPTING, and PlaybackFinished leaves PROMPTING. Embed is ordered only on a returned
entry that holds EXPECT_SPEECH. The microphone is opened in three places: by a wake word,
by a reply that has finished sounding, by a question without words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from edge.dialogue import (
    Cancel,
    CloseMic,
    Command,
    ContextFailed,
    ContextReady,
    Embed,
    EndOfSpeech,
    Event,
    Expectation,
    ExpectSpeech,
    ExpectSpeechRecorded,
    ExpectSpeechRefused,
    Failed,
    Forgotten,
    Kind,
    LoudspeakerLost,
    MicBack,
    MicLost,
    MicOpened,
    Muted,
    Note,
    NothingHeard,
    OpenMic,
    Payload,
    Play,
    PlaybackFinished,
    PlaybackStarted,
    Recognize,
    Record,
    Recorded,
    Respond,
    Responded,
    Speak,
    SpeechStarted,
    StopPlayback,
    TimedOut,
    Transcribed,
    Unmuted,
    WakeWordDetected,
    catalogue_payload,
)

JUDGING_S = 0.8
"""How much later speech is said to have started where it must first be known whose it is."""


class State(StrEnum):
    """Where the turn is; the names follow the Alexa Voice Service."""

    IDLE = "IDLE"
    RECOGNIZING = "RECOGNIZING"
    THINKING = "THINKING"
    SPEAKING = "SPEAKING"
    PROMPTING = "PROMPTING"
    EXPECTING = "EXPECTING"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a profile decides about turns; seconds of the monotonic clock.

    anyone_answers: whether a question may be answered by another voice than the wake word's.
    context: whether what was asked helps to recognize the answer. vector: whether the
    context encoder adds to it; a board may have no time for that.
    """

    listen_s: float = 10.0
    no_speech_s: float = 5.0
    think_s: float = 8.0
    synthesize_s: float = 10.0
    playback_margin_s: float = 2.0
    sound_s: float = 120.0
    dialogue_s: float = 300.0
    reopens: int = 4
    anyone_answers: bool = False
    context: bool = True
    vector: bool = True


class Session:
    """One speaker's turn. `new_id` gives ids for dialogues and interactions."""

    def __init__(self, rules: Rules, new_id: Callable[[], str]) -> None:
        self.rules = rules
        self.state = State.IDLE
        self.deadline: float | None = None
        self.interaction: str | None = None
        self.dropped: Counter[str] = Counter()
        self._new_id = new_id
        self._dialogue = ""
        self._dialogue_until = float("-inf")
        self._anchor = b""  # the dialogue's voice: of its last wake word
        self._asking: str | None = None  # the interaction whose question is open
        self._question: ExpectSpeech | None = None  # asked, not yet answerable
        self._embedding = False
        self._whole = True  # nothing was said after the question
        self._vector: ContextReady | None = None  # of the open question
        self._expectation: Expectation | None = None  # of what is being heard
        self._context: ContextReady | None = None  # of what is being heard
        self._last_reply = ""
        self._unbegun = 0  # replies ordered whose sound has not begun
        self._reopened = 0  # automatic re-opens since the last wake word
        self._muted = False
        self._mic_lost = False

    def handle(self, event: Event, now: float) -> tuple[Command, ...]:
        """The orders that follow from one event; `deadline` and `state` are then current."""
        event = self._classified(event)
        row = TABLE[self.state].get(type(event)) or ANYWHERE.get(type(event))
        if row is None or not self._addressed(event):
            if not isinstance(event, Recorded):
                self.dropped[type(event).__name__] += 1
            return ()
        before, (target, action) = self.state, row
        self.state = target or before
        if self.state is not before:
            self._arm(now)
        return tuple(action(self, event, now))

    # ------------------------------------------------------- before the table

    def _classified(self, event: Event) -> Event:
        match event:
            case ExpectSpeech() if self._may_not_listen() or self._reopened >= self.rules.reopens:
                return ExpectSpeechRefused(event.interaction)
            case Transcribed(interaction, text) if not _bare(text) or self._is_own(text):
                return NothingHeard(interaction)
            case Recorded(entry) if self._is_due(event):
                return ExpectSpeechRecorded(entry)
        return event

    def _may_not_listen(self) -> bool:
        return self._muted or self._mic_lost

    def _is_own(self, text: str) -> bool:
        return _bare(text) == _bare(self._last_reply)

    def _is_due(self, event: Recorded) -> bool:
        wanted = self.rules.context and self.rules.vector
        wanted = wanted and self._question is not None and not self._embedding
        return wanted and event.entry.holds(Note.EXPECT_SPEECH)

    def _addressed(self, event: Event) -> bool:
        match event:
            case WakeWordDetected():
                return not self._may_not_listen()
            case ExpectSpeechRecorded(entry) | Recorded(entry):
                return entry.interaction == self.interaction
            case Speak(None) | ExpectSpeech(None) | ExpectSpeechRefused(None):
                return self.state in (State.IDLE, State.SPEAKING, State.PROMPTING)
        named: str | None = getattr(event, "interaction", self.interaction)
        return named == self.interaction

    def _arm(self, now: float) -> None:
        """A deadline for the state just entered; SPEAKING's is set when sound is ordered."""
        if self.state not in (State.SPEAKING, State.PROMPTING):
            self._unbegun = 0
        match self.state:
            case State.IDLE:
                self.deadline = None
            case State.RECOGNIZING:
                self.deadline = now + self.rules.listen_s
            case State.THINKING:
                self.deadline = now + self.rules.think_s

    # ------------------------------------------------------------ capture

    def _wake(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        self._expectation = self._context = self._question = None
        yield from self._listen(event, now)

    def _listen(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        """A request begins; what it may be an answer to is set."""
        self._reopened = 0
        yield self._begin(Note.WAKE, now, event.anchor)
        yield self._open_mic(event.since, self.rules.no_speech_s, event.anchor)

    def _open_mic(self, since: float, no_speech_s: float, anchor: bytes) -> OpenMic:
        return OpenMic(self._current, since, no_speech_s, self._expectation, anchor)

    def _wake_again(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        yield Cancel(self._current)
        yield from self._wake(event, now)

    def _start_over(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        """The wake word again while listening: what came before it was not the request."""
        yield CloseMic(self._current)
        yield Cancel(self._current)
        yield self._record(Note.NOTHING_HEARD)
        yield from self._listen(event, now)
        self._arm(now)

    def _barge_in(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        question = self._question
        yield StopPlayback(self._current)
        yield Cancel(self._current)
        yield self._record(Note.INTERRUPTED)
        self._expectation = question.expectation if question and self.rules.context else None
        self._context = self._question = None
        yield from self._listen(replace(event, anchor=b""), now)  # our own voice is in it

    def _answer(self, event: SpeechStarted, now: float) -> Iterator[Command]:
        yield self._begin(Note.ANSWER, now)

    def _answer_by_wake_word(self, event: WakeWordDetected, now: float) -> Iterator[Command]:
        self._reopened = 0
        yield self._begin(Note.ANSWER, now, event.anchor)
        yield self._open_mic(event.since, self.rules.no_speech_s, event.anchor)

    def _hear_out(self, event: EndOfSpeech | TimedOut, now: float) -> Iterator[Command]:
        yield CloseMic(self._current)
        yield Recognize(self._current, self._expectation, self._context)

    def _hear_nothing(self, event: NothingHeard | Muted | MicLost, now: float) -> Iterator[Command]:
        self._note_switch(event)
        yield CloseMic(self._current)
        yield Cancel(self._current)
        yield self._record(Note.NOTHING_HEARD)
        self.interaction = None

    def _unanswered(self, event: TimedOut | Muted | MicLost, now: float) -> Iterator[Command]:
        self._note_switch(event)
        yield CloseMic(self._current)
        self.interaction = self._asking
        yield self._record(Note.EXPECT_SPEECH_TIMED_OUT)

    # ----------------------------------------------------------- thinking

    def _transcribed(self, event: Transcribed, now: float) -> Iterator[Command]:
        self._arm(now)
        yield self._record(Note.UTTERANCE, _words(Kind.UTTERANCE, event.text))
        yield Respond(self._dialogue, self._current, event.text)

    def _give_up(self, event: NothingHeard | Failed | TimedOut, now: float) -> Iterator[Command]:
        yield Cancel(self._current)
        yield self._record(_ENDS[type(event)])
        self.interaction = None

    # ----------------------------------------------------------- speaking

    def _announce(self, event: Speak, now: float) -> Iterator[Command]:
        if event.interaction is None:
            yield self._begin(Note.ANNOUNCE, now)
        yield from self._speak(event, now)

    def _speak(self, event: Speak, now: float) -> Iterator[Command]:
        self._last_reply = event.text
        self._whole = False
        self._unbegun += 1
        self.deadline = max(self.deadline or now, now + self.rules.synthesize_s)
        yield self._record(Note.SPEAK, _words(Kind.REPLY, event.text))
        yield Play(self._current, event.text)

    def _sounding(self, event: PlaybackStarted, now: float) -> Iterator[Command]:
        self._unbegun -= 1
        end = min(event.ends_at, now + self.rules.sound_s) + self.rules.playback_margin_s
        self.deadline = max(end, self.deadline or end) if self._unbegun > 0 else end
        yield from ()

    def _played(self, event: PlaybackFinished, now: float) -> Iterator[Command]:
        yield self._record(Note.PLAYED)

    def _cut_off(self, event: Failed | LoudspeakerLost | TimedOut, now: float) -> Iterator[Command]:
        yield StopPlayback(self._current)
        yield Cancel(self._current)
        yield self._record(_ENDS[type(event)])
        self.interaction = self._question = None

    # ---------------------------------------------------------- prompting

    def _ask(self, event: ExpectSpeech, now: float) -> Iterator[Command]:
        self._question, self._vector, self._embedding = event, None, False
        self._whole = True
        payloads = catalogue_payload(event.expectation.catalogues)
        yield self._record(Note.EXPECT_SPEECH, *payloads, expectation=event.expectation)

    def _ask_without_words(self, event: ExpectSpeech, now: float) -> Iterator[Command]:
        if event.interaction is None:
            yield self._begin(Note.ANNOUNCE, now)
        yield from self._ask(event, now)
        yield from self._open_for_answer(now, since=now)

    def _refuse(self, event: ExpectSpeechRefused, now: float) -> Iterator[Command]:
        if event.interaction is not None:
            yield self._record(Note.EXPECT_SPEECH_REFUSED)

    def _embed(self, event: ExpectSpeechRecorded, now: float) -> Iterator[Command]:
        assert self._question is not None
        self._embedding = True
        yield Embed(event.entry, self._question.expectation)

    def _keep_vector(self, event: ContextReady, now: float) -> Iterator[Command]:
        """What the encoder remembers is kept only if it knows the whole reply."""
        self._vector = event
        kept = [Payload(Kind.MEMORY, event.memory)] if event.memory and self._whole else []
        yield self._record(Note.CONTEXT_READY, Payload(Kind.VECTOR, event.vector), *kept)

    def _reopen(self, event: PlaybackFinished, now: float) -> Iterator[Command]:
        yield self._record(Note.PLAYED)
        yield from self._open_for_answer(now, since=event.at)

    def _open_for_answer(self, now: float, since: float) -> Iterator[Command]:
        assert self._question is not None
        expectation = self._question.expectation
        self._expectation = expectation if self.rules.context else None
        self._context, self._vector = self._vector, None
        anchor = b"" if self.rules.anyone_answers else self._anchor
        known_s = JUDGING_S if anchor else 0.0
        self.deadline = now + self._question.timeout_ms / 1000 + known_s
        self._asking, self._question = self._current, None
        self._reopened += 1
        self.interaction = self._new_id()
        yield self._open_mic(since, float("inf"), anchor)  # its own deadline ends it

    def _note_reopening(self, event: MicOpened, now: float) -> Iterator[Command]:
        assert self._asking is not None
        yield Record(self._dialogue, self._asking, Note.REOPENED)

    def _no_reopening(self, event: Muted | MicLost, now: float) -> Iterator[Command]:
        self._note_switch(event)
        self._question = None
        yield Cancel(self._current)

    # ----------------------------------------------------------- anywhere

    def _go_on(self, event: Event, now: float) -> Iterator[Command]:
        yield from ()

    def _switch(self, event: Event, now: float) -> Iterator[Command]:
        self._note_switch(event)
        yield from ()

    def _note_switch(self, event: Event) -> None:
        match event:
            case Muted() | Unmuted():
                self._muted = isinstance(event, Muted)
            case MicLost() | MicBack():
                self._mic_lost = isinstance(event, MicLost)

    def _forget(self, event: Forgotten, now: float) -> Iterator[Command]:
        if self.interaction is not None:
            yield StopPlayback(self.interaction)
            yield CloseMic(self.interaction)
            yield Cancel(self.interaction)
        self.interaction = self._asking = self._question = self._vector = None
        self._expectation = self._context = None
        self._last_reply = ""
        self._anchor = b""
        self._dialogue_until = float("-inf")

    # -------------------------------------------------------------- parts

    @property
    def _current(self) -> str:
        assert self.interaction is not None
        return self.interaction

    def _begin(self, note: Note, now: float, anchor: bytes | None = None) -> Record:
        """The first event of an interaction; an answer's id was given when the mic opened.

        anchor: its wake word's, from now on the dialogue's; sealed beside it.
        """
        if now >= self._dialogue_until:
            self._dialogue, self._anchor = self._new_id(), b""
        self._dialogue_until = now + self.rules.dialogue_s
        if note is not Note.ANSWER:
            self.interaction = self._new_id()
        if anchor is None:
            return self._record(note)
        self._anchor = anchor
        return self._record(note, *([Payload(Kind.ANCHOR, anchor)] if anchor else []))

    def _record(
        self, note: Note, *payloads: Payload, expectation: Expectation | None = None
    ) -> Record:
        asked = replace(expectation, catalogues=()) if expectation else None
        return Record(self._dialogue, self._current, note, asked, payloads)


def _words(kind: Kind, text: str) -> Payload:
    return Payload(kind, text.encode(errors="replace"))


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


_ENDS = {
    NothingHeard: Note.NOTHING_HEARD,
    Failed: Note.FAILED,
    LoudspeakerLost: Note.FAILED,
    TimedOut: Note.TIMED_OUT,
}

Row = tuple[State | None, Callable[[Session, Any, float], Iterator[Command]]]

TABLE: dict[State, dict[type, Row]] = {
    State.IDLE: {
        WakeWordDetected: (State.RECOGNIZING, Session._wake),
        Speak: (State.SPEAKING, Session._announce),
        ExpectSpeech: (State.EXPECTING, Session._ask_without_words),
        ExpectSpeechRefused: (State.IDLE, Session._refuse),
    },
    State.RECOGNIZING: {
        MicOpened: (State.RECOGNIZING, Session._go_on),
        WakeWordDetected: (State.RECOGNIZING, Session._start_over),
        EndOfSpeech: (State.THINKING, Session._hear_out),
        TimedOut: (State.THINKING, Session._hear_out),
        NothingHeard: (State.IDLE, Session._hear_nothing),
        Muted: (State.IDLE, Session._hear_nothing),
        MicLost: (State.IDLE, Session._hear_nothing),
    },
    State.THINKING: {
        Transcribed: (State.THINKING, Session._transcribed),
        Speak: (State.SPEAKING, Session._speak),
        ExpectSpeech: (State.EXPECTING, Session._ask_without_words),
        ExpectSpeechRefused: (State.IDLE, Session._refuse),
        Responded: (State.IDLE, Session._go_on),
        NothingHeard: (State.IDLE, Session._give_up),
        Failed: (State.IDLE, Session._give_up),
        TimedOut: (State.IDLE, Session._give_up),
        WakeWordDetected: (State.RECOGNIZING, Session._wake_again),
    },
    State.SPEAKING: {
        Speak: (State.SPEAKING, Session._speak),
        PlaybackStarted: (State.SPEAKING, Session._sounding),
        ExpectSpeech: (State.PROMPTING, Session._ask),
        ExpectSpeechRefused: (State.SPEAKING, Session._refuse),
        PlaybackFinished: (State.IDLE, Session._played),
        Failed: (State.IDLE, Session._cut_off),
        LoudspeakerLost: (State.IDLE, Session._cut_off),
        TimedOut: (State.IDLE, Session._cut_off),
        WakeWordDetected: (State.RECOGNIZING, Session._barge_in),
    },
    State.PROMPTING: {
        ExpectSpeechRecorded: (State.PROMPTING, Session._embed),
        ContextReady: (State.PROMPTING, Session._keep_vector),
        ContextFailed: (State.PROMPTING, Session._go_on),
        Speak: (State.PROMPTING, Session._speak),
        PlaybackStarted: (State.PROMPTING, Session._sounding),
        PlaybackFinished: (State.EXPECTING, Session._reopen),
        Muted: (State.SPEAKING, Session._no_reopening),
        MicLost: (State.SPEAKING, Session._no_reopening),
        Failed: (State.IDLE, Session._cut_off),
        LoudspeakerLost: (State.IDLE, Session._cut_off),
        TimedOut: (State.IDLE, Session._cut_off),
        WakeWordDetected: (State.RECOGNIZING, Session._barge_in),
    },
    State.EXPECTING: {
        MicOpened: (State.EXPECTING, Session._note_reopening),
        SpeechStarted: (State.RECOGNIZING, Session._answer),
        WakeWordDetected: (State.RECOGNIZING, Session._answer_by_wake_word),
        TimedOut: (State.IDLE, Session._unanswered),
        Muted: (State.IDLE, Session._unanswered),
        MicLost: (State.IDLE, Session._unanswered),
    },
}

ANYWHERE: dict[type, Row] = {
    Forgotten: (State.IDLE, Session._forget),
    Muted: (None, Session._switch),
    Unmuted: (None, Session._switch),
    MicLost: (None, Session._switch),
    MicBack: (None, Session._switch),
}
