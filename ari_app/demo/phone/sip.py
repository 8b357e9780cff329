"""SIP messages (RFC 3261) and digest authentication (RFC 8760): parsed and built, nothing sent. Pure."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

VERSION = "SIP/2.0"
COMPACT = {
    **{"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length"},
    **{"c": "Content-Type", "e": "Content-Encoding", "k": "Supported", "s": "Subject", "r": "Refer-To"},
}
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
Header = tuple[str, str]


class SipError(ValueError):
    """A datagram that is no SIP message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What requests and responses have in common: headers in their order, and a body."""

    headers: tuple[Header, ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of all headers called `name`, in order; names do not mind case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        """The value of the first header called `name`; empty if there is none."""
        return next(iter(self.all(name)), "")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method of the CSeq header. Raises SipError."""
        match = re.fullmatch(r"(\d{1,10})\s+(\S+)", self.get("CSeq"))
        if match is None:
            raise SipError(f"no CSeq in {self.start!r}")
        return int(match[1]), match[2]

    @property
    def branch(self) -> str:
        """The branch of the topmost Via header: it names the transaction."""
        return parameter(self.get("Via"), "branch")

    @property
    def start(self) -> str:
        """The start line."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """The datagram, with a true Content-Length."""
        kept = [f"{name}: {value}" for name, value in self.headers if name.lower() != "content-length"]
        head = "\r\n".join([self.start, *kept, f"Content-Length: {len(self.body)}"])
        return head.encode() + b"\r\n\r\n" + self.body


@dataclass(frozen=True, slots=True)
class Request(Message):
    """A request."""

    method: str
    uri: str

    @property
    def start(self) -> str:
        return f"{self.method} {self.uri} {VERSION}"


@dataclass(frozen=True, slots=True)
class Response(Message):
    """A response."""

    status: int
    reason: str

    @property
    def start(self) -> str:
        return f"{VERSION} {self.status} {self.reason}"


def parse(datagram: bytes) -> Request | Response:
    """Read one datagram; compact header names become long ones. Raises SipError."""
    head, separator, body = datagram.partition(b"\r\n\r\n")
    try:
        text = re.sub(r"\r\n[ \t]+", " ", head.decode())  # folded lines
    except UnicodeDecodeError as error:
        raise SipError("not UTF-8") from error
    start, *lines = text.split("\r\n")
    if not separator:
        raise SipError(f"no end of the headers after {start[:60]!r}")
    headers = tuple(_header(line) for line in lines)
    length = next((value for name, value in headers if name.lower() == "content-length"), str(len(body)))
    if not re.fullmatch(r"[0-9]{1,9}", length) or int(length) > len(body):
        raise SipError(f"Content-Length {length[:20]!r} of a body of {len(body)} bytes")
    body = body[: int(length)]
    if match := re.fullmatch(r"SIP/2\.0 ([1-6][0-9][0-9]) ?(.*)", start):
        return Response(headers, body, int(match[1]), match[2])
    if match := re.fullmatch(r"([A-Za-z]+) (\S+) SIP/2\.0", start):
        return Request(headers, body, match[1], match[2])
    raise SipError(f"not a start line: {start[:60]!r}")


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    name = name.strip()
    if not colon or not re.fullmatch(r"[A-Za-z0-9.!%*_+`'~-]+", name):
        raise SipError(f"not a header: {line[:60]!r}")
    return COMPACT.get(name.lower(), name), value.strip()


def parameter(value: str, name: str) -> str:
    """The parameter `name` of a header's value, as in ``tag`` of ``<sip:a@b>;tag=1``; empty if there is none."""
    after = value.rpartition(">")[2]  # parameters inside <…> are the URI's, not the header's
    match = re.search(rf';\s*{re.escape(name)}\s*=\s*("[^"]*"|[^;,\s]+)', after, re.IGNORECASE)
    return match[1].strip('"') if match else ""


def address(value: str) -> str:
    """The URI of a name-addr such as ``"Ann" <sip:ann@host;lr>;tag=1``."""
    match = re.search(r"<([^>]*)>", value)
    return match[1] if match else value.partition(";")[0].strip()


def authorization(challenges: Iterable[str], method: str, uri: str, user: str, password: str, cnonce: str) -> str:
    """The value of the Authorization header that answers the first of `challenges` we can answer.

    MD5 and SHA-256, with ``qop=auth`` or without. Raises SipError when there is none.
    """
    for challenge in challenges:
        fields = {key.lower(): value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|[^,\s]+)', challenge)}
        algorithm = fields.get("algorithm", "MD5").upper()
        if not challenge.lower().startswith("digest") or algorithm not in HASHES:
            continue

        def digest(*parts: str, algorithm: str = algorithm) -> str:
            return HASHES[algorithm](":".join(parts).encode()).hexdigest()

        realm, nonce = fields.get("realm", ""), fields.get("nonce", "")
        ours = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
        secret, subject = digest(user, realm, password), digest(method, uri)
        tail = f", algorithm={algorithm}"
        if "auth" in re.split(r"[\s,]+", fields.get("qop", "")):
            ours["response"] = digest(secret, nonce, "00000001", cnonce, "auth", subject)
            tail += f', qop=auth, nc=00000001, cnonce="{cnonce}"'
        else:
            ours["response"] = digest(secret, nonce, subject)
        if "opaque" in fields:
            ours["opaque"] = fields["opaque"]
        return "Digest " + ", ".join(f'{key}="{value}"' for key, value in ours.items()) + tail
    raise SipError("no digest challenge that we can answer")
