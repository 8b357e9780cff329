"""What speech over the agent is, by its length and its words."""

import pytest

from ari_app.core.barge_in import BargeIn, Verdict
from ari_app.core.events import Heard
from ari_app.settings import BargeInSettings

SETTINGS = BargeInSettings(min_speech_ms=100, hold_ms=250, max_hold_ms=1000, protect_ms=0)
STOP, GO_ON, WAIT, HOLD = Verdict.STOP, Verdict.GO_ON, Verdict.WAIT, Verdict.HOLD


def held():
    """Speech from 10.0 on, held at 10.1."""
    policy = BargeIn(SETTINGS, "en")
    policy.speech(10.0, 5.0)
    policy.held(10.1)
    return policy


@pytest.mark.parametrize(
    ("speaking_since", "protect_ms", "due"),
    [(5.0, 0, 10.1), (9.8, 500, 10.3), (5.0, 500, 10.1), (None, 500, 10.1)],
)
def test_the_agent_is_held_after_the_shortest_speech_and_not_in_its_first_moments(speaking_since, protect_ms, due):
    policy = BargeIn(BargeInSettings(min_speech_ms=100, protect_ms=protect_ms), "en")
    policy.speech(10.0, speaking_since)
    assert policy.due == pytest.approx(due)
    assert policy.holds(due + 0.01)
    assert not policy.holds(due - 0.01)


def test_turned_off_it_never_holds():
    policy = BargeIn(BargeInSettings(enabled=False), "en")
    policy.speech(10.0, 5.0)
    assert policy.due is None
    assert not policy.holds(60.0)


@pytest.mark.parametrize(
    ("text", "verdict"),
    [("", GO_ON), (" ", GO_ON), ("Uh-huh.", GO_ON), ("okay", GO_ON), ("wait", STOP), ("okay but when", STOP)],
)
def test_when_the_speech_is_over_its_words_decide(text, verdict):
    policy = held()
    assert policy.verdict(Heard(1, text), speaking=False, now=10.5) is verdict
    assert policy.due is None


@pytest.mark.parametrize(
    ("heard", "now", "verdict"),
    [
        (Heard(1, "wait"), 10.35, WAIT),  # of so little a model hears this and that
        (Heard(1, "wait"), 10.85, STOP),
        (Heard(1, "wait", sure=False), 10.85, STOP),
        (Heard(1, "okay"), 10.3, GO_ON),
        (Heard(1, "okay", sure=False), 10.3, WAIT),  # there is another look
        (Heard(1, "okay", sure=False), 10.35, GO_ON),
        (Heard(1, "i"), 10.3, WAIT),
        (Heard(1, "i"), 10.35, GO_ON),  # may become "I see"
        (Heard(1, "", sure=False, hushed=True), 10.35, GO_ON),  # over, most likely
        (Heard(1, "well", sure=False, hushed=True), 10.35, GO_ON),
        (Heard(1, "wait", hushed=True), 10.35, WAIT),
        (Heard(1, ""), 10.3, WAIT),
        (Heard(1, ""), 10.35, GO_ON),  # surely nothing
        (Heard(1, "", sure=False), 10.35, WAIT),
        (Heard(1, "", sure=False), 11.05, WAIT),
        (Heard(1, "", sure=False), 11.1, GO_ON),  # nothing for max_hold_ms
    ],
)
def test_while_the_speech_goes_on_words_must_have_lasted(heard, now, verdict):
    policy = held()
    assert policy.verdict(heard, speaking=True, now=now) is verdict
    assert (policy.due is None) == (verdict is STOP)
    assert policy.watching == (verdict is GO_ON)


def test_the_words_are_looked_at_twice_before_the_hold_is_over_and_then_steadily():
    policy = held()
    looks, now = [policy.due], policy.due
    for _ in range(3):
        assert policy.verdict(Heard(1, "", sure=False), speaking=True, now=now) is WAIT
        now = policy.due
        looks.append(now)
    assert looks == pytest.approx([10.3, 10.35, 10.6, 10.85])


