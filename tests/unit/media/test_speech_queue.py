"""Speech that waits to be sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.errors import MediaError
from ari_app.media.pacing import SpeechQueue


def test_marks_stand_where_they_were_set():
    queue = SpeechQueue(4)
    queue.put(b"aaaabb")
    queue.mark("one")
    queue.put(b"cccc")
    queue.mark("two")
    assert list(queue.reached()) == []
    assert queue.take(10) == b"aaaabb\0\0"
    assert list(queue.reached()) == ["one"]
    assert queue.take(10) == b"cccc"
    assert list(queue.reached()) == ["two"]
    assert not queue


def test_part_of_a_frame_waits_for_more_until_it_is_padded():
    queue = SpeechQueue(4)
    queue.put(b"aa")
    assert queue.take(1) == b""
    queue.put(b"bbc")
    assert queue.take(5) == b"aabb"
    queue.pad()
    assert queue.take(5) == b"c\0\0\0"


def test_more_than_ten_minutes_are_refused():
    queue = SpeechQueue(4)
    queue.put(bytes(4 * 50 * 600))
    with pytest.raises(MediaError):
        queue.put(b"x")


@given(st.lists(st.binary(max_size=30) | st.none(), max_size=20), st.integers(1, 5))
def test_all_bytes_come_out_in_order_and_all_marks_after_what_they_follow(steps, at_a_time):
    queue, expected, positions = SpeechQueue(4), b"", {}
    for number, pcm in enumerate(steps):
        if pcm is None:
            queue.mark(str(number))
            expected += bytes(-len(expected) % 4)
            positions[str(number)] = len(expected)
        else:
            queue.put(pcm)
            expected += pcm
    queue.pad()
    out, reached = b"", {}
    while queue:
        reached |= dict.fromkeys(queue.reached(), len(out))
        out += queue.take(at_a_time)
    assert out == expected + bytes(-len(expected) % 4)
    assert reached == positions
