"""Replayed calls on virtual time: the real session, and engines that work on threads as the real ones do."""

import asyncio
import time
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from ari_app.audio.loudness import HUSH_SECONDS
from ari_app.core.commands import Outcome, Status
from ari_app.engines.base import SPEECH_RATE, Transcript
from ari_app.engines.loader import Engines
from ari_app.errors import EngineError
from ari_app.media.transport import Closed, Frame, Played
from ari_app.replay.clock import running_loop
from ari_app.replay.line import Recording, ReplayLine, ReplayTransport
from ari_app.replay.run import replay
from ari_app.replay.timeline import Moment
from ari_app.settings import AgentSettings, Settings, TurnSettings
from tests.component.call.virtual_time import run

STT_SECONDS, LLM_SECONDS = 0.03, 0.02
HOURS, GOODBYE, BROKEN = "what are your hours", "thank you goodbye", "this breaks it"
LOUDNESS = {HOURS: 4000, GOODBYE: 8000, BROKEN: 12000}
ANSWERS = {
    HOURS: "We are open from eight to five, every day of the week.",
    GOODBYE: 'Goodbye. <tool_call>{"name":"hang_up","arguments":{}}</tool_call>',
}
SILENCE = TurnSettings(judge="silence", endpoint_ms=400)


class Ears:
    """Words are told by their loudness, so that any part of the audio has its words."""

    def session(self):
        return self

    def probability(self, window):
        return 0.95 if np.abs(window).max() > 0.05 else 0.01

    def reset(self):
        pass

    async def transcribe(self, samples, *, urgent=True):
        await asyncio.to_thread(time.sleep, STT_SECONDS)
        levels = samples * 32768
        heard = [words for words, level in LOUDNESS.items() if np.sum(np.abs(levels - level) < 100) > 500]
        return Transcript(" ".join(heard), -0.1, 0.0)

    async def close(self):
        pass


class Mind:
    """Answers the words that it knows; a tool call is among them."""

    cut = False

    def conversation(self):
        return self

    async def reply(self, messages, tools=(), *, max_tokens):
        await asyncio.to_thread(time.sleep, LLM_SECONDS)
        words = messages[-1].content
        if BROKEN in words:
            raise EngineError("llm: broken")
        latest = max(ANSWERS, key=words.rfind)
        for word in (ANSWERS[latest] if latest in words else "Yes.").split(" "):
            yield word + " "

    async def read(self, messages, tools=()):
        await asyncio.to_thread(time.sleep, LLM_SECONDS)

    async def close(self):
        pass


class Voice:
    """50 ms a character."""

    async def stream(self, text, rate, *, within_seconds=0.0):
        yield await self.speak(text, rate)

    async def speak(self, text, rate):
        return np.full(int(len(text) * 0.05 * rate), 9, np.int16)

    async def close(self):
        pass


def recording(*script, rate=SPEECH_RATE):
    """(seconds, words or None) pairs as a caller's audio."""
    parts = [np.full(int(seconds * rate), LOUDNESS.get(words, 0), np.int16) for seconds, words in script]
    return Recording(np.concatenate(parts).tobytes(), rate)


def replayed(*script, turn=SILENCE, rate=SPEECH_RATE, **agent):
    settings = replace(Settings(), turn=turn, agents={"desk": AgentSettings(**{"greeting": "Hello."} | agent)})
    ears = Ears()
    return run(replay(settings, "desk", recording(*script, rate=rate), Engines(ears, ears, Mind(), Voice())))


def moments(call, *names):
    return [entry for entry in call.entries if isinstance(entry, Moment) and (entry.what in names or not names)]


def test_a_whole_call_is_heard_decided_answered_and_told():
    call = replayed((1, None), (1.5, HOURS), (5, None), (1, GOODBYE), (5, None))
    assert call.outcome == Outcome(Status.COMPLETED, "agent_hung_up")
    assert [(turn.record.trigger, turn.record.caller_text, turn.record.agent_text) for turn in call.turns] == [
        ("greeting", "", "Hello."),
        ("speech", HOURS, ANSWERS[HOURS]),
        ("speech", GOODBYE, "Goodbye."),
    ]
    assert [(tool.turn, tool.name, tool.result) for tool in call.tools] == [(2, "hang_up", "accepted")]
    (first, second) = moments(call, "turn_ends")
    assert (first.details["words"], first.details["silence_ms"]) == (HOURS, 400)
    assert "as always" in first.text
    assert first.at_s == pytest.approx(1 + 1.5 + 0.4, abs=0.1)
    assert second.at_s == pytest.approx(1 + 1.5 + 5 + 1 + 0.4, abs=0.1)
    times = [entry.at_s for entry in call.entries]
    assert all(later >= earlier - 0.002 for earlier, later in pairwise(times))


def test_what_engines_cost_is_in_the_waterfall():
    call = replayed((1, None), (1.5, HOURS), (5, None))
    turn = next(turn.record for turn in call.turns if turn.record.caller_text)
    stages = turn.stages_ms
    assert stages["transcript"] >= (HUSH_SECONDS + STT_SECONDS) * 1000
    assert stages["first_token"] - stages["transcript"] >= LLM_SECONDS * 1000
    assert call.responses_ms == [stages["first_frame_sent"]]


