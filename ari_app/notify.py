"""Tells systemd how the service is doing (``Type=notify``). May touch one datagram socket, that of NOTIFY_SOCKET.

Source: sd_notify(3).
"""

import logging
import os
import socket

log = logging.getLogger(__name__)

_SEND_SECONDS = 1.0
"""systemd's socket takes a datagram at once; one that does not must not hold up the calls."""


def notify(state: str) -> None:
    """Send `state` (``READY=1``, ``STOPPING=1``, ``STATUS=…``; lines joined by newlines) to the service manager.

    Does nothing where no manager asks for it. Never raises: a manager that does not listen is logged.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket: systemd writes its leading NUL as @
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_SEND_SECONDS)
            sender.connect(address)
            sender.send(state.encode())
    except OSError as error:
        log.warning("the service manager was not told", extra={"state": state, "error": str(error)})
