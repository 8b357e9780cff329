"""What runs beside the turns: disclosures, fillers, callers who put us on hold, machines, the last sentence. Tables."""

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
    SayFiller,
    Status,
    StopSpeaking,
    TakeTranscript,
)
from ari_app.core.events import (
    Digit,
    Heard,
    MediaReady,
    PutOnHold,
    ReplyFailed,
    SpeakingDone,
    SpeakingStarted,
    SpeechStarted,
    SpeechStopped,
    TakenOffHold,
    Timer,
    ToneHeard,
)
from ari_app.core.state import State
from tests.unit.core.turn_script import (
    AGENT,
    ANSWERING,
    ASKED,
    DRAFTED,
    EARLY,
    GREETED,
    PHRASES,
    PLAIN,
    go_on,
    play,
    said,
)

# -- a disclosure is said to its end

DISCLOSING = replace(AGENT, disclosure="Recorded.")
DISCLOSED = [(0.0, MediaReady(), [Say(1, "Recorded.", "greeting")]), (0.1, SpeakingStarted(1), [])]


def test_the_greeting_follows_the_disclosure_and_can_be_interrupted_again():
    under_test = play([*DISCLOSED, (1.0, SpeakingDone(1, True), [Say(2, "Hello.", "greeting")])], agent=DISCLOSING)
    go_on(
        under_test,
        [
            (1.1, SpeakingStarted(2), []),
            (1.35, SpeechStarted(1.3), []),
            (1.4, Timer(), [HoldSpeaking(2)]),
        ],
    )


def test_neither_speech_nor_keys_interrupt_a_disclosure():
    under_test = play(
        [
            *DISCLOSED,
            (0.25, SpeechStarted(0.2), []),
            (0.65, SpeechStopped(0.6), [ForgetSpeech()]),
            (0.7, Digit("1"), []),
        ],
        agent=DISCLOSING,
    )
    assert under_test.state is State.SPEAKING
    assert under_test.next_deadline() == pytest.approx(2.2)  # the end of what is typed


def test_keys_typed_into_a_disclosure_are_answered_after_it():
    play(
        [
            *DISCLOSED,
            (0.2, Digit("1"), []),
            (0.3, Digit("#"), []),
            (1.0, SpeakingDone(1, True), [CallerSaid("one", "dtmf"), Reply(2)]),
        ],
        agent=replace(DISCLOSING, greeting=""),
    )
    play(
        [
            *DISCLOSED,
            (0.2, Digit("1"), []),
            (1.7, Timer(), []),
            (1.8, SpeakingDone(1, True), [Say(2, "Hello.", "greeting")]),
            (2.8, SpeakingDone(2, True), [CallerSaid("one", "dtmf"), Reply(3)]),
        ],
        agent=DISCLOSING,
    )


def test_who_is_still_typing_at_the_disclosures_end_may_finish():
    play(
        [
            *DISCLOSED,
            (0.9, Digit("1"), []),
            (1.0, SpeakingDone(1, True), []),
            (1.5, Digit("2"), []),
            (3.0, Timer(), [CallerSaid("one two", "dtmf"), Reply(2)]),
        ],
        agent=replace(DISCLOSING, greeting=""),
    )


def test_speech_that_outlasts_the_disclosure_is_a_turn_or_an_interruption_of_the_greeting():
    under_test = play(
        [*DISCLOSED, (0.95, SpeechStarted(0.9), []), (1.0, SpeakingDone(1, True), [])],
        agent=replace(DISCLOSING, greeting=""),
    )
    assert under_test.state is State.CALLER_SPEAKING
    play(
        [
            *DISCLOSED,
            (0.95, SpeechStarted(0.9), []),
            (1.0, SpeakingDone(1, True), [Say(2, "Hello.", "greeting")]),
            (1.0, Timer(), [HoldSpeaking(2)]),
        ],
        agent=DISCLOSING,
    )


def test_a_disclosure_that_cannot_be_said_ends_the_call():
    play(
        [*DISCLOSED, (0.5, ReplyFailed(1, "tts_failed"), [StopSpeaking(1), Say(3, "Sorry.", "closing")])],
        agent=DISCLOSING,
    )


# -- a filler bridges a long wait

FILLING = replace(PLAIN, filler_ms=2000)


def test_a_slow_answer_is_bridged_once():
    under_test = play(ASKED, turn=FILLING)
    assert under_test.next_deadline() == pytest.approx(6.45)
    go_on(under_test, [(6.45, Timer(), [SayFiller(2, "Hm.")])])
    assert under_test.next_deadline() == pytest.approx(14.45)  # the answer's own
    go_on(under_test, [(9.0, SpeakingStarted(2), []), (10.0, SpeakingDone(2, True), [])])


