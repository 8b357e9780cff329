"""A playout on a transport that is only a list, with a clock that is set by hand."""

import numpy as np

from ari_app.call.playout import Playout
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

    def play(self, generation, text, seconds=1.0, **options):
        self.playout.play(generation, text, np.zeros(int(seconds * RATE), np.int16), **options)

    def go_on(self, generation, seconds):
        self.playout.go_on(generation, np.zeros(int(seconds * RATE), np.int16))

    def played(self, mark, at):
        self.now = at
        self.playout.on_played(Played(mark, at))
