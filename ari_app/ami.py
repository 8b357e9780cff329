"""The manager interface (AMI) through panoramisk: what ARI cannot do.

That is to record a call's two sides apart, and to set a channel's variables without making Asterisk distrust the rest
of its dialplan (variables set by ARI forbid it to write with ``DB()``, ``FILE()``, ``CURL()``; measured on 22.10).

Nothing else knows panoramisk's manager. Actions: https://docs.asterisk.org/Latest_API/API_Documentation/AMI_Actions/
"""

import asyncio
import logging
import re
from typing import Any

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from ari_app.errors import AmiRefused, AmiUnreachable, AsteriskError, ModuleMissing
from ari_app.settings import AsteriskSettings

log = logging.getLogger(__name__)

ANSWER_TIMEOUT_SECONDS = 2.0
"""Longest wait for a connection, and for the answer to an action: a caller waits in silence for it. After one that is
late, the connection counts as lost, and nobody waits for it again."""
RECONNECT_SECONDS = 1.0
"""Pause before reconnecting, doubled with each failure."""
LONGEST_PAUSE_SECONDS = 10.0
REFUSED_SECONDS = 30.0
"""Pause after a refused login: a shorter one looks like an attack to the likes of fail2ban."""
MIX_MONITOR_VARIABLE = "OFFHOOK_MIXMONITOR"
"""Channel variable that keeps the id of our recording, so that only ours is stopped, after a restart too."""

_RIGHTS = {"MixMonitor": "system", "Getvar": "call", "Setvar": "call", "StopMixMonitor": "call"}
"""By action: what ``write =`` in manager.conf must hold."""
_NOT_IN_PATHS = re.compile(r"[\s,()|\"'\\^$\[\]{}]")


class _Protocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """panoramisk's protocol, which also tells when the connection is gone, whoever closed it."""

    def __init__(self) -> None:
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.gone.done():
            self.gone.set_result(None)


class _Connection(Manager):  # type: ignore[misc]
    """panoramisk's manager for a single connection: its own way of reconnecting can be neither awaited nor stopped."""

    def connection_made(self, f: asyncio.Task[Any]) -> None:
        if not f.cancelled() and f.exception() is None:
            super().connection_made(f)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.pinger is not None:
            self.pinger.cancel()


