"""Long turns by the real session on virtual time: read along while they are spoken, and never transcribed whole."""

import asyncio
from dataclasses import replace

import pytest

from ari_app.core.commands import Status
from ari_app.errors import EngineError
from ari_app.settings import TurnSettings
from tests.component.call.script import PLAIN, Desk
from tests.component.call.virtual_time import run

GOODBYE = ['Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>']
READING = replace(PLAIN, partial_ms=500)
QUESTION = "i would like to know when you are open on saturday"
STORY = " ".join(f"word{number}" for number in range(80))


class AnyReply(dict):
    """Goodbye to everything."""

    def __missing__(self, words):
        return GOODBYE


def spoken(words, *, seconds, turn=READING, took=0.02):
    async def call():
        desk = Desk(replies={words: GOODBYE}, turn=turn)
        desk.ears.seconds = took
        outcome = await desk.hold([(1.0, False), (seconds, words), (6.0, False)])
        assert outcome.status is Status.COMPLETED
        return desk

    return run(call())


def test_the_model_reads_what_is_certain_while_the_caller_speaks():
    desk = spoken(QUESTION, seconds=4.0)
    read = desk.mind.read_along
    assert len(read) >= 4
    assert all(QUESTION.startswith(text) for text in read), "something that was not certain"
    assert len(read[-1].split()) >= 0.6 * len(QUESTION.split())
    assert read == sorted(set(read), key=len), "the same was read twice"


def test_nothing_is_read_after_the_turn_or_beside_the_agent():
    async def call():
        desk = Desk(
            replies={"hours": ["We are open Monday to Friday from eight to six."], "bye": GOODBYE}, turn=READING
        )
        over = [(1.0, "hours"), (1.0, False), (1.2, "okay okay okay")]
        await desk.hold([(1.0, False), *over, (4.0, False), (0.5, "bye"), (4.0, False)])
        return desk.mind.read_along

    assert not any("okay" in text for text in run(call()))


def test_what_was_said_is_read_before_the_caller_speaks_again():
    async def call():
        desk = Desk(replies={"hours": ["We are open from eight to six."], "bye": GOODBYE}, turn=PLAIN)
        await desk.hold([(1.0, False), (1.0, "hours"), (4.0, False), (0.5, "bye"), (4.0, False)])
        return desk.mind.settled

    assert run(call()) == ["Hello.", "We are open from eight to six."]


@pytest.mark.parametrize("seconds", [1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8])
def test_what_was_transcribed_too_late_does_not_disturb_the_draft(seconds):
    desk = spoken("what are your opening hours", seconds=seconds, turn=replace(READING, speculate=3), took=0.3)
    assert desk.mind.order[desk.mind.order.index("reply") :] == ["reply"]


@pytest.mark.parametrize("turn", [PLAIN, replace(TurnSettings(), partial_ms=0)])
def test_reading_along_can_be_off(turn):
    desk = spoken(QUESTION, seconds=4.0, turn=turn)
    assert desk.mind.read_along == []
    assert len(desk.ears.audio_seconds) == 1


def test_a_long_turn_is_never_transcribed_as_a_whole_and_loses_no_word():
    desk = spoken(STORY, seconds=40.0)
    assert desk.books.turns[-1].caller_text == STORY
    assert max(desk.ears.audio_seconds) <= 10.5
    assert desk.mind.read_along, "nothing was read"
    assert all(STORY.startswith(text) for text in desk.mind.read_along)


@pytest.mark.parametrize("took", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("seconds", [36.0, 40.0, 43.0])
def test_slow_ears_get_less_to_do_and_lose_no_word(took, seconds):
    """Whatever they are at when the turn ends."""
    desk = spoken(STORY, seconds=seconds, took=took)
    assert desk.books.turns[-1].caller_text == STORY
    busy = len(desk.ears.audio_seconds) * took
    assert busy <= seconds / 4 + 2 * took
    assert max(desk.ears.audio_seconds) <= 10.5 + 4 * took


def test_reading_along_that_fails_harms_nothing():
    async def call():
        desk = Desk(replies={QUESTION: GOODBYE}, turn=READING)

        async def fail(messages, tools=()):
            raise EngineError("no memory")

        desk.mind.read = fail
        return await desk.hold([(1.0, False), (4.0, QUESTION), (6.0, False)])

    assert run(call()).status is Status.COMPLETED


def test_a_pause_in_a_long_turn_takes_its_settled_words_along():
    async def call():
        both = f"{STORY} and {QUESTION}"
        desk = Desk(replies={STORY: ["Well."], both: GOODBYE}, turn=replace(READING, judge="text", speculate=3))
        said = [(30.0, STORY), (0.3, False), (5.0, f"and {QUESTION}"), (6.0, False)]
        await desk.hold([(1.0, False), *said])
        return desk, both

    desk, both = run(call())
    assert desk.books.turns[-1].caller_text == both
    assert max(desk.ears.audio_seconds) <= 10.5


def test_what_was_settled_in_one_turn_is_not_in_the_next():
    async def call():
        desk = Desk(replies={STORY: ["I see."], "bye": GOODBYE}, turn=READING)
        await desk.hold([(1.0, False), (30.0, STORY), (3.0, False), (0.5, "bye"), (4.0, False)])
        return [turn.caller_text for turn in desk.books.turns]

    assert run(call()) == ["", STORY, "bye"]


@pytest.mark.parametrize("turn", [replace(PLAIN, speculate=3, judge="text"), READING])
def test_a_choppy_line_and_slow_ears_pile_up_no_work(turn):
    """Each little pause asks for a transcript; those that nobody waits for any more are not made."""

    async def call():
        words = [f"word{number}" for number in range(60)]
        desk = Desk(turn=turn)
        desk.mind.replies = AnyReply()
        worker, waiting, most = asyncio.Lock(), [], []

        async def transcribe(samples, *, urgent=True, transcribe=desk.ears.transcribe):
            waiting.append(samples)
            most.append(len(waiting))
            try:
                async with worker:
                    return await transcribe(samples)
            finally:
                waiting.pop()

        desk.ears.transcribe, desk.ears.seconds = transcribe, 0.9
        spoken = [part for word in words for part in ((0.3, word), (0.16, False))]
        await desk.hold([(1.0, False), *spoken, (12.0, False)])
        return desk, max(most), words

    desk, most, words = run(call())
    assert desk.books.turns[-1].caller_text == " ".join(words)
    assert most <= 3  # one that is made, one that is wanted, and a partial
    assert len(desk.ears.audio_seconds) * desk.ears.seconds < 0.75 * 0.46 * len(words), "the ears had no rest"


@pytest.mark.parametrize("seconds", [31.0, 34.0, 37.0])
def test_a_turn_that_is_taken_in_parts_has_every_word_once(seconds):
    async def call():
        desk = Desk(replies={STORY: GOODBYE}, turn=replace(PLAIN, max_speech_ms=5000))
        await desk.hold([(1.0, False), (seconds, STORY), (6.0, False)])
        return desk

    desk = run(call())
    assert desk.books.turns[-1].caller_text == STORY
    assert len(desk.ears.audio_seconds) == seconds // 5 + 1
