"""AudioSocket legs against connections that play Asterisk."""

import asyncio
import logging
import socket
import struct
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.errors import FormatMismatch, MediaError
from ari_app.media import audiosocket
from ari_app.media.audiosocket import AudioSocketMedia
from ari_app.media.transport import Closed, DtmfDigit, Frame, Played
from tests.component.media.listening import PATIENCE_SECONDS, next_of, rest_of, until

LOUD = b"\x10\x27" * 160
QUIET = bytes(320)


def message(kind, payload):
    return struct.pack("!BH", kind, len(payload)) + payload


class Asterisk:
    """One connection to the listener."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, offer, uuid=None):
        host, _, port = offer.external.external_host.rpartition(":")
        asterisk = cls(*await asyncio.open_connection(host, int(port)))
        asterisk.send(0x01, UUID(uuid or offer.external.data).bytes)
        return asterisk

    def send(self, kind, payload):
        self.writer.write(message(kind, payload))

    async def receive(self):
        async with asyncio.timeout(PATIENCE_SECONDS):
            kind, length = struct.unpack("!BH", await self.reader.readexactly(3))
            return kind, await self.reader.readexactly(length)

    async def receive_loud(self, count):
        loud = []
        while len(loud) < count:
            kind, payload = await self.receive()
            assert kind == 0x10
            if payload != QUIET or loud:
                loud.append(payload)
        return loud

    async def ended(self):
        """Wait until our side has closed the connection; what it sent before is thrown away."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with suppress(ConnectionResetError):
                while await self.reader.read(65536):
                    pass

    async def close(self):
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@pytest.fixture
async def media():
    media = AudioSocketMedia("127.0.0.1", 0)
    await media.start()
    yield media
    await media.close()


@pytest.fixture
async def pair(media):
    """A leg and its Asterisk."""
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    yield leg, asterisk
    await leg.close()
    await asterisk.close()


async def test_the_offer_says_what_asterisk_must_create(media):
    offer = await media.offer()
    external = offer.external
    assert (external.transport, external.encapsulation, external.connection_type) == ("tcp", "audiosocket", "client")
    assert external.format == "slin"
    assert str(UUID(external.data)) == external.data
    await offer.cancel()
    await offer.cancel()


async def test_each_leg_gets_the_connection_with_its_uuid(media):
    offers = [await media.offer() for _ in range(3)]
    asterisks = [await Asterisk.connect(offer) for offer in reversed(offers)][::-1]
    legs = [await offer.connect({}) for offer in offers]
    for number, asterisk in enumerate(asterisks):
        asterisk.send(0x10, bytes([number]) * 320)
    assert [(await next_of(leg, Frame)).pcm[0] for leg in legs] == [0, 1, 2]
    for leg, asterisk in zip(legs, asterisks, strict=True):
        await leg.close()
        await asterisk.close()


async def test_small_messages_are_sent_without_waiting_for_acknowledgements(pair):
    leg, _ = pair
    assert leg._tcp.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_messages_in_pieces_and_in_heaps_are_understood(pair):
    leg, asterisk = pair
    stream = b"".join(message(0x10, bytes([number]) * 320) for number in range(5)) + message(0x03, b"7")
    for byte in stream[:700]:
        asterisk.writer.write(bytes([byte]))
        await asterisk.writer.drain()
        await asyncio.sleep(0)
    asterisk.writer.write(stream[700:])
    frames = [await next_of(leg, Frame) for _ in range(5)]
    assert [frame.pcm for frame in frames] == [bytes([number]) * 320 for number in range(5)]
    assert (await next_of(leg, DtmfDigit)).digit == "7"


