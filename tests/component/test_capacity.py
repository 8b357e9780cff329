"""capacity/: simulated callers through the real session on virtual time, the limit found from them, the room at
start-up."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from ari_app.capacity import command, measure, room
from ari_app.capacity.measured import Measured, conditions, save
from ari_app.capacity.ramp import find_limit
from ari_app.capacity.telephone import LEG_RATE, LOUD_RMS, Sounds, is_loud, sounds
from ari_app.engines.cores import available_cores
from ari_app.engines.loader import Engines
from ari_app.errors import CapacityError, EngineError
from ari_app.settings import AgentSettings, CapacitySettings, LlmSettings, Settings, TurnSettings
from tests.component.call.script import FRAME, Ears, Mind, spoken
from tests.component.call.virtual_time import run

AGENT = AgentSettings(greeting="Hello.")
TURN = TurnSettings(judge="silence", partial_ms=0, speculate=0, filler_ms=0)
ENDPOINT_MS = 400
TARGET_MS = 800


class Shared(Mind):
    """A model that answers everybody, and the slower the more calls there are."""

    def __init__(self, seconds_a_call, reply="Of course, on Monday."):
        super().__init__([])
        self.seconds_a_call = seconds_a_call
        self.text = reply
        self.calls = self.most_calls = 0

    def conversation(self):
        self.calls += 1
        self.most_calls = max(self.most_calls, self.calls)
        return _Conversation(self)


class _Conversation:
    cut = False

    def __init__(self, model):
        self.model = model

    async def read(self, messages, tools=()):
        pass

    async def reply(self, messages, tools=(), *, max_tokens):
        await asyncio.sleep(self.model.seconds_a_call * self.model.calls)
        if isinstance(self.model.text, Exception):
            raise self.model.text
        yield self.model.text

    def __getattr__(self, name):  # what else a conversation may be told
        return lambda *_, **__: None

    async def close(self):
        self.model.calls -= 1


class LoudVoice:
    """50 ms a character, loud enough to be heard; counts its work."""

    def __init__(self):
        self.said = []

    async def speak(self, text, rate):
        self.said.append(text)
        return np.full(int(0.05 * rate) * len(text), 2000, np.int16)

    async def stream(self, text, rate, *, within_seconds=0.0):
        yield await self.speak(text, rate)

    async def close(self):
        pass


def lines(*texts):
    return [[frame.tobytes() for frame in spoken(0.1 * len(text), text).reshape(-1, FRAME)] for text in texts]


SOUNDS = Sounds(lines("opening hours", "where are you", "how much", "thank you all"), [bytes(FRAME * 2)])


async def open_desk(model, voice=None, **sections):
    settings = replace(Settings(), **{"agents": {"a": AGENT}, "turn": TURN, **sections})
    ears = Ears()
    engines = Engines(ears, ears, model, voice or LoudVoice())
    desk = await command.open_desk(settings, engines, [], LEG_RATE)
    return settings, replace(desk, sounds=SOUNDS)


async def measured(model, calls, seconds=30.0, voice=None):
    _, desk = await open_desk(model, voice)
    return await measure.measure(desk, calls, seconds)


def test_the_gap_is_what_the_engines_take_and_every_caller_is_served():
    async def main():
        model = Shared(0.1)
        return await measured(model, 3), model

    step, model = run(main())
    hearing_ms, frame_ms = 20, 20
    assert step.p50_ms == pytest.approx(300 + hearing_ms, abs=2 * frame_ms)
    assert (step.calls, step.unanswered, step.understood, step.late_frames) == (3, 0, 1.0, 0)
    assert step.turns >= measure.LEAST_TURNS
    assert (model.most_calls, model.calls) == (3, 0)
    assert step.memory_mb > 0


def test_a_step_goes_on_until_it_tells_something_but_not_for_ever():
    async def main():
        loop = asyncio.get_running_loop()
        _, desk = await open_desk(Shared(0.1))
        begun = loop.time()
        few = await measure.measure(desk, 1, 5.0)
        return few, loop.time() - begun

    few, took = run(main())
    assert few.turns < measure.LEAST_TURNS
    assert took < measure.STAGGER_SECONDS + 5.0 * measure.MOST_TIMES + 20


@pytest.mark.parametrize(("seconds", "reply"), [(30.0, "Late."), (0.1, EngineError("broken"))])
def test_callers_whom_nobody_answers_are_counted_and_never_in_time(seconds, reply):
    async def main():
        model = Shared(0.1)
        _, desk = await open_desk(model)
        model.seconds_a_call, model.text = seconds, reply
        return await measure.measure(desk, 1, 30.0)

    step = run(main())
    assert step.unanswered
    assert not step.holds(100_000)


def test_words_that_nobody_understands_are_told():
    async def main():
        _, desk = await open_desk(Shared(0.1))
        silent = [lines("")[0] * 40]
        return await measure.measure(replace(desk, sounds=Sounds(silent, SOUNDS.silence)), 1, 30.0)

    assert run(main()).understood < 0.1


def test_nothing_is_kept_of_what_simulated_callers_are_told():
    voice = LoudVoice()
    step = run(measured(Shared(0.1, "Of course."), 2, voice=voice))
    assert voice.said.count("Of course.") >= step.turns
    assert voice.said.count("Hello.") == 1, "fixed sentences are prepared, as for real calls"


def limit(most, right, told=None):
    """What find_limit finds when `right` calls are answered in time, and which numbers it tried."""
    tried = []

    async def step(calls):
        tried.append(calls)
        gap = 700.0 if calls <= right else 900.0
        return measure.Step(calls, 20, gap, gap, 0, 1.0, 0, 0, 1.0, 100.0)

    return asyncio.run(find_limit(step, most, TARGET_MS, told or (lambda step: None))), tried


@pytest.mark.parametrize("most", [1, 5, 16, 64])
def test_the_limit_is_exact(most):
    for right in range(most + 1):
        found, tried = limit(most, right)
        assert found == right
        assert max(tried) <= most
        assert all(tried.count(calls) == (1 if calls <= right else 2) for calls in tried)


def test_the_ramp_goes_up_in_steps_and_back_in_halves():
    assert limit(64, 9) == (9, [1, 2, 3, 4, 6, 8, 12, 12, 10, 10, 9])
    assert limit(16, 64) == (16, [1, 2, 3, 4, 6, 8, 12, 16])
    assert limit(5, 64) == (5, [1, 2, 3, 4, 5])


def test_what_disturbs_one_step_does_not_make_the_limit():
    disturbed = []

    async def step(calls):
        gap = 900.0 if calls == 3 and not disturbed else 100.0
        disturbed.extend([calls] * (calls == 3))
        return measure.Step(calls, 20, gap, gap, 0, 1.0, 0, 0, 1.0, 100.0)

    assert asyncio.run(find_limit(step, 8, TARGET_MS, lambda step: None)) == 8
    assert disturbed == [3, 3]


def test_the_limit_of_a_model_that_gets_slower():
    """0.2 s a call and 800 ms: with four the model takes 800, and the ears 20 more."""

    async def main():
        settings, desk = await open_desk(Shared(0.2), capacity=CapacitySettings(target_gap_ms=TARGET_MS))
        wishes = command.Wishes(max_calls=None, seconds_per_step=20.0, target_ms=None, json=False)
        return await command.find(settings, desk, wishes), conditions(settings, available_cores())

    found, here = run(main())
    assert found.calls == 3
    assert [step["calls"] for step in found.steps] == [1, 2, 3, 4, 4]
    assert found.conditions == here


def test_lines_sound_as_on_a_telephone():
    rate = 22_050
    tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    hiss = (8000 * np.sin(2 * np.pi * 6000 * np.arange(rate) / rate)).astype(np.int16)
    made = sounds([np.concatenate((tone, np.zeros(rate // 2, np.int16))), hiss], rate)
    assert len(made.lines[0]) == pytest.approx(50, abs=1), "it ends with the last sound"
    assert all(map(is_loud, made.lines[0]))
    assert len(made.lines) == 1, "what a telephone does not carry"
    assert not any(map(is_loud, made.silence))
    assert {len(frame) for frame in (*made.lines[0], *made.silence)} == {FRAME * 2}
    assert LOUD_RMS > 5 * np.frombuffer(b"".join(made.silence), np.int16).std() > 0


ROOM = {
    "the admin's word": ({"calls": 5}, None, 16, 5, False),
    "never more than fit": ({"calls": 40}, None, 16, 16, False),
    "what was measured": ({}, 7, 16, 7, True),
    "also when more would fit": ({}, 40, 16, 16, True),
    "an estimate": ({}, None, 64, 31, True),
    "never more than fit, estimated": ({}, None, 16, 16, True),
}


@pytest.mark.parametrize(("wanted", "found", "sequences", "calls", "adapts"), ROOM.values(), ids=ROOM)
def test_the_room_at_start_up(tmp_path, monkeypatch, wanted, found, sequences, calls, adapts):
    monkeypatch.setattr(room, "estimate", lambda *costs: 31)
    file = tmp_path / "capacity.json"
    settings = replace(
        Settings(),
        agents={"a": AGENT},
        llm=LlmSettings(sequences=sequences),
        capacity=CapacitySettings(file=file, **wanted),
    )
    if found:
        save(file, Measured(found, "today", conditions(settings, available_cores())))
    ears, told = Ears(), []
    admission = run(room.admission(settings, Engines(ears, ears, Shared(0.01), LoudVoice()), told.append))
    assert admission.limit == admission.most == calls
    for now in range(3):
        admission.answered(float(now), 10_000.0, calls)
    assert (admission.limit < calls) is adapts
    assert f"room for {calls} calls" in told[0]


def test_the_estimate_is_made_with_the_engines():
    settings = replace(Settings(), agents={"a": AGENT}, llm=LlmSettings(sequences=64))
    ears, model = Ears(), Shared(0.01)

    async def main():
        return await room.admission(settings, Engines(ears, ears, model, LoudVoice()), lambda line: None)

    assert run(main()).limit >= 1
    assert len(ears.audio_seconds) == 3
    assert (model.calls, model.most_calls) == (0, 1)


@pytest.fixture
def scripted(monkeypatch, tmp_path):
    """The command with scripted engines; gives its settings."""
    ears = Ears()

    async def load(settings, progress):
        return Closing(ears, ears, Shared(0.2), LoudVoice())

    monkeypatch.setattr(command, "load_engines", load)
    monkeypatch.setattr(command, "sounds", lambda lines, rate: SOUNDS)
    monkeypatch.setattr(command.asyncio, "run", run)
    return replace(
        Settings(), agents={"a": AGENT}, turn=TURN, capacity=CapacitySettings(file=tmp_path / "capacity.json")
    )


class Closing(Engines):
    async def close(self):
        pass


def test_the_command_keeps_what_it_finds(scripted, capsys):
    assert command.command(scripted, command.Wishes(None, 20.0, None, json=True)) == 0
    kept = scripted.capacity.file.read_text()
    assert capsys.readouterr().out == kept
    assert '"calls": 3' in kept


def test_another_target_is_only_tried(scripted, capsys):
    assert command.command(scripted, command.Wishes(2, 20.0, 5000, json=False)) == 0
    assert "2 calls at once are answered within 5000 ms" in capsys.readouterr().out
    assert not scripted.capacity.file.exists()


def test_a_voice_that_nobody_hears_is_told(scripted, monkeypatch):
    monkeypatch.setattr(command, "sounds", lambda lines, rate: Sounds([], SOUNDS.silence))
    with pytest.raises(CapacityError, match="says nothing that a telephone carries"):
        command.command(scripted, command.Wishes(None, 20.0, None, json=True))


def test_a_box_that_is_too_slow_for_one_call_is_told_so(scripted):
    with pytest.raises(CapacityError, match="not even one call is answered within 100 ms"):
        command.command(scripted, command.Wishes(None, 20.0, 100, json=True))
    assert not scripted.capacity.file.exists()
