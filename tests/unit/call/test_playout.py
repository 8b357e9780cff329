"""What the caller has heard of an answer, from the marks of a transport that is only a list."""

import numpy as np
import pytest

from ari_app.core.events import SpeakingDone, SpeakingStarted
from tests.unit.call.playout_desk import RATE, Desk


def test_clauses_go_out_in_order_and_the_last_mark_ends_the_generation():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "We are open.")
    desk.play(1, "Until six.")
    assert desk.wire.sent == ["1.start", 1000, "1.1", 1000, "1.2"]
    desk.played("1.start", 0.1)
    assert desk.events == [SpeakingStarted(1)]
    desk.played("1.1", 1.1)
    assert desk.playout.heard() == "We are open."
    desk.playout.finish(1)
    assert len(desk.events) == 1
    desk.played("1.2", 2.1)
    assert desk.events[1:] == [SpeakingDone(1, True)]
    assert desk.playout.heard() == "We are open. Until six."
    assert desk.playout.late_clauses == 0


def test_stopping_keeps_only_the_words_that_were_heard():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "We are open.")
    desk.play(1, "On Saturday we close at one.", 2.0)
    desk.played("1.start", 0.0)
    desk.played("1.1", 1.0)
    desk.now = 2.0
    desk.playout.stop(1)
    assert desk.wire.sent[-1] == "flush"
    assert desk.playout.heard() == "We are open. On Saturday we"
    desk.played("1.2", 3.0)  # in flight when it was flushed
    assert desk.playout.heard() == "We are open. On Saturday we"
    assert desk.events == [SpeakingStarted(1)]


def test_what_never_began_to_play_was_not_heard():
    desk = Desk()
    desk.playout.begin(3)
    desk.play(3, "Hello there.")
    desk.now = 5.0
    desk.playout.stop(3)
    assert desk.playout.heard() == ""


def test_late_audio_of_an_old_generation_is_dropped():
    desk = Desk()
    desk.playout.begin(1)
    desk.playout.stop(1)
    desk.playout.begin(2)
    desk.play(1, "Old.")
    desk.playout.finish(1)
    assert desk.wire.sent == []
    assert desk.events == []


def test_a_reply_without_words_is_done_at_once():
    desk = Desk()
    desk.playout.begin(1)
    desk.playout.finish(1)
    assert desk.events == [SpeakingDone(1, False)]


def test_a_clause_after_a_gap_counts_as_late_and_is_measured_from_its_own_start():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "One two.")
    desk.played("1.start", 0.0)
    desk.played("1.1", 1.0)
    desk.now = 5.0
    desk.play(1, "three four.")
    assert desk.playout.late_clauses == 1
    desk.now = 5.6
    desk.playout.stop(1)
    assert desk.playout.heard() == "One two. three"


def test_a_lost_mark_does_not_hold_the_conversation():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "Hello.")
    desk.playout.finish(1)
    desk.now = desk.playout.next_deadline()
    assert 1.0 < desk.now <= 4.0
    desk.playout.on_overdue()
    assert desk.events == [SpeakingDone(1, True)]
    assert desk.playout.next_deadline() is None


# -- hold and resume


def held_after(seconds, *, clauses=(("We are open.", 2.0),)):
    """A desk whose playout was held so long after its first clause began to play."""
    desk = Desk()
    desk.playout.begin(1)
    for text, length in clauses:
        desk.play(1, text, length)
    desk.played("1.start", 0.0)
    desk.now = seconds
    desk.playout.hold(1)
    return desk


def test_held_it_is_silent_at_once_and_goes_on_a_little_before_where_it_was():
    desk = held_after(1.0)
    assert desk.wire.sent == ["1.start", 2000, "1.1", "flush"]
    assert desk.playout.next_deadline() is None
    assert not desk.playout.speaking
    desk.now = 1.5
    desk.playout.resume(1)
    assert desk.wire.sent[4:] == ["1.start", 2000 - 660, "1.2"]  # 0.34 s of it are heard again
    desk.playout.finish(1)
    desk.played("1.start", 1.5)
    desk.played("1.2", 2.84)
    assert desk.events == [SpeakingStarted(1), SpeakingDone(1, True)]
    assert desk.playout.heard() == "We are open."


@pytest.mark.parametrize("pause", [40, 200, 400], ids="{} samples".format)
def test_it_goes_on_with_the_next_word(pause):
    desk = Desk()
    desk.playout.begin(1)
    pcm = np.full(2000, 900, np.int16)
    pcm[800 : 800 + pause] = 3  # between words; the hold comes in it or behind it
    desk.playout.play(1, "We are open.", pcm)
    desk.played("1.start", 0.0)
    desk.now = 1.0
    desk.playout.hold(1)
    desk.playout.resume(1)
    assert desk.wire.sent[-2] == 2000 - 800 - pause + 10, "10 ms before it"


def test_noise_that_comes_again_does_not_keep_a_clause_from_its_end():
    desk = held_after(0.3)
    for _ in range(30):
        desk.playout.resume(1)
        desk.played("1.start", desk.now)
        desk.now += 0.3
        desk.playout.hold(1)
    desk.playout.resume(1)
    assert desk.wire.sent[-2] < 100


def test_what_was_not_sent_before_the_hold_is_sent_after_it_and_in_order():
    desk = held_after(1.0, clauses=(("One.", 2.0), ("Two.", 1.0)))
    desk.play(1, "Three.", 0.5)
    assert desk.wire.sent[-1] == "flush"
    desk.playout.resume(1)
    assert [sent for sent in desk.wire.sent[6:] if isinstance(sent, int)] == [1340, 1000, 500]
    assert desk.playout.late_clauses == 0


