"""RTP legs against a socket that plays Asterisk."""

import asyncio
import socket
import struct
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.audio.g711 import pcm_to_ulaw, ulaw_to_pcm
from ari_app.errors import FormatMismatch, MediaError
from ari_app.media.rtp import RtpMedia
from ari_app.media.transport import Closed, Frame, Played
from tests.component.media.listening import PATIENCE_SECONDS, next_of, rest_of

LOUD = b"\x10\x27" * 160
QUIET = b"\xff" * 160


class Asterisk:
    """The other end of one leg."""

    def __init__(self, sock, leg_address):
        self.sock = sock
        self.leg_address = leg_address
        self.sequence = 100
        self.timestamp = 0

    def send(self, payload=QUIET, payload_type=0, sequence=None, first_byte=0x80, extra=b"", sock=None):
        if sequence is None:
            self.sequence = sequence = self.sequence + 1
        self.timestamp += 160
        header = struct.pack("!BBHII", first_byte, payload_type, sequence & 0xFFFF, self.timestamp, 7)
        (sock or self.sock).sendto(header + extra + payload, self.leg_address)

    async def receive(self):
        """The next packet: payload type with marker, sequence, timestamp, payload."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = await asyncio.get_running_loop().sock_recv(self.sock, 2048)
        first, payload_type, sequence, timestamp, _ = struct.unpack_from("!BBHII", data)
        assert first == 0x80
        return payload_type, sequence, timestamp, data[12:]

    async def receive_loud(self, count):
        packets = [await self.receive()]
        while packets[-1][3] == QUIET:
            packets.append(await self.receive())
        loud = packets[-1:]
        while len(loud) < count:
            loud.append(await self.receive())
        return loud


def udp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def variables(sock):
    host, port = sock.getsockname()
    return {"UNICASTRTP_LOCAL_ADDRESS": host, "UNICASTRTP_LOCAL_PORT": str(port)}


def address_of(offer):
    host, _, port = offer.external.external_host.rpartition(":")
    return host, int(port)


@pytest.fixture
async def asterisk():
    with udp_socket() as sock:
        yield Asterisk(sock, None)


@pytest.fixture
async def leg(asterisk):
    offer = await RtpMedia("127.0.0.1").offer()
    asterisk.leg_address = address_of(offer)
    leg = await offer.connect(variables(asterisk.sock))
    yield leg
    await leg.close()


async def test_the_offer_says_what_asterisk_must_create():
    offer = await RtpMedia("127.0.0.1").offer()
    external = offer.external
    assert (external.transport, external.encapsulation, external.connection_type) == ("udp", "rtp", "client")
    assert external.format == "ulaw"
    assert external.external_host.startswith("127.0.0.1:")
    await offer.cancel()
    await offer.cancel()


@pytest.mark.parametrize(
    "given_variables", [{}, {"UNICASTRTP_LOCAL_ADDRESS": "127.0.0.1", "UNICASTRTP_LOCAL_PORT": "x"}]
)
async def test_a_channel_without_an_address_is_refused(given_variables):
    offer = await RtpMedia("127.0.0.1").offer()
    with pytest.raises(MediaError, match="RTP address"):
        await offer.connect(given_variables)
    await offer.cancel()


async def test_what_is_heard_is_what_was_sent(leg, asterisk):
    asterisk.send(pcm_to_ulaw(LOUD))
    frame = await next_of(leg, Frame)
    assert frame.pcm == ulaw_to_pcm(pcm_to_ulaw(LOUD))
    assert len(frame.pcm) == 320


async def test_packets_of_other_lengths_become_frames(leg, asterisk):
    for _ in range(2):
        asterisk.send(pcm_to_ulaw(LOUD[:160]) + b"\xff" * 160)  # 30 ms each
    frames = [await next_of(leg, Frame) for _ in range(3)]
    assert [len(frame.pcm) for frame in frames] == [320, 320, 320]


async def test_silence_flows_while_nothing_is_said(leg, asterisk):
    packets = [await asterisk.receive() for _ in range(5)]
    assert all(payload == QUIET for *_, payload in packets)
    assert all((b[1] - a[1]) & 0xFFFF == 1 for a, b in pairwise(packets))


async def test_speech_goes_out_in_order_with_steady_timestamps_and_one_marker(leg, asterisk):
    await asterisk.receive()
    leg.send(LOUD * 10)
    leg.mark("end")
    loud = await asterisk.receive_loud(10)
    assert [payload for *_, payload in loud] == [pcm_to_ulaw(LOUD)] * 10
    assert [payload_type for payload_type, *_ in loud] == [0x80] + [0] * 9
    assert all((b[1] - a[1]) & 0xFFFF == 1 for a, b in pairwise(loud))
    assert all(((b[2] - a[2]) & 0xFFFFFFFF) % 160 == 0 for a, b in pairwise(loud))
    assert (await next_of(leg, Played)).mark == "end"
    assert (await asterisk.receive())[3] == QUIET


async def test_flush_silences_and_its_marks_never_come(leg, asterisk):
    leg.send(LOUD * 1000)
    leg.mark("never")
    await asterisk.receive_loud(3)
    leg.flush()
    while (await asterisk.receive())[3] != QUIET:
        pass
    leg.mark("after")
    leg.send(LOUD)
    leg.mark("end")
    assert [(await next_of(leg, Played)).mark for _ in range(2)] == ["after", "end"]


async def test_late_and_doubled_packets_are_dropped(leg, asterisk):
    for number, sequence in enumerate([65534, 65535, 0, 65535, 0, 1]):
        asterisk.send(bytes([0x10 + number]) * 160, sequence=sequence)
    frames = [await next_of(leg, Frame) for _ in range(4)]
    assert [pcm_to_ulaw(frame.pcm)[0] - 0x10 for frame in frames] == [0, 1, 2, 5]


async def test_headers_with_options_are_understood(leg, asterisk):
    asterisk.send(b"\x10" * 160, first_byte=0x82, extra=bytes(8))  # two contributing sources
    asterisk.send(b"\x11" * 160, first_byte=0x90, extra=b"\0\0\0\1" + bytes(4))  # an extension of one word
    asterisk.send(b"\x12" * 160 + b"\0\0\0\4", first_byte=0xA0)  # padding
    frames = [await next_of(leg, Frame) for _ in range(3)]
    assert [pcm_to_ulaw(frame.pcm) for frame in frames] == [bytes([code]) * 160 for code in (0x10, 0x11, 0x12)]


async def test_comfort_noise_is_no_voice_and_no_error(leg, asterisk):
    asterisk.send(b"\x40", payload_type=13)
    asterisk.send(b"\x10" * 160)
    assert pcm_to_ulaw((await next_of(leg, Frame)).pcm)[0] == 0x10


async def test_another_codec_is_refused_by_name(leg, asterisk):
    asterisk.send(payload_type=118)
    closed = (await rest_of(leg))[-1]
    assert isinstance(closed.error, FormatMismatch)
    assert "payload type 118" in str(closed.error)


async def test_packets_of_strangers_are_not_heard(leg, asterisk):
    with udp_socket() as stranger:
        asterisk.send(b"\x20" * 160, sock=stranger)
        asterisk.send(payload_type=118, sock=stranger)
    asterisk.send(b"\x10" * 160)
    assert pcm_to_ulaw((await next_of(leg, Frame)).pcm)[0] == 0x10


async def test_what_came_before_the_address_was_known_is_not_heard(asterisk):
    offer = await RtpMedia("127.0.0.1").offer()
    asterisk.leg_address = address_of(offer)
    asterisk.send(payload_type=118)
    leg = await offer.connect(variables(asterisk.sock))
    asterisk.send(b"\x10" * 160)
    assert pcm_to_ulaw((await next_of(leg, Frame)).pcm)[0] == 0x10
    await leg.close()


async def test_asterisk_closing_its_port_ends_the_leg(leg, asterisk):
    asterisk.sock.close()
    assert (await rest_of(leg))[-1] == Closed("Asterisk closed its RTP port")


async def test_closing_ends_the_events_and_may_be_repeated(leg, asterisk):
    leg.send(LOUD)
    leg.mark("never")
    await leg.close()
    await leg.close()
    leg.send(LOUD)
    leg.mark("never")
    leg.flush()
    assert (await rest_of(leg))[-1] == Closed("closed")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(packet=st.binary(max_size=64) | st.binary(max_size=64).map(lambda rest: b"\x80\x00" + rest))
async def test_hostile_packets_are_survived(asterisk, packet):
    offer = await RtpMedia("127.0.0.1").offer()
    asterisk.leg_address = address_of(offer)
    leg = await offer.connect(variables(asterisk.sock))
    asterisk.sock.sendto(packet, asterisk.leg_address)
    asterisk.sequence = int.from_bytes(packet[2:4], "big")
    asterisk.send(b"\x10" * 160)
    event = await next_of(leg, Frame | Closed)
    if isinstance(event, Frame):
        assert event.pcm.endswith(ulaw_to_pcm(b"\x10"))
    else:
        assert isinstance(event.error, FormatMismatch)
    await leg.close()


async def test_malformed_packets_are_counted(leg, asterisk, caplog):
    for packet in (
        b"",
        b"\x80",
        b"\x40" + bytes(20),
        b"\x8f" + bytes(20),
        b"\x90" + bytes(14),
        b"\xa0" + bytes(10) + b"\xff",
    ):
        asterisk.sock.sendto(packet, asterisk.leg_address)
    asterisk.send(b"\x10" * 160)
    await next_of(leg, Frame)
    await leg.close()
    assert caplog.records[-1].malformed == 6


async def test_many_legs_have_ports_of_their_own():
    media = RtpMedia("127.0.0.1")
    offers = [await media.offer() for _ in range(20)]
    assert len({offer.external.external_host for offer in offers}) == 20
    for offer in offers:
        await offer.cancel()
    await media.close()


async def test_ipv6_addresses_are_written_as_asterisk_reads_them():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        offer = await RtpMedia("::1").offer()
    except MediaError:
        pytest.skip("no IPv6 loopback here")
    assert offer.external.external_host.startswith("[::1]:")
    await offer.cancel()