async def test_audio_of_other_lengths_becomes_frames(pair):
    leg, asterisk = pair
    asterisk.send(0x10, bytes(480))
    asterisk.send(0x10, bytes(65_534))
    frames = [await next_of(leg, Frame) for _ in range((480 + 65_534) // 320)]
    assert {len(frame.pcm) for frame in frames} == {320}


async def test_silence_flows_while_nothing_is_said(pair):
    _, asterisk = pair
    assert [await asterisk.receive() for _ in range(5)] == [(0x10, QUIET)] * 5


async def test_speech_goes_out_whole_and_its_mark_comes(pair):
    leg, asterisk = pair
    leg.send(LOUD * 9 + LOUD[:100])
    leg.mark("end")
    assert b"".join(await asterisk.receive_loud(10)) == LOUD * 9 + LOUD[:100] + bytes(220)
    assert (await next_of(leg, Played)).mark == "end"


async def test_flush_silences_and_its_marks_never_come(pair):
    leg, asterisk = pair
    leg.send(LOUD * 1000)
    leg.mark("never")
    await asterisk.receive_loud(3)
    leg.flush()
    while (await asterisk.receive())[1] != QUIET:
        pass
    leg.mark("after")
    leg.send(LOUD)
    leg.mark("end")
    assert [(await next_of(leg, Played)).mark for _ in range(2)] == ["after", "end"]


@pytest.mark.parametrize(
    ("kind", "payload", "error", "words"),
    [
        (0x12, bytes(640), FormatMismatch, "16 kHz"),
        (0xFF, b"\x04", MediaError, "error 04"),
        (0xFF, b"", MediaError, "error none"),
    ],
)
async def test_what_the_leg_cannot_go_on_with_ends_it_by_name(pair, kind, payload, error, words):
    leg, asterisk = pair
    asterisk.send(kind, payload)
    closed = (await rest_of(leg))[-1]
    assert type(closed.error) is error
    assert words in str(closed.error)
    await asterisk.ended()


async def test_a_hang_up_message_ends_the_leg_without_error(pair):
    leg, asterisk = pair
    asterisk.send(0x00, b"")
    assert (await rest_of(leg))[-1] == Closed("Asterisk hung up")
    await asterisk.ended()


async def test_unknown_and_odd_messages_are_skipped_and_counted(pair, caplog):
    leg, asterisk = pair
    for kind, payload in [(0x42, b"?"), (0x10, b"odd"), (0x03, b""), (0x03, b"x"), (0x01, bytes(16))]:
        asterisk.send(kind, payload)
    asterisk.send(0x10, LOUD)
    assert (await next_of(leg, Frame)).pcm == LOUD
    await leg.close()
    assert caplog.records[-1].count == 5


async def test_asterisk_closing_ends_the_leg_and_leaves_nothing_half_open(pair):
    leg, asterisk = pair
    asterisk.writer.write_eof()  # Asterisk's side is closed, ours must follow though it could still send
    assert (await rest_of(leg))[-1] == Closed("Asterisk closed the AudioSocket connection")
    await asterisk.ended()


async def test_a_broken_connection_is_an_error(pair):
    leg, asterisk = pair
    sock = asterisk.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    asterisk.writer.transport.abort()
    closed = (await rest_of(leg))[-1]
    assert isinstance(closed.error, MediaError)


async def test_closing_ends_the_events_and_may_be_repeated(pair):
    leg, asterisk = pair
    leg.send(LOUD * 100)
    leg.mark("never")
    await leg.close()
    await leg.close()
    leg.send(LOUD)
    leg.mark("never")
    leg.flush()
    assert (await rest_of(leg))[-1] == Closed("closed")
    await asterisk.ended()


async def test_closing_ends_though_asterisk_does_not_read(media, monkeypatch):
    monkeypatch.setattr(audiosocket, "_CLOSE_SECONDS", 0.01)
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    asterisk.writer.transport.pause_reading()
    leg._tcp.write(bytes(50_000_000))  # more than the kernel buffers
    assert leg._tcp.get_write_buffer_size()
    await leg.close()
    assert (await rest_of(leg))[-1] == Closed("closed")
    await asterisk.close()


async def test_what_asterisk_does_not_take_does_not_pile_up(media):
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    asterisk.writer.transport.pause_reading()
    leg._tcp.write(bytes(50_000_000))
    before = leg._tcp.get_write_buffer_size()
    leg.send(LOUD * 5)
    leg.mark("end")
    await next_of(leg, Played)
    assert leg._tcp.get_write_buffer_size() <= before
    asterisk.writer.transport.abort()
    await leg.close()
    await asterisk.close()


@pytest.mark.parametrize("first", [message(0x10, bytes(320)), message(0x01, b"short"), message(0x01, uuid4().bytes)])
async def test_strangers_are_shown_the_door(media, first):
    offer = await media.offer()
    host, _, port = offer.external.external_host.rpartition(":")
    stranger = Asterisk(*await asyncio.open_connection(host, int(port)))
    stranger.writer.write(first)
    await stranger.ended()
    await stranger.close()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    await leg.close()
    await asterisk.close()


async def test_a_uuid_is_good_for_one_connection(media):
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    second = await Asterisk.connect(offer)
    await second.ended()
    asterisk.send(0x10, LOUD)
    assert (await next_of(leg, Frame)).pcm == LOUD
    await leg.close()
    await asterisk.close()
    await second.close()


async def test_silent_strangers_are_few_and_do_not_stay(media, monkeypatch, caplog):
    monkeypatch.setattr(audiosocket, "_MAX_STRANGERS", 3)
    offer = await media.offer()
    host, _, port = offer.external.external_host.rpartition(":")
    strangers = [Asterisk(*await asyncio.open_connection(host, int(port))) for _ in range(4)]
    with caplog.at_level(logging.WARNING):
        await strangers[3].ended()
    assert len(media._strangers) == 3
    await media.close()
    for stranger in strangers:
        await stranger.ended()
        await stranger.close()
    await offer.cancel()


async def test_a_stranger_that_says_nothing_is_dropped(media, monkeypatch):
    monkeypatch.setattr(audiosocket, "CONNECT_SECONDS", 0.01)
    offer = await media.offer()
    host, _, port = offer.external.external_host.rpartition(":")
    stranger = Asterisk(*await asyncio.open_connection(host, int(port)))
    await stranger.ended()
    await stranger.close()
    await until(lambda: not media._strangers)
    await offer.cancel()


async def test_an_asterisk_that_does_not_come_is_named(media, monkeypatch):
    monkeypatch.setattr(audiosocket, "CONNECT_SECONDS", 0.01)
    offer = await media.offer()
    with pytest.raises(MediaError, match=offer.external.external_host) as caught:
        await offer.connect({})
    assert "media.bind_host" in caught.value.remedy
    await offer.cancel()
    assert not media._awaited


async def test_a_cancelled_offer_closes_a_connection_that_came(media):
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    await until(lambda: not media._awaited)
    await offer.cancel()
    await asterisk.ended()
    await asterisk.close()


async def test_legs_outlive_the_listener(media, pair):
    leg, asterisk = pair
    await media.close()
    asterisk.send(0x10, LOUD)
    assert (await next_of(leg, Frame)).pcm == LOUD


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(garbage=st.binary(max_size=200))
async def test_garbage_is_survived(media, garbage):
    offer = await media.offer()
    asterisk = await Asterisk.connect(offer)
    leg = await offer.connect({})
    asterisk.writer.write(garbage)
    asterisk.writer.write_eof()
    await rest_of(leg)
    await asterisk.ended()
    await leg.close()
    await asterisk.close()
