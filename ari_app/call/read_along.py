"""The model reads along while the caller speaks: most of the words are already in its memory when the turn ends.

One task of the call's session, whose work is bounded by core/partials.py: a constant share of a core, however long the
turn. And one after each turn: what was said is in the memory before the caller speaks again.
"""

import asyncio
import logging
from collections.abc import Sequence

from ari_app.call.hearing import Hearing
from ari_app.core.dialogue import Dialogue, ToolSpec
from ari_app.core.partials import next_partial_at
from ari_app.engines.base import Conversation
from ari_app.errors import EngineError

log = logging.getLogger(__name__)


class ReadAlong:
    """`begin` and `end` it with the caller's speech; `run` is its task."""

    def __init__(
        self,
        hearing: Hearing,
        conversation: Conversation,
        dialogue: Dialogue,
        tools: Sequence[ToolSpec],
        *,
        interval_seconds: float,
    ) -> None:
        self._hearing = hearing
        self._conversation = conversation
        self._dialogue = dialogue
        self._tools = tools
        self._interval_seconds = interval_seconds
        self._speaking = asyncio.Event()
        self._turn = 0

    def begin(self) -> None:
        """The caller speaks to us."""
        self._speaking.set()

    def end(self) -> None:
        """The caller does not speak, or not to us."""
        self._speaking.clear()

    def forget(self) -> None:
        """What comes next is another turn."""
        self._turn += 1

    async def settle(self) -> None:
        """Between two turns: have the history computed as it was heard, and moved when it has become too long."""
        try:
            await self._conversation.read(self._dialogue.messages(), self._tools)
        except EngineError as error:  # the next turn will tell, if it lasts
            log.warning("reading a turn that is over failed", extra={"error": str(error)})

    async def run(self) -> None:
        """Until cancelled."""
        now = asyncio.get_running_loop().time
        pause = self._interval_seconds
        while True:
            await self._speaking.wait()
            await asyncio.sleep(pause)
            pause = self._interval_seconds
            if self._speaking.is_set():
                began = now()
                await self._read()
                pause = next_partial_at(began, now() - began, self._interval_seconds) - now()

    async def _read(self) -> None:
        turn, known = self._turn, self._dialogue.messages()
        try:
            text = await self._hearing.words_so_far()
            if text and self._speaking.is_set() and turn == self._turn and known == self._dialogue.messages():
                await self._conversation.read(self._dialogue.with_caller(text), self._tools)
        except EngineError as error:  # the turn's end will tell, if it lasts
            log.warning("reading along failed", extra={"error": str(error)})
