"""Free ports of this machine, for servers of ours that take what they can get."""

from __future__ import annotations

import random
import socket

FIRST, OUTGOING = 10_000, 32_768
"""Where we look, and where the ports of outgoing connections begin (Linux: net.ipv4.ip_local_port_range; elsewhere later)."""
_CHANCE = random.SystemRandom()
"""So that two processes that were seeded alike do not want the same."""


def is_free(port: int) -> bool:
    """Whether nobody listens on `port` of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """`count` ports that nobody listens on now, below those the kernel hands to outgoing connections.

    One of the latter can be taken by anybody's connection before the server that is to listen on it has started.
    """
    found: list[int] = []
    while len(found) < count:
        port = _CHANCE.randrange(FIRST, OUTGOING)
        if port not in found and is_free(port):
            found.append(port)
    return found


def preferred_or_free(*preferred: int) -> list[int]:
    """The ports asked for if all are free, else as many others."""
    return list(preferred) if all(is_free(port) for port in preferred) else free_ports(len(preferred))
