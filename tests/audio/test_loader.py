"""All engines together: loaded at once or not at all, and nothing left behind."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from ari_app.core.dialogue import Message
from ari_app.engines.cores import NICENESS
from ari_app.engines.loader import load_engines
from ari_app.errors import ModelError
from ari_app.settings import LlmSettings, Settings, SttSettings, TtsSettings, VadSettings
from tests.audio.conftest import silence

NOWHERE = Path("/nowhere/model")


def engine_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("offhook-")}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = engine_threads()
    yield
    assert engine_threads() <= before


def niceness():
    """Of every thread of this process, by number; libraries start threads that Python does not know."""
    stats = [thread / "stat" for thread in Path("/proc/self/task").iterdir()]
    return {stat.parent.name: int(stat.read_text().rpartition(")")[2].split()[16]) for stat in stats}


async def test_loads_tells_and_closes():
    told = []
    others = niceness()
    engines = await load_engines(Settings(llm=LlmSettings(threads=2), tts=TtsSettings(threads=2)), told.append)
    assert sorted(line.split(" ready")[0] for line in told) == ["language model", "speech to text", "voice"]
    assert engines.vad.session().probability(silence(0.032)) < 0.5
    assert (await engines.stt.transcribe(silence(1))).text == ""
    assert len(await engines.tts.speak("Hello.", 16000)) > 0
    conversation = engines.llm.conversation()
    assert [piece async for piece in conversation.reply([Message("user", "hello")], max_tokens=4)]
    of_engines = niceness().keys() - others.keys()
    assert len(of_engines) >= 5  # speech to text, voice and its helper, language model and its helper
    assert {niceness()[thread] - niceness()[str(os.getpid())] for thread in of_engines} == {NICENESS}
    await conversation.close()
    await engines.close()


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (Settings(vad=VadSettings(model=NOWHERE)), "vad.model"),
        (Settings(stt=SttSettings(model=NOWHERE)), "stt.model"),
        (Settings(llm=LlmSettings(model=NOWHERE)), "llm.model"),
        (Settings(tts=TtsSettings(model=NOWHERE)), "tts.model"),
    ],
)
async def test_one_bad_model_fails_all_and_leaves_nothing(settings, key):
    with pytest.raises(ModelError, match="does not exist") as caught:
        await load_engines(settings, lambda line: None)
    assert key in caught.value.remedy
    assert str(NOWHERE) in caught.value.message


async def test_a_file_of_another_kind_as_vad_model():
    voice = TtsSettings().model
    with pytest.raises(ModelError, match="is not a Silero"):
        await load_engines(Settings(vad=VadSettings(model=voice)), lambda line: None)


async def test_cancelled_while_loading():
    loading = asyncio.create_task(load_engines(Settings(), lambda line: None))
    await asyncio.sleep(0)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
