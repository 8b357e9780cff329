"""What is certain of the words of a caller who still speaks, and how often they may be transcribed. Pure.

::

    1st partial   my name
    2nd partial   my name is Mary            → my name
    3rd partial   my name is Marie Kay       → my name is       ("Mary" is contradicted, "Kay" may be half a word)
    4th partial   my name is Mary King and   → my name is       ("Marie" again)
"""

_PAUSE_FACTOR = 3
"""The pause after a transcription is at least so many times what it took: a quarter of a core at most."""


class StablePrefix:
    """The words that the last two partial transcripts of one turn agree on."""

    def __init__(self) -> None:
        self._last: list[str] = []
        self._stable: list[str] = []

    def update(self, text: str) -> str:
        """Take the next partial transcript; returns the words that are certain, as they are spelt now.

        Case and punctuation do not matter, the last word never counts (it may be cut). What was certain stays so
        unless a partial says something else there.
        """
        words = text.split()
        agreed = words[: min(_common(self._last, words), max(len(words) - 1, 0))]
        same = _common(self._stable, words)
        contradicted = same < min(len(self._stable), len(words))
        kept = self._stable[:same] if contradicted else self._stable
        self._last = words
        self._stable = agreed if len(agreed) >= len(kept) else kept
        return " ".join(self._stable)


def next_partial_at(started_at: float, took: float, interval: float) -> float:
    """When the words may be transcribed again, after a transcription that began `started_at` and took so many seconds:
    `interval` after its beginning, or later when it was slow."""
    return started_at + max(interval, took * (1 + _PAUSE_FACTOR))


def _common(one: list[str], other: list[str]) -> int:
    """How many words at the beginning are the same."""
    count = 0
    for first, second in zip(one, other, strict=False):
        if _bare(first) != _bare(second):
            break
        count += 1
    return count


def _bare(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold()
