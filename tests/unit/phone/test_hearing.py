"""What RTP sounded like on our clock."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.demo.phone.hearing import Hearing, place
from ari_app.demo.phone.rtp import FRAME_S, RATE, ULAW, Packet

LOUD = (8000 * np.sin(np.arange(160) / 2)).astype(np.int16).tobytes()
SILENT = bytes(320)


def packet(number, pcm=LOUD, *, source=1, first=0):
    timestamp = (first + 160 * number) & 0xFFFFFFFF
    return Packet(0, number & 0xFFFF, timestamp, source, ULAW.encode(pcm))


def heard(*arrivals):
    """`arrivals`: the moment of each packet, and the packet."""
    hearing = Hearing()
    for at, one in arrivals:
        hearing.receive(one, at)
    return hearing


def talk(pattern, start=0.0):
    """One packet every 20 ms: ``#`` loud, ``.`` silent, space nothing."""
    sounds = {"#": LOUD, ".": SILENT}
    return heard(*((start + n * FRAME_S, packet(n, sounds[mark])) for n, mark in enumerate(pattern) if mark in sounds))


@pytest.mark.parametrize(
    ("pattern", "after", "first"),
    [
        ("..##..", -1, 0.04),
        ("..##..", 0.04, 0.06),
        ("..##..", 0.06, None),
        ("......", -1, None),
        ("#  ..#", 0.0, 0.10),
    ],
)
def test_first_loud(pattern, after, first):
    assert talk(pattern).first_loud(after) == (None if first is None else pytest.approx(first))


def test_last_loud():
    hearing = talk(".##.#.")
    assert hearing.last_loud() == pytest.approx(0.08)
    assert hearing.last_loud(before=0.07) == pytest.approx(0.04)
    assert hearing.last_loud(before=0.01) is None


def test_pauses_divide_what_was_said():
    hearing = talk("##.##......##")
    assert hearing.spans(0.1) == [pytest.approx((0.0, 0.08)), pytest.approx((0.22, 0.24))]
    assert hearing.spans(0.1, after=0.1) == [pytest.approx((0.22, 0.24))]
    assert len(hearing.spans(0.5)) == 1
    assert len(hearing.spans(0.03)) == 3


def test_audio_lies_where_its_timestamps_say():
    jittered = heard((0.000, packet(0)), (0.031, packet(1)), (0.041, packet(2)), (0.065, packet(3)))
    audio = jittered.audio(0.0, 0.08)
    assert np.array_equal(audio, np.tile(audio[:160], 4))


def test_silence_stands_for_what_did_not_come():
    audio = talk("# #").audio(-FRAME_S, 3 * FRAME_S)
    loud = [bool(np.any(audio[start : start + 160])) for start in range(0, len(audio), 160)]
    assert loud == [False, True, False, True]


@given(st.integers(0, 0xFFFFFFFF))
def test_timestamps_may_wrap_and_packets_come_in_another_order(first):
    order = (0, 2, 1, 3)
    hearing = heard(*((number * FRAME_S + 0.001, packet(number, first=first)) for number in order))
    assert [frame.plays_at for frame in hearing.frames] == [pytest.approx(0.001 + n * FRAME_S) for n in order]


@pytest.mark.parametrize("jump", [{"source": 2}, {"first": 80_000}])
def test_a_new_stream_begins_where_it_arrives(jump):
    hearing = heard((0.0, packet(0)), (0.5, packet(1, **jump)), (0.52, packet(2, **jump)))
    assert [frame.plays_at for frame in hearing.frames] == [pytest.approx(at) for at in (0.0, 0.5, 0.52)]


def test_other_payloads_are_not_heard():
    assert heard((0.0, Packet(101, 1, 2, 3, b"1234"))).frames == []


def test_frames_are_cut_at_the_ends_of_the_strip():
    frame = np.arange(160, dtype="<i2")
    strip = place([(-0.01, frame.tobytes()), (0.05, frame.tobytes()), (9.0, frame.tobytes())], 0.0, 0.06)
    assert len(strip) == 0.06 * RATE
    assert np.array_equal(strip[:80], frame[80:])
    assert np.array_equal(strip[400:], frame[:80])
    assert not np.any(strip[80:400])