@pytest.mark.parametrize("more", [Heard(2, "okay but"), Heard(2, "okay but", sure=False), Heard(2, "", sure=False)])
def test_a_backchannel_that_becomes_more_holds_the_agent_again_at_once(more):
    policy = held()
    assert policy.verdict(Heard(1, "okay"), speaking=True, now=10.35) is GO_ON
    assert policy.keeps_words
    assert policy.due == pytest.approx(10.475), "looked at more often than in a hold"
    assert policy.verdict(more, speaking=True, now=10.5) is HOLD
    policy.held(10.5)
    assert policy.verdict(Heard(3, "okay but when"), speaking=True, now=10.85) is STOP


@pytest.mark.parametrize(("first", "verdict"), [("okay", GO_ON), ("i", GO_ON), ("wait", WAIT), ("", WAIT)])
def test_what_was_a_backchannel_at_the_first_look_is_one_though_it_is_not_understood_any_more(first, verdict):
    policy = held()
    assert policy.verdict(Heard(1, first, sure=False), speaking=True, now=10.28) is WAIT
    assert policy.verdict(Heard(2, "", sure=False), speaking=True, now=10.35) is verdict


def test_a_pause_after_long_speech_that_was_not_understood_is_waited_for_a_little():
    policy = held()
    unclear = Heard(1, "", sure=False)
    assert policy.verdict(unclear, speaking=False, now=10.9) is WAIT
    assert policy.due == pytest.approx(11.2)
    assert policy.verdict(unclear, speaking=True, now=11.0) is WAIT  # it goes on
    assert policy.verdict(unclear, speaking=False, now=11.15) is WAIT
    assert policy.verdict(unclear, speaking=False, now=11.45) is GO_ON


@pytest.mark.parametrize(
    ("heard", "now"), [(Heard(1, "", sure=False), 10.7), (Heard(1, ""), 10.9), (Heard(1, "okay", sure=False), 10.9)]
)
def test_a_short_sound_and_a_backchannel_are_not_waited_for(heard, now):
    assert held().verdict(heard, speaking=False, now=now) is GO_ON


def test_what_is_surely_no_words_is_not_held_again_however_long():
    policy = held()
    for now in (10.35, 10.5, 10.85, 11.05):
        assert policy.verdict(Heard(1, ""), speaking=True, now=now) is GO_ON
    assert policy.verdict(Heard(1, ""), speaking=True, now=11.2) is GO_ON
    assert policy.due == pytest.approx(12.2), "noise is looked at seldom"
    assert not policy.keeps_words


def test_what_lasts_too_long_for_a_backchannel_holds_the_agent_again():
    policy = held()
    assert policy.verdict(Heard(1, "mhm"), speaking=True, now=10.3) is GO_ON
    assert policy.verdict(Heard(2, "mhm"), speaking=True, now=10.6) is GO_ON
    assert policy.verdict(Heard(3, "mhm mhm"), speaking=True, now=10.85) is HOLD
    policy.held(10.85)
    assert policy.verdict(Heard(4, "mhm"), speaking=True, now=11.1) is WAIT
    assert policy.verdict(Heard(5, "excuse me"), speaking=True, now=11.4) is STOP


def test_noise_is_held_for_only_once_and_looked_at_seldom():
    policy = held()
    assert policy.verdict(Heard(1, ""), speaking=True, now=11.2) is GO_ON
    assert policy.due == pytest.approx(11.2 + SETTINGS.max_hold_ms / 1000)
    assert policy.verdict(Heard(2, ""), speaking=True, now=policy.due) is GO_ON
    assert policy.verdict(Heard(3, "excuse me"), speaking=True, now=policy.due) is STOP


def test_every_speech_is_judged_anew():
    policy = held()
    policy.verdict(Heard(1, "okay"), speaking=True, now=10.35)
    policy.speech(12.0, 5.0)
    assert not policy.watching
    assert policy.due == pytest.approx(12.1)
    policy.over()
    assert policy.due is None


def test_a_soft_first_word_is_waited_for_and_an_unsure_one_stops_nothing():
    policy = BargeIn(BargeInSettings(hold_ms=220), "en")
    policy.speech(10.0, 0.0)
    policy.held(10.1)
    assert policy.verdict(Heard(1, ""), speaking=False, now=10.2) is WAIT
    assert policy.due == pytest.approx(10.32)
    assert policy.verdict(Heard(2, "stop", sure=False), speaking=False, now=10.35) is GO_ON
