"""The acoustic judge: the real smart-turn model on real people, and what is said where it is missing."""

import os

import numpy as np
import pytest

from ari_app.engines import smart_turn
from ari_app.engines.base import SPEECH_RATE
from ari_app.engines.loader import load_engines
from ari_app.engines.smart_turn import SmartTurn, bundled_model
from ari_app.errors import EngineError, ModelError
from ari_app.settings import Settings, TtsSettings, TurnSettings
from tests.audio.conftest import over_telephone, silence
from tests.smart_turn_file import smart_turn_file

FINISHED = ("vm-goodbye", "demo-thanks", "vm-intro", "conf-onlyperson", "demo-nomatch", "vm-nonumber", "hello-world")
PAUSE_SECONDS = 0.1
"""Silence behind the last speech, as the turn machine asks at the beginning of a pause."""


@pytest.fixture(scope="module")
def model():
    return smart_turn_file()


@pytest.fixture
async def judge(model):
    engine = SmartTurn(TurnSettings(judge="smart-turn", judge_model=model))
    yield engine
    await engine.close()


def spoken(samples):
    """A recording without the silence around it, as heard over the telephone."""
    loud = np.flatnonzero(np.abs(samples) > 0.02)
    return over_telephone(samples[loud[0] : loud[-1]])


async def test_finished_sentences_are_told_from_the_same_ones_broken_off(judge, prompts):
    whole, broken = [], []
    for name in FINISHED:
        samples = spoken(prompts[name])
        whole.append(await judge.complete(np.concatenate([samples, silence(PAUSE_SECONDS)])))
        half = samples[: len(samples) * 6 // 10]
        broken.append(await judge.complete(np.concatenate([half, silence(PAUSE_SECONDS)])))
    assert all(0 <= probability <= 1 for probability in whole + broken)
    assert np.mean(whole) > 0.6
    assert np.mean(broken) < 0.4


async def test_only_the_last_eight_seconds_count(judge, prompts):
    sentence = spoken(prompts["demo-congrats"])
    assert len(sentence) > 10 * SPEECH_RATE
    long = await judge.complete(sentence)
    assert long == pytest.approx(await judge.complete(sentence[-8 * SPEECH_RATE :]), abs=1e-6)
    assert 0 <= await judge.complete(sentence[:160]) <= 1


async def test_closed(judge):
    await judge.close()
    with pytest.raises(EngineError, match="is closed"):
        await judge.complete(silence(1))


def test_missing_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(smart_turn, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match=r"turn\.judge is smart-turn") as caught:
        SmartTurn(TurnSettings(judge="smart-turn"))
    assert "pip install --no-deps pipecat-ai" in caught.value.remedy
    assert "turn.judge_model" in caught.value.remedy


def test_found_inside_the_package_without_importing_it(monkeypatch, tmp_path, model):
    data = tmp_path / "pipecat/audio/turn/smart_turn/data"
    data.mkdir(parents=True)
    (tmp_path / "pipecat/__init__.py").write_text("raise RuntimeError('imported')\n")
    os.link(model, data / model.name) if data.stat().st_dev == model.stat().st_dev else (data / model.name).touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert bundled_model() == data / model.name


@pytest.mark.parametrize(
    ("file", "why"),
    [("nowhere.onnx", "does not exist"), ("broken.onnx", "cannot be loaded"), ("voice.onnx", "is not a smart-turn")],
)
def test_a_bad_model_is_one_line_with_its_path(file, why, tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"\x08\x07nothing")
    (tmp_path / "voice.onnx").symlink_to(TtsSettings().model)
    with pytest.raises(ModelError, match=why) as caught:
        SmartTurn(TurnSettings(judge="smart-turn", judge_model=tmp_path / file))
    assert str(tmp_path / file) in caught.value.message
    assert "turn.judge_model" in str(caught.value) or "copy the file" in caught.value.remedy


async def test_loaded_with_the_other_engines_where_it_is_asked_for(model):
    told = []
    turn = TurnSettings(judge="smart-turn", judge_model=model)
    engines = await load_engines(Settings(turn=turn), told.append)
    assert any(line.startswith("end-of-turn judge ready") for line in told)
    assert engines.judge is not None
    assert 0 <= await engines.judge.complete(silence(1)) <= 1
    await engines.close()


async def test_a_missing_model_fails_all(tmp_path):
    turn = TurnSettings(judge="smart-turn", judge_model=tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="does not exist"):
        await load_engines(Settings(turn=turn), lambda line: None)