class AmiClient:
    """One login to the manager interface, renewed by itself when it breaks."""

    def __init__(self, settings: AsteriskSettings) -> None:
        self._settings = settings
        self._connection: _Connection | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def connected(self) -> bool:
        """Whether actions can be sent at this moment."""
        return self._connection is not None and not self._connection.protocol.closed

    async def start(self) -> None:
        """Connect and log in. Raises AmiUnreachable, AmiRefused."""
        self._connection = await self._connect()
        self._keeping = asyncio.create_task(self._keep_connected(), name="ami connection")

    async def close(self) -> None:
        """Log off; idempotent."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._connection is not None:
            await _hang_up(self._connection)
            self._connection = None

    async def mix_monitor(self, channel_name: str, receive_path: str, transmit_path: str) -> None:
        """Record a channel's two sides into two files of equal length, until it is stopped or the channel ends.

        `receive_path` gets what the caller says, `transmit_path` what the caller hears; both are mono, absolute, and
        written by Asterisk, in the format of their suffix (``.wav``: 16 bit, 8 kHz). Success does not mean that
        Asterisk could open them: it only says so in its log. Raises AmiUnreachable, AmiRefused, ModuleMissing.
        """
        for path in (receive_path, transmit_path):
            if _NOT_IN_PATHS.search(path):
                raise AmiRefused(
                    f"Asterisk's MixMonitor cannot be given the path {path!r}",
                    "choose a recording.folder without spaces, commas, brackets and quotes",
                )
        options = f"r({receive_path})t({transmit_path})i({MIX_MONITOR_VARIABLE})"
        await self._act("MixMonitor", Channel=channel_name, Options=options)

    async def stop_mix_monitor(self, channel_name: str) -> None:
        """Stop the recording that `mix_monitor` began, and no other. Its files are complete when this returns.

        Raises AmiUnreachable, and AmiRefused when there is none or the channel has ended, which ends recordings too.
        """
        answer = await self._act("Getvar", Channel=channel_name, Variable=MIX_MONITOR_VARIABLE)
        if not answer.value:
            raise AmiRefused(f"we record nothing on {channel_name}")
        await self._act("StopMixMonitor", Channel=channel_name, MixMonitorID=answer.value)

    async def set_variable(self, channel_name: str, name: str, value: str) -> None:
        """Set a variable of a channel; line ends become spaces. Raises AmiUnreachable, AmiRefused (no such channel)."""
        await self._act("Setvar", Channel=channel_name, Variable=name, Value=" ".join(value.splitlines()))

    async def _act(self, action: str, **fields: str) -> Any:
        """Run one action; returns panoramisk's message."""
        if self._connection is None or not self.connected:
            raise self._unreachable("not connected")
        return await self._send(self._connection, action, **fields)

    async def _send(self, connection: _Connection, action: str, **fields: str) -> Any:
        answer = connection.send_action({"Action": action, **fields})
        ends = {answer, connection.protocol.gone}
        await asyncio.wait(ends, timeout=ANSWER_TIMEOUT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            await _hang_up(connection)  # one that does not answer is as good as lost
            raise self._unreachable(f"no answer to {action}")
        message = answer.result()
        if not message.success:
            raise self._refused(action, message.message)
        return message

    async def _connect(self) -> _Connection:
        settings = self._settings
        connection = _Connection(
            host=settings.ami_host,
            port=settings.ami_port,
            loop=asyncio.get_running_loop(),
            protocol_factory=_Protocol,
        )
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                await connection.connect()
        except OSError as error:  # TimeoutError is one
            raise self._unreachable(str(error) or "timed out") from error
        try:
            login = {"Username": settings.ami_username, "Secret": settings.ami_password}
            await self._send(connection, "Login", **login, Events="off")
        except BaseException:
            await _hang_up(connection)
            raise
        return connection

    async def _keep_connected(self) -> None:
        """Connect again, for ever, whenever the connection is gone."""
        failures = 0
        while True:
            if self._connection is not None:
                await asyncio.wait({self._connection.protocol.gone})
                self._connection = None
                log.warning("lost the manager connection")
            await asyncio.sleep(min(RECONNECT_SECONDS * 2.0**failures, LONGEST_PAUSE_SECONDS))
            try:
                self._connection = await self._connect()
                failures = 0
                log.warning("the manager connection is back")
            except AmiUnreachable as error:
                failures = min(failures + 1, 10)
                log.warning("the manager interface is not back yet", extra={"error": error.message})
            except AsteriskError as error:
                log.error("the manager interface refused us", extra={"error": str(error)})
                await asyncio.sleep(REFUSED_SECONDS)

    def _unreachable(self, why: str) -> AmiUnreachable:
        settings = self._settings
        return AmiUnreachable(
            f"no manager interface at {settings.ami_host}:{settings.ami_port} ({why})",
            "set enabled = yes, bindaddr and port in [general] of manager.conf, asterisk.ami_host and asterisk.ami_port"
            " to match, and run: asterisk -rx 'manager reload'",
        )

    def _refused(self, action: str, words: str) -> AsteriskError:
        """The error for an answer of AMI that is no success."""
        settings = self._settings
        section = f"section [{settings.ami_username}] of manager.conf"
        if action == "Login":
            return AmiRefused(
                f"the manager interface refused the login of {settings.ami_username!r}: {words}",
                f"make asterisk.ami_password the secret of {section}, let its permit line allow our address, and run:"
                " asterisk -rx 'manager reload'",
            )
        if words == "Permission denied":
            return AmiRefused(
                f"the manager interface refused {action} to {settings.ami_username!r}: {words}",
                f"add {_RIGHTS[action]} to write = in {section} and run: asterisk -rx 'manager reload'",
            )
        if "unknown command" in words and "MixMonitor" in action:
            return ModuleMissing(
                "Asterisk has not loaded app_mixmonitor.so, which records the two sides of a call",
                "add load = app_mixmonitor.so to modules.conf and run: asterisk -rx 'module load app_mixmonitor.so';"
                " or choose recording.mode: bridge or off",
                module="app_mixmonitor.so",
            )
        return AmiRefused(f"the manager interface refused {action}: {words}")


async def _hang_up(connection: _Connection) -> None:
    """Close a connection at once, whatever is still to be sent, and wait until its socket is closed."""
    connection.close()
    connection.protocol.transport.abort()
    await asyncio.wait({connection.protocol.gone})
