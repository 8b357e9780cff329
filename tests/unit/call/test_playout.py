"""What the caller has heard of an answer, from the marks of a transport that is only a list."""

import numpy as np

from ari_app.call.playout import Playout
from ari_app.core.events import SpeakingDone, SpeakingStarted
from ari_app.media.transport import Played

RATE = 1000


class Wire:
    """A transport that keeps what it is told."""

    rate = RATE

    def __init__(self):
        self.sent = []

    def send(self, pcm):
        self.sent.append(len(pcm) // 2)

    def mark(self, mark):
        self.sent.append(mark)

    def flush(self):
        self.sent.append("flush")


class Echo:
    """What is told of the agent's voice: when how many samples begin to play, and when it was stopped."""

    def __init__(self):
        self.told = []

    def played(self, pcm, at):
        self.told.append((len(pcm), at))

    def stopped(self, at):
        self.told.append(("stopped", at))


class Desk:
    """A playout, its wire, its events and a clock that is set by hand."""

    def __init__(self):
        self.wire, self.echo, self.events, self.now = Wire(), Echo(), [], 0.0
        self.playout = Playout(self.wire, self.events.append, lambda: self.now, self.echo)

    def play(self, generation, text, seconds=1.0):
        self.playout.play(generation, text, np.zeros(int(seconds * RATE), np.int16))

    def played(self, mark, at):
        self.now = at
        self.playout.on_played(Played(mark, at))


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