def test_fillers_come_in_turn():
    play(
        [
            *ASKED,
            (6.45, Timer(), [SayFiller(2, "Hm.")]),
            (7.0, SpeechStarted(6.9), [StopSpeaking(2)]),
            (7.1, SpeechStopped(7.0), []),
            (7.4, Timer(), [TakeTranscript(2)]),
            (7.5, Heard(2, "hello"), [said("hello"), Reply(4)]),
            (9.5, Timer(), [SayFiller(4, "Wait.")]),
        ],
        turn=FILLING,
    )


@pytest.mark.parametrize(
    "how",
    [{"turn": PLAIN}, {"turn": FILLING, "agent": replace(AGENT, phrases=replace(PHRASES, fillers=()))}],
)
def test_there_may_be_no_filler(how):
    assert play(ASKED, **how).next_deadline() == pytest.approx(14.45)


@pytest.mark.parametrize("event", [SpeakingStarted(2), SpeakingDone(2, False), SpeechStarted(4.5), Digit("1")])
def test_an_answer_or_the_caller_makes_the_filler_needless(event):
    under_test = play(ASKED, turn=FILLING)
    under_test.handle(event, 4.6)
    for _ in range(4):
        now = under_test.next_deadline()
        assert SayFiller(2, "Hm.") not in under_test.handle(Timer(), now)


def test_a_filler_counts_from_the_turns_end_also_for_a_draft():
    under_test = play(DRAFTED, turn=replace(EARLY, filler_ms=2000))
    go_on(under_test, [(4.24, Timer(), [said("what are your hours", 240.0), Reply(2)])])
    assert under_test.next_deadline() == pytest.approx(6.24)


# -- on hold nobody is spoken to


def test_on_hold_silence_is_not_asked_about():
    under_test = play([*GREETED, (3.0, PutOnHold(), [])])
    assert under_test.next_deadline() == 100.0  # the longest call: only that goes on
    go_on(under_test, [(50.0, TakenOffHold(), [ForgetSpeech()])])
    assert under_test.next_deadline() == pytest.approx(58.0)


def test_on_hold_music_is_not_heard():
    under_test = play(
        [
            *GREETED,
            (3.0, PutOnHold(), []),
            (4.0, SpeechStarted(3.9), []),
            (20.0, SpeechStopped(19.9), []),
            (21.0, TakenOffHold(), [ForgetSpeech()]),
        ]
    )
    assert under_test.state is State.LISTENING


def test_the_agent_is_silent_on_hold_and_goes_on_after_it():
    under_test = play([*ANSWERING, (5.0, PutOnHold(), [HoldSpeaking(2)])])
    assert under_test.next_deadline() == 100.0
    go_on(under_test, [(60.0, TakenOffHold(), [ForgetSpeech(), ResumeSpeaking(2)]), (61.0, SpeakingDone(2, True), [])])
    assert under_test.state is State.LISTENING


def test_an_answer_that_is_awaited_on_hold_is_waited_for_after_it():
    under_test = play([*ASKED, (5.0, PutOnHold(), [HoldSpeaking(2)])], turn=FILLING)
    go_on(under_test, [(6.45, Timer(), [])])  # no filler either
    assert under_test.next_deadline() == 100.0
    go_on(under_test, [(60.0, TakenOffHold(), [ForgetSpeech(), ResumeSpeaking(2)])])
    assert under_test.next_deadline() == pytest.approx(70.0)


def test_a_turn_that_is_spoken_when_the_hold_begins_is_over_and_answered_after_it():
    under_test = play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (4.0, PutOnHold(), []),
            (4.4, Timer(), [TakeTranscript(1)]),
            (4.5, Heard(1, "hold on"), [said("hold on"), Reply(2), HoldSpeaking(2)]),
        ]
    )
    assert under_test.next_deadline() == 100.0
    go_on(under_test, [(60.0, TakenOffHold(), [ForgetSpeech(), ResumeSpeaking(2)]), (61.0, SpeakingStarted(2), [])])
    assert under_test.state is State.SPEAKING


def test_a_draft_that_becomes_the_reply_on_hold_is_held_too():
    words = said("what are your hours", 240.0)
    play([*DRAFTED, (4.2, PutOnHold(), []), (4.24, Timer(), [words, Reply(2), HoldSpeaking(2)])], turn=EARLY)


