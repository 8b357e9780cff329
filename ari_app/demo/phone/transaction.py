"""A client transaction over UDP (RFC 3261, section 17.1): when to send again, when to acknowledge, when to give up.

Pure: the time comes in as `now`, datagrams and the next deadline go out. ::

    INVITE  sent at 0, 0.5, 1.5, 3.5, … s until anything answers; no answer: over after 32 s
    others  sent at 0, 0.5, 1.5, 3.5, 7.5, 11.5, … s until a final answer; none: over after 32 s
    a final answer to INVITE is acknowledged as often as it comes
"""

from ari_app.demo.phone.sip import Request, Response

T1 = 0.5
"""Seconds of a round trip, as RFC 3261 estimates it."""
T2 = 4.0
"""Longest pause between two sendings of a request other than INVITE."""
PATIENCE = 64 * T1


class ClientTransaction:
    """One request until its final answer; send `request` first, then obey `next_deadline`."""

    def __init__(self, request: Request, now: float) -> None:
        self.request = request
        self.timed_out = False
        self.final: Response | None = None
        self._invite = request.method == "INVITE"
        self._acknowledgement: Request | None = None
        self._pause = T1
        self._resend_at: float | None = now + T1
        self._give_up_at: float | None = now + PATIENCE

    @property
    def next_deadline(self) -> float | None:
        """When `tick` has to be called next; None for never."""
        return min((at for at in (self._resend_at, self._give_up_at) if at is not None), default=None)

    def tick(self, now: float) -> Request | None:
        """What to send now, if anything. May set `timed_out`."""
        if self._give_up_at is not None and now >= self._give_up_at:
            self.timed_out = True
            self._resend_at = self._give_up_at = None
        if self._resend_at is None or now < self._resend_at:
            return None
        self._pause = self._pause * 2 if self._invite else min(self._pause * 2, T2)
        self._resend_at += self._pause
        return self.request

    def receive(self, response: Response) -> tuple[bool, Request | None]:
        """Take a response; returns whether it is news to the caller, and what to send now (an ACK)."""
        if self.final is not None:  # our ACK was lost
            return False, self._acknowledgement if response.status >= 200 else None
        if response.status < 200:
            if self._invite:  # it may ring as long as it likes
                self._resend_at = self._give_up_at = None
            return True, None
        self.final = response
        self._resend_at = self._give_up_at = None
        if self._invite and response.status >= 300:
            return True, self.acknowledge(_failure_ack(self.request, response))
        return True, None

    def acknowledge(self, ack: Request) -> Request:
        """Remember the ACK of a final answer, so that it is sent again as often as that comes; returns it."""
        self._acknowledgement = ack
        return ack


def _failure_ack(request: Request, response: Response) -> Request:
    """The ACK of a failure belongs to the INVITE's own transaction (section 17.1.1.3)."""
    kept = ("from", "call-id", "max-forwards", "route")
    headers = [("Via", request.get("Via")), ("To", response.get("To")), ("CSeq", f"{request.cseq[0]} ACK")]
    headers += [(name, value) for name, value in request.headers if name.lower() in kept]
    return Request(tuple(headers), b"", "ACK", request.uri)
