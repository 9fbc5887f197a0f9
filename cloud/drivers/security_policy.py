"""Driver of security policies. A policy's rules are changed by verbs of their own; of its rules only ours is, the one at `PRIORITY`."""

from __future__ import annotations

from typing import Any

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.journal import Attempt
from ironwood.resources.load_balancer import SecurityPolicy

PRIORITY, DEFAULT = 1_000, 2_147_483_647
MINUTE = 60
THROTTLE, TOO_MANY = "throttle", "deny(429)"
EVERYBODY = "*"


def _rule(resource: SecurityPolicy) -> compute_v1.SecurityPolicyRule:
    limit = compute_v1.SecurityPolicyRuleRateLimitOptions(
        conform_action="allow",
        exceed_action=TOO_MANY,
        enforce_on_key="IP",
        rate_limit_threshold=compute_v1.SecurityPolicyRuleRateLimitOptionsThreshold(count=resource.rate_per_minute, interval_sec=MINUTE),
    )
    return compute_v1.SecurityPolicyRule(priority=PRIORITY, action=THROTTLE, match=_everybody(), rate_limit_options=limit)


def _everybody() -> compute_v1.SecurityPolicyRuleMatcher:
    config = compute_v1.SecurityPolicyRuleMatcherConfig(src_ip_ranges=[EVERYBODY])
    return compute_v1.SecurityPolicyRuleMatcher(versioned_expr="SRC_IPS_V1", config=config)


def _policy(connection: Connection, resource: SecurityPolicy) -> compute_v1.SecurityPolicy:
    del connection
    rest = compute_v1.SecurityPolicyRule(priority=DEFAULT, action="allow", match=_everybody())
    return compute_v1.SecurityPolicy(
        name=resource.name, description=marker.description(resource.owner), type_="CLOUD_ARMOR", rules=[_rule(resource), rest]
    )


def _read_policy(message: compute_v1.SecurityPolicy, scope: str) -> SecurityPolicy:
    return SecurityPolicy(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        rate_per_minute=next((_rate(rule) for rule in message.rules if rule.priority == PRIORITY), 0),
        rules=sum(rule.priority != DEFAULT for rule in message.rules),
        created=message.creation_timestamp,
    )


def _rate(rule: compute_v1.SecurityPolicyRule) -> int:
    """Requests a minute that our rule lets through; 0 where it is not as we make it."""
    options = rule.rate_limit_options
    threshold = options.rate_limit_threshold
    ours = (
        rule.action == THROTTLE
        and not rule.preview
        and list(rule.match.config.src_ip_ranges) == [EVERYBODY]
        and (options.exceed_action, options.enforce_on_key, threshold.interval_sec) == (TOO_MANY, "IP", MINUTE)
    )
    return int(threshold.count) if ours else 0


class SecurityPolicyDriver(ComputeDriver[SecurityPolicy]):
    """A policy's marker is patched, its rule added or replaced."""

    def update(self, connection: Connection, attempt: Attempt, before: SecurityPolicy, after: SecurityPolicy) -> None:
        """Set what differs."""
        client: Any = connection.client(self.client)
        doing = f"updating {after.address}"
        live = self.read(connection, after)
        if before.owner != after.owner:
            body = compute_v1.SecurityPolicy(description=marker.description(after.owner), fingerprint=live.fingerprint)
            request = self.place(connection, after) | {self.body: body}
            self.write(connection, attempt, doing, lambda key: client.patch_unary(request=request | {"request_id": key}, **ONCE))
        if before.rate_per_minute == after.rate_per_minute:
            return
        # These calls take no request id; a repeated one finds the rule as it is to be.
        rule = self.place(connection, after) | {"security_policy_rule_resource": _rule(after)}
        if any(each.priority == PRIORITY for each in live.rules):
            self.write(connection, attempt, doing, lambda _: client.patch_rule_unary(request=rule | {"priority": PRIORITY}, **ONCE))
        else:
            self.write(connection, attempt, doing, lambda _: client.add_rule_unary(request=rule, **ONCE))


SECURITY_POLICY = SecurityPolicyDriver(
    resource=SecurityPolicy,
    client=compute_v1.SecurityPoliciesClient,
    item="security_policy",
    body="security_policy_resource",
    encode=_policy,
    decode=_read_policy,
)
