"""RTP packets and the events of keys."""

import contextlib
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.demo.phone.rtp import ALAW, ULAW, Packet, key_events, parse

PACKETS = st.builds(
    Packet,
    st.integers(0, 127),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(max_size=200),
    st.booleans(),
)


@given(PACKETS)
def test_a_packet_survives_the_wire(packet):
    assert parse(packet.encode()) == packet


@given(st.binary(max_size=80))
def test_anything_else_is_refused(datagram):
    with contextlib.suppress(ValueError):
        assert len(parse(datagram).payload) <= len(datagram)


def test_sources_extension_and_padding_are_left_out():
    head = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0x80, 1, 2, 3) + bytes(8)
    extension = struct.pack("!HH", 0xBEDE, 1) + bytes(4)
    packet = parse(head + extension + b"sound" + bytes(2) + b"\x03")
    assert (packet.payload, packet.marker, packet.payload_type) == (b"sound", True, 0)


@pytest.mark.parametrize(
    "datagram", [b"", bytes(12), b"\x80" + bytes(10), b"\x90" + bytes(12), b"\xa0" + bytes(11) + b"\x09"]
)
def test_what_is_no_packet(datagram):
    with pytest.raises(ValueError, match="RTP"):
        parse(datagram)


@pytest.mark.parametrize(("codec", "error"), [(ULAW, 0.04), (ALAW, 0.04)])
def test_g711_keeps_speech(codec, error):
    samples = (12000 * np.sin(np.arange(800) / 3)).astype(np.int16)
    back = np.frombuffer(codec.decode(codec.encode(samples.tobytes())), np.int16)
    assert np.max(np.abs(back.astype(int) - samples)) < error * 12000


def test_the_events_of_a_key():
    events = [(*struct.unpack("!BBH", payload), last) for payload, last in key_events("#", 100)]
    assert events == [
        (11, 10, 160, False),
        (11, 10, 320, False),
        (11, 10, 480, False),
        (11, 10, 640, False),
        (11, 0x80 | 10, 800, True),
    ]


def test_no_such_key():
    with pytest.raises(ValueError, match="substring"):
        list(key_events("x", 100))
