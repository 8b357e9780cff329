"""Framing."""

from hypothesis import given
from hypothesis import strategies as st

from ari_app.audio.framing import Framer


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_nothing_is_lost_and_every_frame_is_whole(pieces):
    framer = Framer(8)
    frames = [frame for piece in pieces for frame in framer.feed(piece)]
    data = b"".join(pieces)
    assert all(len(frame) == 8 for frame in frames)
    assert b"".join(frames) == data[: len(data) - len(data) % 8]


def test_a_frame_comes_out_as_soon_as_it_is_whole():
    framer = Framer(4)
    assert framer.feed(b"ab") == []
    assert framer.feed(b"cdef") == [b"abcd"]
    assert framer.feed(b"gh") == [b"efgh"]
