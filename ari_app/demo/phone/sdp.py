"""Session descriptions (RFC 8866, RFC 3264) with one audio stream of G.711 and telephone events. Pure."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
NAMES = {0: "PCMU", 8: "PCMA"}


@dataclass(frozen=True, slots=True)
class Audio:
    """One side's audio stream."""

    host: str
    port: int
    payload_types: tuple[int, ...]
    """The static ones of G.711 that it takes, best first."""
    telephone_event: int | None
    """Payload type of RFC 4733 events, if it takes them."""
    direction: Direction = "sendrecv"

    def encode(self, session: int, version: int) -> bytes:
        """The whole description; `version` grows with each one of a `session`."""
        types = [*self.payload_types, *([] if self.telephone_event is None else [self.telephone_event])]
        lines = [
            *("v=0", f"o=- {session} {version} IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0"),
            f"m=audio {self.port} RTP/AVP {' '.join(map(str, types))}",
            *(f"a=rtpmap:{number} {NAMES[number]}/8000" for number in self.payload_types),
        ]
        if self.telephone_event is not None:
            lines += [f"a=rtpmap:{self.telephone_event} telephone-event/8000", f"a=fmtp:{self.telephone_event} 0-15"]
        return "\r\n".join([*lines, "a=ptime:20", f"a={self.direction}", ""]).encode()


def parse(body: bytes) -> Audio:
    """Read the first audio stream. Raises ValueError when there is none that we can use."""
    session, *streams = re.split(r"(?m)^(?=m=)", body.decode(errors="replace").replace("\r\n", "\n"))
    audio = next((stream for stream in streams if stream.startswith("m=audio ")), "")
    media = re.match(r"m=audio ([0-9]{1,5}) RTP/AVPF? ([0-9 ]+)", audio)
    host = re.search(r"(?m)^c=IN IP[46] (\S+)", audio) or re.search(r"(?m)^c=IN IP[46] (\S+)", session)
    if media is None or host is None:
        raise ValueError("the session description has no audio stream")
    event = re.search(r"(?m)^a=rtpmap:([0-9]{1,3}) telephone-event/8000", audio)
    directions = re.findall(rf"(?m)^a=({'|'.join(get_args(Direction))})\s*$", session + audio)
    types = tuple(number for number in map(int, media[2].split()) if number in NAMES)
    return Audio(host[1], int(media[1]), types, int(event[1]) if event else None, (directions or ["sendrecv"])[-1])
