"""The turn machine by tables of (time, event) → commands; test_turns_random.py has it at random."""

from dataclasses import replace

import pytest

from ari_app.core.commands import (
    CallerSaid,
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
    CallerGone,
    Digit,
    Heard,
    HearingFailed,
    LineFailed,
    MediaReady,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    Timer,
    ToolCalled,
)
from ari_app.core.turns import State
from ari_app.settings import BargeInSettings
from tests.unit.core.turn_script import AGENT, ANSWERING, ASKED, GREETED, PLAIN, go_on, play, said


def test_a_turn_ends_after_the_silence_and_is_answered():
    under_test = play([*ANSWERING, (6.0, SpeakingDone(2, True), [])])
    assert under_test.state is State.LISTENING


def test_the_endpoint_counts_from_the_end_of_speech_in_audio_time():
    under_test = play(GREETED)
    under_test.handle(SpeechStarted(3.0), 3.1)
    under_test.handle(SpeechStopped(4.0), 4.2)
    assert under_test.next_deadline() == pytest.approx(4.4)


def test_an_agent_without_a_greeting_listens_at_once():
    under_test = play([(0.0, MediaReady(), [])], agent=replace(AGENT, greeting=" "))
    assert under_test.state is State.LISTENING
    assert under_test.next_deadline() == pytest.approx(8.0)


def test_a_pause_shorter_than_the_endpoint_is_part_of_the_turn():
    play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (4.1, SpeechStopped(4.0), []),
            (4.3, SpeechStarted(4.25), []),
            (4.4, Timer(), []),
            (5.1, SpeechStopped(5.0), []),
            (5.4, Timer(), [TakeTranscript(1)]),
        ]
    )


def test_words_over_the_agent_stop_it_and_the_turn_goes_on_to_its_own_end():
    under_test = play(
        [
            *ANSWERING,
            (5.05, SpeechStarted(5.0), []),
            (5.1, Timer(), [HoldSpeaking(2)]),
            (5.35, Timer(), [TakeTranscript(2)]),
            (5.4, Heard(2, "wait"), []),  # maybe: of so little speech a model hears this and that
            (5.65, Timer(), [TakeTranscript(3)]),
            (5.85, Heard(3, "wait a"), [StopSpeaking(2)]),
            (5.9, SpeakingDone(2, True), []),  # late
        ]
    )
    assert under_test.state is State.CALLER_SPEAKING
    assert under_test.handle(SpeechStopped(6.0), 6.1) == []
    assert under_test.handle(Timer(), 6.4) == [TakeTranscript(4)]
    assert under_test.handle(Heard(4, "wait a moment"), 6.5) == [said("wait a moment"), Reply(4)]


def test_a_short_sound_over_the_agent_is_no_interruption():
    under_test = play([*ANSWERING, (5.1, SpeechStarted(5.0), []), (5.15, SpeechStopped(5.09), [ForgetSpeech()])])
    assert under_test.state is State.SPEAKING
    assert under_test.next_deadline() == 100.0  # only the maximum duration is left


def test_an_interruption_noticed_late_still_stops_the_agent():
    play(
        [
            *ANSWERING,
            (5.6, SpeechStarted(5.0), []),
            (5.6, SpeechStopped(5.5), [HoldSpeaking(2), TakeTranscript(2)]),
            (5.7, Heard(2, "stop"), [StopSpeaking(2)]),
            (5.9, Timer(), [said("stop"), Reply(4)]),
        ]
    )


def test_barge_in_can_be_turned_off():
    under_test = play(
        [*ANSWERING, (5.1, SpeechStarted(5.0), []), (6.0, SpeechStopped(5.9), [ForgetSpeech()])],
        barge_in=BargeInSettings(enabled=False),
    )
    assert under_test.state is State.SPEAKING


def test_speech_that_begins_at_the_agents_end_is_a_turn():
    under_test = play([*ANSWERING, (5.95, SpeechStarted(5.9), []), (6.0, SpeakingDone(2, True), [])])
    assert under_test.state is State.CALLER_SPEAKING


def test_going_on_before_the_answer_cancels_it_and_keeps_the_words():
    play(
        [
            *ASKED,
            (4.6, SpeechStarted(4.5), [StopSpeaking(2)]),
            (5.1, SpeechStopped(5.0), []),
            (5.4, Timer(), [TakeTranscript(2)]),
            (5.5, Heard(2, "on saturday"), [said("on saturday"), Reply(4)]),
        ]
    )


