"""Engines whose work the virtual clock sees: each call of one is declared with `VirtualTimeLoop.working`."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from ari_app.core.dialogue import Message, ToolSpec
from ari_app.engines.base import SPEECH_RATE, Conversation, Judge, Pcm16, Samples, Stt, Transcript, Tts
from ari_app.replay.clock import VirtualTimeLoop


class SeenStt:
    """Speech to text; `told` gets the length in seconds of what was transcribed, and the words."""

    def __init__(self, stt: Stt, loop: VirtualTimeLoop, told: Callable[[float, str], None]) -> None:
        self._stt = stt
        self._loop = loop
        self._told = told

    async def transcribe(self, samples: Samples, *, urgent: bool = True) -> Transcript:
        """As the engine does."""
        with self._loop.working():
            transcript = await self._stt.transcribe(samples, urgent=urgent)
        self._told(len(samples) / SPEECH_RATE, transcript.text)
        return transcript

    async def close(self) -> None:
        """Its owner closes the engine."""


class SeenJudge:
    """The acoustic judge of the end of a turn."""

    def __init__(self, judge: Judge, loop: VirtualTimeLoop) -> None:
        self._judge = judge
        self._loop = loop

    async def complete(self, samples: Samples) -> float:
        """As the engine does."""
        with self._loop.working():
            return await self._judge.complete(samples)

    async def close(self) -> None:
        """Its owner closes the engine."""


class SeenTts:
    """Text to speech."""

    def __init__(self, tts: Tts, loop: VirtualTimeLoop) -> None:
        self._tts = tts
        self._loop = loop

    async def stream(self, text: str, rate: int, *, within_seconds: float = 0.0) -> AsyncGenerator[Pcm16, None]:
        """As the engine does; it works only while somebody waits for the next piece."""
        async with aclosing(self._tts.stream(text, rate, within_seconds=within_seconds)) as pieces:
            while True:
                with self._loop.working():
                    pcm = await anext(pieces, None)
                if pcm is None:
                    return
                yield pcm

    async def speak(self, text: str, rate: int) -> Pcm16:
        """As the engine does."""
        with self._loop.working():
            return await self._tts.speak(text, rate)

    async def close(self) -> None:
        """Its owner closes the engine."""


class SeenConversation:
    """One call's sequence in the language model."""

    def __init__(self, conversation: Conversation, loop: VirtualTimeLoop) -> None:
        self._conversation = conversation
        self._loop = loop

    async def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """As the engine does; it works until its last piece is taken, whether or not somebody waits for the next."""
        with self._loop.working():
            async with aclosing(self._conversation.reply(messages, tools, max_tokens=max_tokens)) as pieces:
                async for piece in pieces:
                    yield piece

    async def read(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> None:
        """As the engine does."""
        with self._loop.working():
            await self._conversation.read(messages, tools)

    @property
    def cut(self) -> bool:
        """As the engine tells."""
        return self._conversation.cut

    async def close(self) -> None:
        """Free the sequence."""
        await self._conversation.close()
