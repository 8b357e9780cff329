"""llm: what a call costs the others in the language model, and what its batches gain; at real shapes, without a phone.

Callers who take turns find their histories in the memory: the first token comes as soon as for one caller alone. Eight
replies at once share every step; llama.cpp's own benchmark, as Debian builds it, tells what that gains at best on this
processor. Its build is another: the shares are compared, not only the rates.
"""

import asyncio
import queue
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ari_app.core.dialogue import Dialogue
from ari_app.engines.cores import available_cores
from ari_app.engines.llama import LlamaContext, Outcome, Part
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.llm_memory import Prompt
from ari_app.engines.llm_scheduler import Job, Scheduler
from ari_app.settings import AgentSettings, LlmSettings
from tests.bench.figures import Figure, percentiles
from tests.bench.llama_cpp import batched_bench
from tests.bench.real_shapes.engines import ScriptedLlm
from tests.bench.real_shapes.models import LLM, find_or_make
from tests.bench.real_shapes.script import Script, demo_script

CALLERS, TURNS = 8, 6
SAID_TOKENS = 24
"""Of each reply, which is enough for a history of usual length."""
PROMPT_TOKENS, REPLY_TOKENS = 128, 32
ROUNDS = 3


def run() -> list[Figure]:
    """First tokens in turn and alone, then rates of one and of eight replies, ours and llama.cpp's own in turn."""
    settings = LlmSettings(model=find_or_make() / LLM, threads=available_cores())
    return [*asyncio.run(_first_tokens(settings)), *_rates(settings)]


async def _first_tokens(settings: LlmSettings) -> list[Figure]:
    script = demo_script()
    alone = [ms for caller in range(CALLERS) for ms in await _take_turns(settings, script, [caller])]
    in_turn = await _take_turns(settings, script, range(CALLERS))
    return [
        Figure("llm.alternating_ratio", float(np.median(in_turn) / np.median(alone)), "", len(in_turn), "≤ 1.1"),
        *percentiles("llm.first_token.alone", alone),
        *percentiles("llm.first_token.in_turn", in_turn),
    ]


async def _take_turns(settings: LlmSettings, script: Script, callers: Sequence[int]) -> list[float]:
    """Milliseconds to the first token of every turn but the first, in which there is no history yet."""
    llm = ScriptedLlm(settings, script)
    agent = AgentSettings()
    said = [line.words for line in script.lines.values()]
    conversations = {caller: (llm.conversation(), Dialogue(agent.prompt)) for caller in callers}
    first_ms = []
    for turn in range(TURNS):
        for caller, (conversation, dialogue) in conversations.items():
            if not turn:
                dialogue.agent_said(agent.greeting)
            dialogue.caller_said(said[(caller * 2 + turn) % len(said)])
            asked, reply = time.perf_counter(), ""
            async for piece in conversation.reply(dialogue.messages(), max_tokens=SAID_TOKENS):
                if not reply and turn:
                    first_ms.append((time.perf_counter() - asked) * 1000)
                reply += piece
            dialogue.agent_said(reply)
    await llm.close()
    return first_ms


class _TimedContext:
    """A context that knows how long it computed."""

    def __init__(self, context: LlamaContext) -> None:
        self._context = context
        self.seconds, self.steps = 0.0, 0

    def decode(self, parts: Sequence[Part]) -> Outcome:
        began = time.perf_counter()
        outcome = self._context.decode(parts)
        self.seconds += time.perf_counter() - began
        self.steps += 1
        return outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class _TimedLlm(LlamaLlm):
    def __init__(self, settings: LlmSettings) -> None:
        super().__init__(settings)
        self.scheduler.stop()
        context: Any = _TimedContext(self._context)
        self.timed = self._context = context
        self.scheduler = Scheduler(self._model, context, settings.sequences)


def _rates(settings: LlmSettings) -> list[Figure]:
    llm = _TimedLlm(settings)
    ours: dict[int, list[float]] = {1: [], CALLERS: []}
    theirs: dict[int, list[float]] = {1: [], CALLERS: []}
    overhead_ms = []
    for _ in range(ROUNDS):
        for sequences in ours:
            rate, overhead = _decode(llm, sequences)
            ours[sequences].append(rate)
            if sequences == CALLERS:
                overhead_ms.append(overhead * 1000)
        debian = batched_bench(settings.model, tuple(theirs), PROMPT_TOKENS, REPLY_TOKENS, settings.threads)
        for sequences, rate in debian.items():
            theirs[sequences].append(rate)
    asyncio.run(llm.close())
    one, eight = (float(np.median(ours[sequences])) for sequences in ours)
    debian_one, debian_eight = (float(np.median(theirs[sequences])) for sequences in theirs)
    return [
        Figure("llm.batch8_ratio", eight / one, "", ROUNDS, "≥ 2.5"),
        Figure("llm.batch8_ratio.llama_cpp", debian_eight / debian_one, "", ROUNDS),
        Figure("llm.batch8_of_llama_cpp", eight / debian_eight, "", ROUNDS, "≥ 0.9"),
        Figure("llm.rate.1", one, "tokens/s", ROUNDS),
        Figure("llm.rate.8", eight, "tokens/s", ROUNDS),
        Figure("llm.rate.1.llama_cpp", debian_one, "tokens/s", ROUNDS),
        Figure("llm.rate.8.llama_cpp", debian_eight, "tokens/s", ROUNDS),
        Figure("llm.step_overhead_ms", float(np.median(overhead_ms)), "ms", ROUNDS),
    ]


def _decode(llm: _TimedLlm, sequences: int) -> tuple[float, float]:
    """Tokens a second of so many replies at once, their prompts in the memory; seconds a step beside computing."""
    prompts = [Prompt([1000 + 200 * one + at for at in range(PROMPT_TOKENS)], 0) for one in range(sequences)]
    owners = [object() for _ in prompts]
    _all_done(llm, owners, prompts, 0)
    tokens, steps, computed = llm.scheduler.stats.reply_tokens, llm.timed.steps, llm.timed.seconds
    began = time.perf_counter()
    _all_done(llm, owners, prompts, REPLY_TOKENS)
    seconds = time.perf_counter() - began
    for owner in owners:
        llm.scheduler.release(owner)
    beside = seconds - (llm.timed.seconds - computed)
    return (llm.scheduler.stats.reply_tokens - tokens) / seconds, beside / (llm.timed.steps - steps)


def _all_done(llm: _TimedLlm, owners: Sequence[object], prompts: Sequence[Prompt], max_tokens: int) -> None:
    ended: queue.SimpleQueue[object] = queue.SimpleQueue()  # a None or an error from each

    def emit(piece: object) -> None:
        if not isinstance(piece, str):
            ended.put(piece)

    for owner, prompt in zip(owners, prompts, strict=True):
        llm.scheduler.submit(Job(owner, prompt, max_tokens, 0.0, emit))
    for _ in owners:
        if (error := ended.get(timeout=300)) is not None:
            raise RuntimeError(str(error))
