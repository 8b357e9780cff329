"""Text to speech: what the demo voice says is understood again."""

import asyncio
import json
import shutil

import numpy as np
import pytest

from ari_app.audio.voicing import PEAK
from ari_app.engines.tts import SENTENCE_PAUSE_SECONDS, PiperTts
from ari_app.engines.vad import bundled_model
from ari_app.errors import EngineError, ModelError
from ari_app.settings import DEMO_MODELS, TtsSettings
from tests.audio.conftest import over_telephone


async def test_what_is_spoken_is_understood(callers, tts, stt):
    heard = []
    for _, _, words in callers:
        pcm = await tts.speak(words, 8000)
        heard.append((await stt.transcribe(over_telephone(np.pad(pcm / 32768, 800)))).text)
    assert heard == [words for _, _, words in callers]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 48000])
async def test_rates(rate, tts):
    pcm = await tts.speak("What is your name?", rate)
    assert pcm.dtype == np.int16
    assert 0.8 < len(pcm) / rate < 1.6
    assert np.abs(pcm).max() / 32767 == pytest.approx(PEAK, abs=0.1)


async def test_begins_at_once_and_ends_with_a_pause(tts):
    pcm = await tts.speak("We are open today.", 16000)
    loud = np.flatnonzero(np.abs(pcm) > 0.01 * 32767)
    assert loud[0] / 16000 < 0.02
    assert (len(pcm) - loud[-1]) / 16000 == pytest.approx(SENTENCE_PAUSE_SECONDS, abs=0.02)
    assert pcm[0] == 0


async def test_a_clause_within_a_sentence_has_a_shorter_pause(tts):
    within, at_the_end = await tts.speak("On Monday,", 16000), await tts.speak("On Monday.", 16000)
    quiet = [(len(pcm) - np.flatnonzero(np.abs(pcm) > 300)[-1]) / 16000 for pcm in (within, at_the_end)]
    assert quiet[0] < quiet[1] - 0.1


@pytest.mark.parametrize("text", ["", "   ", "...", "*", "!?", "\N{GRINNING FACE}", "[[]]"])
async def test_nothing_to_say(text, tts):
    assert len(await tts.speak(text, 16000)) == 0


async def test_double_brackets_are_not_phonemes(tts):
    plain, bracketed = await tts.speak("x", 16000), await tts.speak("[[x]]", 16000)
    assert len(bracketed) == len(plain)


async def test_length_scale_slows_down(tts):
    slow = PiperTts(TtsSettings(length_scale=1.5))
    try:
        ratio = len(await slow.speak("Good morning to you all", 16000)) / len(
            await tts.speak("Good morning to you all", 16000)
        )
    finally:
        await slow.close()
    assert 1.2 < ratio < 1.7


async def test_cancelled_work_is_dropped(tts):
    long = asyncio.create_task(tts.speak("This sentence goes on and on. " * 100, 16000))
    waiting = asyncio.create_task(tts.speak("never said", 16000))
    after = asyncio.create_task(tts.speak("Yes.", 16000))
    await asyncio.sleep(0)
    long.cancel()
    waiting.cancel()
    assert len(await after) > 0
    for task in (long, waiting):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_closed():
    voice = PiperTts(TtsSettings())
    await voice.close()
    with pytest.raises(EngineError, match="is closed"):
        await voice.speak("Hello.", 16000)


@pytest.fixture
def copied(tmp_path):
    return shutil.copytree(DEMO_MODELS / "voice", tmp_path / "voice") / "demo-en.onnx"


def description(path):
    return path.with_name(path.name + ".json")


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.unlink(), "demo-en.onnx does not exist"),
        (lambda path: description(path).unlink(), "demo-en.onnx.json does not exist"),
        (lambda path: description(path).write_text("{"), "does not describe a Piper voice"),
        (lambda path: description(path).write_text(json.dumps({"audio": 1})), "does not describe a Piper voice"),
        (lambda path: path.write_bytes(b"no onnx at all"), "cannot be loaded"),
        (lambda path: path.write_bytes(path.read_bytes()[:100_000]), "cannot be loaded"),
        (lambda path: shutil.copy(DEMO_MODELS / "stt/model.bin", path), "cannot be loaded"),
    ],
)
def test_a_bad_voice_is_one_line_with_its_path(spoil, why, copied):
    spoil(copied)
    with pytest.raises(ModelError, match=why) as caught:
        PiperTts(TtsSettings(model=copied))
    assert str(copied) in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_another_kind_of_onnx_file_is_no_voice(copied):
    shutil.copy(bundled_model(), copied)
    with pytest.raises(ModelError, match="loads but does not work"):
        PiperTts(TtsSettings(model=copied))
