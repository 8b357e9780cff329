"""The event socket: callers in, events to their calls, and what happens when it breaks."""

import asyncio
from dataclasses import replace

import pytest

from ari_app.ari import event_socket
from ari_app.ari.client import AriClient
from ari_app.ari.ids import media_id
from ari_app.errors import AriRefused, AriReplaced

START = {"type": "StasisStart", "args": ["sales"], "channel": {"id": "17.1", "name": "PJSIP/a-1"}}
SOON = 5.0


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(event_socket, "SHORTEST_PAUSE_SECONDS", 0.001)


async def types(route, count):
    async with asyncio.timeout(SOON):
        return [(await route.get()).type for _ in range(count)]


async def test_a_caller_arrives_and_its_events_follow_in_order(ari, asterisk):
    await asterisk.send(START)
    async with asyncio.timeout(SOON):
        arrival = await ari.arrivals.get()
    assert (arrival.channel.id, arrival.channel.name, arrival.args) == ("17.1", "PJSIP/a-1", ("sales",))
    with ari.route("c1", "17.1") as route:
        for digit in "123":
            await asterisk.send({"type": "ChannelDtmfReceived", "digit": digit, "channel": {"id": "17.1"}})
        await asterisk.send({"type": "StasisStart", "channel": {"id": media_id("c1", "media")}})
        async with asyncio.timeout(SOON):
            events = [await route.get() for _ in range(4)]
    assert [event.raw.get("digit") for event in events] == ["1", "2", "3", None]
    assert events[3].channel.id == "offhook-c1_media"


async def test_a_call_that_does_not_read_delays_no_other(ari, asterisk):
    with ari.route("slow", "17.1"), ari.route("quick", "17.2") as quick:
        for _ in range(1000):
            await asterisk.send({"type": "ChannelDtmfReceived", "channel": {"id": "17.1"}})
        await asterisk.send({"type": "StasisEnd", "channel": {"id": "17.2"}})
        assert await types(quick, 1) == ["StasisEnd"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        "17",
        "null",
        '{"no":"type"}',
        '{"type":7}',
        '{"type":"X","channel":null}',
        '{"type":"StasisStart","channel":"17.1"}',
        '{"type":"X","bridge":[]}',
    ],
)
async def test_what_is_no_event_is_skipped(text, ari, asterisk):
    await asterisk.send(text)
    await asterisk.send(START)
    async with asyncio.timeout(SOON):
        assert (await ari.arrivals.get()).channel.id == "17.1"


async def test_a_broken_socket_is_reopened_and_every_call_told(ari, asterisk):
    with ari.route("c1", "17.1") as stays, ari.route("c2", "17.2") as left:
        asterisk.present = ["17.1"]
        await asterisk.drop()
        assert await types(stays, 1) == ["Resynced"]
        assert await types(left, 2) == ["Resynced", "StasisEnd"]
        async with asyncio.timeout(SOON):
            assert await ari.arrivals.get() is None
        assert ari.connected
        await asterisk.send({"type": "ChannelDtmfReceived", "channel": {"id": "17.1"}})
        assert await types(stays, 1) == ["ChannelDtmfReceived"]


async def test_asterisk_stops_and_starts_again(ari, asterisk, caplog):
    with ari.route("c1", "17.1") as route:
        await asterisk.stop()
        async with asyncio.timeout(SOON):
            while "ARI is not back yet" not in caplog.text:
                await asyncio.sleep(0.001)
        assert not ari.connected
        await asterisk.start()
        assert await types(route, 2) == ["Resynced", "StasisEnd"]
        assert ari.connected


@pytest.mark.parametrize("what", ["GET /events", "GET /applications/offhook"])
async def test_a_connection_that_fails_half_way_is_tried_again(what, ari, asterisk):
    asterisk.answers[what] = (503, {"message": "not yet"})
    await asterisk.drop()
    async with asyncio.timeout(SOON):
        while len(asterisk.asked) < 3:
            await asyncio.sleep(0.001)
    assert not ari.connected
    assert ari.arrivals.empty()
    del asterisk.answers[what]
    async with asyncio.timeout(SOON):
        assert await ari.arrivals.get() is None
        while not ari.connected:
            await asyncio.sleep(0.001)
    await asterisk.send(START)
    async with asyncio.timeout(SOON):
        assert (await ari.arrivals.get()).channel.id == "17.1"


async def test_another_subscriber_is_said_loudly_and_not_fought(ari, asterisk, caplog):
    await asterisk.send({"type": "ApplicationReplaced", "application": "offhook"})
    with pytest.raises(AriReplaced) as caught:
        async with asyncio.timeout(SOON):
            await ari.wait_failed()
    assert "'offhook'" in caught.value.message
    assert "asterisk.app" in caught.value.remedy
    assert [record.levelname for record in caplog.records if "TAKEN OVER" in record.message] == ["CRITICAL"]
    assert not ari.connected
    assert len(asterisk.sockets) == 1
    assert asterisk.sockets[0].closed


async def test_another_application_that_is_replaced_is_not_ours(ari, asterisk):
    await asterisk.send({"type": "ApplicationReplaced", "application": "other"})
    await asterisk.send(START)
    async with asyncio.timeout(SOON):
        assert (await ari.arrivals.get()).channel.id == "17.1"
    assert ari.connected


async def test_a_password_changed_meanwhile_ends_it(ari, asterisk):
    asterisk.password = "changed"
    await asterisk.drop()
    with pytest.raises(AriRefused):
        async with asyncio.timeout(SOON):
            await ari.wait_failed()


async def test_closing_while_it_reconnects(asterisk):
    client = AriClient(replace(asterisk.settings))
    await client.start()
    asterisk.answers["GET /events"] = (503, {"message": "not yet"})
    await asterisk.drop()
    async with asyncio.timeout(SOON):
        while not asterisk.asked:
            await asyncio.sleep(0.001)
        await client.close()
