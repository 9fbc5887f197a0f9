"""Faults a test can set.

1. A fault is set whole and checked when it is set: a wrong one is refused with the list of types.
2. Faults live as long as the process; a price change keeps its history in the bill.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

from emulator.errors import ApiError

Json = dict[str, Any]

# type -> (required fields, optional fields), each with the Python types its value may have
TYPES: dict[str, tuple[dict[str, tuple[type, ...]], dict[str, tuple[type, ...]]]] = {
    "hold": ({"nth_write": (int,), "point": (str,)}, {}),
    "error": ({"method": (str,), "status": (int,)}, {"reason": (str,), "message": (str,), "times": (int,)}),
    "latency": ({"seconds": (int, float)}, {"method": (str,), "times": (int,)}),
    "stock": ({"zone": (str,), "machine_type": (str,), "available": (int,)}, {}),
    "lost_response": ({"method": (str,)}, {"times": (int,)}),
    "unhealthy": ({}, {"instance": (str,), "group": (str,)}),
    "host_failure": ({"group": (str,)}, {"instance": (str,)}),
    "preemption": ({"group": (str,)}, {"count": (int,)}),
    "tpu_preemption": ({"queued_resource": (str,)}, {}),
    "bad_image": ({"image": (str,)}, {}),
    "price": ({"sku": (str,), "factor": (int, float, str)}, {}),
    "deny": ({"member": (str,), "permission": (str,)}, {}),
    "redis_primary_lost": ({"instance": (str,)}, {}),
    "region_lost": ({"region": (str,)}, {}),
    "api_rate_limit": ({}, {"method": (str,), "times": (int,)}),
}

STATE_AFTER = {"region_lost": "armed"}
"""The state of a fault that has struck and lasts; the others are done."""


class BadFaultError(ValueError):
    """The fault cannot be set; the message says why and lists the types."""


@dataclass(kw_only=True)
class Fault:
    """One fault. ``seen`` counts writes since it was set (hold), ``used`` how often it struck."""

    id: str
    spec: Json
    at: int
    state: str = "armed"
    seen: int = 0
    used: int = 0
    request: Json | None = None
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def shown(self) -> Json:
        """As the admin surface prints it."""
        return {"id": self.id, **self.spec, "state": self.state, "used": self.used, "request": self.request}

    def strike(self) -> bool:
        """Count one use; False when its ``times`` are used up."""
        times = self.spec.get("times")
        if times is not None and self.used >= times:
            return False
        self.used += 1
        if times is not None and self.used >= times:
            self.state = "done"
        return True


def checked(spec: Any) -> Json:
    """The fault's specification if it is one; raises BadFaultError."""
    types = ", ".join(TYPES)
    if not isinstance(spec, dict) or spec.get("type") not in TYPES:
        kind = spec.get("type") if isinstance(spec, dict) else spec
        raise BadFaultError(f"fault type {kind!r} is not one of {types}")
    kind = spec["type"]
    needed, optional = TYPES[kind]
    allowed = needed | optional
    for name in needed:
        if name not in spec:
            raise BadFaultError(f"a {kind!r} fault needs {', '.join(needed)}; {name!r} is missing (types: {types})")
    for name, value in spec.items():
        if name == "type":
            continue
        if name not in allowed:
            raise BadFaultError(f"a {kind!r} fault has no field {name!r}; it has {', '.join(allowed)} (types: {types})")
        if not isinstance(value, allowed[name]) or isinstance(value, bool):
            raise BadFaultError(f"{kind}.{name} is {value!r}; expected {' or '.join(t.__name__ for t in allowed[name])}")
    if kind == "hold" and (spec["nth_write"] < 1 or spec["point"] not in {"before", "after"}):
        raise BadFaultError("a 'hold' fault needs nth_write >= 1 and point 'before' or 'after'")
    if kind == "unhealthy" and not (spec.keys() & {"instance", "group"}):
        raise BadFaultError("an 'unhealthy' fault needs instance or group")
    return dict(spec)


