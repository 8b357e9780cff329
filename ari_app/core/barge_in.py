"""When speech over the agent is an interruption. Pure.

::

    agent   ████████████████████████░  (silenced)
    caller            ▁▁▇▇▇▇▇▇▇▇▇▇▇▇▇▇
                        ^onset    ^onset + min_speech_ms: the caller means it
"""

from ari_app.settings import BargeInSettings


class BargeIn:
    """The policy: speech of a minimum length interrupts."""

    def __init__(self, settings: BargeInSettings) -> None:
        self._enabled = settings.enabled
        self._min_speech = settings.min_speech_ms / 1000

    def deadline(self, onset: float) -> float | None:
        """When speech that began at `onset` and goes on becomes an interruption; None: never."""
        return onset + self._min_speech if self._enabled else None

    def interrupts(self, onset: float, end: float) -> bool:
        """Whether speech that lasted from `onset` to `end` was an interruption."""
        return self._enabled and end - onset >= self._min_speech