def test_marks_of_what_was_flushed_come_too_late_to_count():
    desk = held_after(1.0, clauses=(("One.", 2.0), ("Two.", 1.0)))
    desk.played("1.1", 1.1)  # while it is held
    desk.playout.resume(1)
    desk.played("1.1", 1.2)
    desk.played("1.2", 1.3)
    desk.played("1.start", 1.3)
    assert desk.playout.heard() == ""
    desk.played("1.3", 2.6)
    assert desk.playout.heard() == "One."
    desk.playout.finish(1)
    desk.played("1.4", 3.6)
    assert desk.events == [SpeakingStarted(1), SpeakingDone(1, True)]


def test_a_hold_that_becomes_a_stop_keeps_what_was_heard():
    desk = held_after(1.2, clauses=(("On Saturday we close at one.", 2.0),))
    desk.now = 5.0
    desk.playout.stop(1)
    assert desk.playout.heard() == "On Saturday"
    assert desk.wire.sent.count("flush") == 1
    desk.playout.resume(1)
    assert desk.wire.sent[-1] == "flush"


def test_a_generation_that_ends_while_it_is_held_is_done_when_it_goes_on():
    desk = Desk()
    desk.playout.begin(1)
    desk.playout.hold(1)
    desk.playout.finish(1)
    assert desk.events == []
    desk.playout.resume(1)
    assert desk.events == [SpeakingDone(1, False)]


def test_holding_twice_or_what_is_over_changes_nothing():
    desk = held_after(1.0)
    desk.now = 9.0
    desk.playout.hold(1)
    desk.playout.hold(7)
    desk.playout.resume(7)
    assert desk.wire.sent[-1] == "flush"
    desk.playout.resume(1)
    desk.playout.resume(1)
    assert desk.wire.sent.count(1340) == 1


def test_an_overdue_mark_after_a_hold_is_counted_from_the_resumption():
    desk = held_after(1.0)
    desk.now = 50.0
    desk.playout.resume(1)
    assert 51.3 < desk.playout.next_deadline() < 55


def test_the_clause_that_is_being_said_is_known_also_while_it_is_held():
    desk = held_after(1.0, clauses=(("Is that right?", 2.0), ("Hello?", 1.0)))
    assert desk.playout.saying() == "Is that right?"
    desk.playout.stop(1)
    assert desk.playout.saying() == ""


# -- drafts and fillers


def test_a_draft_is_not_sent_before_its_turn_has_come():
    desk = Desk()
    desk.playout.begin(1, held=True)
    desk.play(1, "One.")
    desk.play(1, "Two.")
    desk.playout.finish(1)
    assert desk.wire.sent == []
    assert desk.playout.next_deadline() is None
    desk.playout.resume(1)
    assert desk.wire.sent == ["1.start", 1000, "1.1", 1000, "1.2"]
    assert desk.playout.late_clauses == 0


def test_a_draft_that_is_dropped_was_not_heard_and_flushes_nothing():
    desk = Desk()
    desk.playout.begin(1, held=True)
    desk.play(1, "One.")
    desk.now = 5.0
    desk.playout.stop(1)
    assert (desk.wire.sent, desk.playout.heard(), desk.events) == ([], "", [])


def test_a_filler_is_neither_the_beginning_nor_the_text_of_an_answer():
    desk = Desk()
    desk.playout.begin(1)
    desk.playout.play(1, "One moment.", np.zeros(1000, np.int16), filler=True)
    desk.played("1.start", 0.1)
    assert desk.events == []
    desk.now = 0.5
    desk.play(1, "We are open.")
    desk.played("1.1", 1.1)
    assert desk.events == [SpeakingStarted(1)]
    desk.playout.finish(1)
    desk.played("1.2", 2.1)
    assert desk.events[1:] == [SpeakingDone(1, True)]
    assert desk.playout.heard() == "We are open."
    assert desk.playout.late_clauses == 0


def test_a_filler_that_comes_after_the_answer_is_dropped_and_alone_it_is_no_answer():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "We are open.")
    desk.playout.play(1, "One moment.", np.zeros(1000, np.int16), filler=True)
    assert desk.wire.sent == ["1.start", 1000, "1.1"]
    desk.playout.stop(1)
    desk.playout.begin(2)
    desk.playout.play(2, "One moment.", np.zeros(1000, np.int16), filler=True)
    desk.playout.finish(2)
    desk.played("2.start", 1.0)
    desk.played("2.2", 2.0)
    assert desk.events == [SpeakingDone(2, False)]


# -- what the echo detector is told


def test_the_echo_detector_is_told_when_each_clause_will_play():
    desk = Desk()
    desk.now = 10.0
    desk.playout.begin(1)
    desk.play(1, "One.", 1.0)
    desk.play(1, "Two.", 0.5)
    assert desk.echo.told == [(1000, 10.0), (500, 11.0)]
    desk.played("1.start", 10.2)
    desk.now = 10.7
    desk.play(1, "Three.", 0.5)
    assert desk.echo.told[-1] == (500, 11.7)
    desk.now = 11.0
    desk.playout.hold(1)
    assert desk.echo.told[-1] == ("stopped", 11.0)
    desk.now = 12.0
    desk.playout.resume(1)
    first = 1000 - 460
    assert desk.echo.told[-3:] == [(first, 12.0), (500, 12.0 + first / RATE), (500, 12.5 + first / RATE)]
    desk.playout.stop(1)
    assert desk.echo.told[-1] == ("stopped", 12.0)
