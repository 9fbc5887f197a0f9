"""Free ports of this machine, for servers of ours that take what they can get."""

from __future__ import annotations

import socket


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
    """`count` ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def preferred_or_free(*preferred: int) -> list[int]:
    """The ports asked for if all are free, else as many others."""
    return list(preferred) if all(is_free(port) for port in preferred) else free_ports(len(preferred))
