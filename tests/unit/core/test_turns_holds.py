"""Speech over the agent: it is held, and then stopped or let go on. Tables."""

from dataclasses import replace

import pytest

from ari_app.core.commands import (
    CallerSaid,
    Draft,
    ForgetSpeech,
    HoldSpeaking,
    Leave,
    Outcome,
    Reply,
    ResumeSpeaking,
    Say,
    Status,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.events import (
    Digit,
    Heard,
    HearingFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.state import State
from tests.unit.core.turn_script import ANSWERING, BARGE_IN, DRAFTED, EARLY, GREETED, PLAIN, go_on, play, said

HELD = [*ANSWERING, (5.05, SpeechStarted(5.0), []), (5.1, Timer(), [HoldSpeaking(2)])]
LOOKED = [*HELD, (5.3, Timer(), [TakeTranscript(2)])]
SHORT = [*HELD, (5.26, SpeechStopped(5.2), [TakeTranscript(2)])]
"""Speech of 200 ms, over before its words are looked at."""


def test_the_agent_is_held_before_anything_is_known():
    under_test = play(ANSWERING)
    under_test.handle(SpeechStarted(5.0), 5.05)
    assert (under_test.state, under_test.next_deadline()) == (State.SPEAKING, pytest.approx(5.1))
    assert under_test.handle(Timer(), 5.1) == [HoldSpeaking(2)]
    assert (under_test.state, under_test.next_deadline()) == (State.INTERRUPTED, pytest.approx(5.26))


@pytest.mark.parametrize("text", ["okay", "uh-huh", "", " "])
def test_a_backchannel_or_a_noise_lets_it_go_on(text):
    under_test = play([*SHORT, (5.3, Heard(2, text), [ForgetSpeech(), ResumeSpeaking(2)])])
    assert under_test.state is State.SPEAKING
    assert under_test.next_deadline() == 100.0  # nothing but the maximum duration
    go_on(under_test, [(7.0, SpeakingDone(2, True), [])])
    assert under_test.state is State.LISTENING


def test_words_stop_it_and_are_a_turn_with_a_pause_of_its_own():
    under_test = play([*SHORT, (5.3, Heard(2, "stop"), [StopSpeaking(2)])])
    assert (under_test.state, under_test.next_deadline()) == (State.PAUSING, pytest.approx(5.6))
    go_on(under_test, [(5.6, Timer(), [said("stop"), Reply(4)])])


@pytest.mark.parametrize(("text", "seconds"), [("what are your hours", 0.24), ("my number is", 1.2)])
def test_the_words_that_stopped_it_say_how_long_their_pause_may_be_and_are_drafted(text, seconds):
    answering = [*DRAFTED, (4.24, Timer(), [said("what are your hours", 240.0), Reply(2)]), ANSWERING[-1]]
    under_test = play([*answering, *SHORT[len(ANSWERING) :]], turn=EARLY)
    draft = [Draft(4, text)] if seconds < 1 else []
    go_on(under_test, [(5.3, Heard(2, text), [StopSpeaking(2), *draft])])
    assert under_test.next_deadline() == pytest.approx(5.2 + seconds)


def test_words_that_come_after_their_pause_are_answered_at_once():
    play([*SHORT, (5.9, Heard(2, "stop"), [StopSpeaking(2), said("stop"), Reply(4)])])


def test_words_of_speech_that_has_lasted_stop_it_while_it_goes_on():
    under_test = play([*LOOKED, (5.4, Heard(2, "wait"), []), (5.6, Timer(), [TakeTranscript(3)])])
    go_on(under_test, [(5.85, Heard(3, "wait a moment"), [StopSpeaking(2)])])
    assert under_test.state is State.CALLER_SPEAKING
    assert under_test.next_deadline() == pytest.approx(65.0)  # max_speech_ms from the onset on
    go_on(under_test, [(7.0, SpeechStopped(6.9), []), (7.3, Timer(), [TakeTranscript(4)])])


def test_a_backchannel_that_goes_on_lets_the_agent_go_on_beside_it():
    under_test = play(
        [
            *LOOKED,
            (5.4, Heard(2, "okay"), [ResumeSpeaking(2)]),
            (5.5, Timer(), [TakeTranscript(3)]),
            (5.55, Heard(3, "okay okay"), []),
        ]
    )
    assert under_test.state is State.SPEAKING
    go_on(
        under_test,
        [
            (5.66, SpeechStopped(5.6), [TakeTranscript(4)]),
            (5.7, Heard(4, "okay okay"), [ForgetSpeech()]),
        ],
    )


def test_a_backchannel_that_becomes_more_is_held_again_and_its_first_words_are_kept():
    under_test = play(
        [
            *LOOKED,
            (5.4, Heard(2, "okay"), [ResumeSpeaking(2)]),
            (5.5, Timer(), [TakeTranscript(3)]),
            (5.55, Heard(3, "okay but"), [HoldSpeaking(2)]),
        ]
    )
    assert under_test.state is State.INTERRUPTED
    go_on(under_test, [(5.8, Timer(), [TakeTranscript(4)]), (5.85, Heard(4, "okay but when"), [StopSpeaking(2)])])
    assert under_test.state is State.CALLER_SPEAKING


def test_long_speech_that_is_not_understood_may_pause_without_the_agent_going_on():
    pausing = [*HELD, (6.06, SpeechStopped(6.0), [TakeTranscript(2)]), (6.1, Heard(2, "", sure=False), [])]
    under_test = play(pausing)
    assert (under_test.state, under_test.next_deadline()) == (State.INTERRUPTED, pytest.approx(6.4))
    over = [(6.4, Timer(), [TakeTranscript(3)]), (6.45, Heard(3, "", sure=False), [ForgetSpeech(), ResumeSpeaking(2)])]
    go_on(under_test, over)
    goes_on = [
        *pausing,
        (6.25, SpeechStarted(6.2), []),
        (6.4, Timer(), [TakeTranscript(3)]),
        (6.45, Heard(3, "", sure=False), []),
        (6.56, SpeechStopped(6.5), [TakeTranscript(4)]),
        (6.6, Heard(4, "hello"), [StopSpeaking(2)]),
    ]
    play(goes_on, barge_in=replace(BARGE_IN, max_hold_ms=5000))


def test_a_yes_over_a_question_is_its_answer():
    under_test = play([*SHORT, (5.3, Heard(2, "yes", asked="Is that right?"), [StopSpeaking(2)])])
    assert under_test.state is State.PAUSING


def test_words_at_the_end_of_speech_beside_the_agent_stop_it_too():
    beside = [*LOOKED, (5.4, Heard(2, "okay"), [ResumeSpeaking(2)])]
    under_test = play([*beside, (5.9, SpeechStopped(5.8), [TakeTranscript(3)])])
    go_on(under_test, [(6.0, Heard(3, "but"), [StopSpeaking(2)]), (6.2, Timer(), [said("but"), Reply(4)])])
    play(
        [
            *beside,
            (5.9, SpeechStopped(5.8), [TakeTranscript(3)]),
            (6.0, Heard(3, "okay"), [ForgetSpeech()]),
            (7.0, SpeakingDone(2, True), []),
        ]
    )


def test_noise_without_end_holds_the_agent_for_the_longest_hold_only():
    under_test = play(HELD)
    resumed_at = None
    while resumed_at is None:
        now = under_test.next_deadline()
        (look,) = under_test.handle(Timer(), now)
        if under_test.handle(Heard(look.utterance, "", sure=False), now + 0.02) == [ForgetSpeech(), ResumeSpeaking(2)]:
            resumed_at = now + 0.02
    assert 6.1 <= resumed_at <= 6.4
    assert under_test.state is State.SPEAKING


def test_a_hold_may_last_longer_than_words_are_waited_for():
    under_test = play(HELD, barge_in=replace(BARGE_IN, max_hold_ms=30_000), turn=replace(PLAIN, reply_timeout_ms=1000))
    while under_test.next_deadline() < 30:
        now = under_test.next_deadline()
        (look,) = under_test.handle(Timer(), now)
        assert under_test.handle(Heard(look.utterance, "", sure=False), now + 0.02) == []


def test_a_second_speech_in_the_hold_belongs_to_the_first():
    under_test = play([*SHORT, (5.28, SpeechStarted(5.27), [])])
    go_on(under_test, [(5.3, Heard(2, "", sure=False), [])])  # nobody knows yet what the second will be
    assert under_test.state is State.INTERRUPTED
    go_on(
        under_test,
        [
            (5.56, SpeechStopped(5.5), [TakeTranscript(3)]),
            (5.6, Heard(3, "hello"), [StopSpeaking(2)]),
        ],
    )


def test_a_look_that_comes_due_after_the_speech_does_not_replace_its_last_transcript():
    under_test = play([*SHORT, (5.3, Timer(), [])])
    go_on(under_test, [(5.5, Heard(2, "stop"), [StopSpeaking(2)])])


@pytest.mark.parametrize("protect_ms", [0, 2000])
def test_the_first_moments_of_the_agent_can_be_protected(protect_ms):
    under_test = play(ANSWERING, barge_in=replace(BARGE_IN, protect_ms=protect_ms))  # speaks since 4.6
    under_test.handle(SpeechStarted(5.0), 5.05)
    assert under_test.next_deadline() == pytest.approx(6.6 if protect_ms else 5.1)
    if protect_ms:
        go_on(under_test, [(5.5, SpeechStopped(5.4), [ForgetSpeech()]), (6.8, SpeechStarted(6.7), [])])
        assert under_test.next_deadline() == pytest.approx(6.8)


def test_with_barge_in_off_what_is_said_over_the_agent_is_forgotten_unless_it_outlasts_it():
    off = {"barge_in": replace(BARGE_IN, enabled=False)}
    over = [
        (5.05, SpeechStarted(5.0), []),
        (6.9, SpeechStopped(6.8), [ForgetSpeech()]),
        (7.0, SpeakingDone(2, True), []),
    ]
    assert play([*ANSWERING, *over], **off).state is State.LISTENING
    lasting = [(5.05, SpeechStarted(5.0), []), (7.0, SpeakingDone(2, True), [])]
    assert play([*ANSWERING, *lasting], **off).state is State.CALLER_SPEAKING


# -- what else happens in a hold


def test_the_agents_end_in_a_hold_makes_the_speech_a_turn():
    under_test = play([*HELD, (5.11, SpeakingDone(2, True), [])])
    assert under_test.state is State.CALLER_SPEAKING
    under_test = play([*SHORT, (5.27, SpeakingDone(2, True), []), (5.3, Heard(2, "no"), [])], turn=PLAIN)
    assert under_test.state is State.PAUSING
    go_on(under_test, [(5.6, Timer(), [TakeTranscript(3)]), (5.7, Heard(3, "no"), [said("no"), Reply(3)])])


def test_words_said_over_the_agents_end_are_a_turn_though_they_are_still_transcribed():
    under_test = play(
        [
            *LOOKED,
            (5.4, Heard(2, "okay"), [ResumeSpeaking(2)]),
            (5.55, SpeechStopped(5.5), [TakeTranscript(3)]),
            (5.56, SpeakingDone(2, True), []),
        ]
    )
    assert (under_test.state, under_test.next_deadline()) == (State.PAUSING, pytest.approx(5.9))


def test_a_short_sound_after_words_beside_the_agent_does_not_lose_them():
    under_test = play(
        [
            *LOOKED,
            (5.4, Heard(2, "okay"), [ResumeSpeaking(2)]),
            (5.9, SpeechStopped(5.8), [TakeTranscript(3)]),
            (5.95, SpeechStarted(5.93), []),
            (6.0, SpeechStopped(5.98), []),  # nothing is forgotten while words are awaited
        ]
    )
    go_on(under_test, [(6.1, Heard(3, "but when"), [StopSpeaking(2)])])


def test_a_look_that_is_on_its_way_when_the_agent_ends_is_not_taken_for_the_turn():
    under_test = play([*LOOKED, (5.35, SpeakingDone(2, True), []), (5.4, Heard(2, "my"), [])])
    assert under_test.state is State.CALLER_SPEAKING


@pytest.mark.parametrize("rows", [HELD, LOOKED])
def test_a_key_in_a_hold_stops_the_agent_and_the_speech_stays_a_turn(rows):
    under_test = play([*rows, (5.32, Digit("4"), [StopSpeaking(2)])])
    assert under_test.state is State.CALLER_SPEAKING
    under_test = play([*SHORT, (5.32, Digit("4"), [StopSpeaking(2)])])
    assert under_test.state is State.PAUSING
    go_on(
        under_test,
        [
            (5.6, Timer(), [TakeTranscript(3)]),
            (5.7, Heard(3, "extension"), [said("extension")]),
            (6.82, Timer(), [CallerSaid("four", "dtmf"), Reply(4)]),
        ],
    )


def test_tools_of_a_held_reply_wait_for_its_end():
    play(
        [
            *SHORT,
            (5.27, ToolCalled(2, "hang_up", {}), []),
            (5.3, Heard(2, "bye"), [StopSpeaking(2)]),
            (5.6, Timer(), [said("bye"), Reply(4)]),
            (7.0, SpeakingDone(4, True), []),
        ]
    )


def test_ears_that_fail_or_never_answer_in_a_hold_end_the_call():
    play([*SHORT, (5.3, HearingFailed(2, "stt_failed"), [StopSpeaking(2), Say(4, "Sorry.", "closing")])])
    under_test = play(SHORT)
    under_test.handle(Timer(), 5.3)
    go_on(
        under_test,
        [
            (15.1, Timer(), [StopSpeaking(2), Say(4, "Sorry.", "closing")]),
            (16.0, SpeakingDone(4, True), [StopSpeaking(4), Leave(Outcome(Status.FAILED, "stt_timeout"))]),
        ],
    )


def test_the_reprompt_and_the_greeting_can_be_interrupted_too():
    play(
        [
            *GREETED[:2],
            (1.05, SpeechStarted(1.0), []),
            (1.1, Timer(), [HoldSpeaking(1)]),
            (1.26, SpeechStopped(1.2), [TakeTranscript(1)]),
            (1.3, Heard(1, "hello"), [StopSpeaking(1)]),
            (1.6, Timer(), [said("hello"), Reply(3)]),
        ]
    )
    under_test = play(GREETED)
    go_on(
        under_test,
        [
            (10.0, Timer(), [Say(2, "Still there?", "silence")]),
            (10.1, SpeakingStarted(2), []),
            (10.35, SpeechStarted(10.3), []),
            (10.4, Timer(), [HoldSpeaking(2)]),
        ],
    )