class Faults:
    """The faults now set."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._faults: dict[str, Fault] = {}

    def add(self, spec: Any, at: int) -> Fault:
        """Set a fault at an emulated instant; raises BadFaultError."""
        fault = Fault(id=f"f{next(self._numbers)}", spec=checked(spec), at=at)
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: str) -> Fault | None:
        """Lift a fault; one that holds a request lets it go."""
        fault = self._faults.pop(fault_id, None)
        if fault:
            if fault.state == "holding":
                fault.state = "released"
            fault.released.set()
        return fault

    def clear(self) -> None:
        """Lift all."""
        for fault_id in list(self._faults):
            self.remove(fault_id)

    def shown(self) -> list[Json]:
        """All faults."""
        return [fault.shown() for fault in self._faults.values()]

    def of(self, kind: str) -> list[Fault]:
        """Faults of one type, oldest first."""
        return [fault for fault in self._faults.values() if fault.spec["type"] == kind and fault.state != "done"]

    def holds(self) -> list[Fault]:
        """Count a write; the hold faults it is the n-th write of."""
        found = []
        for fault in self.of("hold"):
            if fault.state == "armed":
                fault.seen += 1
                if fault.seen == fault.spec["nth_write"]:
                    found.append(fault)
        return found

    def raise_for(self, method: str) -> None:
        """Raise what an error or rate limit fault wants for this method."""
        for fault in self.of("error"):
            if fault.spec["method"] == method and fault.strike():
                message = fault.spec.get("message", f"injected fault {fault.id}")
                raise ApiError(fault.spec["status"], message, reason=fault.spec.get("reason"))
        for fault in self.of("api_rate_limit"):
            if fault.spec.get("method", method) == method and fault.strike():
                raise ApiError(
                    403,
                    "Quota exceeded for quota group 'default' and limit 'Queries per 100 seconds' of service.",
                    reason="rateLimitExceeded",
                    status_name="RESOURCE_EXHAUSTED",
                    domain="usageLimits",
                )

    def denies(self, member: str, permission: str) -> bool:
        """Whether a policy denies a member (by e-mail) a permission, whatever its roles."""
        return any(f.spec["member"] == member.partition(":")[2] and f.spec["permission"] == permission for f in self.of("deny"))

    def latency(self, method: str) -> float:
        """Emulated seconds this request is to be late."""
        return sum(float(f.spec["seconds"]) for f in self.of("latency") if f.spec.get("method", method) == method and f.strike())

    def loses_response(self, method: str) -> bool:
        """Whether this answer is to be lost."""
        return any(fault.strike() for fault in self.of("lost_response") if fault.spec["method"] == method)

    def unhealthy_since(self, instance: str, group: str) -> int | None:
        """Since when an instance (by name, in the group of this name) is to fail its health checks, or None."""
        hits = [f.at for f in self.of("unhealthy") if f.spec.get("instance") == instance or f.spec.get("group") == group]
        return min(hits, default=None)

    def lost(self, region: str) -> bool:
        """Whether a region is lost."""
        return any(fault.spec["region"] == region for fault in self.of("region_lost"))

    def take_stock(self, zone: str, machine_type: str) -> bool:
        """Take one VM out of the stock; False when a stock fault says there is none left, or the region is lost."""
        if self.lost(zone.rpartition("-")[0]):
            return False
        limits = [f for f in self.of("stock") if f.spec["zone"] == zone and f.spec["machine_type"] == machine_type]
        if any(fault.used >= fault.spec["available"] for fault in limits):
            return False
        for fault in limits:
            fault.used += 1
        return True

    def breaks(self, properties: Json) -> bool:
        """Whether a fault says that the serving image of a template with these properties never answers."""
        scripts = [item.get("value", "") for item in properties.get("metadata", {}).get("items", []) if item.get("key") == "startup-script"]
        return any(fault.spec["image"] in script for fault in self.of("bad_image") for script in scripts)

    def stock_left(self, zone: str, machine_type: str) -> int | None:
        """How many VMs a stock fault still allows, none in a lost region; None where neither is set."""
        if self.lost(zone.rpartition("-")[0]):
            return 0
        limits = [f for f in self.of("stock") if f.spec["zone"] == zone and f.spec["machine_type"] == machine_type]
        return min((max(0, fault.spec["available"] - fault.used) for fault in limits), default=None)

    def return_stock(self, zone: str, machine_type: str) -> None:
        """Put one VM back."""
        for fault in self.of("stock"):
            if fault.spec["zone"] == zone and fault.spec["machine_type"] == machine_type:
                fault.used -= 1
