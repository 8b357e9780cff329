"""The agent's voice in the caller's line, on bundled speech: one caller's lines are the agent, another's the caller."""

import wave

import numpy as np
import pytest

from ari_app.audio.echo import EchoDetector
from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.audio.resample import StreamResampler
from ari_app.errors import AudioError
from ari_app.settings import DEMO_MODELS

RATE, LINE_RATE, WINDOW = 8000, 16000, 512
WINDOW_SECONDS = WINDOW / LINE_RATE
T0 = 100.0
HYBRID = np.array([0, 0, 0.5, 0.8, -0.4, 0, 0.2, -0.1, 0.05])
HYBRID /= np.sqrt(np.square(HYBRID).sum())


def load(name):
    with wave.open(str(DEMO_MODELS / "callers" / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float64) / 32768


AGENT = np.concatenate([load("booking-2"), load("directions-4"), load("person-1")])
CALLER = np.concatenate([load("saturday-2"), load("message-3")])


def as_pcm(samples):
    return (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def at_16_khz(pcm):
    return StreamResampler(RATE, LINE_RATE).feed(pcm.tobytes())


def over_telephone(samples):
    """Windows of the caller's line: G.711 and the ears' resampler."""
    heard = at_16_khz(np.frombuffer(ulaw_to_pcm(pcm_to_ulaw(as_pcm(samples).tobytes())), np.int16))
    return heard[: len(heard) // WINDOW * WINDOW].reshape(-1, WINDOW)


def echo_of(samples, delay_seconds, loss_db):
    coloured = np.convolve(samples, HYBRID)[: len(samples)] * 10 ** (-loss_db / 20)
    return np.concatenate([np.zeros(round(delay_seconds * RATE)), coloured])


def verdicts(line, *played, rate=RATE):
    """For each window that is loud enough to be speech, whether it was echo; None for the others."""
    detector = EchoDetector(rate)
    for samples, at in played:
        detector.played(as_pcm(samples), at)
    found = []
    for number, window in enumerate(over_telephone(line), 1):
        detector.heard(window)
        loud = np.square(window).mean() > 0.05 * np.square(line).mean()
        found.append(detector.is_echo(T0 + number * WINDOW_SECONDS) if loud else None)
    return found


def share(found):
    asked = [verdict for verdict in found if verdict is not None]
    assert len(asked) > 40
    return sum(asked) / len(asked)


@pytest.mark.parametrize("loss_db", [6, 12, 20, 30])
@pytest.mark.parametrize("delay_seconds", [0.0, 0.02, 0.12, 0.5])
def test_the_agents_voice_is_known_again(delay_seconds, loss_db):
    assert share(verdicts(echo_of(AGENT, delay_seconds, loss_db), (AGENT, T0))) > 0.97


@pytest.mark.parametrize("late_seconds", [-0.05, 0.03])
def test_the_time_of_playing_need_not_be_exact(late_seconds):
    assert share(verdicts(echo_of(AGENT, 0.1, 15), (AGENT, T0 + late_seconds))) > 0.97


def test_an_agent_at_16_khz_is_known_again():
    wide = at_16_khz(as_pcm(AGENT))
    assert share(verdicts(echo_of(AGENT, 0.12, 15), (wide, T0), rate=LINE_RATE)) > 0.97


def test_a_caller_alone_is_no_echo():
    assert share(verdicts(CALLER, (np.resize(AGENT, len(CALLER)), T0))) < 0.04


@pytest.mark.parametrize(("loss_db", "most"), [(30, 0.03), (20, 0.04), (12, 0.06)])
def test_a_caller_over_the_echo_is_no_echo(loss_db, most):
    agent = np.resize(AGENT, len(CALLER))
    both = CALLER + echo_of(agent, 0.12, loss_db)[: len(CALLER)]
    assert share(verdicts(both, (agent, T0))) < most


def test_a_caller_who_begins_over_the_echo_is_noticed_within_a_tenth_of_a_second():
    agent = AGENT[: 2 * RATE]
    both = echo_of(agent, 0.12, 15)[: len(agent)]
    loud = np.flatnonzero(np.abs(CALLER) > 0.05)[0]
    onset = len(both) // 2
    both[onset:] += CALLER[loud:][: len(both) - onset]
    first = onset * 2 // WINDOW
    found = verdicts(both, (agent, T0))
    assert sum(bool(verdict) for verdict in found[:first]) > 10
    assert False in found[first : first + 3]


def test_nothing_is_echo_of_silence():
    assert share(verdicts(CALLER)) == 0
    assert share(verdicts(CALLER, (np.zeros(len(CALLER)), T0))) == 0


def test_what_ended_a_second_ago_is_no_echo():
    late = echo_of(AGENT, 1.0, 6)
    assert share(verdicts(late, (AGENT[: RATE // 4], T0))) < 0.04


def test_chunks_follow_each_other_and_a_pause_is_a_pause():
    half = len(AGENT) // 2
    handed_over_at_once = ((AGENT[:half], T0), (AGENT[half:], T0 + 0.01))
    assert share(verdicts(echo_of(AGENT, 0.1, 15), *handed_over_at_once)) > 0.97
    pause = np.zeros(RATE // 2)
    said = np.concatenate([AGENT[:half], pause, AGENT[half:]])
    with_a_pause = ((AGENT[:half], T0), (AGENT[half:], T0 + half / RATE + 0.5))
    assert share(verdicts(echo_of(said, 0.1, 15), *with_a_pause)) > 0.97


def test_what_was_flushed_does_not_come_back():
    detector = EchoDetector(RATE)
    detector.played(as_pcm(AGENT), T0)
    detector.played(as_pcm(AGENT), T0)
    detector.stopped(T0 + 0.5)
    resumed_at = T0 + 1.0
    detector.played(as_pcm(AGENT), resumed_at)
    line = echo_of(np.concatenate([AGENT[: RATE // 2], np.zeros(RATE // 2), AGENT]), 0.1, 12)
    found = []
    for number, window in enumerate(over_telephone(line), 1):
        detector.heard(window)
        if np.square(window).mean() > 0.05 * np.square(line).mean():
            found.append(detector.is_echo(T0 + number * WINDOW_SECONDS))
    assert share(found) > 0.97


def test_clauses_that_wait_do_not_push_out_the_one_that_plays():
    third = len(AGENT) // 3
    clauses = [(AGENT[n * third : (n + 1) * third], T0 + n * third / RATE) for n in range(3)]
    assert share(verdicts(echo_of(AGENT[: 3 * third], 0.1, 15), *clauses)) > 0.97


def test_the_lag_may_move_whenever_the_agent_goes_on():
    part, line, played = RATE, np.zeros(0), []
    for number, late in enumerate([0.0, 0.018, 0.005, 0.02, 0.0, 0.012]):
        piece = AGENT[number * part : (number + 1) * part]
        at = number * (part / RATE + 0.15)
        played.append((piece, T0 + at))
        echo = echo_of(piece, 0.12 + late, 15)
        begin = round(at * RATE)
        line = np.pad(line, (0, max(0, begin + len(echo) - len(line))))
        line[begin : begin + len(echo)] += echo
    assert share(verdicts(line, *played)) > 0.97


def test_memory_stays_bounded():
    detector = EchoDetector(RATE)
    for second in range(600):
        detector.played(as_pcm(AGENT[:RATE]), T0 + second)
        detector.stopped(T0 + second)  # before it began: nothing is kept of it
        detector.played(as_pcm(AGENT[:RATE]), T0 + second)
    assert len(detector._chunks) <= 64
    detector.is_echo(T0 + 600)
    assert len(detector._chunks) <= 3


def test_odd_pieces_do_no_harm():
    detector = EchoDetector(LINE_RATE)
    for length in (0, 1, 2, 3, 17):
        detector.played(np.ones(length, np.int16), T0)
    detector.stopped(T0 - 1)
    detector.heard(np.zeros(WINDOW, np.float32))
    assert not detector.is_echo(T0)
    with pytest.raises(AudioError):
        EchoDetector(11025)
