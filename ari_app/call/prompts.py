"""Text as audio, kept where it will be said again: greetings and apologies never wait for an engine, and frequent first
clauses ("Of course,") rarely do."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np

from ari_app.core.speakable import speakable
from ari_app.engines.base import Pcm16, Tts

_MAX_MB = 20
"""Bound of what is not prepared: ten minutes at 16 kHz. Greetings from the dialplan can be many."""
_FREQUENT_CHARACTERS = 40
"""A reply's first clause that is no longer than this is likely to come again."""

_Key = tuple[str, str, int]


class Prompts:
    """Audio by text, language and rate. What was prepared stays; of the rest, the least recently used goes first."""

    def __init__(self, tts: Tts) -> None:
        self._tts = tts
        self._prepared: dict[_Key, Pcm16] = {}
        self._kept: OrderedDict[_Key, Pcm16] = OrderedDict()
        self._kept_bytes = 0

    async def prepare(self, text: str, language: str, rate: int) -> None:
        """Synthesize `text` now, unless another agent says the same, to have it for good. Raises EngineError."""
        key = (text, language, rate)
        if key not in self._prepared:
            self._prepared[key] = await self._tts.speak(speakable(text, language), rate)

    async def clause(
        self, text: str, language: str, rate: int, *, first: bool, within_seconds: float
    ) -> AsyncGenerator[Pcm16, None]:
        """The audio of one clause of a reply in pieces, as it comes; none when there is nothing to say in it.

        It is needed `within_seconds`; a reply's `first` may be a frequent one. Raises EngineError, also between pieces.
        """
        key = (text, language, rate)
        frequent = first and len(text) <= _FREQUENT_CHARACTERS
        spoken = speakable(text, language)
        if frequent and (pcm := self._find(key)) is not None:
            if len(pcm):
                yield pcm
        elif spoken:
            pieces = []
            async with aclosing(self._tts.stream(spoken, rate, within_seconds=within_seconds)) as stream:
                async for piece in stream:
                    pieces.append(piece)
                    yield piece
            if frequent and pieces:
                self._keep(key, np.concatenate(pieces))

    async def get(self, text: str, language: str, rate: int) -> Pcm16:
        """The audio of `text` at `rate` Hz. Raises EngineError when it must be synthesized and cannot."""
        key = (text, language, rate)
        pcm = self._find(key)
        if pcm is None:
            pcm = await self._tts.speak(speakable(text, language), rate)
            self._keep(key, pcm)
        return pcm

    def _find(self, key: _Key) -> Pcm16 | None:
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._prepared.get(key, self._kept.get(key))

    def _keep(self, key: _Key, pcm: Pcm16) -> None:
        if key in self._kept:  # two calls may have asked at once
            return
        self._kept[key] = pcm
        self._kept_bytes += pcm.nbytes
        while self._kept_bytes > _MAX_MB * 1_000_000 and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._kept_bytes -= old.nbytes
