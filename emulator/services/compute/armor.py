"""Cloud Armor: security policies, their rules, and the backend services they stand before.

1. A policy without rules gets the default one, which allows all; its priority is the largest. 2. A patch of a policy does not touch its rules: those have
verbs of their own. 3. A backend service's policy is set by its own verb and by no insert or update. 4. Rules match source ranges; a throttle counts by client address.
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.billing import Usage
from emulator.call import Call, Handler
from emulator.rules import assumed, documented
from emulator.services.compute import links, records
from emulator.services.compute.kinds import Kind, Scope
from emulator.services.compute.records import KINDS
from emulator.services.compute.verbs import existing, free, merged, prune, repeated, start_change
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DEFAULT = 2_147_483_647
INTERVALS = frozenset({10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600})
ASKED = "armor_requests"
documented("policy-default-rule", "A security policy made without rules gets a default rule that allows; a patch does not change rules.")
documented("policy-setter", "A backend service's securityPolicy is output only: setSecurityPolicy sets it, an update leaves it.")
documented(
    "throttle-intervals", "A rate limit's interval is one of 10, 30, 60, 120, 180, 240, 270, 300, 600, 900, 1200, 1800, 2700, 3600 s."
)
documented("bill-armor", "Cloud Armor Standard: 5 $ a policy and month, 1 $ a rule and month, 0.75 $ a million requests.")
assumed(
    "bill-armor-default",
    "The default rule of a policy is not charged; policies and rules are charged by the second, 730 hours to the month.",
)
assumed(
    "armor-subset", "Rules match by source ranges and allow, deny or throttle by IP; expressions, bans, redirects and other keys are a 501."
)


class SecurityPolicy(Kind):
    """A policy of the backend kind."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Its type, and the default rule where none is given."""
        if resource.get("type", "CLOUD_ARMOR") != "CLOUD_ARMOR":
            raise errors.ApiError(501, f"Security policies of type {resource['type']} are not emulated.", reason="notImplemented")
        rules = [_checked(rule) for rule in resource.get("rules", [])]
        if len({rule["priority"] for rule in rules}) < len(rules):
            raise errors.invalid("resource.rules", "", "Two rules have the same priority.")
        if DEFAULT not in {rule["priority"] for rule in rules}:
            rules.append(_checked({"priority": DEFAULT, "action": "allow", "match": _everybody(), "description": "default rule"}))
        return {"type": "CLOUD_ARMOR", **resource, "rules": sorted(rules, key=lambda rule: int(rule["priority"]))}

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """Rules stay as they are."""
        return {**new, "rules": old["rules"]}

    def inserted(self, world: World, link: str, now: int) -> None:
        """It bills, with its rules."""
        self.changed(world, link, now)

    def changed(self, world: World, link: str, now: int) -> None:
        """The same with the rules it has now."""
        world.meter.close(link, now)
        rules = len((records.resource(world, link) or {"rules": [{}]})["rules"]) - 1
        for sku, count in (("armor.policy", 1), ("armor.rule", rules)):
            if count:
                world.meter.open(Usage(resource=link, kind="compute.securityPolicies", sku=sku, quantity=Decimal(count), start=now))

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It bills no more."""
        world.meter.close(link, now)


def _everybody() -> Json:
    return {"versionedExpr": "SRC_IPS_V1", "config": {"srcIpRanges": ["*"]}}


def _checked(rule: Json) -> Json:
    """A rule with its defaults; raises 400 or 501."""
    priority = rule.get("priority")
    if not isinstance(priority, int) or not 0 <= priority <= DEFAULT:
        raise errors.invalid("resource.priority", priority, f"A priority is 0 to {DEFAULT}.")
    action = str(rule.get("action", ""))
    match = rule.get("match") or {}
    if "expr" in match or action in {"rate_based_ban", "redirect"} or (rule.get("redirectOptions") or rule.get("preconfiguredWafConfig")):
        raise errors.ApiError(
            501, "Of Cloud Armor's rules only source ranges with allow, deny and throttle are emulated.", reason="notImplemented"
        )
    if action not in {"allow", "throttle"} and not (action.startswith("deny(") and action in {"deny(403)", "deny(404)", "deny(502)"}):
        raise errors.invalid("resource.action", action, "An action is allow, deny(403), deny(404), deny(502) or throttle.")
    ranges = (match.get("config") or {}).get("srcIpRanges", [])
    if match.get("versionedExpr") != "SRC_IPS_V1" or not 0 < len(ranges) <= 10:
        raise errors.invalid("resource.match.config.srcIpRanges", ranges, "A rule matches 1 to 10 source ranges by SRC_IPS_V1.")
    for each in ranges:
        try:
            ipaddress.ip_network("0.0.0.0/0" if each == "*" else each, strict=False)
        except ValueError:
            raise errors.invalid("resource.match.config.srcIpRanges", each, "Must be an IP range or '*'.") from None
    if action == "throttle":
        _throttle(rule.get("rateLimitOptions") or {})
    elif "rateLimitOptions" in rule:
        raise errors.invalid("resource.rateLimitOptions", "", "Only throttle and rate_based_ban take rate limit options.")
    return {"kind": "compute#securityPolicyRule", "preview": False, **rule}


def _throttle(options: Json) -> None:
    threshold = options.get("rateLimitThreshold") or {}
    if options.get("conformAction") != "allow":
        raise errors.invalid("resource.rateLimitOptions.conformAction", options.get("conformAction"), "Must be allow.")
    if options.get("exceedAction") not in {f"deny({status})" for status in (403, 404, 429, 502)}:
        raise errors.invalid("resource.rateLimitOptions.exceedAction", options.get("exceedAction"), "Must be deny(403|404|429|502).")
    if threshold.get("intervalSec") not in INTERVALS or not 1 <= int(threshold.get("count") or 0) <= 1_000_000:
        raise errors.invalid("resource.rateLimitOptions.rateLimitThreshold", threshold, "Needs a count and one of the intervals there are.")
    if options.get("enforceOnKey", "ALL") not in {"IP", "ALL"} or "enforceOnKeyConfigs" in options:
        raise errors.ApiError(501, "Rate limits are emulated by IP or for ALL.", reason="notImplemented")


def _rules(change: str) -> Handler:
    """The handler of addRule, patchRule or removeRule."""

    def handler(call: Call) -> Json:
        if earlier := repeated(call):
            return earlier
        link, record = free(KINDS["securityPolicies"], call)
        rules = {rule["priority"]: rule for rule in record["resource"]["rules"]}
        given = prune(call.body)
        at = given.get("priority") if change == "addRule" else int(call.values.get("priority") or 0)
        if (at in rules) == (change == "addRule"):
            why = "A rule with this priority exists." if change == "addRule" else "No rule has this priority."
            raise errors.invalid("priority", at, why)
        if change == "removeRule":
            if at == DEFAULT:
                raise errors.invalid("priority", at, "The default rule cannot be removed.")
            del rules[at]
        else:
            new = _checked(given if change == "addRule" else merged(rules[at], {**given, "priority": at}))
            rules[at] = new
        new_rules = sorted(rules.values(), key=lambda rule: int(rule["priority"]))
        return start_change(call, link, record, {**record["resource"], "rules": new_rules}, change)

    return handler


def get_rule(call: Call) -> Json:
    """One rule by its priority."""
    _, record = existing(KINDS["securityPolicies"], call)
    at = int(call.values.get("priority") or 0)
    found: Json | None = next((rule for rule in record["resource"]["rules"] if rule["priority"] == at), None)
    if found is None:
        raise errors.invalid("priority", at, "No rule has this priority.")
    return found


def set_policy(call: Call) -> Json:
    """Set a backend service's policy, or take it away."""
    if earlier := repeated(call):
        return earlier
    link, record = free(KINDS["backendServices"], call)
    resource = {key: value for key, value in record["resource"].items() if key != "securityPolicy"}
    given = call.body.get("securityPolicy")
    if given:
        policy = links.relative(given, call.world.project, call.world.settings.project_number)
        found = records.find(call.world, policy)
        if found is None:
            raise errors.not_found(policy)
        if found["state"] in {"CREATING", "DELETING"}:
            raise errors.not_ready(policy)
        resource["securityPolicy"] = policy
    return start_change(call, link, record, resource, "setSecurityPolicy")


