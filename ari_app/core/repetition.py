"""Does a model's reply repeat itself without end? Small models fall into loops; the reply is then cut. Pure.

A loop is a run of words that comes again and again without anything between, or a whole sentence said three times.
What people do read out that way is spared: "no, no, no", digits and spelt letters, lists whose items differ.
"""

import re
from collections import Counter, deque

_LONGEST_LOOP = 40
"""Words of the longest run that is looked for."""
_REPETITIONS = {1: 8, 2: 5, 3: 4}
"""How often a run of so many words must stand in a row."""
_REPETITIONS_OF_LONGER = 3
_SENTENCES = 3
"""How often a sentence must be said, whatever stands between."""
_SENTENCE_WORDS = 4
"""Shorter ones may come often: "That is right."."""
_SPELT_WORDS = 60
"""Loops of digits and letters must be this long: no number is."""

_IDEOGRAPHS = "\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_IDEOGRAPHS}]|[^\W_{_IDEOGRAPHS}]+(?:['’][^\W_]+)*")
_PARTS = re.compile(rf"{_WORD.pattern}|[.!?…。！？\n]")
_SPELT = frozenset(
    {
        *("zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        *("double", "triple", "dash", "dot", "slash", "point", "comma", "space"),
    }
)


class RepetitionGuard:
    """One reply's guard: feed it the pieces of text as they come."""

    def __init__(self) -> None:
        self._open = ""  # the last word, which the next piece may continue; bounded by the reply (llm.max_reply_tokens)
        self._words: deque[str] = deque(maxlen=_LONGEST_LOOP * _REPETITIONS_OF_LONGER)
        self._sentence: list[str] = []
        self._sentences: Counter[tuple[str, ...]] = Counter()

    def feed(self, piece: str) -> bool:
        """Take the next piece; True once the reply is a loop."""
        text = self._open + piece.casefold()
        self._open = ""
        for part in _PARTS.finditer(text):
            if part.end() == len(text) and part[0][-1].isalnum():
                self._open = part[0]
            elif self._take(part[0]):
                return True
        return False

    def _take(self, part: str) -> bool:
        """A word, or the mark at the end of a sentence (or of an initial, as in "8 a.m.")."""
        if part[-1].isalnum():
            self._words.append(part)
            self._sentence.append(part)
            return self._loops()
        if part == "." and self._sentence and len(self._sentence[-1]) == 1:
            return False
        sentence, self._sentence = tuple(self._sentence), []
        if len(sentence) < _SENTENCE_WORDS or _is_spelt(sentence):
            return False
        self._sentences[sentence] += 1
        return self._sentences[sentence] >= _SENTENCES

    def _loops(self) -> bool:
        words = list(self._words)
        for length in range(1, _LONGEST_LOOP + 1):
            run = words[-length:]
            times = _REPETITIONS.get(length, _REPETITIONS_OF_LONGER)
            if _is_spelt(run):
                times = -(-_SPELT_WORDS // length)
            if words[-length * times :] == run * times:
                return True
        return False


def _is_spelt(words: tuple[str, ...] | list[str]) -> bool:
    return all(word in _SPELT or word.isdigit() or (len(word) == 1 and word < "\u3040") for word in words)
