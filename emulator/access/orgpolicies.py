"""Organisation policies of the project: what they are, and what they refuse.

1. Each constraint is off, a boolean, or a list of allowed or denied values. 2. What violates one is refused in Google's words: Compute says
412 ``Constraint constraints/C violated for project P. ...``.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "org_policies"
BOOLEANS = ("compute.requireShieldedVm", "compute.skipDefaultNetworkCreation", "iam.disableServiceAccountCreation")
LISTS = (
    "compute.vmExternalIpAccess",
    "compute.restrictLoadBalancerCreationForTypes",
    "compute.trustedImageProjects",
    "gcp.resourceLocations",
    "iam.allowedPolicyMemberDomains",
)
documented("org-policy-412", "Compute refuses what a constraint forbids with 412 'Constraint constraints/C violated for project P'.")
documented(
    "allowed-member-domains",
    "A member of another domain is a 400 'One or more users named in the policy do not belong to a permitted customer'.",
)
assumed("org-policy-at-once", "A changed organisation policy holds at once (Google: within 15 minutes).")
assumed(
    "allowed-domains-by-name",
    "iam.allowedPolicyMemberDomains is compared with the domain of the member's e-mail; Google compares customer ids.",
)
assumed(
    "locations-by-prefix",
    "gcp.resourceLocations takes in:REGION-locations, in:us-locations and plain names; a global resource is always allowed.",
)


def rules(world: World, constraint: str) -> list[Json]:
    """The rules in force; none when the constraint is not set."""
    row = world.store.get(TAB, constraint)
    found: list[Json] = row["rules"] if row else []
    return found


def enforced(world: World, constraint: str) -> bool:
    """Whether a boolean constraint holds."""
    return any(rule.get("enforce") for rule in rules(world, constraint))


def allows(world: World, constraint: str, value: str, *groups: str) -> bool:
    """Whether a list constraint lets a value pass; ``groups`` are further names it goes by."""
    found = rules(world, constraint)
    if not found:
        return True
    names = (value, *groups)
    if any(rule.get("denyAll") or _holds(rule, "deniedValues", names) for rule in found):
        return False
    allowing = [rule for rule in found if (rule.get("values") or {}).get("allowedValues")]
    return any(rule.get("allowAll") for rule in found) or not allowing or any(_holds(rule, "allowedValues", names) for rule in allowing)


def _holds(rule: Json, field: str, names: Iterable[str]) -> bool:
    patterns = [text.removeprefix("is:") for text in (rule.get("values") or {}).get(field, [])]
    return any(fnmatch.fnmatchcase(name, pattern) for name in names for pattern in patterns)


def violated(world: World, constraint: str, why: str, *, number: str = "") -> ApiError:
    """Compute's 412."""
    project = number or f"projects/{world.project}"
    return ApiError(412, f"Constraint constraints/{constraint} violated for project {project}. {why}", reason="conditionNotMet")


def refuse_location(world: World, place: str) -> None:
    """Raise unless a zone or region may be used."""
    region = place.rpartition("-")[0] if place.count("-") == 2 else place
    groups = (region, f"in:{region}-locations", f"in:{region.partition('-')[0]}-locations")
    if not allows(world, "gcp.resourceLocations", place, *groups):
        why = f"'{place}' violates the resource location restriction."
        raise violated(world, "gcp.resourceLocations", why)


def refuse_members(world: World, members: Iterable[str]) -> None:
    """Raise unless every member's domain may be bound."""
    for member in members:
        domain = member.partition("?")[0].rpartition("@")[2] or member
        own = domain == f"{world.project}.iam.gserviceaccount.com"
        if not own and not allows(world, "iam.allowedPolicyMemberDomains", domain):
            text = "One or more users named in the policy do not belong to a permitted customer, perhaps due to an organization policy."
            raise ApiError(400, text, reason="failedPrecondition", status_name="FAILED_PRECONDITION")
