"""The labelled set for end-of-turn judges: its labels fit its audio, and the policy does on it what it is for."""

import numpy as np
import pytest

from ari_app.core.completeness import Ending, ending
from ari_app.core.events import SpeechStopped
from ari_app.demo.asterisk_install import find_or_fetch
from tests.audio.conftest import over_telephone
from tests.data.endpoint.build import RATE, build


@pytest.fixture(scope="module")
def turns():
    sounds = find_or_fetch().sounds
    if sounds is None:
        pytest.skip("this Asterisk came without its English prompts")
    return build(sounds)


def test_the_set_is_large_and_half_of_it_pauses(turns):
    assert len({turn.name for turn in turns}) == len(turns) > 130
    assert {turn.voice for turn in turns} == {"people", "demo"}
    assert 0.4 < np.mean([bool(turn.pauses) for turn in turns]) < 0.6


def test_pauses_are_silent_and_words_are_not(turns):
    for turn in turns:
        for begin, end in turn.pauses:
            assert np.abs(turn.samples[int(begin * RATE) + 1 : int(end * RATE) - 1]).max() < 0.001, turn.name
        for piece in turn.pieces:
            assert np.abs(turn.samples[int(piece.begin * RATE) : int(piece.end * RATE)]).max() > 0.05, turn.name


def test_words_so_far(turns):
    turn = next(turn for turn in turns if turn.name == "phone-1")
    (first, _), (second, _) = turn.pauses
    assert turn.words_until(first) == "five five five"
    assert turn.words_until(second - 0.1) == "five five five oh one four"
    assert turn.words_until(turn.end) == "five five five oh one four two two eight six"
    assert turn.words_until(0) == ""


def test_the_detector_finds_every_end(turns, detect):
    errors = {}
    for turn in turns[::4]:
        stops = [event.at for _, event in detect(over_telephone(turn.samples)) if isinstance(event, SpeechStopped)]
        errors[turn.name] = stops[-1] - turn.end
    assert {name: error for name, error in errors.items() if abs(error) > 0.15} == {}


def test_words_tell_most_pauses_from_most_ends(turns):
    pauses = [ending(turn.words_until(begin), turn.asked) for turn in turns for begin, _ in turn.pauses]
    ends = [ending(turn.words_until(turn.end), turn.asked) for turn in turns]
    assert np.mean([how is Ending.OPEN for how in pauses]) > 0.5
    assert np.mean([how is Ending.COMPLETE for how in pauses]) < 0.2
    assert np.mean([how is Ending.COMPLETE for how in ends]) > 0.6
    assert np.mean([how is Ending.OPEN for how in ends]) < 0.06