def test_being_put_on_hold_while_interrupting_settles_the_interruption_first():
    held = [*ANSWERING, (5.05, SpeechStarted(5.0), []), (5.1, Timer(), [HoldSpeaking(2)])]
    noise = play([*held, (5.2, PutOnHold(), [TakeTranscript(2)]), (5.3, Heard(2, ""), [ForgetSpeech()])])
    assert noise.state is State.SPEAKING
    go_on(noise, [(9.0, TakenOffHold(), [ForgetSpeech(), ResumeSpeaking(2)])])
    words = play([*held, (5.2, PutOnHold(), [TakeTranscript(2)]), (5.3, Heard(2, "wait"), [StopSpeaking(2)])])
    go_on(words, [(5.6, Timer(), [said("wait"), Reply(4), HoldSpeaking(4)])])


def test_taken_off_hold_before_the_interruption_is_judged_it_goes_on_as_without_the_hold():
    held = [*ANSWERING, (5.05, SpeechStarted(5.0), []), (5.1, Timer(), [HoldSpeaking(2)])]
    play(
        [
            *held,
            (5.2, PutOnHold(), [TakeTranscript(2)]),
            (5.25, TakenOffHold(), []),
            (5.3, Heard(2, ""), [ForgetSpeech(), ResumeSpeaking(2)]),
        ]
    )


def test_a_short_speech_over_the_agent_is_forgotten_when_the_hold_begins():
    play([*ANSWERING, (5.05, SpeechStarted(5.0), []), (5.06, PutOnHold(), [ForgetSpeech(), HoldSpeaking(2)])])


def test_the_longest_call_ends_on_hold_as_well():
    under_test = play([*ANSWERING, (5.0, PutOnHold(), [HoldSpeaking(2)])])
    go_on(under_test, [(100.0, Timer(), [StopSpeaking(2), Say(4, "Time is up.", "closing")])])
    assert under_test.next_deadline() == pytest.approx(110.0)


def test_the_last_sentence_is_not_put_on_hold():
    closing = [*ASKED, (4.6, ReplyFailed(2, "engine_failed"), [StopSpeaking(2), Say(4, "Sorry.", "closing")])]
    under_test = play([*closing, (4.7, PutOnHold(), []), (4.8, TakenOffHold(), []), (4.9, Digit("1"), [])])
    assert under_test.state is State.CLOSING
    go_on(under_test, [(6.0, SpeakingDone(4, True), [StopSpeaking(4), Leave(Outcome(Status.FAILED, "engine_failed"))])])


def test_a_call_may_begin_on_hold():
    play(
        [
            (0.0, PutOnHold(), []),
            (0.1, MediaReady(), [Say(1, "Hello.", "greeting"), HoldSpeaking(1)]),
            (9.0, TakenOffHold(), [ForgetSpeech(), ResumeSpeaking(1)]),
        ]
    )


# -- no person


@pytest.mark.parametrize(("kind", "reason"), [("fax", "fax"), ("line", "line_tone")])
@pytest.mark.parametrize("rows", [GREETED[:1], GREETED, ASKED[:-1], ASKED, ANSWERING])
def test_a_machines_tone_ends_the_call_anywhere(rows, kind, reason):
    assert play(rows).handle(ToneHeard(kind), 9.0)[-1] == Leave(Outcome(Status.COMPLETED, reason))


def test_a_mailbox_is_not_talked_to():
    words = "Please leave a message after the beep."
    play(
        [
            *GREETED,
            (3.1, SpeechStarted(3.0), []),
            (8.1, SpeechStopped(8.0), []),
            (8.4, Timer(), [TakeTranscript(1)]),
            (
                8.5,
                Heard(1, words),
                [said(words), StopSpeaking(1), Leave(Outcome(Status.COMPLETED, "no_person"))],
            ),
        ]
    )


def test_noise_that_never_ends_does_not_keep_the_agent_from_its_end():
    """Every sound is a turn without words: the agent asks again, and then says goodbye."""
    under_test = play(GREETED)
    now, asked, generation = 3.0, [], 1
    while under_test.state is not State.ENDED:
        under_test.handle(SpeechStarted(now), now)
        under_test.handle(SpeechStopped(now + 1), now + 1)
        (take,) = under_test.handle(Timer(), now + 1.4)
        _, say = under_test.handle(Heard(take.utterance, ""), now + 1.5)
        generation += 1
        assert say.generation == generation
        asked.append(say.text)
        under_test.handle(SpeakingStarted(generation), now + 1.6)
        under_test.handle(SpeakingDone(generation, True), now + 2)
        now += 3
    assert asked == ["Pardon?", "Pardon?", "Bye."]
