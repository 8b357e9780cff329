"""ARI's requests, one method each, named for what they do.

Each raises AriUnreachable, AriRefused, ModuleMissing, or AriFailed and its kinds. AriNotFound and AriConflict are
normal for a channel whose caller has hung up or left our application meanwhile.
"""

from typing import Any

import aioari
import aiohttp
from aioswagger11.processors import SwaggerError

from ari_app.ari.http_client import AriHttp
from ari_app.ari.model import Channel, read_channel
from ari_app.errors import AriFailed, AriNotFound, AriUnreachable, ModuleMissing
from ari_app.settings import AsteriskSettings

EXTERNAL_MEDIA_MODULES = {"none": "chan_websocket.so", "audiosocket": "chan_audiosocket.so", "rtp": "chan_rtp.so"}
"""By encapsulation: the module that makes such a channel."""


class Requests:
    """The requests half of the ARI client; `_log_in` before any of them."""

    def __init__(self, settings: AsteriskSettings) -> None:
        self._settings = settings
        self._http: AriHttp | None = None
        self._api: Any = None

    async def _log_in(self) -> None:
        """Open the HTTP session and learn the operations of this Asterisk from its api-docs (12 files, about 15 ms)."""
        self._http = AriHttp(self._settings)
        api = aioari.Client(self._settings.ari_url.rstrip("/") + "/", self._http)
        try:
            await api.init()
        except (ValueError, KeyError, TypeError, AttributeError, SwaggerError) as error:  # it checks nothing it reads
            raise AriUnreachable(
                f"what answers at {self._settings.ari_url} is not Asterisk's ARI ({error})",
                "set asterisk.ari_url to the bindaddr and bindport of Asterisk's http.conf",
            ) from error
        self._api = api

    async def _log_out(self) -> None:
        if self._http is not None:
            await self._http.close()
        self._http = self._api = None

    async def _ask(self, resource: str, operation: str, **parameters: Any) -> Any:
        """Run one operation by its nickname in ARI's api-docs; returns aiohttp's response, or its websocket."""
        if self._api is None:
            raise AriUnreachable("the ARI client is not connected", "call start() first")
        run = getattr(self._api.swagger.resources[resource], operation)
        # past aioari's repositories: they wrap every answer in objects that we would only unwrap again
        return await run(**{name: value for name, value in parameters.items() if value is not None})

    async def _json(self, resource: str, operation: str, **parameters: Any) -> Any:
        response: aiohttp.ClientResponse = await self._ask(resource, operation, **parameters)
        return await response.json()

    # Asterisk

    async def version(self) -> str:
        """Asterisk's version as it says it: ``22.10.1``, with a Debian package's additions behind."""
        info = await self._json("asterisk", "getInfo", only="system")
        return str(info["system"]["version"])

    async def loaded_modules(self) -> frozenset[str]:
        """File names of the modules that run: ``chan_websocket.so``."""
        modules = await self._json("asterisk", "listModules")
        return frozenset(module["name"] for module in modules if module["status"] == "Running")

    async def channels(self) -> list[Channel]:
        """Every channel of this Asterisk."""
        return [read_channel(raw) for raw in await self._json("channels", "list")]

    async def bridges(self) -> list[str]:
        """The ids of every bridge of this Asterisk."""
        return [bridge["id"] for bridge in await self._json("bridges", "list")]

    async def stasis_channels(self) -> list[str]:
        """The ids of the channels in our application, callers and our own; empty before anyone subscribed to it."""
        try:
            application = await self._json("applications", "get", applicationName=self._settings.app)
        except AriNotFound:
            return []
        return list(application["channel_ids"])

    # channels

    async def channel(self, channel_id: str) -> Channel:
        """The channel as it is now."""
        return read_channel(await self._json("channels", "get", channelId=channel_id))

    async def answer(self, channel_id: str) -> None:
        """Answer; an answered channel stays as it is."""
        await self._ask("channels", "answer", channelId=channel_id)

    async def hang_up(self, channel_id: str, reason: str = "normal") -> None:
        """Hang up; `reason` is one of ARI's words: ``normal``, ``busy``, ``congestion``, ``no_answer``, …"""
        await self._ask("channels", "hangup", channelId=channel_id, reason=reason)

    async def continue_in_dialplan(self, channel_id: str) -> None:
        """Give the channel back to the dialplan, at the priority after ``Stasis()``."""
        await self._ask("channels", "continueInDialplan", channelId=channel_id)

    async def variable(self, channel_id: str, name: str) -> str:
        """A variable or function of the channel, ``""`` when it is not set."""
        try:
            answer = await self._json("channels", "getChannelVar", channelId=channel_id, variable=name)
        except AriNotFound as error:
            if "variable was not found" in error.message:
                return ""
            raise
        return str(answer["value"])

    async def set_variable(self, channel_id: str, name: str, value: str) -> None:
        """Set a variable or function of the channel; up to about 40 kB."""
        await self._ask("channels", "setChannelVar", channelId=channel_id, variable=name, value=value)

    async def snoop(self, channel_id: str, snoop_id: str) -> Channel:
        """Make a channel that hears what `channel_id` says (and not what it hears), in our application."""
        raw = await self._json(
            "channels",
            "snoopChannelWithId",
            channelId=channel_id,
            snoopId=snoop_id,
            spy="in",
            whisper="none",
            app=self._settings.app,
        )
        return read_channel(raw)

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
        """Make an external-media channel with that id; the parameters are those of `media.transport.ExternalMedia`.

        Returns the channel with its variables (MEDIA_WEBSOCKET_CONNECTION_ID, UNICASTRTP_LOCAL_PORT, …). Raises
        ModuleMissing naming the module when Asterisk lacks it, AriFailed when nobody listens at `external_host`.
        """
        try:
            raw = await self._json(
                "channels",
                "externalMedia",
                channelId=channel_id,
                app=self._settings.app,
                external_host=external_host,
                transport=transport,
                encapsulation=encapsulation,
                connection_type=connection_type,
                format=format,
                data=data,
            )
        except AriFailed as error:
            module = EXTERNAL_MEDIA_MODULES.get(encapsulation, "")
            if error.status == 500 and module and module not in await self.loaded_modules():
                raise ModuleMissing(
                    f"Asterisk has not loaded {module}, which carries our audio",
                    f"add load = {module} to modules.conf and run: asterisk -rx 'module load {module}'; or set"
                    " media.transport to another one",
                    module=module,
                ) from error
            if error.status == 500:  # ARI says no more than "internal error"
                error.remedy = f"Asterisk's log says why: is {format} a codec it has, does {external_host} answer?"
            raise
        return read_channel(raw)

    # bridges and recordings

    async def create_bridge(self, bridge_id: str) -> None:
        """Make a mixing bridge. Raises AriConflict when one with that id exists."""
        await self._ask("bridges", "createWithId", bridgeId=bridge_id, type="mixing")

    async def add_to_bridge(self, bridge_id: str, *channel_ids: str) -> None:
        """Put channels into the bridge, out of any other; all must be in our application."""
        # a tuple, because aioswagger11 would join a list into one string, which a JSON body may not hold
        await self._ask("bridges", "addChannel", bridgeId=bridge_id, channel=channel_ids)

    async def destroy_bridge(self, bridge_id: str) -> None:
        """Remove the bridge; its channels stay, alone."""
        await self._ask("bridges", "destroy", bridgeId=bridge_id)

    async def record_bridge(self, bridge_id: str, name: str, format: str) -> None:
        """Record the bridge's mix on Asterisk's side until it is stopped or the bridge ends: ``wav``, ``wav16``."""
        try:
            await self._ask("bridges", "record", bridgeId=bridge_id, name=name, format=format, ifExists="fail")
        except AriFailed as error:
            if error.status == 500:  # ARI says no more than "internal error"
                error.remedy = "let Asterisk write to the folder `recording` under its astspooldir"
            raise

    async def stop_recording(self, name: str) -> None:
        """Stop a live recording and keep it."""
        await self._ask("recordings", "stop", recordingName=name)

    async def fetch_recording(self, name: str) -> bytes:
        """The file of a finished recording."""
        response: aiohttp.ClientResponse = await self._ask("recordings", "getStoredFile", recordingName=name)
        return await response.read()

    async def delete_recording(self, name: str) -> None:
        """Delete a finished recording on Asterisk's side."""
        await self._ask("recordings", "deleteStored", recordingName=name)
