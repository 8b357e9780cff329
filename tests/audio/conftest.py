"""Real engines, loaded once, and real audio: the demo callers, and the people who recorded Asterisk's prompts."""

import asyncio
import csv
import sys
import wave

import numpy as np
import pytest
import soxr

from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.core.speech import WINDOW_SECONDS, SpeechDetector
from ari_app.demo.asterisk_install import find_or_fetch
from ari_app.engines.base import SPEECH_RATE, VAD_WINDOW
from ari_app.engines.llm import LlamaLlm
from ari_app.engines.stt import WhisperStt
from ari_app.engines.tts import PiperTts
from ari_app.engines.vad import SileroVad
from ari_app.settings import DEMO_MODELS, BargeInSettings, LlmSettings, SttSettings, TtsSettings, VadSettings

TELEPHONE_RATE = 8000


def over_telephone(samples, rate=TELEPHONE_RATE):
    """Float samples at `rate` as they arrive after G.711 µ-law, at SPEECH_RATE."""
    narrow = soxr.resample(np.asarray(samples, np.float32), rate, TELEPHONE_RATE)
    pcm = (np.clip(narrow, -1, 1) * 32767).astype(np.int16).tobytes()
    heard = np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(pcm)), np.int16).astype(np.float32) / 32768
    return soxr.resample(heard, TELEPHONE_RATE, SPEECH_RATE)


def read_wav(path):
    """A mono 8 kHz WAV as floats."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (TELEPHONE_RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768


def silence(seconds, rate=SPEECH_RATE):
    return np.zeros(int(seconds * rate), np.float32)


@pytest.fixture(scope="session")
def vad():
    return SileroVad(VadSettings())


@pytest.fixture(scope="session")
def stt():
    engine = WhisperStt(SttSettings())
    yield engine
    asyncio.run(engine.close())


@pytest.fixture(scope="session")
def tts():
    engine = PiperTts(TtsSettings())
    yield engine
    asyncio.run(engine.close())


@pytest.fixture
async def llm():
    """One for each test: what one test left in its memory must not help the next."""
    engine = LlamaLlm(LlmSettings())
    yield engine
    await engine.close()


@pytest.fixture(scope="session")
def callers():
    """The demo callers' lines: [(name, samples at SPEECH_RATE as heard over the telephone, words)]."""
    folder = DEMO_MODELS / "callers"
    with (folder / "lines.tsv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(name, over_telephone(read_wav(folder / name)), words) for name, words in rows]


@pytest.fixture(scope="session")
def prompts():
    """Asterisk's recorded prompts of one person speaking: {name: samples at TELEPHONE_RATE}."""
    sounds = find_or_fetch(progress=lambda line: print(line, file=sys.__stderr__)).sounds
    if sounds is None:
        pytest.skip("this Asterisk came without its English prompts")
    names = sorted(file.stem for file in sounds.glob("*.wav"))
    not_speech = ("beep", "tone", "monkeys", "weasels", "confbridge-join", "confbridge-leave")
    return {
        name: read_wav(sounds / f"{name}.wav")
        for name in names
        if not any(part in name for part in not_speech) or name.startswith("confbridge-leave-")
    }


@pytest.fixture(scope="session")
def detect(vad):
    """detect(samples at SPEECH_RATE) → the events of a fresh detector, each with the audio time it was told at."""

    def run(samples, settings=None):
        session, detector, events = vad.session(), SpeechDetector(settings or VadSettings(), BargeInSettings()), []
        for index in range(len(samples) // VAD_WINDOW):
            end_at = (index + 1) * WINDOW_SECONDS
            window = samples[index * VAD_WINDOW : (index + 1) * VAD_WINDOW]
            if event := detector.on_window(session.probability(window), end_at):
                events.append((end_at, event))
        return events

    return run
