"""The promises of a turn, tried against any order of events; and proof that they bite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge import dialogue as d
from edge.dialogue import Act, Catalogue, Entry, Expectation, Slot
from edge.session import ANYWHERE, TABLE, Rules, Session, State

RULES = Rules(reopens=2)
WITHOUT_CONTEXT = Rules(reopens=2, context=False)
ASKED = Expectation(Act.CHOOSE, Slot.CONTACT, (Catalogue(Slot.CONTACT, ("Meg Bauer",)),))
LONGEST_S = RULES.sound_s + RULES.playback_margin_s
ORDINARY = (
    d.PlaybackFinished,
    d.Speak,
    d.ExpectSpeech,
    d.ExpectSpeechRefused,
    d.Responded,
)
WINDOW_ENDINGS = [
    "answered",
    "answered after a late vector",
    "answered by wake word",
    "interrupted",
    "muted",
    "too long",
    "forgotten",
    "left open",
]
MIC_OPEN = {State.RECOGNIZING, State.EXPECTING}
SETTINGS = settings(
    max_examples=400,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def new_session(rules: Rules) -> Session:
    numbers = count(1)
    return Session(rules, lambda: f"{next(numbers):04x}")


class Turn(RuleBasedStateMachine):
    """Everything a turn may meet; what was ordered and heard is kept here, in plain words."""

    decided = RULES

    def __init__(self) -> None:
        super().__init__()
        self.session = new_session(self.decided)
        self.shadow = new_session(self.decided)  # is never shown a vector that is late or foreign
        self.now = 0.0
        self.sounding: set[str] = set()
        self.mic: str | None = None
        self.muted = self.mic_lost = False
        self.asked: set[str] = set()  # interactions whose returned entry held EXPECT_SPEECH
        self.embedded: list[str] = []
        self.vectors: dict[str, d.ContextReady] = {}  # accepted while the reply was sounding
        self.asker: dict[str, str] = {}  # answer → the interaction that asked
        self.begun: set[str] = set()
        self.forgotten: set[str] = set()
        self.reopens = 0
        self.interrupters: set[str] = set()  # began by interrupting a question
        self.was_listening = False
        self.last_reply = ""
        self.dialogue = ""
        self.dialogue_until = 0.0
        self.seen: list[str] = ["0000"]

    # ---- one event in, every promise checked on what comes out

    def tell(self, event: d.Event) -> None:
        before = (self.session.state, self.session.deadline, self.session.interaction)
        self.was_listening = self.session.state is State.RECOGNIZING
        current = self.session.interaction
        dropped = sum(self.session.dropped.values())
        commands = self.session.handle(event, self.now)
        was_dropped = sum(self.session.dropped.values()) > dropped
        if self.is_useless_vector(event, before[0], current):
            assert was_dropped
        else:
            assert self.shadow.handle(event, self.now) == commands
        if was_dropped:
            after = (self.session.state, self.session.deadline, self.session.interaction)
            assert (commands, after) == ((), before)
        if isinstance(event, d.ContextReady) and commands:
            self.vectors[event.interaction] = event
        for command in commands:
            self.check(command, event, current)
        self.check_ending(before[0], event, commands)
        self.check_state()
        if self.session.interaction:
            self.seen.append(self.session.interaction)

    def is_useless_vector(self, event: d.Event, state: State, current: str | None) -> bool:
        if not isinstance(event, d.ContextReady):
            return False
        return state is not State.PROMPTING or event.interaction != current

    def check(self, command: d.Command, event: d.Event, current: str | None) -> None:
        match command:
            case d.Play(interaction):
                self.sounding.add(interaction)
            case d.StopPlayback():
                self.sounding.clear()
            case d.OpenMic(interaction, since):
                self.check_opening(interaction, since, event, current)
            case d.CloseMic():
                self.mic = None
            case d.Recognize(interaction, expectation, context):
                self.check_recognize(interaction, expectation, context)
            case d.Embed(entry):
                assert entry.interaction in self.asked
                assert entry.interaction == current
                assert entry.interaction not in self.embedded
                assert self.decided.context
                self.embedded.append(entry.interaction)
            case d.Record(dialogue, interaction, note, asked):
                self.check_dialogue(dialogue, interaction, note)
                assert asked is None or not asked.catalogues, "phrases stay out of the entry"
                assert interaction not in self.forgotten
                assert (interaction in self.begun) != (note in d.BEGINNINGS)
                self.begun.add(interaction)

    def check_ending(self, before: State, event: d.Event, commands: tuple[d.Command, ...]) -> None:
        """What leaves the middle of a turn early takes back what it had ordered."""
        early = before in (State.THINKING, State.PROMPTING) and not isinstance(
            event,
            d.PlaybackFinished | d.Speak | d.ExpectSpeech | d.ExpectSpeechRefused | d.Responded,
        )
        if early and commands and self.session.state is not before:
            assert any(isinstance(command, d.Cancel) for command in commands)
        if isinstance(event, d.Transcribed) and commands:
            heard = [c.text for c in commands if isinstance(c, d.Respond)]
            echo = event.text in ("", self.last_reply)
            assert heard == ([] if echo else [event.text])
        if isinstance(event, d.Speak) and commands:
            self.last_reply = event.text
        if before is State.RECOGNIZING and self.session.state is State.THINKING:
            assert [type(command) for command in commands] == [d.CloseMic, d.Recognize]

    def check_dialogue(self, dialogue: str, interaction: str, note: d.Note) -> None:
        """A dialogue goes on for its time after its last beginning, and not after that."""
        if note in d.BEGINNINGS:
            alive = self.now < self.dialogue_until
            assert (dialogue == self.dialogue) == alive
            self.dialogue, self.dialogue_until = dialogue, self.now + RULES.dialogue_s

    def check_opening(
        self, interaction: str, since: float, event: d.Event, current: str | None
    ) -> None:
        assert not self.sounding, "the microphone opened while the reply was sounding"
        assert not (self.muted)
        assert not (self.mic_lost)
        assert isinstance(event, d.WakeWordDetected | d.PlaybackFinished | d.ExpectSpeech)
        if isinstance(event, d.WakeWordDetected):
            self.reopens = 0
            assert since == event.since
            self.start_over(interaction, current)
        else:
            self.reopens += 1
            self.asker[interaction] = str(current)
            assert since >= (event.at if isinstance(event, d.PlaybackFinished) else self.now)
        assert self.reopens <= RULES.reopens
        self.mic = interaction

    def start_over(self, interaction: str, current: str | None) -> None:
        """A request begun again while it was heard keeps what it had borrowed."""
        if self.was_listening and current in self.asker:
            self.asker[interaction] = self.asker[current]
        if self.was_listening and current in self.interrupters:
            self.interrupters.add(interaction)

    def check_recognize(
        self,
        interaction: str,
        expectation: Expectation | None,
        context: d.ContextReady | None,
    ) -> None:
        asker = self.asker.get(interaction)
        assert context == (self.vectors.get(asker) if asker else None)
        borrowed = asker or interaction in self.interrupters
        assert expectation == (ASKED if borrowed and self.decided.context else None)

    # ---- what may happen

    ids = st.booleans()

    def name(self, current: bool) -> str:
        return (current and self.session.interaction) or self.seen[len(self.seen) // 2]

    @rule(seconds=st.sampled_from([0.01, 0.5, 5.0, 400.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if self.session.deadline is not None and self.now >= self.session.deadline:
            self.tell(d.TimedOut())

    @rule(wanted=st.sampled_from(State))
    def turn_reaches(self, wanted: State) -> None:
        for _ in range(8):
            if self.session.state is wanted:
                break
            self.usual_next_step()

    @rule(text=st.sampled_from(["call meg", "", "Which one?"]), reply=st.booleans())
    def something_is_recognized(self, text: str, reply: bool) -> None:
        if reply:
            self.turn_reaches(State.EXPECTING)
        self.turn_reaches(State.THINKING)
        self.recognizer_answers(True, text)

    @rule(asked=st.booleans(), vector=st.booleans(), ending=st.sampled_from(WINDOW_ENDINGS))
    def window_passes(self, asked: bool, vector: bool, ending: str) -> None:
        self.turn_reaches(State.PROMPTING)
        self.store_answers(True, asked)
        if vector:
            self.encoder_answers(True, fails=False)
        match ending:
            case "answered" | "answered after a late vector":
                self.sound_ends()
                if ending != "answered":
                    self.encoder_answers(True, fails=False)
                self.customer_speaks(True)
                self.customer_ends(True)
            case "interrupted":
                self.customer_wakes_it()
                self.customer_ends(True)
            case "answered by wake word":
                self.sound_ends()
                self.customer_wakes_it()
                self.customer_ends(True)
            case "muted":
                self.microphone_changes(d.Muted())
                self.encoder_answers(True, fails=False)
            case "too long":
                self.time_passes(400.0)
            case "forgotten":
                forgotten = self.session.interaction
                self.customer_forgets()
                self.tell(d.Speak(forgotten, "Which one?"))
                self.store_answers(True, asked)

    def usual_next_step(self) -> None:
        match self.session.state:
            case State.IDLE:
                self.microphone_changes(d.Unmuted())
                self.microphone_changes(d.MicBack())
                self.customer_wakes_it()
            case State.RECOGNIZING:
                self.customer_ends(True)
            case State.THINKING:
                self.recognizer_answers(True, "call meg")
                self.skill_speaks(True, ask=True)
            case State.SPEAKING | State.PROMPTING:
                self.sound_ends()
            case State.EXPECTING:
                self.customer_speaks(True)

    @rule()
    def customer_wakes_it(self) -> None:
        asked = self.session.state is State.PROMPTING
        self.tell(d.WakeWordDetected("alexa", self.now, self.now - 0.2))
        if asked and self.session.interaction and self.session.state is State.RECOGNIZING:
            self.interrupters.add(self.session.interaction)

    @rule(current=ids)
    def customer_speaks(self, current: bool) -> None:
        self.tell(d.SpeechStarted(self.name(current), self.now))

    @rule(current=ids)
    def microphone_opens(self, current: bool) -> None:
        self.tell(d.MicOpened(self.name(current), self.now))

    @rule(current=ids)
    def customer_ends(self, current: bool) -> None:
        self.tell(d.EndOfSpeech(self.name(current), self.now))

    @rule(current=ids, text=st.sampled_from(["call meg", "bauer", "", "Which one?"]))
    def recognizer_answers(self, current: bool, text: str) -> None:
        self.tell(d.Transcribed(self.name(current), text, text))

    @rule(current=ids, ask=st.booleans())
    def skill_speaks(self, current: bool, ask: bool) -> None:
        interaction = self.name(current)
        self.tell(d.Speak(interaction, "Which one?"))
        if ask:
            self.tell(d.ExpectSpeech(interaction, 6000, ASKED))

    @rule(current=st.sampled_from([True, False, None]))
    def directive_alone(self, current: bool | None) -> None:
        interaction = None if current is None else self.name(current)
        self.tell(d.ExpectSpeech(interaction, 6000, ASKED))

    @rule()
    def announcement(self) -> None:
        self.tell(d.Speak(None, "Your timer is done."))

    @rule(current=ids)
    def nothing(self, current: bool) -> None:
        self.tell(d.NothingHeard(self.name(current)))

    @rule(current=ids)
    def skill_is_done(self, current: bool) -> None:
        self.tell(d.Responded(self.name(current)))

    @rule(current=ids, length_s=st.sampled_from([0.2, 4.0, 1e9]))
    def sound_begins(self, current: bool, length_s: float) -> None:
        self.tell(d.PlaybackStarted(self.name(current), self.now + length_s))

    @precondition(lambda self: self.sounding)
    @rule()
    def sound_ends(self) -> None:
        interaction = sorted(self.sounding)[0]
        self.sounding.clear()
        self.tell(d.PlaybackFinished(interaction, self.now))

    @rule(current=ids, asked=st.booleans())
    def store_answers(self, current: bool, asked: bool) -> None:
        interaction = self.name(current)
        events = ("WAKE", "EXPECT_SPEECH(choose,contact):2") if asked else ("WAKE", "SPEAK:1")
        if asked:
            self.asked.add(interaction)
        self.tell(d.Recorded(Entry("d", interaction, 2, events, 9e9)))

    @rule(current=ids, fails=st.booleans())
    def encoder_answers(self, current: bool, fails: bool) -> None:
        interaction = self.name(current)
        ready = d.ContextReady(interaction, interaction.encode(), (), 3.0)
        self.tell(d.ContextFailed(interaction) if fails else ready)

    @rule(current=ids, part=st.sampled_from(["recognizer", "skill", "loudspeaker"]))
    def part_fails(self, current: bool, part: str) -> None:
        self.tell(d.Failed(self.name(current), part))

    @rule(event=st.sampled_from([d.Muted(), d.Unmuted(), d.MicLost(), d.MicBack()]))
    def microphone_changes(self, event: d.Event) -> None:
        self.muted = isinstance(event, d.Muted) or (self.muted and event != d.Unmuted())
        self.mic_lost = isinstance(event, d.MicLost) or (self.mic_lost and event != d.MicBack())
        self.tell(event)

    @rule()
    def loudspeaker_dies(self) -> None:
        self.tell(d.LoudspeakerLost())

    @rule()
    def customer_forgets(self) -> None:
        self.tell(d.Forgotten())
        self.last_reply, self.dialogue_until = "", 0.0
        assert self.mic is None
        assert not self.sounding
        self.forgotten |= self.begun

    # ---- what always holds

    def check_state(self) -> None:
        """A deadline but when idle, the mic open when listening, sound only while speaking."""
        state, deadline = self.session.state, self.session.deadline
        assert (deadline is None) == (state is State.IDLE)
        assert deadline is None or deadline <= self.now + LONGEST_S
        assert (self.mic is not None) == (state in MIC_OPEN)
        assert not self.sounding or state in (State.SPEAKING, State.PROMPTING)

    def teardown(self) -> None:
        for _ in range(4):
            if self.session.deadline is not None:
                self.now = self.session.deadline
                self.tell(d.TimedOut())
        assert self.session.state is State.IDLE


class TurnWithoutContext(Turn):
    decided = WITHOUT_CONTEXT


@pytest.mark.parametrize("machine", [Turn, TurnWithoutContext])
def test_any_order_of_events_keeps_every_promise(machine: type[Turn]) -> None:
    run_state_machine_as_test(machine, settings=settings(SETTINGS, max_examples=150))


# ---------------------------------------------------------------- planted faults

Patch = Callable[[pytest.MonkeyPatch], None]


def row(state: State, event: type, target: State | None, action: Callable[..., object]) -> Patch:
    return lambda patch: patch.setitem(TABLE[state], event, (target, action))


def method(name: str, instead: object) -> Patch:
    return lambda patch: patch.setattr(Session, name, instead)


def opens_with_the_directive(self: Session, event: d.ExpectSpeech, now: float) -> Iterator[object]:
    yield from Session._ask(self, event, now)
    yield d.OpenMic(self._current, now, 5.0)


def takes_a_late_vector(self: Session, event: d.ContextReady, now: float) -> Iterator[object]:
    self._context = event
    yield from ()


def barges_in_over_the_sound(
    self: Session, event: d.WakeWordDetected, now: float
) -> Iterator[object]:
    yield from list(REAL_BARGE_IN(self, event, now))[1:]


def barges_in_with_the_vector(
    self: Session, event: d.WakeWordDetected, now: float
) -> Iterator[object]:
    vector = self._vector
    yield from REAL_BARGE_IN(self, event, now)
    self._context = vector


def embeds_at_once(self: Session, event: d.ExpectSpeech, now: float) -> Iterator[object]:
    yield from Session._ask(self, event, now)
    yield d.Embed(Entry("d", self._current, 1, (), 0.0), ASKED)


def forgets_only_the_sound(self: Session, event: d.Forgotten, now: float) -> Iterator[object]:
    interaction = self.interaction
    yield from REAL_FORGET(self, event, now)
    self.interaction = interaction


def never_arms_thinking(self: Session, now: float) -> None:
    self.deadline = None


def leaves_the_mic_open(self: Session, event: object, now: float) -> Iterator[object]:
    yield d.Recognize(self._current, self._expectation, self._context)


def counts_no_reopening(self: Session, now: float, since: float) -> Iterator[object]:
    yield from REAL_OPEN(self, now, since)
    self._reopened = 0


REAL_BARGE_IN = Session._barge_in
REAL_OPEN = Session._open_for_answer
REAL_FORGET = Session._forget
PROMPTING, SPEAKING, EXPECTING = State.PROMPTING, State.SPEAKING, State.EXPECTING

FAULTS: dict[str, Patch] = {
    "mic opens with the directive": row(
        SPEAKING, d.ExpectSpeech, PROMPTING, opens_with_the_directive
    ),
    "late vector is used": row(EXPECTING, d.ContextReady, None, takes_a_late_vector),
    "foreign answers are taken": method("_addressed", lambda self, event: True),
    "barge-in over the sound": row(
        PROMPTING, d.WakeWordDetected, State.RECOGNIZING, barges_in_over_the_sound
    ),
    "barge-in keeps the vector": row(
        PROMPTING, d.WakeWordDetected, State.RECOGNIZING, barges_in_with_the_vector
    ),
    "embedding without a returned entry": row(SPEAKING, d.ExpectSpeech, PROMPTING, embeds_at_once),
    "every entry is embedded": method("_is_due", lambda self, event: True),
    "no deadline": method("_arm", never_arms_thinking),
    "no cap on re-opens": method("_open_for_answer", counts_no_reopening),
    "mute is forgotten": method("_note_switch", lambda self, event: None),
    "forget keeps the interaction": lambda patch: patch.setitem(
        ANYWHERE, d.Forgotten, (State.IDLE, forgets_only_the_sound)
    ),
    "mic stays open while thinking": row(
        State.RECOGNIZING, d.EndOfSpeech, State.THINKING, leaves_the_mic_open
    ),
    "silence after a timeout is not ordered": row(
        PROMPTING, d.TimedOut, State.IDLE, Session._go_on
    ),
}


@contextmanager
def planted(fault: Patch) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        yield


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str) -> None:
    with planted(FAULTS[name]), pytest.raises((AssertionError, KeyError)):
        run_state_machine_as_test(Turn, settings=settings(SETTINGS, phases=[Phase.generate]))
