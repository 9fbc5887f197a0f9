"""What became of one request at the load balancer, for whoever keeps count."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.services.compute.groups.fleet import Vm


@dataclass(frozen=True, kw_only=True)
class Served:
    """One answered request: the forwarding rule it came to, where it went (None: nowhere), the status, when it began and ended."""

    rule: str
    service: str | None
    backend: str | None
    vm: Vm | None
    status: int
    begun: int
    ended: int
