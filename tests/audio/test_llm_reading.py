"""The language model while the caller still speaks: what is read along, what a dropped draft costs, what was cut."""

import asyncio
from contextlib import aclosing

import pytest

from ari_app.core.dialogue import Message
from ari_app.errors import EngineError
from tests.audio.test_llm import BOOKING, SYSTEM, Caller

BOOK = BOOKING[1]
"""\"i'd like to book an appointment for tuesday at half past three\""""


def said(caller, words):
    return [*caller.messages, Message("user", words)]


def tokens(llm, words):
    """How many tokens words of the caller are, with what surrounds them."""
    return len(llm.prompt([Message("user", words)], ()).tokens)


async def test_what_was_read_along_is_not_computed_again(llm):
    alone = await Caller(llm).holds(BOOKING[:2])
    caller = Caller(llm)
    await caller.says(BOOKING[0])
    await caller.conversation.read(said(caller, BOOK.rpartition(" half")[0]))
    before = llm.scheduler.stats.prompt_tokens
    assert await caller.says(BOOK) == alone[1]
    assert llm.scheduler.stats.prompt_tokens - before <= tokens(llm, "half past three") + 2


async def test_reading_word_by_word_costs_hardly_more_than_reading_once(llm):
    words = BOOK.split()
    caller = Caller(llm)
    await caller.says(BOOKING[0])
    before = llm.scheduler.stats.prompt_tokens
    for count in range(1, len(words) + 1):
        await caller.conversation.read(said(caller, " ".join(words[:count])))
    await caller.says(BOOK)
    assert llm.scheduler.stats.prompt_tokens - before <= tokens(llm, BOOK) + 3 * len(words)
    assert llm.scheduler.stats.reply_tokens < 100  # nothing was generated while reading


async def test_words_that_were_read_wrongly_leave_no_trace(llm):
    alone = await Caller(llm).holds(BOOKING[:3])
    caller = Caller(llm)
    await caller.holds(BOOKING[:2])
    for wrong in ("my number is nine two", "goodbye", "my name is"):
        await caller.conversation.read(said(caller, wrong))
    assert await caller.says(BOOKING[2]) == alone[2]


async def test_a_reply_does_not_wait_for_what_is_being_read(llm):
    caller = Caller(llm)
    long = said(caller, "word " * (llm.conversation_tokens // 8))
    reading = asyncio.create_task(caller.conversation.read(long))
    await asyncio.sleep(0)
    assert "Harbor Street" in await caller.says("where are you located")
    await reading


async def test_reading_can_be_cancelled(llm):
    caller = Caller(llm)
    reading = asyncio.create_task(caller.conversation.read(said(caller, "word " * (llm.conversation_tokens // 8))))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert "Harbor Street" in await caller.says("where are you located")


async def test_a_draft_that_is_dropped_costs_only_the_words_that_follow(llm):
    alone = await Caller(llm).says("where are you located and is there parking")
    caller = Caller(llm)
    async with aclosing(caller.conversation.reply(said(caller, "where are you located"), max_tokens=100)) as pieces:
        await anext(pieces)
    before = llm.scheduler.stats.prompt_tokens
    assert await caller.says("where are you located and is there parking") == alone
    assert llm.scheduler.stats.prompt_tokens - before <= tokens(llm, "and is there parking") + 2


async def test_a_reply_tells_whether_it_was_cut(llm):
    caller = Caller(llm)
    assert not caller.conversation.cut
    await caller.says(BOOKING[0], max_tokens=5)
    assert caller.conversation.cut
    await caller.says(BOOKING[0])
    assert not caller.conversation.cut
    await caller.says(BOOKING[0], max_tokens=5)
    await caller.conversation.read(said(caller, "hello"))
    assert not caller.conversation.cut


async def test_what_cannot_be_read_is_an_error_and_no_end(llm):
    caller = Caller(llm)
    with pytest.raises(EngineError, match="there is only room for"):
        await caller.conversation.read([Message("system", "word " * llm.conversation_tokens)])
    await caller.conversation.read([SYSTEM])
    await caller.conversation.close()
    with pytest.raises(EngineError, match="closed"):
        await caller.conversation.read([SYSTEM])
