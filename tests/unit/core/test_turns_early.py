"""What the turn machine does in the caller's pauses: early words, the endpoint they ask for, drafts. Tables."""

from dataclasses import replace

import pytest

from ari_app.core.commands import CallerSaid, Draft, ForgetSpeech, Reply, Say, StopSpeaking, TakeTranscript
from ari_app.core.events import (
    Digit,
    Heard,
    HearingFailed,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.state import State
from tests.unit.core.turn_script import AGENT, DRAFTED, EARLY, GREETED, PAUSED, PLAIN, go_on, machine, play, said

COMPLETE = "what are your hours"
UNCLEAR = "i was there on monday"
OPEN = "my number is"


def early(script, **how):
    return play(script, **{"turn": EARLY, **how})


# -- the endpoint


@pytest.mark.parametrize(("text", "seconds"), [(COMPLETE, 0.24), (UNCLEAR, 0.4), (OPEN, 1.2), ("", 0.4)])
def test_the_words_of_the_pause_say_how_long_it_may_be(text, seconds):
    under_test = early(PAUSED)
    assert under_test.next_deadline() == pytest.approx(4.4)  # until they are known
    under_test.handle(Heard(1, text), 4.1)
    assert under_test.state is State.PAUSING
    assert under_test.next_deadline() == pytest.approx(4.0 + seconds)


def test_the_turn_tells_how_much_silence_it_asked_for():
    early([*PAUSED, (4.1, Heard(1, OPEN), []), (5.2, Timer(), [said(OPEN, 1200.0), Reply(2)])])
    early([*DRAFTED, (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)])])


def test_an_agent_has_endpoints_of_its_own():
    under_test = early(PAUSED, agent=replace(AGENT, endpoint_ms=300, endpoint_min_ms=100, endpoint_max_ms=2000))
    assert under_test.next_deadline() == pytest.approx(4.3)
    under_test.handle(Heard(1, OPEN), 4.1)
    assert under_test.next_deadline() == pytest.approx(6.0)


def test_what_the_agent_has_asked_makes_an_answer_complete():
    under_test = early(PAUSED)
    under_test.handle(Heard(1, "okay", asked="Shall I book it?"), 4.1)
    assert under_test.next_deadline() == pytest.approx(4.24)


def test_words_that_are_not_sure_end_no_turn_sooner():
    under_test = early(PAUSED)
    under_test.handle(Heard(1, COMPLETE, sure=False), 4.1)
    assert under_test.next_deadline() == pytest.approx(4.4)


def test_the_acoustic_judge_is_heeded():
    for complete, seconds in ((0.9, 0.24), (0.0, 1.2), (None, 0.4)):
        under_test = early(PAUSED, turn=replace(EARLY, judge="smart-turn"))
        under_test.handle(Heard(1, UNCLEAR, complete), 4.1)
        assert under_test.next_deadline() == pytest.approx(4.0 + seconds)


def test_words_that_come_after_their_own_endpoint_end_the_turn_at_once():
    early([*PAUSED, (4.3, Heard(1, COMPLETE), [said(COMPLETE, 240.0), Reply(2)])])


# -- words that are late


def test_when_the_words_are_late_the_turn_waits_for_them():
    under_test = early([*PAUSED, (4.4, Timer(), [])])
    assert under_test.state is State.HEARING
    assert under_test.next_deadline() == pytest.approx(14.4)
    go_on(under_test, [(4.6, Heard(1, UNCLEAR), [said(UNCLEAR), Reply(2)])])


def test_late_words_that_ask_for_more_time_get_it():
    under_test = early([*PAUSED, (4.4, Timer(), []), (4.6, Heard(1, OPEN), [])])
    assert under_test.state is State.PAUSING
    assert under_test.next_deadline() == pytest.approx(5.2)
    go_on(under_test, [(5.2, Timer(), [said(OPEN, 1200.0), Reply(2)])])


