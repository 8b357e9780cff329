"""What was heard of a turn, while transcripts come when they like."""

import asyncio

import numpy as np
import pytest

from ari_app.call.hearing import Hearing
from ari_app.call.listen import Listener
from ari_app.core.speech import SpeechDetector
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW, Transcript
from ari_app.errors import EngineError
from ari_app.media.transport import Frame
from ari_app.settings import BargeInSettings, VadSettings
from tests.component.call.virtual_time import run


class Quiet:
    """An echo detector that never hears echo."""

    def heard(self, window):
        pass

    def is_echo(self, end_at):
        return False


class Ear:
    """Loud is speech; a transcript is the length of its audio in windows, when it is let go."""

    def __init__(self):
        self.asked = []

    def probability(self, window):
        return 0.9 if np.abs(window).max() > 0.1 else 0.0

    async def transcribe(self, samples, *, urgent=True):
        done = asyncio.get_running_loop().create_future()
        self.asked.append((len(samples) // VAD_WINDOW, done))
        return await done

    def answer(self, index, log_probability=0.0):
        windows, done = self.asked[index]
        done.set_result(Transcript(f"<{windows}>", log_probability, 0.0))


class Room:
    """A hearing, its listener and its ear."""

    def __init__(self, judge=None):
        self.ear, self.windows = Ear(), 0
        detector = SpeechDetector(VadSettings(), BargeInSettings())
        self.hushes = []
        self.listener = Listener(
            SPEECH_RATE,
            self.ear,
            detector,
            Quiet(),
            max_speech_ms=60_000,
            agent_speaks=lambda: False,
            on_hush=lambda: self.hushes.append(self.windows),
        )
        self.hearing = Hearing(self.listener, self.ear, judge, sure_from=-0.5)

    def hears(self, windows, loud=True, share=1.0):
        """So many windows of the caller's audio, of which each begins with so much sound."""
        pcm = np.where(np.arange(VAD_WINDOW) < share * VAD_WINDOW, 8000 if loud else 0, 0).astype(np.int16).tobytes()
        for _ in range(windows):
            self.windows += 1
            self.listener.hear(Frame(pcm, 100 + self.windows * 0.032))

    async def ask(self, what):
        """Begin to transcribe."""
        task = asyncio.create_task(what())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return task

    async def words(self):
        """All of the turn, transcribed at once."""
        task = await self.ask(self.hearing.words)
        self.ear.answer(-1)
        return (await task).text


async def test_a_look_at_the_words_consumes_nothing():
    room = Room()
    room.hears(20)
    assert await room.words() == await room.words() == "<20>"


async def test_accepted_words_are_gone_and_what_came_after_them_stays():
    room = Room()
    room.hears(20)
    asking = await room.ask(room.hearing.words)
    room.hears(15)
    room.ear.answer(0)
    assert (await asking).text == "<20>"
    room.hearing.accept()
    assert await room.words() == "<15>"


async def test_a_long_turn_is_settled_once_in_pieces_of_six_to_nine_seconds():
    room = Room()
    room.hears(400)
    asking = await room.ask(room.hearing.words_so_far)
    room.hears(10)
    room.ear.answer(0)
    settled = await asking
    assert 5.9 <= int(settled.strip("<>")) * 0.032 <= 9.0
    rest = 410 - int(settled.strip("<>"))
    assert await room.words() == f"{settled} <{rest}>"
    assert await room.words() == f"{settled} <{rest}>"


async def test_the_rest_of_a_turn_that_ends_while_its_beginning_is_settled_is_kept():
    room = Room()
    room.hears(400)
    asking = await room.ask(room.hearing.words_so_far)
    room.hears(10)
    room.hears(5, loud=False)
    room.ear.answer(0)
    settled = int((await asking).strip("<>"))
    room.hears(5, loud=False)
    assert await room.words() == f"<{settled}> <{420 - settled}>"


@pytest.mark.parametrize("end", ["accept", "forget"])
async def test_what_is_transcribed_too_late_belongs_to_no_turn(end):
    room = Room()
    room.hears(400)
    asking = await room.ask(room.hearing.words_so_far)
    await room.words()
    getattr(room.hearing, end)()
    room.ear.answer(0)
    await asking
    room.hears(20)
    assert await room.words() == ("<20>" if end == "accept" else "<30>")  # what was forgotten leaves a pre-roll


async def test_what_is_forgotten_is_gone_with_what_was_settled():
    room = Room()
    room.hears(400)
    asking = await room.ask(room.hearing.words_so_far)
    room.ear.answer(0)
    await asking
    room.hears(5, loud=False)
    room.hearing.forget()
    room.hears(30, loud=False)
    room.hears(20)
    windows = int((await room.words()).strip("<>"))
    assert 20 < windows <= 30  # with a little before it


async def test_a_judge_hears_the_same_audio_and_may_fail():
    class Judge:
        async def complete(self, samples):
            if len(samples) > 30 * VAD_WINDOW:
                raise EngineError("too much")
            return 0.7

    room = Room(Judge())
    room.hears(20)
    asking = await room.ask(room.hearing.words)
    room.ear.answer(0)
    assert (await asking).complete == 0.7
    room.hears(20)
    asking = await room.ask(room.hearing.words)
    room.ear.answer(1)
    assert (await asking).complete is None


@pytest.mark.parametrize(("log_probability", "sure"), [(0.0, True), (-0.5, True), (-0.6, False)])
async def test_words_are_sure_from_a_probability_on(log_probability, sure):
    room = Room()
    room.hears(20)
    asking = await room.ask(room.hearing.words)
    room.ear.answer(0, log_probability)
    assert (await asking).sure is sure


async def test_ears_that_fail_are_heard_of():
    room = Room()
    room.hears(20)
    asking = await room.ask(room.hearing.words)
    room.ear.asked[0][1].set_exception(EngineError("deaf"))
    with pytest.raises(EngineError, match="deaf"):
        await asking


async def asked_in_a_hush(room):
    """The caller falls silent, and its words are asked for in that moment; the stop is not noticed yet."""
    before = len(room.hushes)
    room.hears(20)
    room.hears(1, share=0.1)
    assert len(room.hushes) == before
    room.hears(1, loud=False)
    assert len(room.hushes) == before + 1
    return await room.ask(room.hearing.prepare)


async def test_what_was_prepared_in_a_hush_is_used_at_the_pause():
    room = Room()
    preparing = await asked_in_a_hush(room)
    room.hears(3, loud=False)
    asking = await room.ask(room.hearing.words)
    room.ear.answer(0)
    assert (await asking).text == "<22>"
    await preparing
    assert len(room.ear.asked) == 1
    room.hearing.accept()
    room.hears(20)
    assert await room.words() == "<30>", "what was accepted is prepared no more"


async def test_what_was_prepared_is_worth_nothing_when_the_caller_goes_on():
    room = Room()
    preparing = await asked_in_a_hush(room)
    room.hears(20)
    room.ear.answer(0)
    await preparing
    assert await room.words() == "<42>"


async def test_without_a_hush_nothing_is_prepared():
    room = Room()
    room.hears(20)
    await room.hearing.prepare()
    assert room.ear.asked == []


async def test_a_preparation_that_fails_is_not_heard_of():
    room = Room()
    preparing = await asked_in_a_hush(room)
    asking = await room.ask(room.hearing.words)
    room.ear.asked[0][1].set_exception(EngineError("deaf"))
    await preparing
    await asyncio.sleep(0)
    room.ear.answer(1)
    assert (await asking).text == "<22>"


def test_on_a_choppy_line_preparing_takes_half_a_core_at_most():
    async def call():
        room = Room()
        for _ in range(100):  # every 0.11 s a hush, and 0.1 s of work
            preparing = await asked_in_a_hush(room)
            await asyncio.sleep(0.1)
            if not preparing.done():
                room.ear.answer(-1)
            await preparing
            room.hears(1)
            await asyncio.sleep(0.01)
        return len(room.ear.asked)

    assert run(call()) == 50


async def test_the_words_so_far_are_dropped_when_all_words_are_wanted():
    room = Room()
    room.hears(20)
    reading = await room.ask(room.hearing.words_so_far)
    assert await room.words() == "<20>"
    assert await reading == ""
    assert room.ear.asked[0][1].cancelled()


async def test_a_beginning_that_is_being_settled_is_not_dropped():
    room = Room()
    room.hears(400)
    settling = await room.ask(room.hearing.words_so_far)
    asking = await room.ask(room.hearing.words)
    room.ear.answer(0)
    assert await settling
    room.ear.answer(1)
    assert (await asking).text == "<400>"


async def test_a_preparation_holds_nothing_that_was_settled_meanwhile():
    room = Room()
    room.hears(400)
    settling = await room.ask(room.hearing.words_so_far)
    preparing = await asked_in_a_hush(room)
    room.ear.answer(0)
    settled = int((await settling).strip("<>"))
    room.ear.answer(1)
    await preparing
    assert await room.words() == f"<{settled}> <{422 - settled}>"
