"""Whose turn it is: the conversation's state machine. Pure: events and `now` go in, commands and a deadline come out.

The states and their transitions are drawn in state.py. What is remembered of the caller's part is in caller_turn.py, of
our own in agent_turn.py, of speech over the agent in barge_in.py.
Every reply and every fixed sentence carries a generation number; events of an older one change nothing. Beside the
states, keys interrupt the agent and are collected, until ``#`` or `turn.digit_gap_ms`; on hold, nothing is said and the
agent's clocks stand still.
"""

import logging

from ari_app.core import events
from ari_app.core.agent_turn import AgentTurn
from ari_app.core.barge_in import BargeIn, Verdict
from ari_app.core.caller_turn import CallerTurn
from ari_app.core.commands import CallerSaid, Command, ForgetSpeech, Leave, Outcome, Status
from ari_app.core.deadlines import is_due, soonest
from ari_app.core.keypad import Keypad, in_words
from ari_app.core.monologue import Monologue
from ari_app.core.outcomes import end_of_line
from ari_app.core.patience import Patience
from ari_app.core.state import AGENTS_TURN, WAITS_FOR_CALLER, State
from ari_app.settings import AgentSettings, BargeInSettings, TurnSettings

log = logging.getLogger(__name__)


class TurnMachine:
    """One conversation. Call `handle` with every event, and with Timer when `next_deadline()` has come."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings, barge_in: BargeInSettings) -> None:
        self._agent = agent
        self._turn = turn
        self._barge_in = BargeIn(barge_in, agent.language)
        self._ours = AgentTurn(agent, turn)
        self._caller = CallerTurn(agent, turn)
        self._keypad = Keypad(turn.digit_gap_ms / 1000)
        self._monologue = Monologue()
        self._patience = Patience(agent, turn)
        self._state = State.IDLE
        self._deadline: float | None = None  # of the state
        self._ends_at: float | None = None  # of the whole call
        self._onset: float | None = None  # of the speech that goes on now
        self._unanswered = False  # the history ends with the caller's words
        self._on_hold = False

    @property
    def state(self) -> State:
        return self._state

    def next_deadline(self) -> float | None:
        """When `handle(Timer(), now)` is wanted, in monotonic seconds."""
        if self._state is State.ENDED:
            return None
        return soonest(self._state_due(), self._barge_in.due, self._ours.filler_due, self._ends_at, self._keypad.due)

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Take one event; returns what to do, in order. After `Leave` nothing more comes."""
        if self._state is State.ENDED or events.is_late(event, self._ours.generation, self._caller.awaited):
            return []
        match event:
            case events.MediaReady():
                return self._media_ready(now)
            case events.SpeechStarted(at):
                return self._speech_started(at)
            case events.SpeechStopped(at):
                return self._speech_stopped(at, now)
            case events.Heard():
                return self._heard(event, now)
            case events.HearingFailed(_, reason):
                return self._fail(reason, now)
            case events.Digit(digit):
                return self._digit(digit, now)
            case events.SpeakingStarted():
                return self._speaking_started(now)
            case events.SpeakingDone(_, spoke):
                return self._speaking_done(spoke, now)
            case events.ToolCalled(_, name, arguments):
                self._ours.tool_called(name, str(arguments.get("to", "")))
                return []
            case events.ReplyFailed() if self._ours.drafted:
                self._ours.lose_draft()  # nobody waits for it yet; the turn's end will try anew
                return []
            case events.ReplyFailed(_, reason):
                return self._fail(reason, now)
            case events.PutOnHold():
                return self._put_on_hold(now)
            case events.TakenOffHold():
                return self._taken_off_hold(now)
            case events.Timer():
                return self._timer(now)
            case events.ToneHeard() | events.CallerGone() | events.LineFailed():
                return self._leave(end_of_line(event))

    # -- the caller speaks

    def _speech_started(self, at: float) -> list[Command]:
        if self._state is State.CLOSING or self._on_hold:
            return []
        self._onset = at
        match self._state:
            case State.LISTENING:
                self._begin_turn(at)
            case State.PAUSING | State.HEARING:
                self._enter(State.CALLER_SPEAKING, self._caller.goes_on())
                return self._ours.drop_draft()
            case State.THINKING:
                stop = self._ours.stop()
                self._begin_turn(at)
                return [stop]
            case State.SPEAKING if not self._ours.protected:
                self._barge_in.speech(at, self._ours.speaking_since)
            case _:
                pass
        return []

    def _speech_stopped(self, at: float, now: float) -> list[Command]:
        onset, self._onset = self._onset, None
        if self._state is State.CLOSING or onset is None:
            return []
        self._caller.end = at
        match self._state:
            case State.CALLER_SPEAKING:
                return self._pause(at)
            case State.INTERRUPTED:
                return [self._caller.take_transcript()]
            case State.SPEAKING if self._barge_in.watching:
                return [self._caller.take_transcript()]
            case State.SPEAKING if self._barge_in.holds(at):
                return [self._hold(now), self._caller.take_transcript()]
            case State.SPEAKING:
                self._barge_in.over()
                return [] if self._caller.awaited else [ForgetSpeech()]
            case _:
                return []

    def _begin_turn(self, onset: float, *, interrupted: bool = False) -> None:
        self._enter(State.CALLER_SPEAKING, self._caller.begin(onset, interrupted=interrupted))

    def _pause(self, end: float) -> list[Command]:
        self._caller.pause(end)
        self._enter(State.PAUSING, self._caller.due)
        return [self._caller.take_transcript()] if self._caller.asks_early else []

    def _heard(self, heard: events.Heard, now: float) -> list[Command]:
        self._caller.awaited = None
        match self._state:
            case State.PAUSING | State.HEARING:
                return self._words_known(heard, now)
            case State.INTERRUPTED | State.SPEAKING:
                return self._judge_interruption(heard, now)
            case State.CALLER_SPEAKING:  # a turn so long that it is taken in parts
                self._begin_turn(now)
                self._unanswered = self._unanswered or bool(heard.text)
                return [CallerSaid(heard.text, "speech") if heard.text else ForgetSpeech()]
            case _:
                return []

    def _words_known(self, heard: events.Heard, now: float) -> list[Command]:
        """The transcript at a pause: it tells how long the pause may be, and what could be answered."""
        self._caller.know(heard)
        if is_due(self._caller.due, now):
            return self._finish_turn(now)
        self._enter(State.PAUSING, self._caller.due)
        typing = self._keypad.due is not None
        return [self._ours.draft(heard.text)] if not typing and self._caller.worth_a_draft() else []

    def _finish_turn(self, now: float) -> list[Command]:
        """The end-of-turn silence is over."""
        caller = self._caller
        if caller.words is None:
            self._enter(State.HEARING, now + self._turn.reply_timeout_ms / 1000)
            return [] if caller.awaited else [caller.take_transcript()]
        commands = [caller.over()]
        if caller.words:
            self._unanswered = True
            self._patience.restored()
            if self._monologue.heard(caller.words, caller.seconds):
                return [*commands, *self._leave(Outcome(Status.COMPLETED, "no_person"))]
        if self._keypad.due is not None:  # and is typing: one answer to both
            self._enter(State.LISTENING, None)
            return [*commands, *self._ours.drop_draft()]
        if self._unanswered:
            return [*commands, *self._reply(now)]
        if caller.misheard:
            return [*commands, *self._missed(self._agent.phrases.not_understood, "error", now)]
        return [*commands, *self._listen(now)]

    # -- the caller speaks over the agent

    def _hold(self, now: float) -> Command:
        self._barge_in.held(now)
        self._enter(State.INTERRUPTED, now + self._turn.reply_timeout_ms / 1000)
        return self._ours.hold()

    def _judge_interruption(self, heard: events.Heard, now: float) -> list[Command]:
        match self._barge_in.verdict(heard, speaking=self._onset is not None, now=now):
            case Verdict.HOLD:
                return [self._hold(now)]
            case Verdict.STOP:
                stop = self._ours.stop()
                self._begin_turn(self._barge_in.onset, interrupted=True)
                if self._onset is not None:
                    return [stop]
                return [stop, *self._words_known(heard, now)]
            case Verdict.GO_ON:
                forget = [] if self._barge_in.keeps_words else [ForgetSpeech()]
                resume = [self._ours.resume()] if self._state is State.INTERRUPTED and not self._on_hold else []
                self._enter(State.SPEAKING, self._ours.first_audio_due(now))
                return [*forget, *resume]
            case Verdict.WAIT:
                if self._state is State.INTERRUPTED:
                    self._deadline = now + self._turn.reply_timeout_ms / 1000
                return []

    def _after_us(self) -> list[Command]:
        """We are silent now: speech over us is a turn, also when it is over and only its words are awaited."""
        self._enter(State.LISTENING, None)
        if self._onset is not None:
            self._begin_turn(self._onset)
        elif self._caller.awaited is not None:
            self._begin_turn(self._barge_in.onset)
            return self._pause(self._caller.end)
        return []

    # -- keys

    def _digit(self, digit: str, now: float) -> list[Command]:
        if self._state in (State.CLOSING, State.IDLE):
            return []
        commands: list[Command] = []
        if self._state in (*AGENTS_TURN, State.INTERRUPTED) and not self._ours.protected:
            commands += [self._ours.stop(), *self._after_us()]
        elif self._state is State.LISTENING:
            self._deadline = None
        elif self._state is State.PAUSING:
            commands += self._ours.drop_draft()
        if self._keypad.press(digit, now):
            commands += self._entry_done(now)
        return commands

    def _entry_done(self, now: float) -> list[Command]:
        if self._state in (*AGENTS_TURN, State.INTERRUPTED):  # the first key could not interrupt us
            self._keypad.wait()
            return []
        keys = in_words(self._keypad.take(), self._agent.language)
        commands: list[Command] = [CallerSaid(keys, "dtmf")] if keys else []
        if keys:
            self._unanswered = True
            self._patience.restored()
        if self._state is not State.LISTENING:  # speaking too
            return commands
        if self._unanswered:
            return [*commands, *self._reply(now)]
        self._listen(now)
        return commands

    # -- the agent speaks

    def _media_ready(self, now: float) -> list[Command]:
        self._ends_at = now + self._agent.max_seconds
        sentences = [text for text in (self._agent.disclosure, self._agent.greeting) if text.strip()]
        if not sentences:
            return self._listen(now)
        self._ours.protected = bool(self._agent.disclosure.strip())
        self._ours.follow_up = (sentences[1], "greeting") if len(sentences) > 1 else None
        return self._say(sentences[0], "greeting", now)

    def _say(self, text: str, trigger: str, now: float) -> list[Command]:
        say = self._ours.say(text, trigger)
        self._enter(State.SPEAKING, self._ours.first_audio_due(now))
        if self._onset is not None and not self._ours.protected:
            self._barge_in.speech(self._onset, None)
        return [say, self._ours.hold()] if self._on_hold else [say]

    def _reply(self, now: float) -> list[Command]:
        reply = self._ours.reply(now)
        self._enter(State.THINKING, self._ours.first_audio_due(now))
        return [reply, self._ours.hold()] if self._on_hold else [reply]

    def _speaking_started(self, now: float) -> list[Command]:
        self._ours.started(now)
        if self._state is State.THINKING:
            self._unanswered = False
            self._enter(State.SPEAKING, None)
        elif self._state in (State.SPEAKING, State.CLOSING):
            self._deadline = None
        return []

    def _speaking_done(self, spoke: bool, now: float) -> list[Command]:
        if self._ours.outcome:
            return self._leave(self._ours.outcome)
        self._ours.protected = False
        if self._state is State.THINKING:  # and there is nothing to say
            self._unanswered = False
        if self._ours.follow_up:
            (text, trigger), self._ours.follow_up = self._ours.follow_up, None
            return self._say(text, trigger, now)
        if not spoke:
            return self._missed(self._agent.phrases.not_understood, "error", now)
        commands = self._after_us()
        if self._state is not State.LISTENING:
            return commands
        if self._keypad.waits:
            return self._entry_done(now)
        return self._listen(now)

    def _missed(self, text: str, trigger: str, now: float) -> list[Command]:
        """Ask again, or say goodbye when that was tried often enough."""
        if self._patience.lost():
            return self._close(self._agent.phrases.goodbye, Outcome(Status.COMPLETED, "no_input"), now)
        return self._say(text, trigger, now)

    def _close(self, text: str, outcome: Outcome, now: float) -> list[Command]:
        """Say a last sentence and leave."""
        self._ours.outcome = outcome
        self._on_hold = False  # said, whether it is heard or not
        self._keypad.take()
        self._ends_at = self._onset = None
        commands = self._say(text, "closing", now)
        self._enter(State.CLOSING, self._deadline)
        return commands

    def _fail(self, reason: str, now: float) -> list[Command]:
        outcome = Outcome(Status.FAILED, reason)
        if self._state is State.CLOSING:
            return self._leave(self._ours.outcome or outcome)  # not even the last sentence can be said
        return [self._ours.stop(), *self._close(self._agent.phrases.apology, outcome, now)]

    # -- hold, and time

    def _put_on_hold(self, now: float) -> list[Command]:
        if self._state is State.CLOSING:
            return []
        commands = self._speech_stopped(now, now) if self._onset is not None else []
        self._on_hold = True
        if self._state in AGENTS_TURN:
            commands.append(self._ours.hold())
        return commands

    def _taken_off_hold(self, now: float) -> list[Command]:
        self._on_hold = False
        if self._state in AGENTS_TURN:
            self._deadline = self._ours.first_audio_due(now)
            return [ForgetSpeech(), self._ours.resume()]
        if self._state is State.LISTENING:
            self._listen(now)
            return [ForgetSpeech()]
        return []

    def _listen(self, now: float) -> list[Command]:
        self._enter(State.LISTENING, None if self._keypad.due is not None else now + self._turn.no_input_ms / 1000)
        return []

    def _timer(self, now: float) -> list[Command]:
        if is_due(self._ends_at, now):
            over = Outcome(Status.COMPLETED, "max_duration")
            return [self._ours.stop(), *self._close(self._agent.phrases.time_is_up, over, now)]
        if is_due(self._keypad.due, now):
            return self._entry_done(now)
        if is_due(self._barge_in.due, now):
            self._barge_in.due = None
            if self._onset is None and self._caller.awaited:  # all of its words
                return []
            look = self._barge_in.watching or self._state is State.INTERRUPTED
            return [self._caller.take_transcript() if look else self._hold(now)]
        if is_due(self._ours.filler_due, now):
            return self._ours.filler(silent=self._on_hold)
        return self._state_over(now) if is_due(self._state_due(), now) else []

    def _state_over(self, now: float) -> list[Command]:
        """The state's own deadline has come."""
        match self._state:
            case State.PAUSING:
                return self._finish_turn(now)
            case State.CALLER_SPEAKING:
                self._deadline = None
                return [self._caller.take_transcript()]
            case State.LISTENING:
                return self._missed(self._patience.reprompt(), "silence", now)
            case State.HEARING | State.INTERRUPTED:
                return self._fail("stt_timeout", now)
            case _:
                return self._fail("reply_timeout", now)

    def _state_due(self) -> float | None:
        return None if self._on_hold and self._state in WAITS_FOR_CALLER else self._deadline

    def _leave(self, outcome: Outcome) -> list[Command]:
        stop = self._ours.stop()
        self._enter(State.ENDED, None)
        return [stop, Leave(outcome)]

    def _enter(self, state: State, deadline: float | None) -> None:
        if state is not self._state:
            log.debug("turn state", extra={"old": self._state.name, "new": state.name})
        self._state = state
        self._deadline = deadline
        if state not in (State.SPEAKING, State.INTERRUPTED):
            self._barge_in.over()
