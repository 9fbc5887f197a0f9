"""Cloud Routers with their NAT gateways. The NAT is a field of the router; it bills while it has VMs to serve."""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import invalid, required
from emulator.services.compute import records
from emulator.services.compute.kinds import Kind

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


class Router(Kind):
    """A router of one region."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Checks its gateways."""
        return {"encryptedInterconnectRouter": False, **checked(resource)}

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """Checks its gateways."""
        return checked(new)

    def inserted(self, world: World, link: str, now: int) -> None:
        """A gateway serves from now on."""
        self.changed(world, link, now)

    def changed(self, world: World, link: str, now: int) -> None:
        """Gateways that came or went."""
        row = world.store.get("nat", link)
        has = bool((records.resource(world, link) or {}).get("nats"))
        spans = list(row["spans"]) if row else []
        is_open = bool(spans) and spans[-1][1] is None
        if has and not is_open:
            network = (records.resource(world, link) or {})["network"]
            world.store.put("nat", link, {"network": network, "spans": [*spans, [now, None]]})
        elif is_open and not has:
            world.store.put("nat", link, {**(row or {}), "spans": [*spans[:-1], [spans[-1][0], now]]})

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """Its gateways go with it."""
        row = world.store.get("nat", link)
        if row and row["spans"] and row["spans"][-1][1] is None:
            spans = row["spans"]
            world.store.put("nat", link, {**row, "spans": [*spans[:-1], [spans[-1][0], now]]})


def checked(resource: Json) -> Json:
    """The router with its gateways' defaults; raises 400."""
    nats = []
    for index, nat in enumerate(resource.get("nats", [])):
        where = f"resource.nats[{index}]"
        for name in ("name", "sourceSubnetworkIpRangesToNat"):
            if name not in nat:
                raise required(f"{where}.{name}")
        if nat.get("type", "PUBLIC") == "PUBLIC" and "natIpAllocateOption" not in nat:
            raise required(f"{where}.natIpAllocateOption")
        if nat["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS" and not nat.get("subnetworks"):
            raise invalid(f"{where}.subnetworks", [], "At least one subnetwork must be given.")
        defaults: Json = {"type": "PUBLIC", "enableEndpointIndependentMapping": False, "endpointTypes": ["ENDPOINT_TYPE_VM"]}
        if nat.get("type") == "PRIVATE":  # [recorded]
            defaults |= {"effectiveTcpTimeWaitTimeoutSec": 120, "enableDynamicPortAllocation": True}
        nats.append({**defaults, **nat})
    return {**resource, "nats": nats} if nats else {key: value for key, value in resource.items() if key != "nats"}
