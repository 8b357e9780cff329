"""One caller's channel and what we build around it: bridge, media legs, snoop. Everything is taken down by `close`.

::

    direct   caller ──[ bridge ]── media (speaks and hears)

    snoop    caller ──[ bridge ]── media (speaks)
               └ snoop ──[ ears bridge ]── ears (hears)

The only place where ARI and media meet. Every id of ours carries the call's id, so that stasis.py can find what a
crash has left.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Protocol

from ari_app.ari import ids
from ari_app.ari.client import AriClient, Channel, Route
from ari_app.core.events import PutOnHold, TakenOffHold
from ari_app.errors import AriFailed, AriNotFound, AsteriskError, MediaError
from ari_app.media.transport import MediaKind, Transport
from ari_app.settings import ListenMode

log = logging.getLogger(__name__)

_ENTER_SECONDS = 5.0
"""Longest wait for a channel of ours to appear in the application; Asterisk takes milliseconds."""
_GONE = frozenset({"StasisEnd", "ChannelDestroyed"})


class CallerLine(Protocol):
    """What a session needs of the caller's side: a `Line`, or a caller who is simulated."""

    call_id: str
    rate: int
    """Hz of the audio in both directions."""

    async def watch(self, pressed: Callable[[str], None], post: Callable[[PutOnHold | TakenOffHold], None]) -> None:
        """Report keys and holds; returns when the caller is gone."""

    async def open(self) -> tuple[Transport, Transport]:
        """Answer the caller; returns what speaks and what hears, which may be the same."""


class Line:
    """The caller's side of one call. `open` once, `watch` as a task of its own, `close` always."""

    def __init__(
        self, ari: AriClient, call_id: str, channel: Channel, route: Route, kind: MediaKind, listen: ListenMode
    ) -> None:
        self.call_id = call_id
        self.channel = channel
        self.rate = kind.rate
        self._kind = kind
        self._listen = listen
        self._ari = ari
        self._route = route
        self._entered: dict[str, asyncio.Event] = {}
        self._bridges: list[str] = []
        self._channels: list[str] = []
        self._transports: list[Transport] = []
        self._gone = asyncio.Event()

    @property
    def gone(self) -> bool:
        """Whether the caller's channel has left us."""
        return self._gone.is_set()

    @property
    def bridge_id(self) -> str:
        """The bridge in which caller and agent are."""
        return ids.bridge_id(self.call_id)

    async def watch(self, pressed: Callable[[str], None], post: Callable[[PutOnHold | TakenOffHold], None]) -> None:
        """Follow the call's ARI events; returns when the caller's channel has ended or left the application.

        `pressed` gets every key that ARI reports of the caller, `post` whether the caller has put us on hold.
        """
        while not self.gone:
            event = await self._route.get()
            if event.type == "Resynced":
                await self.check()
            elif event.channel is None:
                continue
            elif event.type == "StasisStart":
                self._entry(event.channel.id).set()
            elif event.channel.id == self.channel.id and event.type in _GONE:
                self._gone.set()
            elif event.channel.id == self.channel.id and event.type == "ChannelDtmfReceived":
                pressed(str(event.raw.get("digit", "")))
            elif event.channel.id == self.channel.id and event.type == "ChannelHold":
                post(PutOnHold())
            elif event.channel.id == self.channel.id and event.type == "ChannelUnhold":
                post(TakenOffHold())

    async def open(self) -> tuple[Transport, Transport]:
        """Build bridge and media and answer the caller; returns what speaks and what hears (direct: the same).

        The legs are connected before the answer, so that the greeting's first frame follows it at once. Raises
        AsteriskError, MediaError, also in a group; the caller may also be gone meanwhile.
        """
        bridge = self.bridge_id
        async with asyncio.TaskGroup() as group:  # when one fails, no other goes on and leaves something behind
            group.create_task(self._create_bridge(bridge))
            leg = group.create_task(self._leg("media"))
        speaking = leg.result()
        media = ids.media_id(self.call_id, "media")
        hearing = await self._snooped() if self._listen == "snoop" else speaking
        await self._ari.answer(self.channel.id)
        await self._ari.add_to_bridge(bridge, self.channel.id, media)
        return speaking, hearing

    async def check(self) -> None:
        """Ask Asterisk whether the caller is gone: its answers may come before its events. Never raises."""
        try:
            if self.channel.id not in await self._ari.stasis_channels():
                self._gone.set()
        except AsteriskError:
            log.warning("the call's channel could not be checked", extra={"call": self.call_id})

    async def close(self) -> None:
        """Take down all that is ours; the caller's channel stays where it is. Never raises."""
        await asyncio.gather(*(transport.close() for transport in self._transports))
        await asyncio.gather(*(self._quietly(self._ari.hang_up(channel_id)) for channel_id in self._channels))
        await asyncio.gather(*(self._quietly(self._ari.destroy_bridge(bridge_id)) for bridge_id in self._bridges))
        self._transports, self._channels, self._bridges = [], [], []

    async def _snooped(self) -> Transport:
        ears_bridge, snoop = ids.bridge_id(self.call_id, "ears"), ids.media_id(self.call_id, "snoop")
        self._channels.append(snoop)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._create_bridge(ears_bridge))
            group.create_task(self._ari.snoop(self.channel.id, snoop))
            hearing = group.create_task(self._leg("ears"))
        await self._wait_entered(snoop)
        await self._ari.add_to_bridge(ears_bridge, snoop, ids.media_id(self.call_id, "ears"))
        return hearing.result()

    async def _leg(self, role: str) -> Transport:
        """Create one external-media channel and connect it."""
        channel_id = ids.media_id(self.call_id, role)
        offer = await self._kind.offer()
        try:
            self._channels.append(channel_id)
            channel = await self._ari.create_external_media(channel_id, **asdict(offer.external))
            transport = await offer.connect(channel.variables)
        except BaseException:
            await offer.cancel()
            raise
        self._transports.append(transport)
        await self._wait_entered(channel_id)
        return transport

    async def _create_bridge(self, bridge_id: str) -> None:
        self._bridges.append(bridge_id)
        await self._ari.create_bridge(bridge_id)

    def _entry(self, channel_id: str) -> asyncio.Event:
        return self._entered.setdefault(channel_id, asyncio.Event())

    async def _wait_entered(self, channel_id: str) -> None:
        try:
            async with asyncio.timeout(_ENTER_SECONDS):
                await self._entry(channel_id).wait()
        except TimeoutError:
            raise MediaError(
                f"Asterisk did not bring up the media channel {channel_id} within {_ENTER_SECONDS:g} s",
                "look at Asterisk's log; is another program connected with the same Stasis application name?",
            ) from None

    async def _quietly(self, request: Awaitable[None]) -> None:
        """What is already gone, or Asterisk cannot be asked about, is swept later."""
        try:
            await request
        except AriNotFound:
            pass
        except (AriFailed, AsteriskError) as error:
            log.warning("part of the call was not removed", extra={"call": self.call_id, "error": str(error)})
