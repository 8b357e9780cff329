"""One turn with the loaded engines and nobody on the line, to know what it costs this box."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import numpy as np

from ari_app.call.tools import tool_specs
from ari_app.capacity.estimate import TurnCosts, Work
from ari_app.core.dialogue import Dialogue
from ari_app.engines.base import SPEECH_RATE, Llm, Samples, Stt, Tts
from ari_app.settings import AgentSettings

T = TypeVar("T")

WORDS = "Hello, what are your opening hours?"
CLAUSE = "We are open Monday to Friday from eight to six."
TRANSCRIPT_SECONDS = 3
REPLY_TOKENS = 24
"""A reply of two short sentences; one that ends earlier is taken as if it had gone on so long."""
TIMES, ENOUGH_SECONDS = 3, 2.0
"""The quickest of so many counts, unless that would keep the start waiting: at start-up other things run too."""


async def rehearse(stt: Stt, llm: Llm, tts: Tts, agent: AgentSettings) -> TurnCosts:
    """What a turn of `agent` costs, whose prompt is already computed. Raises EngineError."""
    words = await tts.speak(WORDS, SPEECH_RATE)
    samples = np.zeros(TRANSCRIPT_SECONDS * SPEECH_RATE, np.float32)
    samples[: len(words)] = words[: len(samples)].astype(np.float32) / 32768
    began, best = time.monotonic(), None
    for _ in range(TIMES):
        costs = await _once(stt, llm, tts, agent, samples)
        if best is None or _seconds(costs) < _seconds(best):
            best = costs
        if time.monotonic() - began > ENOUGH_SECONDS:
            break
    return best or costs


async def _once(stt: Stt, llm: Llm, tts: Tts, agent: AgentSettings, samples: Samples) -> TurnCosts:
    transcript, _ = await _timed(lambda: stt.transcribe(samples))
    reply, share = await _timed(lambda: _reply(llm, agent))
    clause, _ = await _timed(lambda: tts.speak(CLAUSE, SPEECH_RATE))
    return TurnCosts(transcript, Work(reply.seconds / share, reply.core_seconds / share), clause)


async def _reply(llm: Llm, agent: AgentSettings) -> float:
    """Have one made; which share of a whole one it was, by its tokens."""
    dialogue = Dialogue(agent.prompt)
    dialogue.agent_said(agent.greeting)
    dialogue.caller_said(WORDS)
    conversation = llm.conversation()
    try:
        pieces = conversation.reply(dialogue.messages(), tool_specs(agent), max_tokens=REPLY_TOKENS)
        count = len([piece async for piece in pieces])
    finally:
        await conversation.close()
    return max(1, count) / REPLY_TOKENS


async def _timed(work: Callable[[], Awaitable[T]]) -> tuple[Work, T]:
    began, cpu = time.monotonic(), time.process_time()
    result = await work()
    return Work(time.monotonic() - began, time.process_time() - cpu), result


def _seconds(costs: TurnCosts) -> float:
    return costs.transcript.seconds + costs.reply.seconds + costs.clause.seconds
