"""The caller's turn while it is being heard: its words so far, and how much silence ends it. Pure.

The turn machine's memory of the caller's part, as agent_turn.py is of our own.
"""

from ari_app.core.commands import CallerSaid, Command, ForgetSpeech, TakeTranscript
from ari_app.core.endpointing import EndOfTurn
from ari_app.core.events import Heard
from ari_app.settings import AgentSettings, TurnSettings, endpoints

_MISHEARD_SECONDS = 0.6
"""Speech at least this long that gave no words deserves an answer; shorter was a cough or a click."""


class CallerTurn:
    """The turn that is being heard, or was heard last."""

    def __init__(self, agent: AgentSettings, turn: TurnSettings) -> None:
        self._turn = turn
        self._policy = EndOfTurn(agent, turn)
        self._usual_seconds = endpoints(agent, turn)[1] / 1000
        self._utterance = 0
        self._drafts = 0
        self._silence_seconds = 0.0
        self.awaited: int | None = None
        """The utterance whose transcript will come."""
        self.onset = 0.0
        """When the turn began, in audio time."""
        self.end = 0.0
        """When the latest speech of it ended, in audio time."""
        self.interrupted = False
        """It stopped the agent."""
        self.words: str | None = None
        """The transcript at the latest pause; None while it is not known."""

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return self.end - self.onset

    @property
    def misheard(self) -> bool:
        """Without words, it deserves an answer all the same."""
        return self.interrupted or self.seconds >= _MISHEARD_SECONDS

    @property
    def due(self) -> float:
        """When the pause has lasted so long that the turn is over."""
        return self.end + self._silence_seconds

    @property
    def asks_early(self) -> bool:
        """Whether the words are wanted in the pause, not only at the turn's end."""
        return self._turn.judge != "silence" or self._drafts < self._turn.speculate

    def begin(self, onset: float, *, interrupted: bool = False) -> float:
        """A turn begins; returns until when it may last in one piece."""
        self.onset = onset
        self.interrupted = interrupted
        self._drafts = 0
        return self.goes_on()

    def goes_on(self) -> float:
        """The caller speaks on; returns until when the turn may last in one piece."""
        self.awaited = None
        return self.onset + self._turn.max_speech_ms / 1000

    def pause(self, end: float) -> None:
        """The caller stopped speaking at `end`, maybe only for a moment."""
        self.end = end
        self.awaited = None
        self.words = None
        self._silence_seconds = self._usual_seconds

    def take_transcript(self) -> TakeTranscript:
        """Ask for the words so far."""
        self._utterance += 1
        self.awaited = self._utterance
        return TakeTranscript(self._utterance)

    def know(self, heard: Heard) -> None:
        """The words of the pause, which tell how long it may be."""
        self.words = heard.text
        self._silence_seconds = self._policy.silence_seconds(heard.text, heard.complete, heard.asked, sure=heard.sure)

    def worth_a_draft(self) -> bool:
        """Whether these words may well be all, and a draft is allowed; counts it."""
        worth = bool(self.words) and self._silence_seconds <= self._usual_seconds
        if not worth or self._drafts >= self._turn.speculate:
            return False
        self._drafts += 1
        return True

    def over(self) -> Command:
        """What the turn's end means for the history."""
        if not self.words:
            return ForgetSpeech()
        return CallerSaid(self.words, "speech", round(self._silence_seconds * 1000, 1))
