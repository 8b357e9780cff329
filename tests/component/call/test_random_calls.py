"""Callers who say anything at any time, by the real session on virtual time: one voice, every word answered once."""

import asyncio
import random
from contextlib import aclosing

import pytest

from ari_app.core.commands import Outcome, Status
from ari_app.core.events import PutOnHold, TakenOffHold
from ari_app.settings import BargeInSettings, TurnSettings
from tests.component.call.script import Desk, Mind
from tests.component.call.virtual_time import run

GOODBYE = 'Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>'
FINISH = "finish"
BEGIN = 1000.0
"""The virtual clock's first reading."""


class AnyMind(Mind):
    """Answers anything after any time, until the caller wants to finish."""

    def __init__(self, dice):
        super().__init__([])
        self.dice = dice

    async def reply(self, messages, tools=(), *, max_tokens):
        if FINISH in messages[-1].content:
            self.replies = [[GOODBYE]]
        else:
            words = " ".join(
                self.dice.choice(("open", "closed", "today.", "yes,")) for _ in range(self.dice.randint(1, 25))
            )
            self.replies = [[self.dice.choice((0.0, 0.05, 0.3, 1.2)), words]]
        async with aclosing(super().reply(messages, tools, max_tokens=max_tokens)) as pieces:
            async for piece in pieces:
                yield piece


def speech(dice, said):
    """Something that the caller does: seconds and words; every word is another one."""
    kind = dice.choice(("words", "words", "words", "noise", "okay", "long"))
    if kind == "noise":
        return dice.choice((0.1, 0.3, 1.0)), ""
    if kind == "okay":
        return 0.4, "okay"
    count = dice.randint(1, 6) if kind == "words" else dice.randint(30, 50)
    words = [f"w{len(said) + index}" for index in range(count)]
    said += words
    return round(count * 0.3, 2), " ".join(words)


def random_call(seed, *, holds=False):
    dice = random.Random(seed)

    async def call():
        turn = TurnSettings(
            judge=dice.choice(("silence", "text")),
            speculate=dice.choice((0, 1, 3)),
            partial_ms=dice.choice((0, 300, 500)),
            filler_ms=dice.choice((0, 700)),
            max_speech_ms=dice.choice((4000, 60_000)),
            no_input_ms=60_000,
        )
        desk = Desk(turn=turn, barge_in=BargeInSettings())
        mind = desk.mind = desk.session._conversation = AnyMind(dice)
        desk.ears.seconds = dice.choice((0.02, 0.1, 0.4))
        desk.voice.seconds = dice.choice((0.01, 0.35))
        desk.voice.piece_seconds = (0.25, 3600.0)[seed % 2]  # with 0.35 s of work for each, they are late
        desk.wire.late_marks = dice.choice((True, False))
        said, script, now, on_hold = [], [(1.0, False)], 1.0, []
        for _ in range(25):
            script += [speech(dice, said), (dice.choice((0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0)), False)]
            now = sum(seconds for seconds, _ in script)
            if holds and dice.random() < 0.2:
                on_hold.append((now, now + 3.0))
                script += [(5.0, False)]
        script += [(6.0, False), (0.5, FINISH), (20.0, False)]

        async def press():
            began = asyncio.get_running_loop().time()
            for start, end in on_hold:
                await asyncio.sleep(start - (asyncio.get_running_loop().time() - began))
                desk.line.post(PutOnHold())
                await asyncio.sleep(end - start)
                desk.line.post(TakenOffHold())

        pressing = asyncio.create_task(press())
        outcome = await desk.hold(script)
        await pressing
        assert (mind.most_running, mind.running) == (1, 0), "an answer was generated that nobody wants"
        return desk, outcome, said, on_hold

    desk, outcome, said, on_hold = run(call())
    assert outcome == Outcome(Status.COMPLETED, "agent_hung_up")
    assert desk.wire.overlaps() == []
    heard = [word for turn in desk.books.turns for word in turn.caller_text.split() if word[0] == "w"]
    assert heard == said
    history = [word for role, text in desk.mind.seen[-1] if role == "user" for word in text.split() if word[0] == "w"]
    assert history == said
    return desk, on_hold


@pytest.mark.parametrize("seed", range(15))
def test_every_word_is_answered_once_and_there_is_one_voice(seed):
    random_call(seed)


@pytest.mark.parametrize("seed", range(15, 25))
def test_the_same_with_callers_who_put_us_on_hold_where_nothing_is_said(seed):
    desk, on_hold = random_call(seed, holds=True)
    assert on_hold
    for begin, end in on_hold:
        assert not [
            piece for piece in desk.wire.log if piece[0] < BEGIN + end - 0.05 and piece[1] > BEGIN + begin + 0.1
        ]
