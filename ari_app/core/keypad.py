"""What the caller types: keys are collected until ``#`` or a pause. Pure."""

from ari_app.core.speakable import speakable

_MOST_KEYS = 64
"""Longer than any number that is dialled or typed; the prompt holds what is typed."""


class Keypad:
    """One entry at a time."""

    def __init__(self, gap_seconds: float) -> None:
        self._gap_seconds = gap_seconds
        self._keys = ""
        self.due: float | None = None
        """When the entry ends by itself; None while nothing is being typed."""

    def press(self, key: str, now: float) -> bool:
        """Take a key; returns whether it ends the entry."""
        if key == "#":
            return True
        self._keys += key
        self.due = now + self._gap_seconds
        return len(self._keys) == _MOST_KEYS

    def wait(self) -> None:
        """The entry is over, but nobody can take it yet."""
        self.due = None

    @property
    def waits(self) -> bool:
        """Whether an entry that is over was not taken."""
        return bool(self._keys) and self.due is None

    def take(self) -> str:
        """The keys of the entry, which begins anew; empty when it was a mere ``#``."""
        keys, self._keys, self.due = self._keys, "", None
        return keys


def in_words(keys: str, language: str) -> str:
    """Keys as a caller would say them: models know spoken numbers better than keys."""
    return speakable(" ".join(keys).replace("*", "star"), language)