def test_going_on_while_the_words_are_late_makes_one_turn_of_both():
    under_test = early([*PAUSED, (4.4, Timer(), []), (4.5, SpeechStarted(4.45), []), (4.6, Heard(1, OPEN), [])])
    assert under_test.state is State.CALLER_SPEAKING
    go_on(
        under_test,
        [
            (5.1, SpeechStopped(5.0), [TakeTranscript(2)]),
            (5.2, Heard(2, COMPLETE), [Draft(2, COMPLETE)]),
            (5.24, Timer(), [said(COMPLETE, 240.0), Reply(2)]),
        ],
    )


def test_words_that_never_come_end_the_call_with_an_apology():
    early([*PAUSED, (4.4, Timer(), []), (14.4, Timer(), [StopSpeaking(1), Say(3, "Sorry.", "closing")])])


def test_ears_that_fail_in_a_pause_end_the_call_with_an_apology():
    early([*PAUSED, (4.1, HearingFailed(1, "stt_failed"), [StopSpeaking(1), Say(3, "Sorry.", "closing")])])


def test_a_sound_without_words_in_a_pause_is_forgotten_at_its_end():
    cough = [(3.1, SpeechStarted(3.0), []), (3.2, SpeechStopped(3.2), [TakeTranscript(1)])]
    under_test = early([*GREETED, *cough, (3.3, Heard(1, ""), []), (3.6, Timer(), [ForgetSpeech()])])
    assert under_test.state is State.LISTENING
    early([*PAUSED, (4.1, Heard(1, ""), []), (4.4, Timer(), [ForgetSpeech(), Say(2, "Pardon?", "error")])])


# -- drafts


def test_a_draft_becomes_the_reply_under_its_own_number():
    under_test = early([*DRAFTED, (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)]), (4.3, SpeakingStarted(2), [])])
    assert under_test.state is State.SPEAKING
    go_on(under_test, [(6.0, SpeakingDone(2, True), [])])
    assert under_test.state is State.LISTENING


def test_a_caller_who_goes_on_drops_the_draft_and_gets_another():
    early(
        [
            *DRAFTED,
            (4.2, SpeechStarted(4.15), [StopSpeaking(2)]),
            (5.06, SpeechStopped(5.0), [TakeTranscript(2)]),
            (5.1, Heard(2, f"{COMPLETE} on sunday"), [Draft(4, f"{COMPLETE} on sunday")]),
            (5.24, Timer(), [said(f"{COMPLETE} on sunday", 240.0), Reply(4)]),
        ]
    )


@pytest.mark.parametrize("text", ["", OPEN])
def test_no_draft_answers_nothing_or_half_a_sentence(text):
    early([*PAUSED, (4.1, Heard(1, text), [])])


def test_what_is_unclear_is_drafted_too():
    early([*PAUSED, (4.1, Heard(1, UNCLEAR), [Draft(2, UNCLEAR)]), (4.4, Timer(), [said(UNCLEAR), Reply(2)])])


def test_a_draft_that_fails_is_tried_anew_at_the_turns_end_and_fails_nothing():
    early([*DRAFTED, (4.2, ReplyFailed(2, "engine_failed"), []), (4.24, Timer(), [said(COMPLETE, 240.0), Reply(4)])])


def test_a_draft_that_fails_after_it_became_the_reply_is_apologised_for():
    early(
        [
            *DRAFTED,
            (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)]),
            (4.3, ReplyFailed(2, "engine_failed"), [StopSpeaking(2), Say(4, "Sorry.", "closing")]),
        ]
    )


def test_what_a_dropped_draft_still_brings_is_late():
    under_test = early([*DRAFTED, (4.2, SpeechStarted(4.15), [StopSpeaking(2)])])
    late = [SpeakingStarted(2), SpeakingDone(2, False), ToolCalled(2, "hang_up", {}), ReplyFailed(2, "engine_failed")]
    assert [under_test.handle(event, 4.3) for event in late] == [[]] * 4
    assert under_test.state is State.CALLER_SPEAKING


