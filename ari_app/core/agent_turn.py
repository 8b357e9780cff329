"""What the agent says now, and what follows from it: generations, drafts, fillers, the outcome. Pure.

A generation is one reply or one fixed sentence; its number is how late events of an older one are told apart. The turn
machine's memory of our own part, as caller_turn.py is of the caller's.
"""

from ari_app.core.commands import (
    Command,
    Draft,
    HoldSpeaking,
    Outcome,
    Reply,
    ResumeSpeaking,
    Say,
    SayFiller,
    Status,
    StopSpeaking,
)
from ari_app.settings import AgentSettings, TurnSettings

HANG_UP = "hang_up"
TRANSFER = "transfer"


class AgentTurn:
    """The generation that runs, or ran last."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings) -> None:
        self._agent = agent
        self._turn = turn
        self._drafted = False
        self._fillers_said = 0
        self.generation = 0
        """The latest generation's number; a draft has one too."""
        self.speaking_since: float | None = None
        """When its first audio went out; None before."""
        self.protected = False
        """Nothing may interrupt it."""
        self.follow_up: tuple[str, str] | None = None
        """Text and trigger of the fixed sentence that follows it."""
        self.outcome: Outcome | None = None
        """Leave so once all is said."""
        self.filler_due: float | None = None
        """When to fill the silence."""

    @property
    def drafted(self) -> bool:
        """Whether the latest generation is a draft."""
        return self._drafted

    def draft(self, text: str) -> Draft:
        """A new generation, which may come to nothing."""
        self._begin(self.generation + 1)
        self._drafted = True
        return Draft(self.generation, text)

    def drop_draft(self) -> list[Command]:
        """Cancel the draft, if there is one."""
        return [self.stop()] if self._drafted else []

    def lose_draft(self) -> None:
        """The draft failed by itself."""
        self._drafted = False
        self.generation += 1

    def reply(self, now: float) -> Reply:
        """The draft becomes the reply; without one, a new generation."""
        self._begin(self.generation if self._drafted else self.generation + 1)
        if self._turn.filler_ms and self._agent.phrases.fillers:
            self.filler_due = now + self._turn.filler_ms / 1000
        return Reply(self.generation)

    def say(self, text: str, trigger: str) -> Say:
        """A new generation with a fixed sentence."""
        self._begin(self.generation + 1)
        return Say(self.generation, text, trigger)

    def filler(self, *, silent: bool) -> list[Command]:
        """The next filler for the running generation; only one for each, and none where nobody hears it."""
        fillers = self._agent.phrases.fillers
        self.filler_due = None
        self._fillers_said += 1
        return [] if silent else [SayFiller(self.generation, fillers[(self._fillers_said - 1) % len(fillers)])]

    def hold(self) -> HoldSpeaking:
        """Be silent for now."""
        return HoldSpeaking(self.generation)

    def resume(self) -> ResumeSpeaking:
        """Speak on."""
        return ResumeSpeaking(self.generation)

    def stop(self) -> StopSpeaking:
        """Cancel the generation, and what should have followed it."""
        stop = StopSpeaking(self.generation)
        self._begin(self.generation + 1)  # whatever still comes of the old one is late
        self.follow_up = None
        self.outcome = None
        self.protected = False
        return stop

    def started(self, now: float) -> None:
        """Its first audio went out."""
        self.speaking_since = now
        self.filler_due = None

    def first_audio_due(self, now: float) -> float | None:
        """Until when its first audio is waited for; None when it is there."""
        return now + self._turn.reply_timeout_ms / 1000 if self.speaking_since is None else None

    def tool_called(self, name: str, to: str) -> None:
        """The model wants to hang up or to transfer, when all is said."""
        if name == HANG_UP:
            self.outcome = self.outcome or Outcome(Status.COMPLETED, "agent_hung_up")
        elif name == TRANSFER and to in self._agent.transfers:
            self.outcome = Outcome(Status.TRANSFER, "transfer", self._agent.transfers[to])
        elif name == TRANSFER:
            self.follow_up = (self._agent.phrases.cannot_transfer, "error")

    def _begin(self, generation: int) -> None:
        self.generation = generation
        self._drafted = False
        self.speaking_since = None
        self.filler_due = None
