"""What a websocket leg has Asterisk play, on virtual time: never a hole, never late, nothing lost."""

import asyncio

import pytest

from ari_app.media.transport import Played
from ari_app.media.websocket import WebsocketTransport
from tests.component.call.virtual_time import run
from tests.component.media.fake_chan_websocket import FRAME_BYTES, FakeWire


class Call:
    """A leg on a FakeWire, and the marks that came: (mark, milliseconds after the start)."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()

    async def __aenter__(self):
        self.leg = WebsocketTransport(FakeWire.connect)
        await self.leg.open("")
        self.wire = self.leg._wire
        self.asterisk = self.wire.asterisk
        self.marks = []
        self.reader = asyncio.create_task(self._read())
        self.start = self.loop.time()
        return self

    async def __aexit__(self, *_):
        await self.leg.close()
        await self.reader

    async def _read(self):
        async for event in self.leg:
            if isinstance(event, Played):
                self.marks.append((event.mark, round((event.at - self.start) * 1000)))

    async def at(self, milliseconds):
        await asyncio.sleep(milliseconds / 1000 - (self.loop.time() - self.start))

    def stall(self, milliseconds):
        """The loop is busy while Asterisk goes on."""
        self.loop.stall(milliseconds / 1000)
        for _ in range(milliseconds // 20 - 1):
            self.asterisk.tick()


def speech(frames, first=1):
    """Frames that can be told apart, none of them silent."""
    return b"".join((first + i).to_bytes(2, "little") * (FRAME_BYTES // 2) for i in range(frames))


def test_idle_is_steady_silence():
    async def call():
        async with Call() as call:
            await call.at(5000)
            return call

    call = run(call())
    assert None not in call.asterisk.played
    assert not call.asterisk.heard
    assert call.asterisk.length <= 12
    assert call.asterisk.commands == []
    assert call.leg.late_frames == 0


def test_silence_that_waits_in_asterisk_does_not_delay_speech():
    async def call():
        async with Call() as call:
            await call.at(1000)
            before = len(call.asterisk.played)
            waiting = call.asterisk.length
            call.leg.send(speech(5))
            await call.at(1200)
            return waiting, call.asterisk.played[before : before + 6]

    waiting, played = run(call())
    assert waiting > 1
    assert b"".join(played[:5]) == speech(5)
    assert played[5] is not None


def test_speech_is_pushed_ahead_and_its_mark_comes_when_it_was_played():
    async def call():
        async with Call() as call:
            await call.at(1001)
            call.leg.mark("start")
            call.leg.send(speech(100))
            call.leg.mark("end")
            assert call.asterisk.length == 100
            await call.at(4000)
            return call

    call = run(call())
    assert call.asterisk.heard == speech(100)
    assert call.marks == [("start", 1001), ("end", 3008)]
    assert None not in call.asterisk.played


def test_silence_that_piled_up_in_asterisk_does_not_delay_speech():
    async def call():
        async with Call() as call:
            await call.at(500)
            call.wire.plays = False  # Asterisk stalls for 200 ms
            await call.at(700)
            call.wire.plays = True
            assert call.asterisk.length > 5
            await call.at(1001)
            call.leg.send(speech(3))
            played = len(call.asterisk.played)
            await call.at(1100)
            return call.asterisk.played[played:]

    assert b"".join(run(call())[:3]) == speech(3)


def test_a_clause_of_a_minute_is_played_whole_and_asterisk_never_has_much_of_it():
    async def call():
        async with Call() as call:
            most = 0
            call.leg.send(speech(3000))
            call.leg.mark("end")
            for second in range(62):
                await call.at(second * 1000)
                most = max(most, call.asterisk.length)
            return call, most

    call, most = run(call())
    assert call.asterisk.heard == speech(3000)
    assert call.asterisk.lost_frames == 0
    assert 200 < most <= 251
    assert [mark for mark, _ in call.marks] == ["end"]
    assert call.marks[0][1] == pytest.approx(60_000, abs=30)


def test_speech_in_odd_pieces_has_no_holes():
    async def call():
        async with Call() as call:
            pcm = speech(50)
            call.leg.send(pcm[:4000])
            for start in range(4000, len(pcm), 1000):  # 31 ms each, a little faster than time
                await asyncio.sleep(0.03)
                call.leg.send(pcm[start : start + 1000])
            await call.at(2000)
            return call

    call = run(call())
    assert call.asterisk.heard == speech(50)
    first, last = (call.asterisk.played.index(speech(1, n)) for n in (1, 50))
    assert last - first == 49


def test_the_last_part_of_a_frame_is_padded():
    async def call():
        async with Call() as call:
            call.leg.send(speech(2) + b"\1\1")
            await call.at(500)
            return call.asterisk.heard

    assert run(call()) == speech(2) + b"\1\1" + bytes(FRAME_BYTES - 2)


def test_clauses_follow_each_other_without_silence_between():
    async def call():
        async with Call() as call:
            call.leg.send(speech(10))
            call.leg.mark("one")
            await call.at(150)
            call.leg.send(speech(10, first=11))
            call.leg.mark("two")
            await call.at(1000)
            return call

    call = run(call())
    first = call.asterisk.played.index(speech(1))
    assert b"".join(call.asterisk.played[first : first + 20]) == speech(20)
    assert [mark for mark, _ in call.marks] == ["one", "two"]


def test_flush_silences_at_once_and_marks_before_it_never_come():
    async def call():
        async with Call() as call:
            call.leg.send(speech(100))
            call.leg.mark("never")
            await call.at(500)
            call.leg.flush()
            played = len(call.asterisk.played)
            await call.at(1000)
            return call, played

    call, played = run(call())
    assert call.marks == []
    assert not any(any(frame) for frame in call.asterisk.played[played:] if frame)
    assert None not in call.asterisk.played[played:]


def test_a_mark_on_its_way_when_its_speech_is_flushed_does_not_come():
    async def call():
        async with Call() as call:
            call.leg.send(speech(1))
            call.leg.mark("never")
            while call.asterisk.length:
                await asyncio.sleep(0.001)
            while "MEDIA" not in str(call.leg._pending) and call.asterisk._queue:
                await asyncio.sleep(0.0005)  # Asterisk says that it was played …
            call.leg.flush()  # … and we flush before we hear it
            call.leg.send(speech(1))
            call.leg.mark("after")
            await call.at(500)
            return call.marks

    assert [mark for mark, _ in run(call())] == ["after"]


def test_flush_while_idle_asks_asterisk_nothing():
    async def call():
        async with Call() as call:
            await call.at(100)
            call.leg.flush()
            return call.asterisk.commands

    assert run(call()) == []


def test_a_stall_of_ours_is_not_heard_in_speech_and_not_made_up_for_in_silence():
    async def call():
        async with Call() as call:
            call.leg.send(speech(100))
            await call.at(500)
            call.stall(1000)
            await call.at(3000)
            heard = call.asterisk.heard
            assert call.leg.late_frames == 0, "Asterisk had enough to play"
            call.stall(1000)
            await call.at(4100)
            return call, heard

    call, heard = run(call())
    assert heard == speech(100)
    assert 38 <= call.leg.late_frames <= 48, "all but the silence that Asterisk still had"
    assert call.asterisk.length <= 12


def test_while_asterisk_does_not_read_nothing_is_written_and_then_all():
    async def call():
        async with Call() as call:
            await call.at(100)
            call.wire.writable = False  # FakeWire.send asserts it
            call.leg.send(b"")
            await call.at(300)
            call.wire.writable = True
            call.leg.send(speech(10))
            await call.at(700)
            return call.asterisk

    asterisk = run(call())
    assert asterisk.heard == speech(10)


def test_an_asterisk_that_does_not_play_gets_one_frame_of_silence_after_the_speech():
    async def call():
        async with Call() as call:
            call.wire.plays = False
            call.leg.send(speech(5))
            await call.at(2000)
            return call.asterisk.length

    assert run(call()) <= 5 + 1 + 1


def test_an_asterisk_that_stalls_for_minutes_loses_nothing():
    async def call():
        async with Call() as call:
            call.leg.send(speech(3000))
            call.leg.mark("end")
            await call.at(5_000)
            call.wire.plays = False
            await call.at(125_000)
            longest = call.asterisk.length
            call.wire.plays = True
            await call.at(190_000)
            return call, longest

    call, longest = run(call())
    assert 900 <= longest < 1000
    assert call.asterisk.lost_frames == 0
    assert call.asterisk.heard == speech(3000)
    assert [mark for mark, _ in call.marks] == ["end"]
