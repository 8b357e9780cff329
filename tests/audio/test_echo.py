"""The agent's echo on real voices: the demo voice and Asterisk's prompts speak, the demo callers and prompts interrupt.

The echo goes through µ-law twice, a delay, and a hybrid's or a small room's filter. What counts is what the voice
detector would take for speech.
"""

import asyncio

import numpy as np
import pytest

from ari_app.audio.echo import EchoDetector
from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.core.speech import WINDOW_SECONDS
from ari_app.engines.base import VAD_WINDOW
from ari_app.settings import DEMO_MODELS
from tests.audio.conftest import TELEPHONE_RATE, over_telephone, read_wav

START, GO_ON = 0.5, 0.35
"""Probabilities from which the voice detector believes a first window, and the next ones."""
ONSET_WINDOWS = 3
SENTENCES = (
    "We are open Monday to Friday from eight to six, and Saturday from nine to one.",
    "Sorry, I did not catch that. Could you say it again?",
    "We are at twelve Harbor Street, next to the station.",
    "Your appointment is on Tuesday at half past three.",
)


def decaying(seconds, direct_db, seed=4):
    """A room: the direct sound, and a tail that is so much weaker and dies away by 60 dB in so many seconds."""
    time = np.arange(round(seconds * TELEPHONE_RATE)) / TELEPHONE_RATE
    tail = np.random.default_rng(seed).standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail *= 10 ** (-direct_db / 20) / np.sqrt(np.square(tail).sum())
    return np.concatenate([[1.0], tail])


PATHS = {
    "hybrid": np.array([0, 0, 0.5, 0.8, -0.4, 0, 0.2, -0.1, 0.05]),
    "room": decaying(0.3, direct_db=8),
}


def coded(samples):
    pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
    return np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(pcm)), np.int16) / 32768


def echo_of(agent, path, loss_db, delay_seconds=0.15):
    taps = PATHS[path] / np.sqrt(np.square(PATHS[path]).sum())
    echo = np.convolve(coded(agent), taps) * 10 ** (-loss_db / 20)
    return np.concatenate([np.zeros(round(delay_seconds * TELEPHONE_RATE)), echo])[: len(agent)]


@pytest.fixture(scope="module")
def agents(tts, prompts):
    """{who: samples at TELEPHONE_RATE}."""

    async def say():
        return [await tts.speak(sentence, TELEPHONE_RATE) for sentence in SENTENCES]

    demo = np.concatenate(asyncio.run(say())) / 32768
    person = np.concatenate([samples for name, samples in prompts.items() if name.startswith("demo-")])
    return {"demo": demo, "person": person[: 20 * TELEPHONE_RATE]}


@pytest.fixture(scope="module")
def people(prompts):
    """Callers who interrupt, at TELEPHONE_RATE."""
    names = [name for name, samples in prompts.items() if 1 < len(samples) / TELEPHONE_RATE < 4]
    return [prompts[name] for name in names[::12]]


@pytest.fixture
def listen(vad):
    """listen(agent, line) → [(probability of speech, echo or not)] a window."""

    def run(agent, line):
        session, detector = vad.session(), EchoDetector(TELEPHONE_RATE)
        detector.played((np.clip(agent, -1, 1) * 32767).astype(np.int16), 0.0)
        heard = over_telephone(line)
        found = []
        for number, window in enumerate(heard[: len(heard) // VAD_WINDOW * VAD_WINDOW].reshape(-1, VAD_WINDOW), 1):
            probability = session.probability(window)
            detector.heard(window)
            echo = probability >= GO_ON and detector.is_echo(number * WINDOW_SECONDS)
            found.append((probability, echo))
        return found

    return run


def believed(found):
    """The windows at which somebody is believed to speak."""
    run, at = 0, []
    for number, (probability, echo) in enumerate(found):
        run = run + 1 if probability >= (GO_ON if run else START) and not echo else 0
        if run >= ONSET_WINDOWS:
            at.append(number)
    return at


@pytest.mark.parametrize("loss_db", [12, 20, 30])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("who", ["demo", "person"])
def test_echo_starts_nothing(agents, listen, who, path, loss_db):
    found = listen(agents[who], echo_of(agents[who], path, loss_db))
    speech = [echo for probability, echo in found if probability >= GO_ON]
    assert len(speech) > 150, "an echo that nobody would take for speech proves nothing"
    assert np.mean(speech) > 0.97
    assert believed(found) == []


@pytest.mark.parametrize(("path", "loss_db", "late_windows"), [("hybrid", 30, 1), ("hybrid", 12, 3), ("room", 12, 3)])
@pytest.mark.parametrize("who", ["demo", "person"])
def test_callers_interrupt_over_their_echo_as_soon_as_without(agents, people, listen, who, path, loss_db, late_windows):
    delays = []
    for number, caller in enumerate(people):
        agent = np.roll(agents[who], -number * TELEPHONE_RATE // 2)[: len(caller) + 2 * TELEPHONE_RATE]
        alone = np.zeros(len(agent))
        alone[TELEPHONE_RATE : TELEPHONE_RATE + len(caller)] = caller[: len(agent) - TELEPHONE_RATE]
        expected = believed(listen(np.zeros(len(agent)), alone))[0]
        found = believed(listen(agent, alone + echo_of(agent, path, loss_db)))
        delays.append(min((at - expected for at in found if at >= expected - ONSET_WINDOWS), default=1000))
    assert np.percentile(delays, 90) <= late_windows
    assert np.median(delays) <= 0


def test_a_caller_without_any_echo_is_never_held_back(agents, callers, listen):
    for name, _, _ in callers:
        caller = read_wav(DEMO_MODELS / "callers" / name)
        agent = np.resize(agents["demo"], len(caller))
        with_agent = believed(listen(agent, caller))
        assert with_agent, name
        assert with_agent[0] <= believed(listen(np.zeros(len(caller)), caller))[0] + 2, name
