"""ARI through aioari: the only module that knows aioari. (CONTRACT: the signatures are agreed, bodies to be written.)"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel as ARI describes it."""

    id: str
    name: str
    state: str
    caller_number: str
    caller_name: str
    context: str
    exten: str
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """One ARI event. `type` is ARI's name, or `Resynced` after a reconnection (events may have been missed)."""

    type: str
    channel: Channel | None
    bridge_id: str
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A caller's channel entered our application (StasisStart of a channel that is not one of ours)."""

    channel: Channel
    args: tuple[str, ...]


class Route:
    """One call's own ordered, bounded queue of events; leave the `with` block to stop it."""

    async def get(self) -> Event: ...


class AriClient:
    """One connection to ARI: requests, and the event socket which reconnects by itself."""

    async def start(self) -> None:
        """Connect and subscribe. Raises AriUnreachable, AriRefused."""

    async def close(self) -> None: ...

    arrivals: asyncio.Queue[Arrival]
    connected: bool

    def route(self, call_id: str, channel_id: str) -> Route: ...
    async def loaded_modules(self) -> frozenset[str]: ...
    async def version(self) -> str: ...
    # channels
    async def channel(self, channel_id: str) -> Channel: ...
    async def channels(self) -> list[Channel]: ...
    async def bridges(self) -> list[str]: ...
    async def stasis_channels(self) -> list[str]: ...
    async def answer(self, channel_id: str) -> None: ...
    async def hang_up(self, channel_id: str, reason: str = "normal") -> None: ...
    async def continue_in_dialplan(self, channel_id: str) -> None: ...
    async def variable(self, channel_id: str, name: str) -> str: ...
    async def set_variable(self, channel_id: str, name: str, value: str) -> None: ...
    async def snoop(self, channel_id: str, snoop_id: str) -> Channel: ...
    async def create_external_media(
        self,
        channel_id: str,
        *,
        external_host: str,
        transport: str,
        encapsulation: str,
        connection_type: str,
        format: str,
        data: str | None = None,
    ) -> Channel:
        """Returns the channel with its variables (MEDIA_WEBSOCKET_CONNECTION_ID, UNICASTRTP_LOCAL_PORT, …)."""
        ...
    # bridges
    async def create_bridge(self, bridge_id: str) -> None: ...
    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None: ...
    async def destroy_bridge(self, bridge_id: str) -> None: ...
    async def record_bridge(self, bridge_id: str, name: str, format: str) -> None: ...
    async def stop_recording(self, name: str) -> None: ...
    async def fetch_recording(self, name: str) -> bytes: ...
    async def delete_recording(self, name: str) -> None: ...
