"""The turn machine with callers who do anything at any time: one voice at once, no word lost, and always an end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ari_app.core.commands import Leave, Outcome, Reply, Say, StopSpeaking, TakeTranscript
from ari_app.core.events import (
    Digit,
    Heard,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.turns import TurnMachine
from ari_app.settings import AgentSettings, BargeInSettings, TurnSettings

AGENT = AgentSettings(transfers={"billing": "internal,200,1"}, max_seconds=60)


class Caller:
    """Plays a session against the machine: answers its commands late, early or not at all, as hypothesis says."""

    def __init__(self, draw):
        self.machine = TurnMachine(AGENT, TurnSettings(max_speech_ms=2000), BargeInSettings())
        self.draw = draw
        self.now = 0.0
        self.speaking = False
        self.running: int | None = None
        self.pending: list[int] = []
        self.left: Outcome | None = None

    def give(self, event):
        for command in self.machine.handle(event, self.now):
            assert self.left is None, "a command after Leave"
            match command:
                case Reply(generation) | Say(generation):
                    assert self.running is None, "two voices at once"
                    self.running = generation
                case StopSpeaking(generation):
                    if self.running == generation:
                        self.running = None
                case TakeTranscript(utterance):
                    self.pending.append(utterance)
                case Leave(outcome):
                    self.left = outcome
                case _:
                    pass

    def step(self):
        self.now += self.draw(st.floats(0.01, 3.0))
        due = self.machine.next_deadline()
        if due is not None and due <= self.now:
            self.now = due
            self.give(Timer())
            return
        choices = ["speech", "digit", "noise"]
        choices += ["heard"] if self.pending else []
        choices += ["started", "done", "tool", "failed"] if self.running else []
        match self.draw(st.sampled_from(choices)):
            case "speech" | "noise":
                self.speaking = not self.speaking
                self.give(SpeechStarted(self.now) if self.speaking else SpeechStopped(self.now))
            case "digit":
                self.give(Digit(self.draw(st.sampled_from("0123456789*#"))))
            case "heard":
                self.give(Heard(self.pending.pop(0), self.draw(st.sampled_from(["", "yes", "goodbye"]))))
            case "started":
                self.give(SpeakingStarted(self.running))
            case "done":
                generation, self.running = self.running, None
                self.give(SpeakingDone(generation, self.draw(st.booleans())))
            case "tool":
                name = self.draw(st.sampled_from(["hang_up", "transfer", "dance"]))
                self.give(ToolCalled(self.running, name, {"to": self.draw(st.sampled_from(["billing", "x"]))}))
            case "failed":
                generation, self.running = self.running, None
                self.give(ReplyFailed(generation, "engine_failed"))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_order_of_events_has_one_voice_and_an_end(data):
    caller = Caller(data.draw)
    caller.give(MediaReady())
    for _ in range(60):
        if caller.left:
            break
        caller.step()
    for _ in range(200):  # now nobody does anything but finish what was asked: the machine must come to an end
        if caller.left:
            break
        if caller.running:
            generation, caller.running = caller.running, None
            caller.give(SpeakingDone(generation, True))
            continue
        due = caller.machine.next_deadline()
        assert due is not None, f"waits for nothing in {caller.machine.state}"
        caller.now = max(caller.now, due)
        caller.give(Timer())
        if caller.speaking:
            caller.speaking = False
            caller.give(SpeechStopped(caller.now))
    assert caller.left is not None
