"""The phone's incoming RTP: datagrams, with the moment the kernel got them.

The kernel's time stamps make the measurement independent of when anybody finds the time to read.
"""

import socket
import struct
import time
from collections.abc import Callable

from ari_app.demo.phone.rtp import Packet, parse

SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>; Python's socket module does not name it
_TIMESPEC = struct.Struct("@ll")
STEADY_S = 100e-6
"""Two clocks read within this time were read together."""


class Receiver:
    """Reads `sock` and gives each RTP packet to `take` with its arrival in monotonic seconds."""

    def __init__(self, sock: socket.socket, take: Callable[[Packet, float], None]) -> None:
        self.socket = sock
        self._take = take
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def read(self) -> None:
        """Take all that has come."""
        offset = _monotonic_minus_real()
        while True:
            try:
                datagram, ancillary, _, _ = self.socket.recvmsg(2048, 256)
            except (BlockingIOError, ConnectionRefusedError):  # nothing more; or a complaint about what we sent
                return
            at = time.monotonic()
            for level, kind, data in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS) and len(data) == _TIMESPEC.size:
                    seconds, nanoseconds = _TIMESPEC.unpack(data)
                    at = offset + seconds + nanoseconds * 1e-9
            try:
                packet = parse(datagram)
            except ValueError:  # not RTP: not meant for us
                continue
            self._take(packet, at)


def _monotonic_minus_real() -> float:
    """Difference of the two clocks in seconds, read anew each time since the real one may be set."""
    while True:
        before, real, after = time.monotonic(), time.time(), time.monotonic()
        if after - before < STEADY_S:
            return before - real
