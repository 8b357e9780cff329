"""The phone's SIP socket: sends requests until they are answered, and gives the other side's requests to their call."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from ari_app.demo.phone.sip import Request, Response, SipError, parse
from ari_app.demo.phone.transaction import ClientTransaction

log = logging.getLogger(__name__)

Handler = Callable[[Request], Response]
"""Answers a request of the other side."""


class Pending:
    """A request under way; `answers` gives the responses that are news, and None when nobody answers."""

    def __init__(self, endpoint: "SipEndpoint", request: Request) -> None:
        self.transaction = ClientTransaction(request, endpoint.loop.time())
        self.answers: asyncio.Queue[Response | None] = asyncio.Queue()  # one side's answers to one request: a handful
        self._endpoint = endpoint
        self._timer: asyncio.TimerHandle | None = None
        endpoint.send(request)
        self._set_timer()

    async def final(self) -> Response | None:
        """The final response, or None when nobody answers."""
        while (answer := await self.answers.get()) is not None and answer.status < 200:
            pass
        return answer

    def receive(self, response: Response) -> None:
        """Take a response from the socket."""
        news, ack = self.transaction.receive(response)
        if ack is not None:
            self._endpoint.send(ack)
        if news:
            self.answers.put_nowait(response)
        self._set_timer()

    def stop(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        self.stop()
        if (deadline := self.transaction.next_deadline) is not None:
            self._timer = self._endpoint.loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        again = self.transaction.tick(self._endpoint.loop.time())
        if again is not None:
            self._endpoint.send(again)
        if self.transaction.timed_out:
            self.answers.put_nowait(None)
        self._set_timer()


class SipEndpoint(asyncio.DatagramProtocol):
    """One UDP socket for all calls of a phone, towards one `server`."""

    def __init__(self, server: tuple[str, int]) -> None:
        self.loop = asyncio.get_running_loop()
        self.server = server
        self.calls: dict[str, Handler] = {}
        """By Call-ID."""
        self._transport: asyncio.DatagramTransport | None = None
        self._pending: dict[tuple[str, str], Pending] = {}
        self._answered: dict[tuple[str, str], Response] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Our own."""
        assert self._transport is not None  # noqa: S101  (asyncio sets it before anyone sees us)
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def request(self, request: Request) -> Pending:
        """Send a request and follow it up. Kept until `close`, since answers may come again."""
        pending = Pending(self, request)
        self._pending[request.branch, request.method] = pending
        return pending

    def send(self, message: Request | Response) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message.encode(), self.server)

    def close(self) -> None:
        """Stop all that is under way and free the socket; idempotent."""
        for pending in self._pending.values():
            pending.stop()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def error_received(self, exc: Exception) -> None:
        log.debug("nobody listens at the SIP port", exc_info=exc)  # the transactions find out by themselves

    def datagram_received(self, data: bytes, addr: Any) -> None:
        try:
            message = parse(data)
            key = message.branch, message.cseq[1]
        except SipError as error:
            log.warning("unreadable SIP message", extra={"error": str(error)})
            return
        if isinstance(message, Response):
            if pending := self._pending.get(key):
                pending.receive(message)
        elif message.method == "ACK":
            pass  # our answers to INVITE are sent again whenever the INVITE comes again; that suffices
        elif known := self._answered.get(key):  # the answer was lost
            self.send(known)
        else:
            answer = self.calls.get(message.get("Call-ID"), _unknown_call)(message)
            self._answered[key] = answer
            self.send(answer)


def _unknown_call(request: Request) -> Response:
    kept = ("via", "from", "to", "call-id", "cseq")
    headers = tuple((name, value) for name, value in request.headers if name.lower() in kept)
    if request.method == "OPTIONS":
        return Response(headers, b"", 200, "OK")
    return Response(headers, b"", 481, "Call/Transaction Does Not Exist")
