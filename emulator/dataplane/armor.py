"""What a backend service's security policy does to a request before any VM sees it.

1. Rules are tried by priority, the first that matches the client's address decides. 2. A throttle lets so many requests of an address through in an interval
that begins with its first request, and answers the others as it is told to; counts are forgotten when the cloud starts anew.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any

from emulator.rules import assumed
from emulator.services.compute import records
from emulator.services.compute.armor import asked
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
assumed("throttle-window", "A throttle counts in windows that begin with an address's first request; Google's counts are approximate.")
_DENY = re.compile(r"deny\((\d+)\)")


class Armor:
    """Counts by policy, rule and address."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._windows: dict[tuple[str, int, str], tuple[int, int]] = {}

    def reset(self) -> None:
        """Forget every count."""
        self._windows.clear()

    def refuses(self, service: str | None, client: str, now: int) -> int | None:
        """The status a request from `client` to a backend service is refused with; None where it is let through."""
        policy = (records.resource(self._world, service) or {}).get("securityPolicy") if service else None
        rules = (records.resource(self._world, policy) or {}).get("rules", []) if policy else []
        if not policy or not rules:
            return None
        asked(self._world, policy, now)
        rule = next((each for each in rules if not each.get("preview") and _matches(each, client)), None)
        if rule is None or rule["action"] == "allow":
            return None
        if rule["action"] == "throttle":
            return self._throttled(policy, rule, client, now)
        return _status(rule["action"])

    def _throttled(self, policy: str, rule: Json, client: str, now: int) -> int | None:
        options = rule["rateLimitOptions"]
        threshold = options["rateLimitThreshold"]
        key = (policy, int(rule["priority"]), client if options.get("enforceOnKey") == "IP" else "")
        begun, count = self._windows.get(key, (now, 0))
        if now >= begun + int(threshold["intervalSec"]) * SECOND:
            begun, count = now, 0
        self._windows[key] = (begun, count + 1)
        return None if count < int(threshold["count"]) else _status(options["exceedAction"])


def _matches(rule: Json, client: str) -> bool:
    ranges = rule["match"]["config"]["srcIpRanges"]
    return any(each == "*" or ipaddress.ip_address(client) in ipaddress.ip_network(each, strict=False) for each in ranges)


def _status(action: str) -> int:
    match = _DENY.fullmatch(action)
    return int(match[1]) if match else 403
