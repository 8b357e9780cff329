"""What speech over the agent is: an interruption, or nothing that it must stop for. Pure.

::

    agent   ██████████████████        held         ████████  backchannel, noise: it goes on from there
    caller            ▁▇▇▇▇▇▇▇▇▁
                       ^  ^ hold: onset + min_speech_ms
                       onset     ^ hold_ms later at the latest, and when the speech is over: look at the words

    agent   ██████████████████        held, then stopped for good
    caller            ▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                       ^  ^ hold                   ^ words that are no backchannel

    agent   ██████████████████        held   ███  held again, then stopped for good
    caller            ▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                       ^  ^ hold      "yeah" ^  ^ "yeah but": watched, looked at twice as often

A hold costs little, so it comes early. Stopping is left to the words: of the first half second a model hears this and
that, so they count when the speech is over, or has lasted long enough to be certain of.
"""

from enum import Enum, auto

from ari_app.core.backchannels import is_backchannel
from ari_app.core.deadlines import is_due
from ari_app.core.events import Heard
from ari_app.settings import BargeInSettings

_CERTAIN_SECONDS = 0.8
"""Words of speech that has lasted so long are believed while it still goes on; no backchannel lasts so long."""
_FIRST_LOOK = 0.8
"""Share of hold_ms after which the words are looked at first."""
_WATCHED_LOOK = 0.5
"""Share of hold_ms between two looks at what the agent goes on beside: a mistake is soon mended."""
_UNCLEAR_SECONDS = 0.3
"""A pause after long speech that was not understood is no reason to go on before it has lasted so long."""


class Verdict(Enum):
    """What the words say about the speech over the agent."""

    STOP = auto()
    """The caller takes the turn."""
    GO_ON = auto()
    """It was nothing; the agent goes on speaking."""
    WAIT = auto()
    """Not to be told yet."""
    HOLD = auto()
    """Taken for nothing, but it is more or lasts too long for that; the agent is held again."""


class BargeIn:
    """The policy, with its memory of one speech over the agent."""

    def __init__(self, settings: BargeInSettings, language: str) -> None:
        self._settings = settings
        self._language = language
        self._held_at = 0.0
        self._hold_seconds = settings.hold_ms / 1000
        self._noise = False  # what goes on is no speech, however long
        self._seemed_harmless = False  # at the first look, whose words may not be understood any more at the second
        self._over_since: float | None = None  # how long it has been known that the speech is over
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
        self._over_since = None
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
        self.watching = self._seemed_harmless = False
        self.due = now + self._hold_seconds * _FIRST_LOOK

    @property
    def keeps_words(self) -> bool:
        """Whether the speech that is watched may turn out to be words: then its beginning belongs to them."""
        return self.watching and not self._noise

    def verdict(self, heard: Heard, *, speaking: bool, now: float) -> Verdict:
        """Judge the words so far; `speaking`: the speech goes on. Sets `due` when they are to be looked at again."""
        self.due = None
        if speaking:
            self._over_since = None
        elif self._over_since is None:
            self._over_since = now
        words = bool(heard.text) and not self._is_backchannel(heard)
        lasted = now - self.onset >= _CERTAIN_SECONDS
        if words and (lasted or (heard.sure and not speaking)):
            return Verdict.STOP
        held_until = self._held_at + self._hold_seconds
        early = not self.watching and now < held_until
        if not speaking and not early:
            return self._verdict_on_silence(unclear=not heard.text and not heard.sure, now=now)
        self.due = held_until if early else now + self._hold_seconds
        if lasted:
            return self._verdict_on_long(heard, words=words, now=now)
        if speaking and self._is_harmless(heard, early=early):
            self.watching = True
            self.due = now + self._hold_seconds * _WATCHED_LOOK
            return Verdict.GO_ON
        return Verdict.HOLD if self.watching else Verdict.WAIT

    def _is_backchannel(self, heard: Heard, *, so_far: bool = False) -> bool:
        asking = heard.asked.rstrip().endswith("?")  # then "yes" is an answer
        return is_backchannel(heard.text, self._language, asking=asking, so_far=so_far)

    def _is_harmless(self, heard: Heard, *, early: bool) -> bool:
        """Whether the first words of speech that goes on are no reason to stop; `early`: there will be another look."""
        murmur = bool(heard.text) and self._is_backchannel(heard, so_far=True)
        if early:
            self._seemed_harmless = murmur
            return murmur and heard.sure and self._is_backchannel(heard)
        if heard.text and heard.sure:
            return murmur
        if heard.hushed or murmur:
            return True
        return not heard.text and (heard.sure or (self._seemed_harmless and not self.watching))

    def _verdict_on_silence(self, *, unclear: bool, now: float) -> Verdict:
        """The speech is over, and no words stop the agent; `unclear`: of what was said nothing was understood."""
        over_since = self._over_since or now
        long = over_since - self.onset >= _CERTAIN_SECONDS
        if unclear and long and not self.watching and not is_due(over_since + _UNCLEAR_SECONDS, now):
            self.due = over_since + _UNCLEAR_SECONDS
            return Verdict.WAIT
        self.watching = False
        return Verdict.GO_ON

    def _verdict_on_long(self, heard: Heard, *, words: bool, now: float) -> Verdict:
        """Speech that is no backchannel for its length."""
        if self.keeps_words and (heard.text or not heard.sure):
            return Verdict.HOLD
        if not words and now - self._held_at >= self._settings.max_hold_ms / 1000:
            self.watching = self._noise = True
            self.due = now + self._settings.max_hold_ms / 1000  # every look costs a transcription
        return Verdict.GO_ON if self.watching else Verdict.WAIT

    def over(self) -> None:
        """There is no speech over the agent any more."""
        self.watching = False
        self.due = None
