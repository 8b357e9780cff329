"""Clauses that come in pieces: what was heard of them is known although their length is not."""

from ari_app.core.events import SpeakingDone, SpeakingStarted
from tests.unit.call.playout_desk import RATE, Desk

TEXT = "We are open from nine to five on weekdays."  # 2.8 s at 15 characters a second


def begun(text=TEXT, seconds=0.3, *, held=False):
    """A desk with the first piece of a clause, which plays unless it is held."""
    desk = Desk()
    desk.playout.begin(1, held=held)
    desk.play(1, text, seconds, more=True)
    if not held:
        desk.played("1.start", 0.0)
    return desk


def test_pieces_follow_one_another_and_the_mark_comes_behind_the_last():
    desk = begun()
    desk.now = 0.1
    desk.go_on(1, 1.0)
    desk.go_on(1, 0.7)
    assert desk.wire.sent == ["1.start", 300, 1000, 700]
    desk.playout.end_clause(1)
    assert desk.wire.sent[4:] == ["1.1"]
    desk.play(1, "Goodbye.", 0.5)
    desk.playout.finish(1)
    desk.played("1.1", 2.0)
    assert desk.playout.heard() == TEXT
    desk.played("1.2", 2.5)
    assert desk.events == [SpeakingStarted(1), SpeakingDone(1, True)]
    assert desk.playout.late_clauses == 0


def test_the_echo_detector_is_told_when_each_piece_will_play():
    desk = begun()
    desk.now = 0.2
    desk.go_on(1, 1.0)
    desk.go_on(1, 0.7)
    assert desk.echo.told == [(300, 0.0), (1000, 0.3), (700, 1.3)]


def test_it_is_not_over_while_pieces_may_come():
    desk = begun()
    desk.played("1.0", 0.3)  # of nobody
    desk.now = 60.0
    assert desk.playout.next_deadline() is None
    assert desk.playout.saying() == TEXT
    assert desk.playout.speaking
    assert desk.playout.heard() == ""


def test_stopped_before_its_length_is_known_only_the_likely_words_were_heard():
    desk = begun(seconds=1.0)
    desk.now = 1.0
    desk.playout.stop(1)
    assert desk.playout.heard() == "We are open"


def test_stopped_when_its_length_is_known_the_words_of_that_part_were_heard():
    desk = begun(seconds=1.0)
    desk.go_on(1, 0.5)
    desk.playout.end_clause(1)
    desk.now = 1.0
    desk.playout.stop(1)
    assert desk.playout.heard() == "We are open from nine to"


def test_however_slowly_it_is_said_the_last_word_was_not_heard_before_the_end():
    desk = begun("We are open.", 9.0)
    desk.now = 20.0
    desk.playout.stop(1)
    assert desk.playout.heard() == "We are"


def test_a_piece_that_comes_late_is_counted_and_what_was_heard_is_counted_from_its_own_start():
    desk = begun(seconds=1.0)
    desk.now = 3.0
    desk.go_on(1, 1.0)
    assert desk.playout.late_clauses == 1
    assert desk.wire.sent == ["1.start", 1000, "1.start", 1000]
    assert desk.echo.told[-1] == (1000, 3.0)
    desk.played("1.start", 3.1)
    desk.now = 3.2
    desk.go_on(1, 0.5)
    desk.playout.end_clause(1)
    assert desk.playout.late_clauses == 1
    desk.now = 3.6
    assert 4.6 < desk.playout.next_deadline() < 7.0
    desk.playout.stop(1)
    assert desk.playout.heard() == "We are open from nine to"  # 1.5 s of 2.5
    assert desk.events == [SpeakingStarted(1)]


def test_held_between_its_pieces_it_goes_on_with_all_that_came_meanwhile():
    desk = begun(seconds=1.0)
    desk.now = 0.8
    desk.playout.hold(1)
    desk.go_on(1, 1.0)
    desk.playout.end_clause(1)
    assert desk.wire.sent == ["1.start", 1000, "flush"]
    desk.now = 2.0
    desk.playout.resume(1)
    assert desk.wire.sent[3:] == ["1.start", 2000 - 460, "1.1"]
    desk.playout.finish(1)
    desk.played("1.start", 2.0)
    desk.played("1.1", 3.54)
    assert (desk.playout.heard(), desk.playout.late_clauses) == (TEXT, 0)
    assert desk.events == [SpeakingStarted(1), SpeakingDone(1, True)]


def test_resumed_between_its_pieces_the_next_one_follows():
    desk = begun(seconds=1.0)
    desk.now = 0.8
    desk.playout.hold(1)
    desk.now = 2.0
    desk.playout.resume(1)
    desk.played("1.start", 2.0)
    desk.now = 2.1
    desk.go_on(1, 0.5)
    desk.playout.end_clause(1)
    assert desk.wire.sent[3:] == ["1.start", 540, 500, "1.1"]
    assert desk.playout.late_clauses == 0
    assert desk.echo.told[-1] == (500, 2.54)


def test_a_draft_in_pieces_is_sent_when_its_turn_has_come_and_goes_on_from_there():
    desk = begun(held=True)
    desk.go_on(1, 0.7)
    assert desk.wire.sent == []
    desk.playout.resume(1)
    desk.go_on(1, 0.5)
    desk.playout.end_clause(1)
    assert desk.wire.sent == ["1.start", 1000, 500, "1.1"]


def test_how_much_there_is_left_to_hear():
    desk = Desk()
    desk.playout.begin(1, held=True)
    assert desk.playout.left_seconds() == 0.0
    desk.play(1, "Good morning.", 1.0)
    desk.play(1, TEXT, 0.5, more=True)
    assert desk.playout.left_seconds() == 1.5
    desk.now = 4.0
    desk.playout.resume(1)
    desk.played("1.start", 4.1)
    desk.now = 4.3
    assert round(desk.playout.left_seconds(), 3) == 1.3
    desk.now = 9.0
    assert desk.playout.left_seconds() == 0.0
    desk.playout.stop(1)
    assert desk.playout.left_seconds() == 0.0


def test_pieces_of_what_was_stopped_are_dropped():
    desk = begun()
    desk.playout.stop(1)
    desk.go_on(1, 1.0)
    desk.playout.end_clause(1)
    assert desk.wire.sent == ["1.start", 300, "flush"]
    desk.playout.begin(2)
    desk.go_on(1, 1.0)
    desk.playout.end_clause(1)
    assert desk.wire.sent == ["1.start", 300, "flush"]


def test_a_clause_in_pieces_after_another():
    desk = Desk()
    desk.playout.begin(1)
    desk.play(1, "Good morning.", 1.0)
    desk.play(1, TEXT, 0.3, more=True)
    desk.played("1.start", 0.0)
    desk.played("1.1", 1.0)
    assert desk.playout.saying() == TEXT
    desk.now = 1.2
    desk.go_on(1, 1.0)
    assert desk.playout.late_clauses == 0
    assert desk.echo.told[-1] == (1.0 * RATE, 1.3)
    desk.now = 2.3
    desk.playout.stop(1)
    assert desk.playout.heard() == "Good morning. We are open from"
