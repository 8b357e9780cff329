"""Session descriptions of one audio stream."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.demo.phone.sdp import Audio, parse

AUDIO = st.builds(
    Audio,
    st.sampled_from(["127.0.0.1", "192.0.2.7"]),
    st.integers(1024, 65535),
    st.sampled_from([(0,), (8,), (0, 8), (8, 0)]),
    st.none() | st.integers(96, 127),
    st.sampled_from(["sendrecv", "sendonly", "recvonly", "inactive"]),
)


@given(AUDIO, st.integers(0, 2**31), st.integers(1, 99))
def test_what_is_built_can_be_read(audio, session, version):
    assert parse(audio.encode(session, version)) == audio


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: b"c=IN IP4 a\r\nm=audio 1 RTP/AVP " + tail))
def test_anything_else_is_refused(body):
    with contextlib.suppress(ValueError):
        parse(body)


def test_a_description_as_others_write_them():
    body = (
        b"v=0\no=- 1 2 IN IP4 192.0.2.1\ns=Asterisk\nc=IN IP4 192.0.2.1\nt=0 0\na=sendonly\n"
        b"m=video 0 RTP/AVP 31\na=inactive\n"
        b"m=audio 18000 RTP/AVP 9 8 101\nc=IN IP4 192.0.2.2\na=rtpmap:9 G722/8000\na=rtpmap:101 telephone-event/8000\n"
    )
    assert parse(body) == Audio("192.0.2.2", 18000, (8,), 101, "sendonly")


def test_the_direction_of_the_stream_outweighs_that_of_the_session():
    body = b"c=IN IP4 a\r\na=sendonly\r\nm=audio 1 RTP/AVP 0\r\na=inactive\r\n"
    assert parse(body).direction == "inactive"


@pytest.mark.parametrize(
    "body", [b"", b"v=0\r\nc=IN IP4 a\r\n", b"m=audio 1 RTP/AVP 0\r\n", b"m=audio x RTP/AVP 0\r\n"]
)
def test_no_audio(body):
    with pytest.raises(ValueError, match="no audio stream"):
        parse(body)
