"""The language model: llama.cpp with one context for all calls. Prompts and asyncio here, the work in llm_scheduler."""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import lru_cache

from ari_app.core.chunker import ClauseChunker
from ari_app.core.dialogue import Message, ToolSpec
from ari_app.engines.base import Urgency
from ari_app.engines.cores import available_cores, llm_threads
from ari_app.engines.llama import LlamaContext, LlamaModel
from ari_app.engines.llm_memory import Prompt, sequences_needed
from ari_app.engines.llm_scheduler import Job, Scheduler
from ari_app.engines.prompt import ChatTemplate
from ari_app.errors import EngineError, ModelError
from ari_app.settings import LlmSettings

AHEAD = 2
"""Pieces of a reply that are computed before they are wanted: while the voice makes a clause, it gets the cores."""
TOKENIZED = 2048
"""Texts whose tokens are remembered: some messages of every call; a few megabytes."""
REPLY_SHARE = 4
"""At most one part in so many of the conversation's room is kept free for a reply, however many tokens it may have."""
NEXT_TURN_SHARE = 8
"""What is read leaves so much room for what follows: old turns go before the next turn would have to wait for it."""


class LlamaLlm:
    """A model, its chat template, its context and the thread that computes."""

    def __init__(self, settings: LlmSettings, *, gpu: bool = False) -> None:
        """Load the model and run it once, so that the first call finds it warm. Raises ModelError."""
        self._settings = settings
        self._model = LlamaModel(settings.model, gpu=gpu)
        try:
            self._template = _template(self._model)
            threads = settings.threads or llm_threads(available_cores(), self._model.parameters)
            sequences = sequences_needed(self._model, settings.sequences)
            self._context = LlamaContext(self._model, settings.context_tokens, sequences, threads)
        except ModelError:
            self._model.close()
            raise
        self.scheduler = Scheduler(self._model, self._context, settings.sequences)
        self.conversation_tokens = min(settings.conversation_tokens, settings.context_tokens, self._model.train_context)
        """The longest that one conversation may be."""
        # A history is made into tokens for every prompt, and only its end is new.
        self._tokenize = lru_cache(TOKENIZED)(self._model.tokenize)
        self._conversations: set[LlamaConversation] = set()

    def conversation(self) -> "LlamaConversation":
        """A new conversation. Raises EngineError when all sequences are taken."""
        if len(self._conversations) >= self._settings.sequences:
            raise EngineError(
                f"llm: all {self._settings.sequences} sequences are taken", "raise llm.sequences to serve more calls"
            )
        conversation = LlamaConversation(self, self._settings.temperature)
        self._conversations.add(conversation)
        return conversation

    def forget(self, conversation: "LlamaConversation") -> None:
        """Free a conversation's sequence; idempotent."""
        if conversation in self._conversations:
            self._conversations.remove(conversation)
            self.scheduler.release(conversation)

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, unfinished: bool = False) -> Prompt:
        """The tokens that ask for the assistant's next message; with `unfinished`, those up to the last message's end,
        which may go on. Raises EngineError when the template refuses them."""
        tokens: list[int] = []
        shared = None
        pieces = self._template.pieces(messages, tools)
        if unfinished:
            while pieces and pieces[-1].role is None:
                pieces.pop()
        for piece in pieces:
            if shared is None and piece.role not in (None, "system"):
                shared = len(tokens)
            tokens += self._tokenize(piece.text, special=piece.role is None)
        if unfinished:
            del tokens[-1:]  # with more text behind it, the last word may become other tokens
        if self._model.wants_bos and tokens[:1] != [self._model.bos]:
            tokens.insert(0, self._model.bos)
        return Prompt(tokens, len(tokens) if shared is None else shared)

    async def close(self) -> None:
        """Stop what is being generated, end the thread and free the memory."""
        await asyncio.to_thread(self.scheduler.stop)
        self._context.close()
        self._model.close()


