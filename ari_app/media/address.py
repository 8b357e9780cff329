"""Our address for Asterisk to connect or send to (`media.bind_host`)."""

import socket
from ipaddress import ip_address
from typing import Any

from ari_app.errors import MediaError

_REMEDY = "set media.bind_host to an address of this machine that Asterisk can reach"


def bind(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """A non-blocking socket bound to `host`; port 0 takes a free one. Raises MediaError."""
    try:
        family, _, protocol, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
        if ip_address(address[0]).is_unspecified:
            raise MediaError(f"media.bind_host {host} is no address that Asterisk could send to", _REMEDY)
        sock = socket.socket(family, kind, protocol)  # without the protocol, asyncio leaves Nagle's algorithm on
    except OSError as error:
        raise MediaError(f"media.bind_host {host} cannot be used: {error.strerror}", _REMEDY) from error
    try:
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        if port:
            raise MediaError(
                f"port {port} of {host} cannot be used: {error.strerror}",
                "choose another media.audiosocket_port, or 0 for a free one",
            ) from error
        raise MediaError(f"media.bind_host {host} cannot be used: {error.strerror}", _REMEDY) from error
    sock.setblocking(False)
    return sock


def host_port(sockname: Any) -> str:
    """A socket name as Asterisk writes addresses: ``127.0.0.1:9092``, ``[::1]:9092``."""
    host, port = sockname[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
