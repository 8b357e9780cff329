"""Is the far end a machine? An announcement that goes round and round, a voicemail greeting, a queue. Pure.

Whoever talks to them talks to nobody, for as long as they like. Both ways of knowing ask for long turns: a person
who says "hello?" or "yes" again and again, or asks to leave a message, is a person.

The phrases are English; what is repeated is known in any language.
"""

import re
from collections import deque
from difflib import SequenceMatcher

_ANNOUNCEMENT_SECONDS = 2.5
"""Speech of a turn from which its phrases count, and its repetitions."""
_ANNOUNCEMENT_WORDS = 8
_LONG_SECONDS, _LONG_WORDS = 6.0, 15
"""An announcement this long need come only twice: nobody says so much twice in the same words."""
_CYCLE = 3
"""Turns that an announcement may be cut into by its pauses."""
_REPETITIONS = 3
_ALIKE = 0.75
"""Share of the words that must be the same: transcripts of the same audio differ a little."""

_CERTAIN = re.compile(
    r"""\b(?:
      (?:person|party|customer|subscriber|user|number|mailbox|extension)\s you(?:\sare|'re|\swere|\shave|'ve)?\s
        (?:calling|trying\sto|called|dialed|dialled|reached)\s (?:\w+\s){0,2}(?:is|has|does|cannot|can't)\b
    | you(?:\shave|'ve)\s reached\s the\s (?:voice|mail|answering)
    | (?:leave|record)\s (?:\w+\s){1,8}(?:after|at|following)\s the\s (?:tone|beep|signal)
    | (?:after|at|following)\s the\s (?:tone|beep|signal)\s please
    | please\s leave\s (?:us\s)?(?:your|a\s(?:brief|short|detailed))
    | (?:unable|not\sable|not\savailable|unavailable)\s to\s (?:take|answer)\s your\s call
    | can(?:not|'t|\snot)\s (?:take\syour\scall|come\sto\sthe\sphone)\s (?:right\snow|at)
    | mailbox\s (?:is\s(?:currently\s)?full|has\snot\sbeen\sset\sup)
    | your\s call\s (?:is\s(?:very\s)?important|will\sbe\s(?:answered|taken)|(?:cannot|can't)\sbe)
    | (?:agents|representatives|operators|associates)\s are\s (?:\w+\s){0,2}(?:busy|assisting|helping|engaged)
    | next\s available\s (?:agent|representative|operator|associate)
    | please\s (?:continue\sto\shold|hold\sthe\sline|(?:stay|remain)\son\sthe\sline)
    )\b""",
    re.VERBOSE,
)
"""What only machines say."""
_LIKELY = re.compile(
    r"""\b(?:
      leave\s(?:a|your)\s(?:message|name|number) | voice\s?mail | record\syour
    | is\s(?:currently\s|presently\s)?(?:not\savailable|unavailable) | (?:not|no\slonger)\sin\sservice
    | please\s(?:hold|wait) | (?:call|try)\s(?:your\scall\s)?(?:back\s|again\s)later
    | press\s(?:one|two|three|four|five|six|seven|eight|nine|zero|star|pound|hash|[0-9])
    | thank\syou\sfor\s(?:calling|holding|waiting|your\spatience)
    | (?:get\sback\sto\syou|return\syour\scall) | hang\sup | as\ssoon\sas\spossible
    )\b""",
    re.VERBOSE,
)
"""What people say too, but hardly three of them in one turn."""
_LIKELY_ENOUGH = 3


class Monologue:
    """The turns of one call's caller, one after the other."""

    def __init__(self) -> None:
        self._turns: deque[tuple[str, ...]] = deque(maxlen=_CYCLE * (_REPETITIONS - 1))

    def heard(self, text: str, seconds: float) -> bool:
        """Take the caller's next turn and how long they spoke; True when no person is there."""
        words = tuple(re.findall(r"[\w']+", text.casefold().replace("’", "'")))
        machine = seconds >= _ANNOUNCEMENT_SECONDS and (_phrased(words) or self._repeated(words, seconds))
        self._turns.appendleft(words)
        return machine

    def _repeated(self, words: tuple[str, ...], seconds: float) -> bool:
        """Whether this turn comes again at every so many turns, as an announcement's part does."""
        if len(words) < _ANNOUNCEMENT_WORDS:
            return False
        long = len(words) >= _LONG_WORDS and seconds >= _LONG_SECONDS
        times = 2 if long else _REPETITIONS
        return any(
            len(before := list(self._turns)[period - 1 :: period][: times - 1]) == times - 1
            and all(_alike(words, earlier) for earlier in before)
            for period in range(1, _CYCLE + 1)
        )


def _phrased(words: tuple[str, ...]) -> bool:
    text = " ".join(words)
    return bool(_CERTAIN.search(text)) or len(set(_LIKELY.findall(text))) >= _LIKELY_ENOUGH


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE
