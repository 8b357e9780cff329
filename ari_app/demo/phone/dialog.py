"""One call's dialog (RFC 3261, section 12): who is who, and the requests and responses that belong to it. Pure."""

import secrets

from ari_app.demo.phone.sip import Header, Request, Response, address, authorization, parameter

ALLOWED = "INVITE, ACK, CANCEL, BYE, INFO, UPDATE, OPTIONS"
SDP = "application/sdp"


class Dialog:
    """The caller's side of a call from `user` at `host`:`port` to `extension` at `server` (``host:port``)."""

    def __init__(self, user: str, host: str, port: int, extension: str, server: str) -> None:
        self.user = user
        self.call_id = secrets.token_hex(12)
        self.contact = f"<sip:{user}@{host}:{port}>"
        self.local = f"<sip:{user}@{server}>;tag={secrets.token_hex(6)}"
        self.remote = f"<sip:{extension}@{server}>"
        self.target = f"sip:{extension}@{server}"
        self.routes: list[str] = []
        self._via = f"SIP/2.0/UDP {host}:{port};rport"
        self._cseq = 0

    def request(
        self, method: str, body: bytes = b"", content_type: str = SDP, *, extra: tuple[Header, ...] = ()
    ) -> Request:
        """The next request of this dialog."""
        self._cseq += 1
        return self._build(method, self._cseq, body, content_type, extra)

    def acknowledge(self, invite: Request) -> Request:
        """The ACK of a 2xx: a transaction of its own, with the INVITE's number."""
        return self._build("ACK", invite.cseq[0])

    def cancel(self, invite: Request) -> Request:
        """The CANCEL of an INVITE that rings: of the same transaction (section 9.1)."""
        kept = ("via", "from", "to", "call-id", "max-forwards", "route")
        headers = [(name, value) for name, value in invite.headers if name.lower() in kept]
        return Request((*headers, ("CSeq", f"{invite.cseq[0]} CANCEL")), b"", "CANCEL", invite.uri)

    def authorized(self, challenged: Request, challenge: Response, user: str, password: str) -> Request:
        """`challenged` again, with what `challenge` (401 or 407) asks for. Raises SipError."""
        asked, answered = ("WWW-Authenticate", "Authorization")
        if challenge.status == 407:
            asked, answered = ("Proxy-Authenticate", "Proxy-Authorization")
        credentials = authorization(
            challenge.all(asked), challenged.method, challenged.uri, user, password, secrets.token_hex(8)
        )
        extra = ((answered, credentials),)
        return self.request(challenged.method, challenged.body, challenged.get("Content-Type") or SDP, extra=extra)

    def established(self, response: Response) -> None:
        """Learn from a 2xx to INVITE where the other side is."""
        self.remote = response.get("To")
        self.target = address(response.get("Contact")) or self.target
        if not self.routes:
            self.routes = response.all("Record-Route")[::-1]

    def holds(self, request: Request) -> bool:
        """Whether `request` of the other side belongs to this dialog."""
        tags = parameter(request.get("To"), "tag"), parameter(request.get("From"), "tag")
        return tags == (parameter(self.local, "tag"), parameter(self.remote, "tag"))

    def respond(self, request: Request, status: int, reason: str, body: bytes = b"") -> Response:
        """The response to a request of the other side."""
        kept = ("via", "from", "to", "call-id", "cseq", "record-route")
        headers = [(name, value) for name, value in request.headers if name.lower() in kept]
        headers += [("Contact", self.contact), ("Allow", ALLOWED)]
        if body:
            headers.append(("Content-Type", SDP))
        return Response(tuple(headers), body, status, reason)

    def _build(
        self, method: str, cseq: int, body: bytes = b"", content_type: str = SDP, extra: tuple[Header, ...] = ()
    ) -> Request:
        headers = [
            ("Via", f"{self._via};branch=z9hG4bK{secrets.token_hex(10)}"),
            ("Max-Forwards", "70"),
            *(("Route", route) for route in self.routes),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", self.contact),
            ("Allow", ALLOWED),
            ("User-Agent", "offhook-phone"),
            *extra,
        ]
        if body:
            headers.append(("Content-Type", content_type))
        return Request(tuple(headers), body, method, self.target)