class LlamaConversation:
    """One call's sequence."""

    def __init__(self, llm: LlamaLlm, temperature: float) -> None:
        self._llm = llm
        self._temperature = temperature
        self._oldest = 0
        """Index of the first message that still fits; stays where it is for a while, so that the memory stays good."""
        self._job: Job | None = None
        self._closed = False

    @property
    def cut(self) -> bool:
        """Whether the last reply ended because it reached `max_tokens`."""
        return self._job is not None and self._job.cut

    async def read(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> None:
        """Compute what `messages` begin with, unless a reply is under way. Raises EngineError."""
        if self._job and self._job.max_tokens and not self._job.cancelled:
            return
        prompt = self._fit(messages, tools, self._llm.conversation_tokens, unfinished=True)
        async with aclosing(self._run(prompt, 0, Urgency.BACKGROUND)) as nothing:
            async for _ in nothing:
                pass

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """Stream the assistant's next message as pieces of text. Raises EngineError."""
        prompt = self._fit(messages, tools, max_tokens)
        most = min(max_tokens, self._llm.conversation_tokens - len(prompt.tokens))
        first = ClauseChunker()
        async with aclosing(self._run(prompt, most, Urgency.FIRST_CLAUSE)) as pieces:
            async for piece in pieces:
                if self._job and self._job.urgency is Urgency.FIRST_CLAUSE and first.feed(piece):
                    self._job.urgency = Urgency.REPLY  # this much can be said, and saying it takes a while
                yield piece

    async def _run(self, prompt: Prompt, max_tokens: int, urgency: Urgency) -> AsyncGenerator[str, None]:
        """Have one job done, instead of the one that may run."""
        if self._closed:
            raise EngineError("llm: the conversation is closed")
        if self._job:
            self._llm.scheduler.cancel(self._job)
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | EngineError | None] = asyncio.Queue()  # AHEAD and what is in the batch

        def emit(piece: str | EngineError | None) -> None:
            try:
                loop.call_soon_threadsafe(pieces.put_nowait, piece)
            except RuntimeError:  # the loop is closed: nobody waits any more
                job.cancelled = True

        job = self._job = Job(
            self, prompt, max_tokens, self._temperature, emit, lambda: pieces.qsize() >= AHEAD, urgency
        )
        self._llm.scheduler.submit(job)
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, EngineError):
                    raise piece
                self._llm.scheduler.wake()
                yield piece
        finally:
            self._llm.scheduler.cancel(job)

    async def close(self) -> None:
        """Stop a reply that still runs and free the sequence; idempotent."""
        self._closed = True
        if self._job:
            self._llm.scheduler.cancel(self._job)
        self._llm.forget(self)

    def _fit(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], max_tokens: int, *, unfinished: bool = False
    ) -> Prompt:
        """The prompt, without the oldest turns if it would be too long.

        What comes before the caller's first words (system message, greeting) always stays. When turns have to go, as
        many go as leave half of the room free: every cut moves the rest, which is then computed again.
        """
        tokens = self._llm.conversation_tokens
        room = tokens - min(max_tokens, tokens // REPLY_SHARE)
        turns = [index for index, message in enumerate(messages) if message.role == "user"] or [len(messages)]
        head = messages[: turns[0]]

        def since(start: int) -> Prompt:
            return self._llm.prompt([*head, *messages[start:]], tools, unfinished=unfinished)

        start = max((index for index in turns if index <= self._oldest), default=turns[0])
        prompt = since(start)
        later = [index for index in turns if index > start]
        if later and len(prompt.tokens) > room - unfinished * (tokens // NEXT_TURN_SHARE):
            fits = bisect_left(later, True, key=lambda index: len(since(index).tokens) <= room // 2)
            start = later[min(fits, len(later) - 1)]
            prompt = since(start)
        if len(prompt.tokens) > room:
            raise EngineError(
                f"llm: the prompt has {len(prompt.tokens)} tokens, but there is only room for {room}",
                "shorten the agent's prompt, raise llm.conversation_tokens, or take a model with a longer context",
            )
        self._oldest = start
        return prompt


def _template(model: LlamaModel) -> ChatTemplate:
    if not model.chat_template:
        raise ModelError(f"LLM model {model.path} has no chat template", "take a chat or instruct model")
    try:
        return ChatTemplate(model.chat_template, model.text_of(model.bos), model.text_of(model.eos))
    except ModelError as error:
        raise ModelError(f"LLM model {model.path}: {error.message}", error.remedy) from error
