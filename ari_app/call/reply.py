"""From history to voice: model → tool calls → clauses → speakable text → audio → playout, for one generation.

Runs as one task of the call's session, which cancels it when the caller interrupts.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing

from ari_app.call.playout import Playout
from ari_app.core.chunker import ClauseChunker
from ari_app.core.dialogue import Message, ToolSpec
from ari_app.core.events import ToolCalled
from ari_app.core.speakable import speakable
from ari_app.core.toolcalls import BadToolCall, ToolCall, ToolCallParser
from ari_app.engines.base import Conversation, Tts
from ari_app.errors import EngineError

log = logging.getLogger(__name__)


class Replier:
    """What a reply needs, the same for all of a call's generations."""

    def __init__(
        self,
        conversation: Conversation,
        tts: Tts,
        playout: Playout,
        *,
        tools: Sequence[ToolSpec],
        rate: int,
        language: str,
        max_tokens: int,
        patience_seconds: float,
        emit: Callable[[ToolCalled], None],
        stamp: Callable[[str], None],
    ) -> None:
        self._conversation = conversation
        self._tts = tts
        self._playout = playout
        self._tools = tools
        self._rate = rate
        self._language = language
        self._max_tokens = max_tokens
        self._patience_seconds = patience_seconds
        self._emit = emit
        self._stamp = stamp

    async def reply(self, generation: int, messages: Sequence[Message]) -> str:
        """Generate and speak one reply; returns the whole text. Raises EngineError, also when it comes to a halt."""
        try:
            async with asyncio.timeout(None) as patience:  # for the beginning, the turn machine has its own
                return await self._reply(generation, messages, patience)
        except TimeoutError:
            raise EngineError(f"the reply came to a halt for {self._patience_seconds:g} s") from None

    async def _reply(self, generation: int, messages: Sequence[Message], patience: asyncio.Timeout) -> str:
        now = asyncio.get_running_loop().time
        parser, chunker, said = ToolCallParser(), ClauseChunker(), []

        async def take(part: str | ToolCall | BadToolCall) -> None:
            if isinstance(part, str):
                said.append(part)
                clauses = chunker.feed(part)
            else:
                clauses = chunker.end()
            for clause in clauses:
                await self._speak(generation, clause)
            if isinstance(part, ToolCall):
                self._emit(ToolCalled(generation, part.name, part.arguments))
            elif isinstance(part, BadToolCall):
                log.warning("the model wrote a tool call that cannot be read", extra={"reason": part.reason})

        pieces = self._conversation.reply(messages, self._tools, max_tokens=self._max_tokens)
        async with aclosing(pieces):
            async for piece in pieces:
                patience.reschedule(now() + self._patience_seconds)
                self._stamp("first_token")
                for part in parser.feed(piece):
                    await take(part)
        for part in parser.end():
            await take(part)
        for clause in chunker.end():
            await self._speak(generation, clause)
        self._playout.finish(generation)
        return "".join(said).strip()

    async def _speak(self, generation: int, clause: str) -> None:
        self._stamp("first_clause")
        text = speakable(clause, self._language)
        if not text:
            return
        pcm = await self._tts.speak(text, self._rate)
        self._stamp("first_audio")
        self._playout.play(generation, clause, pcm)