def test_a_noise_before_the_answer_does_not_lose_the_question():
    play(
        [
            *ASKED,
            (4.6, SpeechStarted(4.5), [StopSpeaking(2)]),
            (4.7, SpeechStopped(4.65), []),
            (5.05, Timer(), [TakeTranscript(2)]),
            (5.1, Heard(2, ""), [ForgetSpeech(), Reply(4)]),
        ]
    )


def test_going_on_while_the_transcript_is_made_makes_one_turn_of_both():
    under_test = play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (4.1, SpeechStopped(4.0), []),
            (4.4, Timer(), [TakeTranscript(1)]),
            (4.5, SpeechStarted(4.45), []),
            (4.7, Heard(1, "my number is"), []),  # not all of it
        ]
    )
    assert under_test.state is State.CALLER_SPEAKING
    go_on(
        under_test,
        [
            (5.1, SpeechStopped(5.0), []),
            (5.4, Timer(), [TakeTranscript(2)]),
            (5.5, Heard(2, "my number is one"), [said("my number is one"), Reply(2)]),
        ],
    )


def test_a_word_said_and_ended_while_the_transcript_is_made_is_heard_too():
    play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (4.1, SpeechStopped(4.0), []),
            (4.4, Timer(), [TakeTranscript(1)]),
            (4.5, SpeechStarted(4.45), []),
            (4.8, SpeechStopped(4.7), []),
            (4.9, Heard(1, "my number is"), []),
            (5.1, Timer(), [TakeTranscript(2)]),
        ]
    )


def test_an_endless_talker_is_transcribed_in_parts():
    under_test = play([*GREETED, (3.1, SpeechStarted(3.0), [])], turn=replace(PLAIN, max_speech_ms=5000))
    assert under_test.handle(Timer(), 8.0) == [TakeTranscript(1)]
    assert under_test.handle(Heard(1, "and then"), 8.1) == [CallerSaid("and then", "speech")]
    assert under_test.state is State.CALLER_SPEAKING
    assert under_test.next_deadline() == pytest.approx(13.1)


def test_a_cough_goes_unanswered_and_speech_without_words_is_asked_again():
    cough = [
        *GREETED,
        (3.2, SpeechStarted(3.0), []),
        (3.3, SpeechStopped(3.2), []),
        (3.6, Timer(), [TakeTranscript(1)]),
        (3.7, Heard(1, ""), [ForgetSpeech()]),
    ]
    assert play(cough).state is State.LISTENING
    mumble = [
        *GREETED,
        (3.2, SpeechStarted(3.0), []),
        (4.3, SpeechStopped(4.2), []),
        (4.6, Timer(), [TakeTranscript(1)]),
        (4.7, Heard(1, ""), [ForgetSpeech(), Say(2, "Pardon?", "error")]),
    ]
    play(mumble)


def test_silence_is_asked_about_twice_then_the_agent_says_goodbye_and_leaves():
    play(
        [
            *GREETED,
            (10.0, Timer(), [Say(2, "Still there?", "silence")]),
            (10.1, SpeakingStarted(2), []),
            (11.0, SpeakingDone(2, True), []),
            (19.0, Timer(), [Say(3, "Hello?", "silence")]),
            (19.1, SpeakingStarted(3), []),
            (20.0, SpeakingDone(3, True), []),
            (28.0, Timer(), [Say(4, "Bye.", "closing")]),
            (28.1, SpeakingStarted(4), []),
            (28.2, SpeechStarted(28.2), []),  # the last sentence is not interrupted
            (29.0, SpeakingDone(4, True), [StopSpeaking(4), Leave(Outcome(Status.COMPLETED, "no_input"))]),
        ]
    )


def test_hang_up_waits_for_the_last_word():
    play(
        [
            *ANSWERING,
            (4.7, ToolCalled(2, "hang_up", {}), []),
            (
                6.0,
                SpeakingDone(2, True),
                [StopSpeaking(2), Leave(Outcome(Status.COMPLETED, "agent_hung_up"))],
            ),
        ]
    )


def test_an_interruption_takes_back_the_hang_up():
    under_test = play(
        [
            *ANSWERING,
            (4.7, ToolCalled(2, "hang_up", {}), []),
            (5.0, SpeechStarted(4.9), []),
            (5.1, SpeechStopped(5.1), [HoldSpeaking(2), TakeTranscript(2)]),
            (5.2, Heard(2, "wait"), [StopSpeaking(2)]),
            (5.5, Timer(), [said("wait"), Reply(4)]),
            (7.0, SpeakingDone(4, True), []),
        ]
    )
    assert under_test.state is State.LISTENING


