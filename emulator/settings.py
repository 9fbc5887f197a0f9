"""What the command line says, checked."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

VERSION = "1"


class SettingsError(Exception):
    """A command line that cannot work; the message says what would."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How one emulator runs. ``time_scale`` is emulated seconds per real second."""

    address_pool: ipaddress.IPv4Network
    host: str = "127.0.0.1"
    port: int = 8787
    grpc_port: int = 8788
    dns_port: int = 0
    https_port: int | None = None
    clock: str = "scaled"
    time_scale: float = 60.0
    start_time: int | None = None
    state: Path | None = None
    durations: Path | None = None
    project: str = "embedded-project"
    project_number: str = "123456789012"


def address_pool(text: str) -> ipaddress.IPv4Network:
    """A pool of loopback addresses to listen on; raises SettingsError."""
    try:
        pool = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise SettingsError(f"--address-pool {text}: {error}; write for example 127.1.0.0/24") from error
    if not pool.is_loopback:
        raise SettingsError(f"--address-pool {text}: only loopback addresses can be given away; write for example 127.1.0.0/24")
    if pool.num_addresses < 4:
        raise SettingsError(f"--address-pool {text}: too small, it needs at least a /30")
    return pool
