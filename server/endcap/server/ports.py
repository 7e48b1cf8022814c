"""Finding out about a port before anything is loaded for it."""

from __future__ import annotations

import errno
import socket


class PortTaken(Exception):
    """A port that cannot be had. The message is for whoever starts the server."""


def reserve(host: str, port: int) -> socket.socket:
    """A socket that holds the port without listening on it; 0 takes any free one. Raises PortTaken.

    With SO_REUSEPORT a second server would start beside the first and take half of its callers, so the port is first
    asked for without. Then it is held with it: the workers can listen on it, and nobody else gets it in between.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            address = probe.getsockname()
        held = socket.socket(family, kind, protocol)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(address)
    except OSError as error:
        hint = "; stop what uses it, or choose another port" if error.errno == errno.EADDRINUSE else ""
        raise PortTaken(f"cannot listen on {joined(host, port)}: {error.strerror}{hint}") from error
    return held


def joined(host: str, port: int) -> str:
    """host:port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
