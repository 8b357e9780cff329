"""From history to voice: model → tool calls → clauses → speakable text → audio → playout, for one generation.

Runs as one task of the call's session, which cancels it when the caller interrupts. Whether what comes out is heard at
once or held (a draft) is the playout's and the session's business.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from ari_app.call.playout import Playout
from ari_app.call.prompts import Prompts
from ari_app.core.chunker import ClauseChunker
from ari_app.core.dialogue import Message, ToolSpec
from ari_app.core.events import ToolCalled
from ari_app.core.repetition import RepetitionGuard
from ari_app.core.toolcalls import BadToolCall, ToolCall, ToolCallParser
from ari_app.engines.base import Conversation
from ari_app.errors import EngineError

log = logging.getLogger(__name__)

_SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")


@dataclass(slots=True)
class _Writing:
    """One reply while it is being written."""

    generation: int
    parser: ToolCallParser = field(default_factory=ToolCallParser)
    chunker: ClauseChunker = field(default_factory=ClauseChunker)
    guard: RepetitionGuard = field(default_factory=RepetitionGuard)
    said: list[str] = field(default_factory=list)
    """The text so far, in pieces."""
    clauses: int = 0
    tools: int = 0


class Replier:
    """What a reply needs, the same for all of a call's generations."""

    def __init__(
        self,
        conversation: Conversation,
        prompts: Prompts,
        playout: Playout,
        *,
        tools: Sequence[ToolSpec],
        rate: int,
        language: str,
        max_tokens: int,
        patience_seconds: float,
        emit: Callable[[ToolCalled], None],
        stamp: Callable[[str], None],
        count: Callable[[str], None],
    ) -> None:
        self._conversation = conversation
        self._prompts = prompts
        self._playout = playout
        self._tools = tools
        self._rate = rate
        self._language = language
        self._max_tokens = max_tokens
        self._patience_seconds = patience_seconds
        self._emit = emit
        self._stamp = stamp
        self._count = count

    async def reply(self, generation: int, messages: Sequence[Message]) -> str:
        """Generate and speak one reply; returns the whole text. Raises EngineError, also when it comes to a halt."""
        writing = _Writing(generation)
        try:
            async with asyncio.timeout(None) as patience:  # for the beginning, the turn machine has its own
                await self._write(writing, messages, patience)
        except TimeoutError:
            raise EngineError(f"the reply came to a halt for {self._patience_seconds:g} s") from None
        if not writing.clauses and not writing.tools:
            self._odd("replies_empty", generation)
        self._playout.finish(generation)
        return "".join(writing.said).strip()

    async def _write(self, writing: _Writing, messages: Sequence[Message], patience: asyncio.Timeout) -> None:
        now = asyncio.get_running_loop().time
        pieces = self._conversation.reply(messages, self._tools, max_tokens=self._max_tokens)
        async with aclosing(pieces):
            async for piece in pieces:
                patience.reschedule(now() + self._patience_seconds)
                self._stamp("first_token")
                for part in writing.parser.feed(piece):
                    await self._take(writing, part)
                if writing.guard.feed(piece):
                    self._odd("replies_repeating", writing.generation)
                    return
        for part in writing.parser.end():
            await self._take(writing, part)
        rest = writing.chunker.end()
        if self._conversation.cut:
            self._odd("replies_cut", writing.generation)
            if writing.clauses and rest and not rest[-1].endswith(_SENTENCE_ENDS):
                rest.pop()  # half a sentence is worse than none
        for clause in rest:
            await self._speak(writing, clause)

    async def _take(self, writing: _Writing, part: str | ToolCall | BadToolCall) -> None:
        if isinstance(part, str):
            writing.said.append(part)
            clauses = writing.chunker.feed(part)
        else:
            writing.tools += 1
            clauses = writing.chunker.end()
        for clause in clauses:
            await self._speak(writing, clause)
        if isinstance(part, ToolCall):
            self._emit(ToolCalled(writing.generation, part.name, part.arguments))
        elif isinstance(part, BadToolCall):
            log.warning("the model wrote a tool call that cannot be read", extra={"reason": part.reason})

    async def _speak(self, writing: _Writing, clause: str) -> None:
        self._stamp("first_clause")
        pieces = self._prompts.clause(
            clause,
            self._language,
            self._rate,
            first=not writing.clauses,
            within_seconds=self._playout.left_seconds(),
        )
        begun = False
        async with aclosing(pieces):
            async for pcm in pieces:
                if begun:
                    self._playout.go_on(writing.generation, pcm)
                    continue
                begun = True
                writing.clauses += 1
                self._stamp("first_audio")
                self._playout.play(writing.generation, clause, pcm, more=True)
        if begun:
            self._playout.end_clause(writing.generation)

    def _odd(self, what: str, generation: int) -> None:
        """A reply is not as it should be; the caller gets what there is."""
        self._count(what)
        log.warning("a reply of the model is odd", extra={"what": what, "generation": generation})
