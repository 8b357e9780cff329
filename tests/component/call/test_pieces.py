"""Clauses that come from the voice in pieces, by the real session on virtual time."""

import asyncio
from contextlib import aclosing

import numpy as np
import pytest

from ari_app.call.prompts import Prompts
from ari_app.core.commands import Status
from ari_app.engines.base import Pcm16
from ari_app.errors import EngineError
from tests.component.call.script import RATE, Desk, Voice
from tests.component.call.virtual_time import run

ANSWER = "We are open on Monday and on Tuesday from eight to six, and never on a Sunday."
GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']


class SlowingVoice(Voice):
    """Its first piece comes at once and every other one after `rest_seconds`; counts the clauses that ran to an end."""

    def __init__(self, rest_seconds):
        super().__init__()
        self.rest_seconds = rest_seconds
        self.piece_seconds = 0.5
        self.begun = self.ended = 0

    async def stream(self, text, rate, *, within_seconds=0.0):
        self.begun += 1
        pcm = await self.speak(text, rate)
        size = int(self.piece_seconds * rate)
        for begin in range(0, len(pcm), size):
            await asyncio.sleep(self.rest_seconds if begin else self.seconds)
            yield pcm[begin : begin + size]
        self.ended += 1


def answered(voice, *then):
    """A call with a question, its answer from this voice, and what the caller does then."""

    async def call():
        desk = Desk(replies={"hours": [ANSWER], "wait please": GOODBYE, "bye": GOODBYE})
        desk.voice = voice
        desk.parts.prompts._tts = voice
        outcome = await desk.hold([(1.0, False), (1.0, "hours"), *then])
        assert outcome.status is Status.COMPLETED
        assert desk.wire.overlaps() == []
        return desk

    return run(call())


def test_the_answer_begins_with_the_first_piece_and_is_heard_whole():
    desk = answered(SlowingVoice(0.2), (8.0, False), (0.5, "bye"), (4.0, False))
    answer = desk.books.turns[1]
    assert answer.agent_text == ANSWER
    assert answer.stages_ms["first_audio"] - answer.stages_ms["first_clause"] < 30
    said = np.concatenate([pcm for _, _, pcm in desk.wire.log])
    clauses = ("Hello.", *ANSWER.split(", "), ",", "Goodbye.")
    assert len(said) == sum(int(0.05 * RATE) * len(text) for text in clauses)
    assert desk.session.counts().get("late_clauses", 0) == 0


def test_pieces_that_come_late_are_counted_and_nothing_is_lost():
    desk = answered(SlowingVoice(0.7), (12.0, False), (0.5, "bye"), (4.0, False))
    assert desk.books.turns[1].agent_text == ANSWER
    assert desk.session.counts()["late_clauses"] >= 5


def test_interrupted_while_the_rest_is_not_there_yet_only_heard_words_are_remembered():
    voice = SlowingVoice(30.0)
    voice.piece_seconds = 1.0
    desk = answered(voice, (2.0, False), (1.5, "wait please"), (4.0, False))
    assert voice.begun - voice.ended == 1  # the answer was not synthesized to its end
    heard = desk.books.turns[1].agent_text
    assert heard in ("We are", "We are open", "We are open on")  # of one second, though there was no more of the clause
    history = [text for role, text in desk.mind.seen[-1] if role == "assistant"]
    assert history[-1].startswith(heard)
    assert "Tuesday" not in history[-1]


def test_interrupted_in_the_middle_the_words_are_those_of_the_audio():
    desk = answered(SlowingVoice(0.01), (2.5, False), (1.5, "wait please"), (4.0, False))
    heard = desk.books.turns[1].agent_text
    seconds = sum(end - start for start, end, _ in desk.wire.log[1:-1])
    assert ANSWER.startswith(heard)
    assert 0.05 * len(heard) <= seconds < 0.05 * len(heard) + 0.6  # whole words of 50 ms a character


def test_a_voice_that_breaks_between_two_pieces_is_a_failure():
    class Breaking(SlowingVoice):
        async def stream(self, text, rate, *, within_seconds=0.0):
            async with aclosing(super().stream(text, rate)) as pieces:
                async for pcm in pieces:
                    yield pcm
                    if ANSWER.startswith(text):
                        raise EngineError("tts: broken")

    async def call():
        desk = Desk(replies={"hours": [ANSWER]})
        desk.parts.prompts._tts = Breaking(0.01)
        return await desk.hold([(1.0, False), (1.0, "hours"), (8.0, False)])

    assert run(call()).status is Status.FAILED


# -- what is kept


async def taken(prompts, text, pieces=99, *, first=True) -> list[Pcm16]:
    got = []
    async with aclosing(prompts.clause(text, "en", RATE, first=first, within_seconds=0.0)) as stream:
        async for pcm in stream:
            got.append(pcm)
            if len(got) == pieces:
                break
    return got


@pytest.mark.parametrize(
    ("text", "first", "times"), [("Of course,", True, 1), ("Of course,", False, 2), ("Of course, " * 9, True, 2)]
)
def test_a_frequent_first_clause_is_synthesized_once(text, first, times):
    async def ask():
        voice = SlowingVoice(0.01)
        voice.piece_seconds = 0.2
        prompts = Prompts(voice)
        once, again = [await taken(prompts, text, first=first) for _ in range(2)]
        assert len(once) > 1
        assert np.array_equal(np.concatenate(once), np.concatenate(again))
        return voice.begun

    assert run(ask()) == times


def test_what_was_not_synthesized_to_its_end_is_not_kept():
    async def ask():
        voice = SlowingVoice(0.01)
        voice.piece_seconds = 0.2
        prompts = Prompts(voice)
        assert len(await taken(prompts, "Of course,", 1)) == 1
        assert len(np.concatenate(await taken(prompts, "Of course,"))) == int(0.05 * RATE) * len("Of course,")
        return voice.begun

    assert run(ask()) == 2


def test_without_words_there_is_nothing():
    async def ask():
        return await taken(Prompts(SlowingVoice(0.01)), "**"), await taken(Prompts(SlowingVoice(0.01)), "", first=False)

    assert run(ask()) == ([], [])
