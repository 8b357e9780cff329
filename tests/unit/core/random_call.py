"""A call at random around the turn machine: a caller who does anything at any time, engines that answer late, early or
not at all, and the rules that hold whatever happens. test_turns_random.py draws the calls.

The caller's words are said at moments. A transcript is what was said until it was asked for; accepting words removes
from the ears' memory what the latest transcript held, forgetting removes all that was heard. So words that get lost are
seen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ari_app.core import commands as do
from ari_app.core import events
from ari_app.core.backchannels import is_backchannel
from ari_app.core.state import State
from ari_app.core.turns import TurnMachine
from ari_app.settings import AgentSettings
from tests.unit.core.turn_script import AGENT, BARGE_IN, EARLY, PLAIN

_DISCLOSING = replace(AGENT, disclosure="Recorded.", max_seconds=60)
AGENTS = (replace(AGENT, max_seconds=60), replace(AGENT, max_seconds=60, greeting=""), _DISCLOSING)
TURNS = tuple(
    replace(turn, max_speech_ms=2500, filler_ms=filler, reply_timeout_ms=5000)
    for turn in (PLAIN, EARLY, replace(EARLY, judge="silence"), replace(EARLY, speculate=1))
    for filler in (0, 700)
)
BARGE_INS = (BARGE_IN, replace(BARGE_IN, enabled=False), replace(BARGE_IN, protect_ms=500))
_SAID = ("what are your hours", "my number is", "wait a moment", "okay", "uh-huh")
_GAP = 1.6
"""Seconds after the last key until which an entry may still be open."""


@dataclass(eq=False)
class Word:
    """Something that the caller says, at a moment."""

    text: str
    at: float
    dropped: bool = False
    """The ears do not have it any more."""
    answered: bool = False
    needless: bool = False
    """It may be lost: said on hold, or over an agent that nothing shall interrupt."""


@dataclass
class Generation:
    """A reply or a fixed sentence."""

    number: int
    reply: bool
    started: bool = False
    held: bool = False
    fillers: int = 0


@dataclass
class RandomCall:
    """Plays a session and its engines against the machine."""

    choose: Callable
    """Takes one of a sequence."""
    now: float = 0.0
    speaking: bool = False
    onset: float = 0.0
    began_on_hold: bool = False
    """What the caller says now was begun on hold, or is said there: nobody listens."""
    on_hold: bool = False
    typed_at: float = -10.0
    unanswered: bool = False
    running: Generation | None = None
    draft: int | None = None
    draft_tools: list[events.ToolCalled] = field(default_factory=list)
    posted: list[events.ToolCalled] = field(default_factory=list)
    said: list[Word] = field(default_factory=list)
    transcript: list[Word] = field(default_factory=list)
    asked: list[tuple[int, list[Word]]] = field(default_factory=list)
    left: do.Outcome | None = None
    timers: int = 0

    def __post_init__(self):
        self.agent: AgentSettings = self.choose(AGENTS)
        self.barge_in = self.choose(BARGE_INS)
        self.machine = TurnMachine(self.agent, self.choose(TURNS), self.barge_in)

    # -- one event, and the rules

    def give(self, event):
        for command in self.machine.handle(event, self.now):
            assert self.left is None, "a command after Leave"
            self.obey(command)
        if self.left is None:
            self.check()
        while self.posted and self.left is None:
            self.give(self.posted.pop(0))

    def obey(self, command):
        running = self.running
        match command:
            case do.TakeTranscript(utterance):
                self.asked.append((utterance, self.heard_so_far()))
            case do.CallerSaid(text, trigger):
                self.unanswered = True
                if trigger == "speech":
                    assert text == _text(self.transcript), "the history holds other words than were taken from the ears"
                    for word in self.transcript:
                        word.dropped = word.answered = True
            case do.ForgetSpeech():
                self.forget()
            case do.Draft(generation):
                assert running is None, "a draft beside a voice"
                assert self.draft is None, "two drafts at once"
                self.draft, self.draft_tools = generation, []
            case do.Reply(generation):
                assert running is None, "two voices at once"
                assert self.draft in (None, generation), "a reply beside a draft"
                self.running, self.draft = Generation(generation, reply=True), None
                self.posted, self.draft_tools = self.draft_tools, []
            case do.Say(generation, _, trigger):
                if trigger == "closing":  # nobody listens any more
                    self.excuse()
                assert running is None, "two voices at once"
                assert self.draft is None, "a sentence beside a draft"
                self.running = Generation(generation, reply=False)
            case do.SayFiller(generation):
                assert running, "a filler for nothing"
                assert running.number == generation
                assert not running.held, "a filler while the agent is to be silent"
                assert running.reply, "a filler before a fixed sentence"
                assert not running.started, "a filler within an answer"
                running.fillers += 1
                assert running.fillers == 1, "a second filler"
            case do.HoldSpeaking(generation):
                assert running, "held, but there is no voice"
                assert running.number == generation
                assert not running.held, "held twice"
                running.held = True
            case do.ResumeSpeaking(generation):
                assert running, "resumed, but there is no voice"
                assert running.number == generation
                assert running.held, "resumed, but it was not held"
                running.held = False
            case do.StopSpeaking(generation):
                if running and running.number == generation:
                    self.running = None
                if self.draft == generation:
                    self.draft, self.draft_tools = None, []
            case do.Leave(outcome):
                self.left = outcome

    def heard_so_far(self):
        return [word for word in self.said if word.at <= self.now and not word.dropped]

    def forget(self):
        gone = self.transcript if self.speaking else self.heard_so_far()
        awaited = [word for number, words in self.asked if number == self.machine._caller.awaited for word in words]
        for word in gone:
            word.dropped = True
            assert word.needless or is_backchannel(word.text) or word.answered or word in awaited, f"lost: {word}"

    def check(self):
        state, running = self.machine.state, self.running
        held = running is not None and running.held
        assert held == (state is State.INTERRUPTED or (self.on_hold and running is not None)) or (
            state is State.CLOSING and not held
        ), f"held: {held} in {state}"
        voice = state in (State.SPEAKING, State.INTERRUPTED, State.THINKING, State.CLOSING)
        assert voice == (running is not None), f"{running} in {state}"
        assert self.draft is None or state is State.PAUSING, f"a draft in {state}"
        if state in (State.HEARING, State.INTERRUPTED):
            awaited = self.machine._caller.awaited in [number for number, _ in self.asked]
            assert awaited or self.machine._barge_in.due is not None, f"waits for nothing in {state}"
        if state is State.LISTENING and self.now - self.typed_at > _GAP:
            assert not self.unanswered, "words without an answer"
            assert not self.speaking or self.began_on_hold, "nobody listens to the caller"

    def check_end(self):
        """Every call leaves; one that ends for want of words had an answer to all there were."""
        assert self.left is not None
        if self.left.reason == "no_input":
            lost = [word for word in self.said if not (word.answered or word.needless or is_backchannel(word.text))]
            assert not lost

    # -- what happens

    def step(self):
        if not self.passes(self.choose((0.02, 0.05, 0.1, 0.3, 0.8, 2.0))):
            return
        choices = ["speech", "speech", "speech", "digit", "hold", "old"]
        choices += ["heard"] * 4 if self.asked else []
        choices += ["deaf"] if self.asked else []
        if self.running:
            choices += ["tool", "failed"] if self.running.reply else ["failed"]
            choices += [] if self.running.held else ["done" if self.running.started else "started"] * 2 + ["empty"]
        choices += ["draft fails", "draft calls"] if self.draft else []
        getattr(self, "do_" + self.choose(choices).replace(" ", "_"))()

    def passes(self, seconds):
        """Let time pass, but not beyond the machine's deadline; whether it all passed."""
        due = self.machine.next_deadline()
        if due is None or due > self.now + seconds:
            self.now, self.timers = self.now + seconds, 0
            return True
        self.timers = self.timers + 1 if due <= self.now else 0
        assert self.timers < 6, f"a deadline at {due} for ever, in {self.machine.state}"
        self.now = max(due, self.now)
        self.give(events.Timer())
        return False

    def do_speech(self):
        self.speaking = not self.speaking
        if self.speaking:
            self.onset, self.began_on_hold = self.now - 0.04, self.on_hold
            text, late = self.choose(("", *_SAID)), self.choose((0.0, 0.3, 1.0))
            if text:
                self.said.append(Word(text, self.onset + late, needless=self.on_hold or self.deaf_to_speech()))
            self.give(events.SpeechStarted(self.onset))
            return
        end = max(self.onset, self.now - 0.06)
        self.said = [word for word in self.said if word.at <= end]
        short = end - self.onset < self.barge_in.min_speech_ms / 1000
        if self.machine.state is State.SPEAKING and (short or not self.barge_in.enabled or self.barge_in.protect_ms):
            self.excuse()
        self.give(events.SpeechStopped(end))

    def deaf_to_speech(self):
        return self.machine.state in (State.CLOSING, State.SPEAKING) and (
            not self.barge_in.enabled or self.machine._ours.protected or self.machine.state is State.CLOSING
        )

    def excuse(self):
        for word in self.said:
            word.needless = word.needless or word.at >= self.onset

    def do_digit(self):
        self.typed_at = self.now
        self.give(events.Digit(self.choose("0123456789*#")))

    def do_hold(self):
        self.on_hold = not self.on_hold
        if self.machine.state is not State.CLOSING:
            if self.on_hold and self.machine.state is State.SPEAKING:
                self.excuse()
            if self.speaking:
                self.began_on_hold = True
                for word in self.said:
                    word.needless = word.needless or word.at >= self.now - 0.06
        self.give(events.PutOnHold() if self.on_hold else events.TakenOffHold())

    def do_heard(self):
        utterance, self.transcript = self.asked.pop(0)
        self.give(events.Heard(utterance, _text(self.transcript)))

    def do_deaf(self):
        if self.choose(range(10)) == 9:
            utterance, _ = self.asked.pop(0)
            self.give(events.HearingFailed(utterance, "stt_failed"))

    def do_old(self):
        """Something of a generation that is over changes nothing."""
        number = self.machine._ours.generation - self.choose((1, 2, 3))
        if (self.running and self.running.number == number) or self.draft == number:
            return
        old = (events.SpeakingStarted(number), events.SpeakingDone(number, True), events.ReplyFailed(number, "old"))
        assert self.machine.handle(self.choose(old), self.now) == []

    def do_started(self):
        self.running.started, self.unanswered = True, False
        self.give(events.SpeakingStarted(self.running.number))

    def do_done(self):
        running, self.running = self.running, None
        self.give(events.SpeakingDone(running.number, True))

    def do_empty(self):
        if not self.running.started:
            running, self.running, self.unanswered = self.running, None, False
            self.give(events.SpeakingDone(running.number, False))

    def do_tool(self):
        self.give(self.a_tool(self.running.number))

    def a_tool(self, generation):
        name = self.choose(("hang_up", "transfer", "dance"))
        return events.ToolCalled(generation, name, {"to": self.choose(("billing", "x"))})

    def do_failed(self):
        if self.choose(range(15)) == 14:
            running, self.running = self.running, None
            self.give(events.ReplyFailed(running.number, "engine_failed"))

    def do_draft_fails(self):
        draft, self.draft, self.draft_tools = self.draft, None, []
        self.give(events.ReplyFailed(draft, "engine_failed"))

    def do_draft_calls(self):
        self.draft_tools.append(self.a_tool(self.draft))


def _text(words):
    return " ".join(word.text for word in words)