def test_the_same_audio_with_other_settings_is_decided_otherwise():
    script = [(1, None), (1, HOURS), (0.7, None), (1, HOURS), (5, None)]
    impatient = replayed(*script, turn=replace(SILENCE, endpoint_ms=400))
    patient = replayed(*script, turn=replace(SILENCE, endpoint_ms=1000))
    assert len(moments(impatient, "turn_ends")) == 2
    assert len(moments(patient, "turn_ends")) == 1
    assert len(moments(patient, "draft")) == 2
    assert len(moments(patient, "draft_dropped")) == 1
    (again,) = (entry for entry in moments(patient, "speech") if "again" in entry.text)
    assert again.details["pause_ms"] == pytest.approx(700, abs=70)
    assert patient.counts["drafts"] == 2


def test_speech_over_the_agent_holds_and_stops_it():
    call = replayed((1, None), (1.5, HOURS), (1.5, None), (1, GOODBYE), (5, None))
    over = [entry.what for entry in moments(call, "hold", "stop", "resume")]
    assert over[0] == "hold"
    assert "stop" in over
    assert call.outcome.reason == "agent_hung_up"


def test_the_caller_waits_for_the_last_answer_and_then_hangs_up():
    call = replayed((1, None), (1.5, HOURS))
    assert call.turns[-1].record.agent_text == ANSWERS[HOURS]
    assert not call.turns[-1].record.interrupted
    assert call.outcome == Outcome(Status.HANGUP, "caller_hung_up")
    assert moments(call)[-1].what == "leave"
    assert len(moments(call, "hang_up")) == 1


def test_nothing_but_silence():
    call = replayed((3, None))
    assert [turn.record.trigger for turn in call.turns] == ["greeting"]
    assert call.outcome.reason == "caller_hung_up"
    assert call.responses_ms == []


def test_an_agent_without_a_greeting():
    call = replayed((1, None), (1, GOODBYE), (3, None), greeting="")
    assert [turn.record.trigger for turn in call.turns] == ["speech"]


def test_an_engine_that_fails_is_told():
    call = replayed((1, None), (1, BROKEN), (5, None))
    assert call.outcome.status is Status.FAILED
    assert any(entry.details["reason"] == "engine_failed" for entry in moments(call, "failed"))


def test_audio_at_telephone_rate():
    call = replayed((1, None), (1, GOODBYE), (3, None), rate=8000)
    assert [turn.record.caller_text for turn in call.turns] == ["", GOODBYE]


def test_agents_fixed_sentences_that_cannot_be_said():
    async def broken(text, rate):
        raise EngineError("tts: broken")

    ears = Ears()
    engines = Engines(ears, ears, Mind(), SimpleNamespace(speak=broken))
    with pytest.raises(EngineError, match="broken"):
        run(replay(replace(Settings(), agents={"a": AgentSettings()}), "a", recording((1, None)), engines))


def test_the_caller_stays_while_an_engine_works():
    async def call():
        loop = running_loop()
        line = ReplayLine(Recording(bytes(640), SPEECH_RATE), patience_seconds=0.05)
        feeding = loop.create_task(line.feed())
        await line.open()
        with loop.working():
            await asyncio.to_thread(time.sleep, 0.15)
            gone_at_work = line.gone
        await line.watch()
        await feeding
        return gone_at_work, line.gone

    assert run(call()) == (False, True)


def test_the_recording_arrives_in_time_and_silence_follows():
    async def call():
        loop = running_loop()
        line = ReplayLine(Recording(b"\1\1" * 400, SPEECH_RATE), patience_seconds=0.1)
        feeding = loop.create_task(line.feed())
        transport, _ = await line.open()
        await feeding
        transport._events.put_nowait(Closed("over"))
        frames = [event async for event in transport if isinstance(event, Frame)]
        return [(frame.pcm, round(frame.at - line.opened_at, 3)) for frame in frames]

    frames = run(call())
    assert frames[0] == (b"\1\1" * 320, 0.02)
    assert frames[1] == (b"\1\1" * 80 + bytes(480), 0.04)
    assert all(pcm == bytes(640) for pcm, _ in frames[2:])
    assert [at for _, at in frames] == pytest.approx([0.02 * count for count in range(1, len(frames) + 1)])


def test_marks_come_when_the_audio_before_them_was_played_and_never_after_a_flush():
    async def call():
        transport, loop = ReplayTransport(SPEECH_RATE), running_loop()
        begin = loop.time()
        transport.mark("start")
        transport.send(bytes(SPEECH_RATE * 2))
        transport.mark("one")
        await asyncio.sleep(0.5)
        transport.send(bytes(SPEECH_RATE * 2))
        transport.mark("two")
        await asyncio.sleep(0.7)
        transport.flush()
        transport.send(bytes(SPEECH_RATE // 5))
        transport.mark("three")
        await asyncio.sleep(5)
        transport._events.put_nowait(Closed("over"))
        return [(event.mark, round(event.at - begin, 3)) async for event in transport if isinstance(event, Played)]

    assert run(call()) == [("start", 0.0), ("one", 1.0), ("three", 1.3)]
