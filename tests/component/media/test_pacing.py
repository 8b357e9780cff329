"""Pacing, on virtual time: what is sent when."""

import asyncio

import pytest

from ari_app.media.pacing import FrameTimer, PacedSpeaker
from tests.component.call.virtual_time import run

FRAME = 4
SPEECH = b"abcd"


class Line:
    """A speaker and what it did: (milliseconds, frame or None for silence, frames skipped) and marks."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.start = self.loop.time()
        self.sent, self.played = [], []
        self.speaker = PacedSpeaker(FRAME, self._send, lambda mark: self.played.append((mark, self.now())))

    def now(self):
        return round((self.loop.time() - self.start) * 1000, 3)

    def _send(self, pcm, skipped):
        self.sent.append((self.now(), pcm, skipped))

    async def at(self, milliseconds):
        """Go to a moment."""
        await asyncio.sleep(milliseconds / 1000 - (self.loop.time() - self.start))

    def stall(self, milliseconds):
        """The loop is busy for a while."""
        self.loop.stall(milliseconds / 1000)

    def times(self, pcm=None):
        return [time for time, sent, _ in self.sent if sent == pcm]


def test_idle_is_one_frame_of_silence_every_20_ms():
    async def call():
        line = Line()
        await line.at(101)
        line.speaker.stop()
        await line.at(200)
        return line.sent

    assert run(call()) == [(float(ms), None, 0) for ms in (0, 20, 40, 60, 80, 100)]


def test_speech_begins_at_once_and_silence_goes_back_to_its_grid():
    async def call():
        line = Line()
        await line.at(47)
        line.speaker.send(SPEECH * 3)
        await line.at(161)
        line.speaker.stop()
        return line

    line = run(call())
    assert line.times(SPEECH) == [47.0, 67.0, 87.0]
    assert line.times() == [0.0, 20.0, 40.0, 107.0, 140.0, 160.0]


def test_marks_come_when_what_is_before_them_has_been_spoken():
    async def call():
        line = Line()
        await line.at(10)
        line.speaker.mark("start")
        line.speaker.send(SPEECH + b"ef")
        line.speaker.mark("middle")
        line.speaker.send(SPEECH)
        line.speaker.mark("end")
        await line.at(100)
        line.speaker.stop()
        return line

    line = run(call())
    assert line.played == [("start", 10.0), ("middle", 50.0), ("end", 70.0)]
    assert [pcm for _, pcm, _ in line.sent if pcm] == [SPEECH, b"ef\0\0", SPEECH]


def test_a_stream_of_odd_pieces_has_no_holes():
    async def call():
        line = Line()
        await line.at(1)
        for _ in range(9):
            line.speaker.send(b"abcdefg")
            await asyncio.sleep(0.015)
        await line.at(400)
        line.speaker.stop()
        return b"".join(pcm for _, pcm, _ in line.sent if pcm)

    assert run(call()) == b"abcdefg" * 9 + b"\0"


def test_flush_silences_with_the_next_frame_and_its_marks_never_come():
    async def call():
        line = Line()
        line.speaker.send(SPEECH * 100)
        line.speaker.mark("never")
        await line.at(50)
        line.speaker.flush()
        await line.at(500)
        line.speaker.mark("after")
        line.speaker.stop()
        return line

    line = run(call())
    assert line.times(SPEECH) == [0.0, 20.0, 40.0]
    assert line.times()[0] == 60.0
    assert line.played == [("after", 500.0)]


def test_a_stall_while_idle_is_not_made_up_for():
    async def call():
        line = Line()
        await line.at(41)
        line.stall(100)
        await line.at(190)
        line.speaker.stop()
        return line

    line = run(call())
    assert [ms for ms, _, _ in line.sent] == [0.0, 20.0, 40.0, 141.0, 160.0, 180.0]
    assert [skipped for _, _, skipped in line.sent] == [0, 0, 0, 4, 0, 0]
    assert line.speaker.late_frames == 4


@pytest.mark.parametrize(
    ("stall_ms", "times", "skipped", "late"),
    [
        (30, [0, 20, 51, 60, 80, 100], 0, 0),  # less than a frame late
        (50, [0, 20, 71, 71, 80, 100], 0, 1),  # a phone's jitter buffer takes it: back on time
        (110, [0, 20, 131, 140, 160, 180], 4, 4),  # it does not: what is left is said later
    ],
)
def test_a_stall_in_speech(stall_ms, times, skipped, late):
    async def call():
        line = Line()
        line.speaker.send(SPEECH * 6)
        await line.at(21)
        line.stall(stall_ms)
        await line.at(400)
        line.speaker.stop()
        return line

    line = run(call())
    assert line.times(SPEECH) == times
    assert sum(skipped for _, pcm, skipped in line.sent if pcm) == skipped
    assert line.speaker.late_frames == late


def test_nothing_is_sent_after_stop():
    async def call():
        line = Line()
        await line.at(5)
        line.speaker.stop()
        line.speaker.send(SPEECH)
        await line.at(100)
        return line

    assert run(call()).times(SPEECH) == []


def test_a_minute_of_speech_takes_a_minute():
    async def call():
        line = Line()
        line.speaker.send(SPEECH * 3000)
        line.speaker.mark("end")
        await line.at(61_000)
        line.speaker.stop()
        return line

    line = run(call())
    assert line.times(SPEECH) == pytest.approx([i * 20.0 for i in range(3000)])
    assert line.played == [("end", pytest.approx(60_000))]


@pytest.mark.parametrize("phase_ms", [0, 3, 9, 11, 15, 19])
def test_silence_is_drawn_to_the_arrival_of_frames(phase_ms):
    """So that one wake-up does for both; the rate stays that of the frames."""

    async def call():
        line = Line()
        for i in range(200):
            await line.at(i * 20 + phase_ms)
            line.speaker.heard()
        line.speaker.stop()
        return line

    line = run(call())
    together = [ms for ms in line.times() if ms % 20 == phase_ms]
    assert len(together) > 150
    assert 198 <= len(line.sent) <= 201


def test_frames_do_not_move_speech():
    async def call():
        line = Line()
        line.speaker.send(SPEECH * 20)
        for i in range(20):
            await line.at(i * 20 + 13)
            line.speaker.heard()
        await line.at(500)
        line.speaker.stop()
        return line

    assert run(call()).times(SPEECH) == pytest.approx([i * 20.0 for i in range(20)])


def test_the_timer_tells_how_many_ticks_it_missed():
    async def call():
        loop = asyncio.get_running_loop()
        missed = []
        timer = FrameTimer(missed.append)
        await asyncio.sleep(0.05)
        loop.stall(0.1)
        await asyncio.sleep(0.045)
        timer.stop()
        return missed

    assert run(call()) == [0, 0, 0, 4, 0, 0]
