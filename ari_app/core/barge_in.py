"""What speech over the agent is: an interruption, or nothing that it must stop for. Pure.

::

    agent   ██████████████████        held         ████████  backchannel, noise: it goes on from there
    caller            ▁▇▇▇▇▇▇▇▇▁
                       ^  ^ hold: onset + min_speech_ms
                       onset     ^ hold_ms later at the latest, and when the speech is over: look at the words

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
"""Words of speech that has lasted so long are believed while it still goes on; no backchannel lasts so long."""
_FIRST_LOOK = 0.7
"""Share of hold_ms after which the words are looked at first."""


class Verdict(Enum):
    """What the words say about the speech over the agent."""

    STOP = auto()
    """The caller takes the turn."""
    GO_ON = auto()
    """It was nothing; the agent goes on speaking."""
    WAIT = auto()
    """Not to be told yet."""
    HOLD = auto()
    """Taken for nothing, but it lasts too long for that; the agent is held again."""


class BargeIn:
    """The policy, with its memory of one speech over the agent."""

    def __init__(self, settings: BargeInSettings, language: str) -> None:
        self._settings = settings
        self._language = language
        self._held_at = 0.0
        self._hold_seconds = settings.hold_ms / 1000
        self._noise = False  # what goes on is no speech, however long
        self.onset = 0.0
        """Of the speech over the agent."""
        self.watching = False
        """The agent goes on beside speech that gave no reason to stop; its words are still looked at."""
        self.due: float | None = None
        """When to hold the agent, or, once it is held or watching, when to look at the words."""

    def speech(self, onset: float, speaking_since: float | None) -> None:
        """Speech over the agent began; the agent has spoken since `speaking_since` (None: it is about to)."""
        self.onset = onset
        self.watching = self._noise = False
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
        self.watching = False
        self.due = now + self._hold_seconds * _FIRST_LOOK

    def verdict(self, heard: Heard, *, speaking: bool, now: float) -> Verdict:
        """Judge the words so far; `speaking`: the speech goes on. Sets `due` when they are to be looked at again."""
        self.due = None
        asking = heard.asked.rstrip().endswith("?")  # then "yes" is an answer
        words = bool(heard.text) and not is_backchannel(heard.text, self._language, asking=asking)
        lasted = now - self.onset >= _CERTAIN_SECONDS
        decided_at = self._held_at + self._hold_seconds
        if words and (lasted or (heard.sure and not speaking)):
            return Verdict.STOP
        if not self.watching and now < decided_at:
            self.due = decided_at
        elif not speaking:
            return Verdict.GO_ON
        else:
            self.due = now + self._hold_seconds
        if lasted:
            return self._verdict_on_long(words=words, now=now)
        self.watching = self.watching or (speaking and not words and bool(heard.text) and heard.sure)
        return Verdict.GO_ON if self.watching and not words else Verdict.WAIT

    def _verdict_on_long(self, *, words: bool, now: float) -> Verdict:
        """Speech that is no backchannel for its length."""
        if self.watching and not self._noise:
            return Verdict.HOLD
        if not words and now - self._held_at >= self._settings.max_hold_ms / 1000:
            self.watching = self._noise = True
            self.due = now + self._settings.max_hold_ms / 1000  # every look costs a transcription
        return Verdict.GO_ON if self.watching else Verdict.WAIT

    def over(self) -> None:
        """There is no speech over the agent any more."""
        self.watching = False
        self.due = None
