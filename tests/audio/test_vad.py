"""Voice activity and endpointing on real people over the telephone: the prompts that come with Asterisk."""

import numpy as np
import pytest

from ari_app.core.events import SpeechStarted, SpeechStopped
from ari_app.engines.base import SPEECH_RATE
from tests.audio.conftest import TELEPHONE_RATE, over_telephone, silence

ENDPOINT_SECONDS = 0.4
MARGIN_SECONDS = 1.0
SHORT_SECONDS = 4.0
"""Prompts up to this length are one utterance; longer ones have pauses between their sentences."""
LABEL_FRAME_SECONDS = 0.01
LABEL_DB = 32


def energy_label(samples):
    """(onset, offset) in seconds: the frames within LABEL_DB of the recording's level, which is clean."""
    size = int(LABEL_FRAME_SECONDS * TELEPHONE_RATE)
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    level = 10 * np.log10(np.square(frames).mean(axis=1) + 1e-12)
    loud = np.flatnonzero(level > np.percentile(level[level > -60], 95) - LABEL_DB)
    return loud[0] * LABEL_FRAME_SECONDS, (loud[-1] + 1) * LABEL_FRAME_SECONDS


def in_silence(samples):
    return np.pad(samples, int(MARGIN_SECONDS * TELEPHONE_RATE))


def utterances(events, endpoint_seconds=ENDPOINT_SECONDS):
    """[(onset, offset)] as a turn machine with a fixed endpoint cuts them."""
    cut, onset, offset = [], None, None
    for told_at, event in events:
        if isinstance(event, SpeechStarted):
            if offset is not None and told_at > offset + endpoint_seconds:
                cut.append((onset, offset))
                onset = None
            onset, offset = (event.at if onset is None else onset), None
        else:
            offset = event.at
    return [*cut, (onset, offset)] if onset is not None else cut


@pytest.fixture(scope="module")
def short_prompts(prompts):
    """Every second of the short ones, in order of name: more than a hundred."""
    short = [(name, samples) for name, samples in prompts.items() if len(samples) <= SHORT_SECONDS * TELEPHONE_RATE]
    assert len(short) > 200
    return short[::2]


def test_every_prompt_is_one_utterance_with_its_edges_in_place(short_prompts, detect):
    onsets, offsets, wrong = [], [], []
    for name, samples in short_prompts:
        padded = in_silence(samples)
        found = utterances(detect(over_telephone(padded)))
        if len(found) != 1:
            wrong.append((name, found))
            continue
        onset, offset = energy_label(padded)
        onsets.append(found[0][0] - onset)
        offsets.append(found[0][1] - offset)
    assert wrong == []
    assert abs(np.median(onsets)) < 0.02
    assert abs(np.median(offsets)) < 0.02
    assert np.percentile(np.abs(onsets), 90) < 0.12
    assert np.percentile(np.abs(offsets), 90) < 0.12
    assert max(onsets) < 0.35  # what the listener's pre-roll has to cover


def test_quiet_and_noisy_callers_are_heard_too(short_prompts, detect):
    noise = np.random.default_rng(1)
    missed = []
    for name, samples in short_prompts[::4]:
        padded = in_silence(samples)
        quiet = 0.1 * padded
        noisy = padded + 0.01 * noise.standard_normal(len(padded))
        missed += [
            (name, kind) for kind, audio in (("quiet", quiet), ("noisy", noisy)) if not detect(over_telephone(audio))
        ]
    assert missed == []


def test_speech_stopped_comes_early_enough_to_count_the_endpoint_from_it(short_prompts, detect):
    late = []
    for name, samples in short_prompts[::4]:
        late += [
            (name, told_at - event.at)
            for told_at, event in detect(over_telephone(in_silence(samples)))
            if isinstance(event, SpeechStopped) and told_at - event.at > 0.1
        ]
    assert late == []


def test_two_sentences_with_a_pause_between_them_are_two_utterances(prompts, detect):
    first, second = prompts["vm-goodbye"], prompts["hello-world"]
    both = np.concatenate([in_silence(first), in_silence(second)])
    found = utterances(detect(over_telephone(both)))
    assert len(found) == 2
    assert found[0][1] < len(first) / TELEPHONE_RATE + MARGIN_SECONDS < found[1][0]


def test_demo_callers_are_one_utterance_each(callers, detect):
    wrong = [
        name
        for name, samples, _ in callers
        if len(utterances(detect(np.concatenate([silence(1), samples, silence(1)])))) != 1
    ]
    assert wrong == []


def tones(*hertz, on=4.0, every=4.0):
    time = np.arange(4 * SPEECH_RATE) / SPEECH_RATE
    wave = sum(0.2 * np.sin(2 * np.pi * frequency * time) for frequency in hertz)
    return wave * (time % every < on)


NOT_SPEECH = {
    "silence": silence(4),
    "dial tone": tones(350, 440),
    "ringing": tones(440, 480, on=1, every=2),
    "busy tone": tones(480, 620, on=0.5, every=1),
    "fax": tones(1100, on=0.5, every=3.5),
    "keys": tones(697, 1209, on=0.1, every=0.2),
    "one key held": tones(770, 1336),
    **{
        f"noise {level}": level * np.random.default_rng(2).standard_normal(4 * SPEECH_RATE)
        for level in (0.001, 0.01, 0.1, 0.3)
    },
}


@pytest.mark.parametrize("name", NOT_SPEECH)
def test_what_is_not_speech_starts_nothing(name, detect):
    assert detect(over_telephone(NOT_SPEECH[name], SPEECH_RATE)) == []


def test_reset_forgets_and_sessions_do_not_share(vad, prompts):
    windows = over_telephone(prompts["hello-world"])[: 40 * 512].reshape(-1, 512)
    session, other = vad.session(), vad.session()
    first = [session.probability(window) for window in windows]
    assert max(first) > 0.7
    interleaved = []
    session.reset()
    for window in windows:
        interleaved.append(session.probability(window))
        other.probability(window * 0.3)
    assert interleaved == first
