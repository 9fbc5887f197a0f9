"""Organisation policies in effect on the project, as rules that let a value pass or not."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

from google.cloud import orgpolicy_v2

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """One constraint: `enforced` where it is a boolean, else the values it allows (None: all) and denies."""

    name: str
    enforced: bool
    allowed: tuple[str, ...] | None
    denied: tuple[str, ...]

    def allows(self, *names: str) -> bool:
        """Whether something that goes by all these names passes."""
        return not _among(names, self.denied) and (self.allowed is None or _among(names, self.allowed))


def effective(connection: Connection, name: str) -> Constraint:
    """What holds for constraint `name` (`gcp.resourceLocations`) on the project, inherited policies included.

    Rules under a condition (by tags) are left out: our resources carry no tags.
    """
    client = connection.client(orgpolicy_v2.OrgPolicyClient)
    with translated(f"reading organisation policy {name}"):
        policy = client.get_effective_policy(name=f"projects/{connection.project}/policies/{name}", **ONCE)
    rules = [rule for rule in policy.spec.rules if not rule.condition.expression]
    allowed = [value for rule in rules for value in rule.values.allowed_values]
    denied = [value for rule in rules for value in rule.values.denied_values]
    open_to_all = any(rule.allow_all for rule in rules) or not allowed
    return Constraint(
        name=name,
        enforced=any(rule.enforce for rule in rules),
        allowed=None if open_to_all else tuple(allowed),
        denied=("*",) if any(rule.deny_all for rule in rules) else tuple(denied),
    )


def location_names(place: str) -> tuple[str, ...]:
    """What a zone or region goes by in gcp.resourceLocations."""
    region = place.rpartition("-")[0] if place.count("-") > 1 else place
    return (place, region, f"in:{region}-locations", f"in:{region.partition('-')[0]}-locations")


def _among(names: Iterable[str], patterns: Iterable[str]) -> bool:
    plain = [pattern.removeprefix("is:") for pattern in patterns]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in plain)
