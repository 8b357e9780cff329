"""Whose turn it is: the conversation's state machine. Pure: events and `now` go in, commands and a deadline come out.

::

    IDLE ─MediaReady→ SPEAKING (greeting) ─SpeakingDone→ LISTENING ←───────────────────┐
                         ↑    ↑                             │ speech                   │
          SpeakingStarted│    └─ Say: reprompt after silence│                          │
                         │                                  ↓         speech again     │
    THINKING ←─Heard─ HEARING ←─endpoint_ms─ PAUSING ⇄ CALLER_SPEAKING                 │
       │                                                    ↑                          │
       └── the caller goes on (not yet answered) ───────────┤                          │
    SPEAKING ── speech of barge_in.min_speech_ms ───────────┘ ─── SpeakingDone ────────┘

    anywhere ─CallerGone, LineFailed, or the end of a closing sentence→ ENDED (Leave)

Every reply and every fixed sentence carries a generation number; events of an older one change nothing. Key presses
interrupt the agent and are collected beside the states, until ``#`` or `turn.digit_gap_ms`.
"""

import logging
from enum import Enum, auto

from ari_app.core.barge_in import BargeIn
from ari_app.core.commands import (
    CallerSaid,
    Command,
    ForgetSpeech,
    Leave,
    Outcome,
    Reply,
    Say,
    Status,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.events import (
    CallerGone,
    Digit,
    Event,
    Heard,
    HearingFailed,
    LineFailed,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.keypad import Keypad, in_words
from ari_app.settings import AgentSettings, BargeInSettings, TurnSettings

log = logging.getLogger(__name__)

HANG_UP = "hang_up"
TRANSFER = "transfer"

_MISHEARD_SECONDS = 0.6
"""Speech at least this long that gave no words deserves an answer; shorter was a cough or a click."""

_TICK = 0.001
"""A timer may fire this much early, by its clock's resolution."""


class State(Enum):
    """Where the conversation stands."""

    IDLE = auto()
    LISTENING = auto()
    CALLER_SPEAKING = auto()
    PAUSING = auto()
    HEARING = auto()
    THINKING = auto()
    SPEAKING = auto()
    ENDED = auto()


class TurnMachine:
    """One conversation. Call `handle` with every event, and with Timer when `next_deadline()` has come."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings, barge_in: BargeInSettings) -> None:
        self._agent = agent
        self._turn = turn
        self._barge_in = BargeIn(barge_in)
        self._state = State.IDLE
        self._generation = 0
        self._utterance = 0
        self._deadline: float | None = None  # of the state
        self._barge_due: float | None = None  # when the speech over the agent interrupts it
        self._ends_at: float | None = None  # of the whole call
        self._keypad = Keypad(turn.digit_gap_ms / 1000)
        self._onset: float | None = None  # of the speech that goes on now
        self._resumed: float | None = None  # onset of speech after the turn's end, before its transcript
        self._turn_onset = 0.0  # of the turn that is being heard
        self._turn_end = 0.0
        self._interrupted = False  # the turn being heard stopped the agent
        self._unanswered = False  # the history ends with the caller's words
        self._misses = 0  # reprompts and misunderstandings in a row
        self._outcome: Outcome | None = None  # leave so, once all is said
        self._closing = False  # the last sentence: nothing interrupts it
        self._follow_up = ""  # to say after the running generation

    @property
    def state(self) -> State:
        """Where the conversation stands."""
        return self._state

    def next_deadline(self) -> float | None:
        """When `handle(Timer(), now)` is wanted, in monotonic seconds."""
        due = [d for d in (self._deadline, self._barge_due, self._ends_at, self._keypad.due) if d is not None]
        return min(due) if due and self._state is not State.ENDED else None

    def handle(self, event: Event, now: float) -> list[Command]:
        """Take one event; returns what to do, in order. After `Leave` nothing more comes."""
        if self._state is State.ENDED:
            return []
        match event:
            case MediaReady():
                return self._media_ready(now)
            case SpeechStarted(at):
                return self._speech_started(at, now)
            case SpeechStopped(at):
                return self._speech_stopped(at)
            case Heard(utterance, text):
                return self._heard(text, now) if self._awaited(utterance) else []
            case HearingFailed(utterance, reason):
                return self._fail(reason, now) if self._awaited(utterance) else []
            case Digit(digit):
                return self._digit(digit, now)
            case SpeakingStarted(generation):
                return self._speaking_started() if generation == self._generation else []
            case SpeakingDone(generation, spoke):
                return self._speaking_done(spoke, now) if generation == self._generation else []
            case ToolCalled(generation, name, arguments):
                if generation == self._generation:
                    self._tool_called(name, str(arguments.get("to", "")))
                return []
            case ReplyFailed(generation, reason):
                return self._fail(reason, now) if generation == self._generation else []
            case CallerGone():
                return self._leave(Outcome(Status.HANGUP, "caller_hung_up"))
            case LineFailed(reason):
                return self._leave(Outcome(Status.FAILED, reason))
            case Timer():
                return self._timer(now)

    # -- the caller speaks

    def _media_ready(self, now: float) -> list[Command]:
        self._ends_at = now + self._agent.max_seconds
        if self._agent.greeting.strip():
            return [self._say(self._agent.greeting, "greeting", now)]
        self._listen(now)
        return []

    def _speech_started(self, at: float, now: float) -> list[Command]:
        if self._closing:
            return []
        self._onset = at
        match self._state:
            case State.LISTENING:
                self._begin_turn(at)
            case State.PAUSING:
                self._enter(State.CALLER_SPEAKING, self._turn_onset + self._turn.max_speech_ms / 1000)
            case State.THINKING:
                return self._interrupt(at)
            case State.SPEAKING:
                self._barge_due = self._barge_in.deadline(at)
            case State.HEARING:
                self._resumed = at
            case _:
                pass
        return []

    def _speech_stopped(self, at: float) -> list[Command]:
        onset, self._onset = self._onset, None
        if self._closing or onset is None:
            return []
        if self._state is State.CALLER_SPEAKING:
            self._pause(at)
        elif self._state is State.HEARING:
            self._turn_end = at
        elif self._state is State.SPEAKING:
            if self._barge_in.interrupts(onset, at):
                commands = self._interrupt(onset)
                self._pause(at)
                return commands
            self._barge_due = None
            return [ForgetSpeech()]
        return []

    def _begin_turn(self, onset: float) -> None:
        self._turn_onset = onset
        self._enter(State.CALLER_SPEAKING, onset + self._turn.max_speech_ms / 1000)

    def _pause(self, end: float) -> None:
        self._turn_end = end
        self._enter(State.PAUSING, end + self._turn.endpoint_ms / 1000)

    def _interrupt(self, onset: float) -> list[Command]:
        """The caller takes the turn from us."""
        stop = self._stop_speaking()
        self._interrupted = self._state is State.SPEAKING
        self._begin_turn(onset)
        return [stop]

    def _end_of_turn(self, now: float) -> list[Command]:
        self._utterance += 1
        self._enter(State.HEARING, now + self._turn.reply_timeout_ms / 1000)
        return [TakeTranscript(self._utterance)]

    def _awaited(self, utterance: int) -> bool:
        return self._state is State.HEARING and utterance == self._utterance

    def _heard(self, text: str, now: float) -> list[Command]:
        interrupted, self._interrupted = self._interrupted, False
        commands: list[Command] = []
        if text.strip():
            commands.append(CallerSaid(text.strip(), "speech"))
            self._unanswered = True
            self._misses = 0
        resumed, self._resumed = self._resumed, None
        if resumed is not None:  # spoke on while we transcribed
            self._begin_turn(resumed)
            if self._onset is None:
                self._pause(self._turn_end)
            return commands
        if self._keypad.due is not None:  # and is typing: one answer to both
            self._enter(State.LISTENING, None)
            return commands
        if self._unanswered:
            return [*commands, self._reply(now)]
        if interrupted or self._turn_end - self._turn_onset >= _MISHEARD_SECONDS:
            return [self._missed(self._agent.phrases.not_understood, "error", now)]
        self._listen(now)
        return commands

    # -- keys

    def _digit(self, digit: str, now: float) -> list[Command]:
        if self._closing or self._state is State.IDLE:
            return []
        commands: list[Command] = []
        if self._state in (State.SPEAKING, State.THINKING):
            commands.append(self._stop_speaking())
            if self._onset is not None:  # speaks as well
                self._begin_turn(self._onset)
            else:
                self._enter(State.LISTENING, None)
        elif self._state is State.LISTENING:
            self._deadline = None
        if self._keypad.press(digit, now):
            commands += self._entry_done(now)
        return commands

    def _entry_done(self, now: float) -> list[Command]:
        keys = self._keypad.take()
        commands: list[Command] = []
        if keys:
            commands.append(CallerSaid(in_words(keys, self._agent.language), "dtmf"))
            self._unanswered = True
            self._misses = 0
        if self._state is not State.LISTENING:  # also speaking: answered at the end of the turn
            return commands
        if self._unanswered:
            return [*commands, self._reply(now)]
        self._listen(now)
        return commands

    # -- the agent speaks

    def _say(self, text: str, trigger: str, now: float) -> Command:
        self._generation += 1
        self._enter(State.SPEAKING, now + self._turn.reply_timeout_ms / 1000)
        return Say(self._generation, text, trigger)

    def _reply(self, now: float) -> Command:
        self._generation += 1
        self._enter(State.THINKING, now + self._turn.reply_timeout_ms / 1000)
        return Reply(self._generation)

    def _stop_speaking(self) -> Command:
        """Cancels the running generation, and what should have followed it."""
        stop = StopSpeaking(self._generation)
        self._generation += 1  # whatever still comes of the old one is late
        self._outcome = None
        self._follow_up = ""
        return stop

    def _speaking_started(self) -> list[Command]:
        if self._state in (State.THINKING, State.SPEAKING):
            self._enter(State.SPEAKING, None)
            self._unanswered = False
        return []

    def _speaking_done(self, spoke: bool, now: float) -> list[Command]:
        if self._outcome:
            return self._leave(self._outcome)
        self._unanswered = False
        if self._follow_up:
            text, self._follow_up = self._follow_up, ""
            return [self._say(text, "error", now)]
        if not spoke:
            return [self._missed(self._agent.phrases.not_understood, "error", now)]
        if self._onset is not None:  # began to speak at our very end
            self._begin_turn(self._onset)
        else:
            self._listen(now)
        return []

    def _tool_called(self, name: str, to: str) -> None:
        if name == HANG_UP:
            self._outcome = self._outcome or Outcome(Status.COMPLETED, "agent_hung_up")
        elif name == TRANSFER and to in self._agent.transfers:
            self._outcome = Outcome(Status.TRANSFER, "transfer", self._agent.transfers[to])
        elif name == TRANSFER:
            self._follow_up = self._agent.phrases.cannot_transfer

    def _missed(self, text: str, trigger: str, now: float) -> Command:
        """Ask again, or say goodbye when that was tried often enough."""
        self._misses += 1
        if self._misses > self._turn.reprompts:
            return self._close(self._agent.phrases.goodbye, Outcome(Status.COMPLETED, "no_input"), now)
        return self._say(text, trigger, now)

    def _close(self, text: str, outcome: Outcome, now: float) -> Command:
        """Say a last sentence and leave."""
        self._closing = True
        self._outcome = outcome
        self._keypad.take()
        self._ends_at = self._barge_due = self._onset = None
        return self._say(text, "closing", now)

    def _fail(self, reason: str, now: float) -> list[Command]:
        outcome = Outcome(Status.FAILED, reason)
        if self._closing:  # not even the last sentence can be said
            return self._leave(self._outcome or outcome)
        return [self._stop_speaking(), self._close(self._agent.phrases.apology, outcome, now)]

    # -- time

    def _listen(self, now: float) -> None:
        self._enter(State.LISTENING, None if self._keypad.due is not None else now + self._turn.no_input_ms / 1000)

    def _timer(self, now: float) -> list[Command]:
        if _due(self._ends_at, now):
            over = Outcome(Status.COMPLETED, "max_duration")
            return [self._stop_speaking(), self._close(self._agent.phrases.time_is_up, over, now)]
        if _due(self._keypad.due, now):
            return self._entry_done(now)
        if _due(self._barge_due, now) and self._onset is not None:
            return self._interrupt(self._onset)
        if not _due(self._deadline, now):
            return []
        match self._state:
            case State.PAUSING:
                return self._end_of_turn(now)
            case State.CALLER_SPEAKING:  # far too long: take what there is, and hear the rest as it goes on
                self._turn_end = self._resumed = self._onset = now
                return self._end_of_turn(now)
            case State.LISTENING:
                phrases = self._agent.phrases.reprompts
                text = phrases[self._misses % len(phrases)] if phrases else self._agent.phrases.not_understood
                return [self._missed(text, "silence", now)]
            case State.HEARING:
                return self._fail("stt_timeout", now)
            case _:
                return self._fail("reply_timeout", now)

    def _leave(self, outcome: Outcome) -> list[Command]:
        stop = self._stop_speaking()
        self._enter(State.ENDED, None)
        return [stop, Leave(outcome)]

    def _enter(self, state: State, deadline: float | None) -> None:
        if state is not self._state:
            log.debug("turn state", extra={"old": self._state.name, "new": state.name})
        self._state = state
        self._deadline = deadline
        if state is not State.SPEAKING:
            self._barge_due = None


def _due(deadline: float | None, now: float) -> bool:
    return deadline is not None and now >= deadline - _TICK
