"""Speech to text: the demo model on the demo callers, and what it must not make words of."""

import asyncio
import os
import shutil

import numpy as np
import pytest

from ari_app.engines.base import SPEECH_RATE
from ari_app.engines.stt import WhisperStt
from ari_app.errors import EngineError, ModelError
from ari_app.settings import DEMO_MODELS, SttSettings
from tests.audio.conftest import over_telephone, silence


async def test_every_caller_line_is_understood_to_the_word(callers, stt):
    heard = {name: (await stt.transcribe(samples)).text for name, samples, _ in callers}
    assert len(heard) == 23
    assert heard == {name: words for name, _, words in callers}


@pytest.mark.parametrize("pre_roll_seconds", [0.1, 0.2, 0.3])
async def test_every_caller_line_is_understood_as_the_detector_cuts_it(pre_roll_seconds, callers, stt, detect):
    wrong = []
    for name, samples, words in callers:
        line = np.concatenate([silence(1), samples, silence(1)])
        events = [event for _, event in detect(line)]
        begin, end = events[0].at - pre_roll_seconds, events[-1].at + 0.4
        text = (await stt.transcribe(line[int(begin * SPEECH_RATE) : int(end * SPEECH_RATE)])).text
        if text != words:
            wrong.append((name, text))
    assert wrong == []


async def test_a_transcript_says_how_sure_it_is(callers, stt):
    sure = await stt.transcribe(callers[0][1])
    assert -0.3 < sure.log_probability < 0
    assert 0 <= sure.no_speech < 0.1


async def test_rejected_by_probability(callers):
    strict = WhisperStt(SttSettings(min_log_probability=-0.001))
    try:
        assert (await strict.transcribe(callers[0][1])).text == ""
    finally:
        await strict.close()


@pytest.mark.parametrize("seconds", [0, 0.05, 1, 5])
async def test_silence_has_no_words(seconds, stt):
    assert (await stt.transcribe(silence(seconds))).text == ""


@pytest.mark.parametrize("level", [0.0003, 0.003, 0.03, 0.3])
async def test_noise_never_becomes_an_utterance_with_words(level, stt, detect):
    """Some noise the demo model would take for words; the detector comes before it."""
    noise = over_telephone(level * np.random.default_rng(3).standard_normal(4 * SPEECH_RATE), SPEECH_RATE)
    if detect(noise):
        assert (await stt.transcribe(noise)).text == ""


async def test_a_minute_of_talk_is_cut_and_bounded(callers, stt):
    samples = np.concatenate([part for _, line, _ in callers for part in (line, silence(0.3))])
    assert len(samples) > 30 * SPEECH_RATE
    transcript = await stt.transcribe(samples)
    assert transcript.log_probability < 0
    assert len(transcript.text.split()) < len(samples) / SPEECH_RATE * 6


async def test_workers_share_the_work_and_give_the_same_words(callers):
    stt = WhisperStt(SttSettings(workers=2))
    try:
        heard = await asyncio.gather(*(stt.transcribe(samples) for _, samples, _ in callers))
    finally:
        await stt.close()
    assert [transcript.text for transcript in heard] == [words for _, _, words in callers]
    with pytest.raises(EngineError, match="is closed"):
        await stt.transcribe(silence(1))


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(DEMO_MODELS / "stt", tmp_path / "stt")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda folder: shutil.rmtree(folder), "does not exist"),
        (lambda folder: (folder / "model.bin").unlink(), "has no model.bin"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer.json"),
        (lambda folder: (folder / "model.bin").write_bytes(os.urandom(4096)), "cannot be loaded"),
        (lambda folder: os.truncate(folder / "model.bin", 1_000_000), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded"),
    ],
)
def test_a_bad_model_is_one_line_with_its_path(spoil, why, copied):
    spoil(copied)
    with pytest.raises(ModelError, match=why) as caught:
        WhisperStt(SttSettings(model=copied))
    assert str(copied) in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_a_compute_type_that_does_not_exist():
    with pytest.raises(ModelError, match=r"stt\.compute_type"):
        WhisperStt(SttSettings(compute_type="int3"))
