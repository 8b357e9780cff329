"""Websocket legs against a server that plays chan_websocket: connection, events, XOFF, the end."""

import asyncio
import json

import pytest

from ari_app.errors import FormatMismatch, MediaError
from ari_app.media import websocket, websocket_wire
from ari_app.media.transport import Closed, DtmfDigit, Frame, Played
from ari_app.media.websocket import WebsocketMedia
from tests.component.media.fake_chan_websocket import START, FakeServer
from tests.component.media.listening import next_of, rest_of, until

LOUD = b"\x10\x27" * 320
VARIABLES = {"MEDIA_WEBSOCKET_CONNECTION_ID": "1b2c"}


@pytest.fixture
async def server():
    async with FakeServer() as server:
        yield server


async def connect(server, variables=VARIABLES):
    offer = await WebsocketMedia(server.url).offer()
    return await offer.connect(variables)


@pytest.fixture
async def leg(server):
    leg = await connect(server)
    yield leg
    await leg.close()


async def test_the_offer_says_what_asterisk_must_create():
    offer = await WebsocketMedia("http://127.0.0.1:8088").offer()
    external = offer.external
    assert (external.transport, external.encapsulation, external.connection_type) == ("websocket", "none", "server")
    assert (external.external_host, external.format) == ("INCOMING", "slin16")
    await offer.cancel()


@pytest.mark.parametrize("prefix", ["", "/pbx", "/pbx/"])
async def test_the_path_is_the_connection_id_below_aris_prefix(server, prefix):
    server.url += prefix
    leg = await connect(server)
    assert server.paths == [prefix.rstrip("/") + "/media/1b2c"]
    await leg.close()


async def test_what_is_heard_is_what_was_sent(server, leg):
    server.tell(LOUD)
    assert (await next_of(leg, Frame)).pcm == LOUD


async def test_messages_of_other_lengths_become_frames(server, leg):
    for _ in range(2):
        server.tell(LOUD + LOUD[:320])
    assert [len((await next_of(leg, Frame)).pcm) for _ in range(3)] == [640] * 3


async def test_a_message_in_fragments_is_put_together(server, leg):
    protocol = server.connection.protocol
    protocol.send_binary(LOUD[:100], fin=False)
    protocol.send_ping(b"between")
    protocol.send_continuation(LOUD[100:], fin=True)
    protocol.send_text(b"DTMF_END dig", fin=False)
    protocol.send_continuation(b"it:5 channel_id:1", fin=True)
    server.connection.send_data()
    assert (await next_of(leg, Frame)).pcm == LOUD
    assert (await next_of(leg, DtmfDigit)).digit == "5"


async def test_keys_arrive_and_what_is_none_does_not(server, leg):
    for text in ("DTMF_END digit:x channel_id:1", "DTMF_END", "NEWS of:tomorrow", "", "{", "DTMF_END digit:#"):
        server.tell(text)
    assert (await next_of(leg, DtmfDigit)).digit == "#"


async def test_marks_come_back_with_our_names(server, leg):
    leg.mark("at once")
    leg.send(LOUD * 3)
    leg.mark("a name of any kind: ä")
    await until(lambda: "MARK_MEDIA" in server.asterisk.commands)
    for _ in range(10):
        server.asterisk.tick()
    assert [(await next_of(leg, Played)).mark for _ in range(2)] == ["at once", "a name of any kind: ä"]


async def test_an_asterisk_that_speaks_json_is_spoken_to_in_json():
    start = {"event": "MEDIA_START", "format": "slin16", "optimal_frame_size": 640, "channel_variables": {}}
    async with FakeServer(json.dumps(start).replace("{", "{{").replace("}", "}}")) as server:
        server.asterisk.as_json = True
        leg = await connect(server)
        leg.send(LOUD)
        leg.mark("end")
        await until(lambda: server.asterisk.commands == ["FLUSH_MEDIA", "MARK_MEDIA"])
        for _ in range(3):
            server.asterisk.tick()
        assert (await next_of(leg, Played)).mark == "end"
        await leg.close()


async def test_xoff_stops_us_and_xon_lets_us_go_on_and_nothing_is_lost(server, leg, monkeypatch):
    monkeypatch.setattr(websocket, "_LEAD_FRAMES", 2000)  # as if Asterisk's queue were as good as our estimate
    leg.send(LOUD * 905)
    await until(lambda: server.asterisk.full)
    server.tell("DTMF_END digit:1")
    await next_of(leg, DtmfDigit)  # what came before it, MEDIA_XOFF, has been taken too
    leg.send(LOUD * 130)
    leg.mark("end")
    server.tell("DTMF_END digit:2")
    await next_of(leg, DtmfDigit)
    assert server.asterisk.length < 950
    marks = asyncio.create_task(next_of(leg, Played))
    await until(lambda: server.asterisk.tick() or marks.done())
    assert (await marks).mark == "end"
    assert server.asterisk.lost_frames == 0
    assert server.asterisk.heard == LOUD * 1035


