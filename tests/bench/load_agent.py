"""``python -m tests.bench.load_agent CONFIG``: the agent of real shapes as the load benchmarks need it.

Frequent first clauses are kept as audio, which is right for a receptionist and wrong for a benchmark whose callers
share two dozen lines: here none is kept.

An agent whose prompt is `long_call(TOKENS)` finds so long a history in each of its calls, and in the model's memory: it
is computed once, before the agent is ready.
"""

import asyncio
import functools
import itertools
import re
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from ari_app import app, config, log
from ari_app.call import prompts
from ari_app.core.dialogue import Message, ToolSpec
from ari_app.engines.base import Conversation
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.loader import Engines
from ari_app.settings import AgentSettings, Settings
from tests.bench.real_shapes import engines
from tests.bench.real_shapes.script import Script, demo_script

LOAD_AGENT = ("tests.bench.load_agent",)
"""The program that an AgentProcess runs."""
OFFHOOK_QUIETLY = ("ari_app.cli", "run", "-c")
"""`offhook run` as it is run in earnest, without the debug log."""
ENDPOINT_MS = 400
SETTINGS = {"turn": {"judge": "silence", "endpoint_ms": ENDPOINT_MS}, "capacity": {"calls": 16}}
"""Of every agent under load. No call is refused: what is measured is what they all get."""
_LONG = re.compile(r"This call already has (\d+) tokens\.")


def long_call(tokens: int) -> str:
    """The prompt of an agent whose calls have a history of so many tokens from their beginning."""
    return f"{AgentSettings().prompt} This call already has {tokens} tokens."


class PreloadedLlm:
    """A language model that puts a history into long calls. One such call at a time finds it in the memory."""

    def __init__(self, llm: LlamaLlm, script: Script) -> None:
        self._llm = llm
        self._script = script
        self._histories: dict[int, list[Message]] = {}
        self._kept: dict[int, Conversation] = {}

    def conversation(self) -> "PreloadedConversation":
        """See Llm."""
        return PreloadedConversation(self, self._llm.conversation())

    def long_conversation(self, tokens: int, candidate: Conversation) -> Conversation:
        """The one that holds the history of `tokens`; `candidate` becomes it when there is none."""
        return self._kept.setdefault(tokens, candidate)

    def keeps(self, conversation: Conversation) -> bool:
        """Whether the next long call needs it."""
        return conversation in self._kept.values()

    def history(self, tokens: int) -> list[Message]:
        """Turns of the script, from a caller's to a caller's, that make about so many tokens."""
        if tokens not in self._histories:
            said = [
                (Message("user", self._script.lines[n].words), Message("assistant", r))
                for n, r in self._script.replies.items()
            ]
            once = [message for turn in said for message in turn]
            turns = round(tokens / len(self._llm.prompt(once, ()).tokens) * len(said))
            several = itertools.islice(itertools.cycle(said), turns)
            self._histories[tokens] = [message for turn in several for message in turn] + [said[0][0]]
        return self._histories[tokens]

    def __getattr__(self, name: str) -> object:
        return getattr(self._llm, name)


class PreloadedConversation:
    """A conversation that is long if its prompt says so."""

    def __init__(self, llm: PreloadedLlm, conversation: Conversation) -> None:
        self._llm = llm
        self._own = self._used = conversation

    def reply(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec] = (), **how: int
    ) -> AsyncGenerator[str, None]:
        """See Conversation."""
        messages = self._whole(messages)
        return self._used.reply(messages, tools, **how)

    async def read(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> None:
        """See Conversation."""
        messages = self._whole(messages)
        await self._used.read(messages, tools)

    async def close(self) -> None:
        """See Conversation."""
        if not self._llm.keeps(self._own):
            await self._own.close()

    def _whole(self, messages: Sequence[Message]) -> Sequence[Message]:
        found = _LONG.search(messages[0].content)
        if found is None:
            return messages
        tokens = int(found[1])
        self._used = self._llm.long_conversation(tokens, self._own)
        return [messages[0], *self._llm.history(tokens), *messages[1:]]

    def __getattr__(self, name: str) -> object:
        return getattr(self._used, name)


async def load(settings: Settings, progress: Callable[[str], None], script: Script) -> Engines:
    """The engines of real shapes, with long calls."""
    loaded = await engines.load(settings, progress, script)
    return Engines(loaded.vad, loaded.stt, PreloadedLlm(loaded.llm, script), loaded.tts)


def main(file: Path) -> None:
    """Run until SIGTERM."""
    log.setup("info", json=False)
    if not prompts._FREQUENT_CHARACTERS:
        raise RuntimeError("clauses are kept by another rule now: see call/prompts.py")
    prompts._FREQUENT_CHARACTERS = 0
    settings = config.load(file)
    loading = functools.partial(load, script=demo_script())
    asyncio.run(app.run(settings, lambda line: print(f"bench: {line}", file=sys.stderr, flush=True), load=loading))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