def test_a_false_alarm_leaves_the_hang_up_as_it_is():
    play(
        [
            *ANSWERING,
            (4.7, ToolCalled(2, "hang_up", {}), []),
            (5.1, SpeechStarted(4.9), []),
            (5.1, SpeechStopped(5.1), [HoldSpeaking(2), TakeTranscript(2)]),
            (5.4, Heard(2, "okay"), [ForgetSpeech(), ResumeSpeaking(2)]),
            (7.0, SpeakingDone(2, True), [StopSpeaking(2), Leave(Outcome(Status.COMPLETED, "agent_hung_up"))]),
        ]
    )


def test_a_transfer_goes_to_the_configured_destination_only():
    play(
        [
            *ASKED,
            (4.5, ToolCalled(2, "transfer", {"to": "billing"}), []),
            (
                4.6,
                SpeakingDone(2, False),
                [StopSpeaking(2), Leave(Outcome(Status.TRANSFER, "transfer", "internal,200,1"))],
            ),
        ]
    )
    play(
        [
            *ASKED,
            (4.5, ToolCalled(2, "transfer", {"to": "0900123"}), []),
            (4.6, SpeakingDone(2, False), [Say(3, "I cannot.", "error")]),
        ]
    )


def test_a_tool_of_a_cancelled_reply_is_ignored():
    under_test = play([*ASKED, (4.6, SpeechStarted(4.5), [StopSpeaking(2)])])
    assert under_test.handle(ToolCalled(2, "hang_up", {}), 4.7) == []
    assert under_test.handle(SpeakingDone(2, True), 4.8) == []


def test_an_empty_reply_is_followed_by_a_question():
    play([*ASKED, (4.6, SpeakingDone(2, False), [Say(3, "Pardon?", "error")])])


def test_keys_interrupt_and_are_answered_after_the_gap_or_the_hash():
    play(
        [
            *ANSWERING,
            (5.0, Digit("4"), [StopSpeaking(2)]),
            (5.5, Digit("1"), []),
            (7.0, Timer(), [CallerSaid("four one", "dtmf"), Reply(4)]),
        ]
    )
    play([*GREETED, (3.0, Digit("9"), []), (3.2, Digit("#"), [CallerSaid("nine", "dtmf"), Reply(2)])])


def test_keys_beside_speech_are_answered_with_it():
    play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (3.5, Digit("5"), []),
            (4.1, SpeechStopped(4.0), []),
            (4.4, Timer(), [TakeTranscript(1)]),
            (4.5, Heard(1, "extension"), [said("extension")]),
            (5.0, Timer(), [CallerSaid("five", "dtmf"), Reply(2)]),
        ]
    )


@pytest.mark.parametrize(
    ("event", "reason"),
    [(ReplyFailed(2, "engine_failed"), "engine_failed"), (Timer(), "reply_timeout")],
)
def test_a_failed_reply_ends_with_an_apology_and_the_reason(event, reason):
    play(
        [
            *ASKED,
            (14.5, event, [StopSpeaking(2), Say(4, "Sorry.", "closing")]),
            (15.0, SpeakingDone(4, True), [StopSpeaking(4), Leave(Outcome(Status.FAILED, reason))]),
        ]
    )


def test_failing_ears_end_with_an_apology_and_a_dead_voice_at_once():
    under_test = play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (4.1, SpeechStopped(4.0), []),
            (4.4, Timer(), [TakeTranscript(1)]),
            (4.5, HearingFailed(1, "stt_failed"), [StopSpeaking(1), Say(3, "Sorry.", "closing")]),
        ]
    )
    leave = under_test.handle(ReplyFailed(3, "tts_failed"), 4.6)
    assert leave[-1] == Leave(Outcome(Status.FAILED, "stt_failed"))


def test_the_maximum_duration_ends_the_call_politely():
    under_test = play([*ANSWERING, (100.0, Timer(), [StopSpeaking(2), Say(4, "Time is up.", "closing")])])
    assert under_test.handle(SpeakingDone(4, True), 101.0)[-1] == Leave(Outcome(Status.COMPLETED, "max_duration"))


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (CallerGone(), Outcome(Status.HANGUP, "caller_hung_up")),
        (LineFailed("media_lost"), Outcome(Status.FAILED, "media_lost")),
    ],
)
@pytest.mark.parametrize("script", [GREETED[:1], GREETED, ASKED, ANSWERING])
def test_the_end_of_the_line_ends_it_anywhere(script, event, outcome):
    under_test = play(script)
    assert under_test.handle(event, 50.0)[-1] == Leave(outcome)
    assert under_test.handle(MediaReady(), 51.0) == []
    assert under_test.next_deadline() is None
