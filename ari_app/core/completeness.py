"""Does what a caller has said so far sound finished, or does it trail off? Pure.

::

    "tomorrow at nine"                   COMPLETE
    "i'd like to book an appointment"    UNCLEAR    finished, but callers go on from there: "… for Tuesday"
    "i'd like to"                        OPEN       something has to follow
    "my number is five five five"        OPEN       numbers come in groups

Whisper puts a full stop behind everything, so a full stop proves nothing. COMPLETE shortens the silence that ends the
turn, and being cut off is worse than waiting: what is not plainly finished is UNCLEAR. Answers and questions give the
turn away, requests mostly do; a plain statement may be the first sentence of a story. Only English grammar is known;
in other languages punctuation and digits tell.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto

from ari_app.core.english import is_english
from ari_app.core.said_digits import goes_on_to_year, number_ended, said_digits
from ari_app.core.said_sentence import is_greeting, is_time, sentence_ended


class Ending(Enum):
    """How an utterance ends."""

    COMPLETE = auto()
    OPEN = auto()
    UNCLEAR = auto()


_TRAILING = re.compile(r"(?:\.\.|…|[-–—,:;])$")
_NUMBER_WANTED = re.compile(r"\b(?:number|digits?|code|pin|birth|born|extension|account|zip)\b")
_AMOUNT_ASKED = re.compile(r"\b(?:time|when|hour|how (?:many|much|long|old)|which day|what day)\b")


def ending(text: str, asked: str = "", language: str = "en") -> Ending:
    """How `text`, a transcript so far, ends. `asked` is what the agent said last, in the same `language`."""
    text, asked = (part.strip().lower().replace("’", "'") for part in (text, asked))
    words = _split(text)
    if _TRAILING.search(text):
        return Ending.OPEN
    if not words:
        return Ending.UNCLEAR
    asks = text.endswith("?")
    english = is_english(language)
    if english and asks and is_greeting(words):
        return Ending.COMPLETE  # "hello?" wants to know whether somebody is there
    if _in_figures(words, asked):
        ended = _figures_ended(words, asked)
    else:
        ended = sentence_ended(words, asked) if english else None
        ended = True if ended is None and asks else ended
    return Ending.UNCLEAR if ended is None else Ending.COMPLETE if ended else Ending.OPEN


def _split(text: str) -> list[str]:
    text = re.sub(r"\b([ap])\.\s?m\b\.?", r"\1m", text)  # 9 a.m.
    return re.findall(r"\d+(?:[:./]\d+)*|[^\W\d_]+(?:'[^\W\d_]+)*", text)


def _in_figures(words: list[str], asked: str) -> bool:
    """Whether the utterance ends in digits or letters of which more may come; not in a time or an amount."""
    if _spelt(words, asked):
        return True
    digits, context = said_digits(words), f"{asked} {' '.join(words)}"
    if is_time(words) or not (digits or goes_on_to_year(words, context)):
        return False
    if _NUMBER_WANTED.search(context):
        return True
    return len(digits) >= 3 and not _AMOUNT_ASKED.search(asked) and not words[-1].endswith("ty")  # nine thirty


def _figures_ended(words: list[str], asked: str) -> bool | None:
    if spelt := _spelt(words, asked):
        return len(spelt) > 1 and spelt in words  # "king k i n g"
    return number_ended(words, f"{asked} {' '.join(words)}")


def _spelt(words: Sequence[str], asked: str) -> str:
    """The letters that end the utterance, at least two, or one where the agent asked for spelling."""
    letters = ""
    for word in reversed(words):
        if len(word) != 1 or not word.isalpha():
            break
        letters = word + letters
    if letters in ("am", "pm") or (len(letters) == 1 and "spell" not in asked):
        return ""
    return letters
