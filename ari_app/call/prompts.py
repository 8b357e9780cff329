"""Text as audio, kept where it will be said again: greetings and apologies never wait for an engine, and frequent first
clauses ("Of course,") rarely do."""

from collections import OrderedDict

import numpy as np

from ari_app.core.speakable import speakable
from ari_app.engines.base import Pcm16, Tts

_MAX_SECONDS = 600.0
"""Bound of what is not prepared: ten minutes, about 19 MB at 16 kHz. Greetings from the dialplan can be many."""
_FREQUENT_CHARACTERS = 40
"""A reply's first clause that is no longer than this is likely to come again."""


class Prompts:
    """Audio by text, language and rate. What was prepared stays; of the rest, the least recently used goes first."""

    def __init__(self, tts: Tts) -> None:
        self._tts = tts
        self._prepared: dict[tuple[str, str, int], Pcm16] = {}
        self._kept: OrderedDict[tuple[str, str, int], Pcm16] = OrderedDict()
        self._seconds = 0.0

    async def prepare(self, text: str, language: str, rate: int) -> None:
        """Synthesize `text` now, unless another agent says the same, to have it for good. Raises EngineError."""
        key = (text, language, rate)
        if key not in self._prepared:
            self._prepared[key] = await self._tts.speak(speakable(text, language), rate)

    async def clause(self, text: str, language: str, rate: int, *, first: bool) -> Pcm16:
        """The audio of one clause of a reply, empty when there is nothing to say in it. Raises EngineError."""
        if first and len(text) <= _FREQUENT_CHARACTERS:
            return await self.get(text, language, rate)
        spoken = speakable(text, language)
        return await self._tts.speak(spoken, rate) if spoken else np.zeros(0, np.int16)

    async def get(self, text: str, language: str, rate: int) -> Pcm16:
        """The audio of `text` at `rate` Hz. Raises EngineError when it must be synthesized and cannot."""
        key = (text, language, rate)
        if key in self._prepared:
            return self._prepared[key]
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        pcm = await self._tts.speak(speakable(text, language), rate)
        if key not in self._kept:  # two calls may have asked at once
            self._kept[key] = pcm
            self._seconds += len(pcm) / rate
        while self._seconds > _MAX_SECONDS and len(self._kept) > 1:
            (_, _, old_rate), old = self._kept.popitem(last=False)
            self._seconds -= len(old) / old_rate
        return pcm
