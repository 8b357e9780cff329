"""Which event goes to which call."""

import asyncio
from contextlib import suppress

import pytest

from ari_app.ari.dispatch import ARRIVALS, ROUTE_EVENTS, Dispatcher
from ari_app.ari.ids import bridge_id, media_id
from ari_app.ari.model import Arrival


def event(kind, channel="", **more):
    return {"type": kind, **({"channel": {"id": channel}} if channel else {}), **more}


async def drained(route):
    """The types (and channels) of what waits in a route."""
    seen = []
    with suppress(TimeoutError):
        async with asyncio.timeout(0):  # ends it as soon as it would have to wait
            while True:
                got = await route.get()
                seen.append((got.type, got.channel.id if got.channel else ""))
    return seen


@pytest.fixture
def dispatcher():
    return Dispatcher()


def test_a_new_caller_arrives_with_its_arguments(dispatcher):
    dispatcher.dispatch(event("StasisStart", "17.1", args=["sales", "language=en"]))
    arrival = dispatcher.arrivals.get_nowait()
    assert arrival == Arrival(arrival.channel, ("sales", "language=en"))
    assert arrival.channel.id == "17.1"


async def test_our_own_channels_do_not_arrive_but_go_to_their_call(dispatcher):
    route = dispatcher.route("c1", "17.1")
    for role in ("media", "snoop"):
        dispatcher.dispatch(event("StasisStart", media_id("c1", role)))
    assert dispatcher.arrivals.empty()
    assert await drained(route) == [("StasisStart", "offhook-c1_media"), ("StasisStart", "offhook-c1_snoop")]


async def test_events_go_by_channel_bridge_peer_and_recording_each_to_its_own_call_in_order(dispatcher):
    one, two = dispatcher.route("c1", "17.1"), dispatcher.route("c2", "17.2")
    dispatcher.dispatch(event("ChannelDtmfReceived", "17.1"))
    dispatcher.dispatch(event("ChannelDtmfReceived", "17.2"))
    dispatcher.dispatch(event("BridgeDestroyed", bridge={"id": bridge_id("c1")}))
    dispatcher.dispatch(event("Dial", peer={"id": media_id("c1", "media")}))
    dispatcher.dispatch(event("RecordingFinished", recording={"name": media_id("c2", "mix")}))
    dispatcher.dispatch(event("ChannelDtmfReceived", "99.9"))
    dispatcher.dispatch(event("DeviceStateChanged"))
    assert [kind for kind, _ in await drained(one)] == ["ChannelDtmfReceived", "BridgeDestroyed", "Dial"]
    assert [kind for kind, _ in await drained(two)] == ["ChannelDtmfReceived", "RecordingFinished"]


async def test_an_event_about_two_objects_of_a_call_comes_once_and_about_two_calls_to_both(dispatcher):
    one, two = dispatcher.route("c1", "17.1"), dispatcher.route("c2", "17.2")
    dispatcher.dispatch(event("ChannelEnteredBridge", "17.1", bridge={"id": bridge_id("c1")}))
    dispatcher.dispatch(event("ChannelEnteredBridge", "17.1", bridge={"id": bridge_id("c2")}))
    assert len(await drained(one)) == 2
    assert len(await drained(two)) == 1


async def test_a_route_ends_with_its_block(dispatcher):
    with dispatcher.route("c1", "17.1") as route:
        pass
    dispatcher.dispatch(event("StasisEnd", "17.1"))
    dispatcher.dispatch(event("StasisEnd", media_id("c1", "media")))
    assert await drained(route) == []


async def test_a_caller_who_comes_back_has_a_new_route_that_the_old_one_does_not_end(dispatcher):
    with dispatcher.route("c1", "17.1") as old:
        dispatcher.dispatch(event("StasisEnd", "17.1"))
        dispatcher.dispatch(event("StasisStart", "17.1"))
        assert dispatcher.arrivals.get_nowait().channel.id == "17.1"
        new = dispatcher.route("c2", "17.1")
    dispatcher.dispatch(event("ChannelDtmfReceived", "17.1"))
    assert await drained(old) == [("StasisEnd", "17.1")]
    assert await drained(new) == [("ChannelDtmfReceived", "17.1")]


async def test_resync_tells_every_call_and_ends_those_whose_caller_is_gone(dispatcher):
    here, gone = dispatcher.route("c1", "17.1"), dispatcher.route("c2", "17.2")
    dispatcher.resync(["17.1", media_id("c1", "media"), "17.3"])
    assert await drained(here) == [("Resynced", "")]
    assert await drained(gone) == [("Resynced", ""), ("StasisEnd", "17.2")]
    assert dispatcher.arrivals.get_nowait() is None


async def test_a_call_that_does_not_read_loses_its_events_but_never_its_callers_end(dispatcher):
    slow, other = dispatcher.route("c1", "17.1"), dispatcher.route("c2", "17.2")
    dispatcher.dispatch(event("StasisEnd", "17.1"))
    dispatcher.dispatch(event("StasisEnd", media_id("c1", "media")))
    for _ in range(ROUTE_EVENTS - 2):
        dispatcher.dispatch(event("ChannelDtmfReceived", "17.1"))
    dispatcher.dispatch(event("ChannelHangupRequest", "17.1"))
    dispatcher.dispatch(event("ChannelDtmfReceived", "17.2"))
    assert await drained(slow) == [("Resynced", ""), ("StasisEnd", "17.1"), ("ChannelHangupRequest", "17.1")]
    assert await drained(other) == [("ChannelDtmfReceived", "17.2")]


async def test_a_flood_of_callers_ends_stays_bounded(dispatcher):
    route = dispatcher.route("c1", "17.1")
    for _ in range(3 * ROUTE_EVENTS):
        dispatcher.dispatch(event("ChannelDestroyed", "17.1"))
    assert len(await drained(route)) <= ROUTE_EVENTS


def test_callers_beyond_the_bound_are_left_waiting_and_said(dispatcher, caplog):
    for number in range(ARRIVALS + 1):
        dispatcher.dispatch(event("StasisStart", f"17.{number}"))
    assert dispatcher.arrivals.qsize() == ARRIVALS
    assert "nobody takes callers in" in caplog.text
