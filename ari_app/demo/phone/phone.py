"""Our own SIP phone for the demo and the tests: G.711 over UDP, measured to the packet.

::

    async with Phone(sip_port) as phone:
        call = await phone.call("agent-receptionist")
        await call.wait_for_speech()
        await call.wait_for_quiet(0.7)
        said = await call.say(pcm)
        await call.wait_for_speech(said.last_loud_at)
        print(call.gap(said))
        await call.hang_up()
"""

import asyncio
import socket
from types import TracebackType
from typing import Literal, Self

from ari_app.demo.phone.call import PhoneCall
from ari_app.demo.phone.dialog import Dialog
from ari_app.demo.phone.drive import Alone, Drive
from ari_app.demo.phone.endpoint import SipEndpoint
from ari_app.demo.phone.rtp import ALAW, ULAW

LAWS = {codec.name: codec for codec in (ULAW, ALAW)}


class Phone:
    """A phone called `user` that calls through the PBX at `host`:`port`; with a `password` it can show who it is."""

    def __init__(
        self,
        port: int,
        host: str = "127.0.0.1",
        *,
        user: str = "caller",
        password: str | None = None,
        drive: Drive | None = None,
    ) -> None:
        """`drive` moves the media of its calls: a thread each, if nothing else is given."""
        self.calls: list[PhoneCall] = []
        self._server = (host, port)
        self._user = user
        self._password = password
        self._drive = drive or Alone()
        self._endpoint: SipEndpoint | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        _, self._endpoint = await loop.create_datagram_endpoint(
            lambda: SipEndpoint(self._server), local_addr=(_address_towards(self._server[0]), 0)
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def dial(
        self, extension: str, codec: Literal["ulaw", "alaw"] = "ulaw", *, suppress_silence: bool = False
    ) -> PhoneCall:
        """Begin a call and return at once. `suppress_silence` sends nothing while nothing is said."""
        if self._endpoint is None:
            raise RuntimeError("the phone is not open: use `async with`")
        dialog = Dialog(self._user, *self._endpoint.address, extension, "{}:{}".format(*self._server))
        call = PhoneCall(self._endpoint, dialog, self._password, [LAWS[codec]], suppress_silence, self._drive)
        self.calls.append(call)
        return call

    async def call(
        self, extension: str, codec: Literal["ulaw", "alaw"] = "ulaw", *, suppress_silence: bool = False
    ) -> PhoneCall:
        """Call and wait for the answer. Raises CallFailed, TimeoutError."""
        call = self.dial(extension, codec, suppress_silence=suppress_silence)
        await call.answered()
        return call

    async def close(self) -> None:
        """End all calls and free the sockets; idempotent."""
        for call in self.calls:
            await call.close()
        if self._endpoint is not None:
            self._endpoint.close()


def _address_towards(host: str) -> str:
    """Our own address as `host` sees it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return str(probe.getsockname()[0])