def asked(world: World, policy: str, now: int) -> None:
    """A request was looked at: they are charged by the minute they came in."""
    minute = now // (60 * SECOND) * 60 * SECOND
    key = f"{policy} {minute}"
    row = world.store.get(ASKED, key) or {"policy": policy, "count": 0, "start": minute, "end": minute + 60 * SECOND}
    world.store.put(ASKED, key, {**row, "count": row["count"] + 1})


def usages(world: World) -> Iterator[Usage]:
    """Requests looked at, in millions."""
    for _, row in world.store.items(ASKED):
        quantity = Decimal(row["count"]) / 1_000_000
        kind, sku = "compute.securityPolicies", "armor.requests"
        yield Usage(resource=row["policy"], kind=kind, sku=sku, quantity=quantity, start=row["start"], end=row["end"])


SECURITY_POLICY = SecurityPolicy(
    service="securityPolicies", collection="securityPolicies", item="security_policy", scope=Scope.GLOBAL, kind="compute#securityPolicy",
    noun="security_policy", quota="SECURITY_POLICIES", verbs=("insert", "get", "list", "delete", "aggregatedList", "patch", "setLabels"),
    fingerprint=True, labels=True, bills=True,
)  # fmt: skip
HANDLERS: dict[str, Handler] = {
    "compute.securityPolicies.addRule": _rules("addRule"),
    "compute.securityPolicies.getRule": get_rule,
    "compute.securityPolicies.patchRule": _rules("patchRule"),
    "compute.securityPolicies.removeRule": _rules("removeRule"),
    "compute.backendServices.setSecurityPolicy": set_policy,
}