@pytest.mark.parametrize("judge", ["text", "silence"])
def test_a_turn_is_drafted_only_so_often(judge):
    under_test = early(GREETED, turn=replace(EARLY, judge=judge, speculate=2))
    drafts, now = [], 3.0
    for _ in range(5):
        under_test.handle(SpeechStarted(now), now + 0.05)
        asked = under_test.handle(SpeechStopped(now + 0.5), now + 0.55)
        for command in asked:
            drafts += under_test.handle(Heard(command.utterance, COMPLETE), now + 0.6)
        # without drafts or a judge the words are not wanted in the pause
        assert bool(asked) == (judge == "text" or len(drafts) < 2 or now < 3.9)
        now += 0.65
    assert [type(command) for command in drafts] == [Draft, Draft]
    under_test.handle(Timer(), now + 5)
    if under_test.state is State.HEARING:
        under_test.handle(Heard(3, COMPLETE), now + 5.1)
    assert under_test.state is State.THINKING


def test_the_next_turn_has_its_drafts_again():
    under_test = early(
        [*DRAFTED, (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)]), (5.0, SpeakingDone(2, True), [])],
        turn=replace(EARLY, speculate=1),
    )
    go_on(
        under_test,
        [
            (6.1, SpeechStarted(6.0), []),
            (7.06, SpeechStopped(7.0), [TakeTranscript(2)]),
            (7.1, Heard(2, COMPLETE), [Draft(3, COMPLETE)]),
        ],
    )


def test_speculation_can_be_off_while_the_words_still_shorten_the_pause():
    early(
        [*PAUSED, (4.1, Heard(1, COMPLETE), []), (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)])],
        turn=replace(EARLY, speculate=0),
    )


def test_without_judge_and_speculation_nothing_is_transcribed_before_the_turns_end():
    under_test = machine(turn=PLAIN)
    go_on(under_test, [*GREETED, (3.1, SpeechStarted(3.0), []), (4.06, SpeechStopped(4.0), [])])


# -- and keys


def test_who_types_while_speaking_gets_one_answer_to_both():
    early(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (3.5, Digit("5"), []),
            (4.06, SpeechStopped(4.0), [TakeTranscript(1)]),
            (4.1, Heard(1, COMPLETE), []),  # no draft: keys are still coming
            (4.24, Timer(), [said(COMPLETE, 240.0)]),
            (5.0, Timer(), [CallerSaid("five", "dtmf"), Reply(2)]),
        ]
    )


def test_a_key_drops_the_draft():
    early(
        [
            *DRAFTED,
            (4.15, Digit("5"), [StopSpeaking(2)]),
            (4.24, Timer(), [said(COMPLETE, 240.0)]),
            (5.65, Timer(), [CallerSaid("five", "dtmf"), Reply(4)]),
        ]
    )


def test_keys_that_end_in_a_pause_are_answered_with_its_words():
    early(
        [
            *PAUSED,
            (4.07, Digit("5"), []),
            (4.08, Digit("#"), [CallerSaid("five", "dtmf")]),
            (4.1, Heard(1, COMPLETE), [Draft(2, COMPLETE)]),
            (4.24, Timer(), [said(COMPLETE, 240.0), Reply(2)]),
        ]
    )


# -- long turns


def test_a_long_turn_is_taken_in_parts_and_answered_as_one():
    early(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (8.0, Timer(), [TakeTranscript(1)]),
            (8.1, Heard(1, "one"), [CallerSaid("one", "speech")]),
            (13.1, Timer(), [TakeTranscript(2)]),
            (13.2, Heard(2, ""), [ForgetSpeech()]),
            (14.06, SpeechStopped(14.0), [TakeTranscript(3)]),
            (14.1, Heard(3, ""), []),
            (14.4, Timer(), [ForgetSpeech(), Reply(2)]),
        ],
        turn=replace(EARLY, max_speech_ms=5000),
    )


@pytest.mark.parametrize("turn", [PLAIN, EARLY])
def test_a_part_is_not_taken_for_the_whole_turn_that_ends_meanwhile(turn):
    under_test = play([*GREETED, (3.1, SpeechStarted(3.0), [])], turn=replace(turn, max_speech_ms=5000))
    assert under_test.handle(Timer(), 8.0) == [TakeTranscript(1)]
    under_test.handle(SpeechStopped(8.1), 8.15)
    assert under_test.handle(Heard(1, "a part"), 8.2) == []
    under_test.handle(Timer(), 8.5)
    assert under_test.handle(Heard(2, UNCLEAR), 8.6) == [said(UNCLEAR), Reply(2)]
