"""What speech over the agent is: an interruption, or nothing that it must stop for. Pure.

::

    agent   ██████████████████        held         ████████  backchannel, noise: it goes on from there
    caller            ▁▇▇▇▇▇▇▇▇▁
                       ^  ^ hold: onset + min_speech_ms
                       onset     ^ hold_ms later, and when the speech is over: look at the words

    agent   ██████████████████        held, then stopped for good
    caller            ▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                       ^  ^ hold                   ^ words that are no backchannel

Holding costs nothing, so it comes early. Stopping is left to the words: of the first half second a model hears this
and that, so they count when the speech is over, or has lasted long enough to be certain of.
"""

from enum import Enum, auto

from ari_app.core.backchannels import is_backchannel
from ari_app.core.events import Heard
from ari_app.settings import BargeInSettings

_CERTAIN_SECONDS = 0.8
"""Words of speech that has lasted so long are believed while it still goes on."""


class Verdict(Enum):
    """What the words say about the speech over the agent."""

    STOP = auto()
    """The caller takes the turn."""
    GO_ON = auto()
    """It was nothing; the agent goes on speaking."""
    WAIT = auto()
    """Not to be told yet."""


class BargeIn:
    """The policy, with its memory of one speech over the agent."""

    def __init__(self, settings: BargeInSettings, language: str) -> None:
        self._settings = settings
        self._language = language
        self._held_at = 0.0
        self._interval = 0.0
        self.onset = 0.0
        """Of the speech over the agent."""
        self.watching = False
        """The agent goes on beside speech that gave no reason to stop; its words are still looked at."""
        self.due: float | None = None
        """When to hold the agent, or, once it is held or watching, when to look at the words."""

    def speech(self, onset: float, speaking_since: float | None) -> None:
        """Speech over the agent began; the agent has spoken since `speaking_since` (None: it is about to)."""
        self.onset = onset
        self.watching = False
        self.due = None
        if self._settings.enabled:
            protected = (speaking_since or 0.0) + self._settings.protect_ms / 1000
            self.due = max(onset + self._settings.min_speech_ms / 1000, protected)

    def holds(self, end: float) -> bool:
        """Whether the speech, which ended at `end` before `due` was noticed, was long enough to hold the agent."""
        return self.due is not None and end >= self.due

    def held(self, now: float) -> None:
        """The agent is held."""
        self._held_at = now
        self._interval = self._settings.hold_ms / 1000
        self.watching = False
        self.due = now + self._interval

    def verdict(self, heard: Heard, *, speaking: bool, now: float) -> Verdict:
        """Judge the words so far; `speaking`: the speech goes on. Sets `due` when they are to be looked at again."""
        self.due = None
        asking = heard.asked.rstrip().endswith("?")  # then "yes" is an answer
        words = bool(heard.text) and not is_backchannel(heard.text, self._language, asking=asking)
        lasted = now - self.onset >= _CERTAIN_SECONDS
        if words and (lasted or (heard.sure and not speaking)):
            return Verdict.STOP
        decided_at = self._held_at + self._settings.hold_ms / 1000
        if not speaking and not self.watching and now < decided_at:
            self.due = decided_at  # a soft first word may be followed by a loud one
            return Verdict.WAIT
        if not speaking:
            return Verdict.GO_ON
        if self.watching:
            self._interval *= 2  # every look costs a transcription
        self.due = now + self._interval
        backchannel = bool(heard.text) and heard.sure and not words
        noise = not words and now - self._held_at >= self._settings.max_hold_ms / 1000
        self.watching = self.watching or backchannel or noise
        return Verdict.GO_ON if self.watching and not words else Verdict.WAIT

    def over(self) -> None:
        """There is no speech over the agent any more."""
        self.watching = False
        self.due = None
