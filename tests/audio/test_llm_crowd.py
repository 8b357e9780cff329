"""The language model with a crowd: calls that come, speak, interrupt and hang up in any order, and what each hears."""

import asyncio
import random
from contextlib import aclosing

import pytest

from ari_app.core.dialogue import Message
from ari_app.engines.llm import LlamaLlm
from ari_app.errors import EngineError
from ari_app.settings import LlmSettings
from tests.audio.test_llm import BOOKING, DIRECTIONS, GREETING, SYSTEM, Caller

SCRIPTS = (BOOKING, DIRECTIONS, DIRECTIONS[::-1], BOOKING[2:], ("do you take insurance", "are you open on saturday"))
AGENTS = tuple(
    Message("system", f"{SYSTEM.content} This is the {city} branch of the clinic.")
    for city in ("northern", "southern", "western")
)


class Unsteady:
    """A caller who reads along, interrupts and hangs up at random, and keeps what was said whole."""

    def __init__(self, llm, script, chance):
        self._llm = llm
        self._script = script
        self._chance = chance
        self.replies = {}
        self.errors = []

    async def call(self):
        caller = Caller(self._llm)
        try:
            for words in self._script:
                await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.01)))
                if self._chance.random() < 0.05:
                    return
                await self._turn(caller, words)
        finally:
            await caller.conversation.close()

    async def _turn(self, caller, words):
        drafts = self._chance.randrange(3)
        for _ in range(drafts):
            some = " ".join(words.split()[: self._chance.randrange(1, 5)])
            await self._try(self._cancelled(caller, [*caller.messages, Message("user", some)]))
        await self._try(self._said(caller, words))

    async def _cancelled(self, caller, messages):
        if self._chance.random() < 0.5:
            work = asyncio.create_task(caller.conversation.read(messages))
            await asyncio.sleep(self._chance.choice((0, 0.001, 0.005)))
            work.cancel()
            await asyncio.wait([work])
            return
        async with aclosing(caller.conversation.reply(messages, max_tokens=100)) as pieces:
            await anext(pieces)

    async def _said(self, caller, words):
        asked = (*(m.content for m in caller.messages[1:]), words)
        self.replies[asked] = await caller.says(words)

    async def _try(self, work):
        try:
            await work
        except EngineError as error:
            self.errors.append(str(error))


async def crowd(llm, seed, size=12):
    chance = random.Random(seed)
    callers = [Unsteady(llm, chance.choice(SCRIPTS), random.Random(chance.random())) for _ in range(size)]
    async with asyncio.timeout(120):
        await asyncio.gather(*(caller.call() for caller in callers))
    return callers


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_others_do_everyone_is_answered_as_if_alone(seed, llm):
    callers = await crowd(llm, seed)
    assert [error for caller in callers for error in caller.errors] == []
    said = {asked: reply for caller in callers for asked, reply in caller.replies.items()}
    assert len(said) > 5
    for asked, reply in said.items():
        alone = Caller(llm)
        alone.messages = [SYSTEM, GREETING]
        alone.messages += [
            Message("assistant" if index % 2 else "user", text) for index, text in enumerate(asked[1:-1])
        ]
        assert await alone.says(asked[-1]) == reply, asked
        await alone.conversation.close()


@pytest.mark.parametrize("seed", range(3))
async def test_a_crowd_in_too_little_memory_hears_of_it_or_is_answered(seed):
    llm = LlamaLlm(LlmSettings(context_tokens=512, sequences=12))
    try:
        callers = await crowd(llm, seed)
        for error in (error for caller in callers for error in caller.errors):
            assert "the context is full" in error
        assert sum(len(caller.replies) for caller in callers) > 5
        assert "Harbor Street" in await Caller(llm).says("where are you located")
    finally:
        await llm.close()


async def test_three_agents_with_sixteen_calls_compute_three_system_prompts(llm):
    shared = [llm.prompt([system, GREETING, Message("user", "hello")], ()).shared for system in AGENTS]
    for number, system in enumerate((*AGENTS, *AGENTS)):
        before = llm.scheduler.stats.prompt_tokens
        callers = [Caller(llm) for _ in range(16)]
        for caller in callers:
            caller.messages[0] = system
        await asyncio.gather(*(caller.says("is there parking", max_tokens=3) for caller in callers))
        own = len(llm.prompt(callers[0].messages[:-1], ()).tokens) - shared[number % 3]
        computed = llm.scheduler.stats.prompt_tokens - before
        assert computed <= own * 16 + (shared[number] if number < 3 else 0)
        for caller in callers:
            await caller.conversation.close()


async def test_an_old_turn_goes_before_the_caller_would_wait_for_it():
    llm = LlamaLlm(LlmSettings())
    try:
        caller = Caller(llm)
        in_turn, between = [], []
        for number in range(40):
            for spent, work in ((in_turn, caller.says(f"my number is {number}")), (between, None)):
                before = llm.scheduler.stats.prompt_tokens
                await (work or caller.conversation.read(caller.messages))
                spent.append(llm.scheduler.stats.prompt_tokens - before)
        assert sum(tokens > 40 for tokens in between) >= 2  # the history slid, and the rest was computed anew
        assert max(in_turn[1:]) < 30
        assert len(llm.prompt(caller.messages, ()).tokens) > 2 * llm.conversation_tokens
    finally:
        await llm.close()


async def test_what_is_read_does_not_disturb_a_reply_of_the_same_call(llm):
    caller = Caller(llm)
    caller.messages.append(Message("user", BOOKING[0]))
    said = ""
    async with aclosing(caller.conversation.reply(caller.messages, max_tokens=100)) as pieces:
        async for piece in pieces:
            said += piece
            await caller.conversation.read([SYSTEM, GREETING])
    assert said == "We are open Monday to Friday from eight to six, and Saturday from nine to one."