async def test_flush_forgets_xoff(server, leg):
    server.tell("MEDIA_XOFF")
    server.tell("DTMF_END digit:1")
    await next_of(leg, DtmfDigit)
    leg.send(LOUD)
    leg.flush()
    leg.send(LOUD)
    await until(lambda: server.asterisk.length)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (START.replace("slin16", "ulaw"), "carries ulaw"),
        (START.replace("640", "320"), "frames of 320"),
        ("MEDIA_START", "carries no format"),
    ],
)
async def test_another_format_is_refused_by_name(wrong, named):
    async with FakeServer(wrong) as server:
        with pytest.raises(FormatMismatch, match=named):
            await connect(server)
        await server.gone.wait()


async def test_a_start_that_comes_after_the_first_audio_loses_none(server):
    server.start = ""
    offer = await WebsocketMedia(server.url).offer()

    async def start_late():
        await until(lambda: server.connection)
        server.tell(LOUD)
        server.tell(START.format(id="1"))

    late = asyncio.create_task(start_late())
    leg = await offer.connect(VARIABLES)
    await late
    assert (await next_of(leg, Frame)).pcm == LOUD
    await leg.close()


async def test_an_asterisk_that_never_starts_is_named(server, monkeypatch):
    monkeypatch.setattr(websocket, "CONNECT_SECONDS", 0.05)
    server.start = ""
    with pytest.raises(MediaError, match="did not start"):
        await connect(server)
    await server.gone.wait()


async def test_an_unknown_connection_is_refused(server):
    with pytest.raises(MediaError, match="404"):
        await connect(server, {"MEDIA_WEBSOCKET_CONNECTION_ID": "unknown"})


async def test_a_channel_without_a_connection_is_refused(server):
    with pytest.raises(MediaError, match="chan_websocket"):
        await connect(server, {})


async def test_a_server_that_is_not_there_is_named():
    with pytest.raises(MediaError, match=r"ws://127\.0\.0\.1:1/media/1b2c") as caught:
        await (await WebsocketMedia("http://127.0.0.1:1").offer()).connect(VARIABLES)
    assert "asterisk.ari_url" in caught.value.remedy


async def test_a_server_that_speaks_something_else_is_refused():
    async def greet(_, writer):
        writer.write(b"220 mail.example.com\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(MediaError, match="refused"):
        await (await WebsocketMedia(f"http://127.0.0.1:{port}").offer()).connect(VARIABLES)
    server.close()
    await server.wait_closed()


async def test_asterisk_closing_ends_the_leg(server, leg):
    await server.connection.close()
    assert (await rest_of(leg))[-1] == Closed("closed")


async def test_a_broken_connection_is_an_error(server, leg):
    server.connection.transport.abort()
    closed = (await rest_of(leg))[-1]
    assert isinstance(closed.error, MediaError)
    assert closed.reason == "broken"


async def test_garbage_instead_of_frames_is_an_error(server, leg):
    server.connection.transport.write(b"\xff" * 100)
    closed = (await rest_of(leg))[-1]
    assert isinstance(closed.error, MediaError)


async def test_closing_ends_the_events_and_may_be_repeated(server, leg):
    leg.send(LOUD)
    leg.mark("never")
    await leg.close()
    await leg.close()
    leg.send(LOUD)
    leg.mark("never")
    leg.flush()
    assert (await rest_of(leg))[-1] == Closed("closed")
    await server.gone.wait()


async def test_an_error_of_asterisks_is_logged_and_the_call_goes_on(server, leg, caplog):
    server.tell('{"event":"ERROR","error_text":"no such command"}')
    server.tell(LOUD)
    await next_of(leg, Frame)
    assert caplog.records[-1].error == "no such command"


async def test_a_relaxed_leg_loses_nothing(server, leg):
    leg.relax(True)
    heard = []
    for number in range(1, 6):
        server.tell(number.to_bytes(2, "little") * 320)
        heard.append((await next_of(leg, Frame)).pcm[0])
    assert heard == [1, 2, 3, 4, 5]


async def test_a_relaxed_leg_rests_after_each_look_until_it_is_wanted(server, leg, monkeypatch):
    monkeypatch.setattr(websocket_wire, "_RELAXED_SECONDS", 1e6)
    leg.relax(True)
    server.tell(LOUD)
    await next_of(leg, Frame)
    assert not leg._wire._tcp.is_reading()
    server.tell(LOUD)
    leg.relax(False)
    await next_of(leg, Frame)
    assert leg._wire._tcp.is_reading()


@pytest.mark.parametrize("who", ["we", "Asterisk"])
async def test_a_leg_that_rests_ends_like_any_other(server, leg, who):
    leg.relax(True)
    server.tell(LOUD)
    await next_of(leg, Frame)
    if who == "we":
        await leg.close()
    else:
        await server.connection.close()
    assert (await next_of(leg, Closed)).error is None
