"""Preflight: would the cloud refuse this plan? Asked before the first write; every finding says what would do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE

from cloud import facts
from cloud.connection import Connection
from cloud.errors import QUOTA_HELP
from ironwood import tpu
from ironwood.errors import ApiDisabledError, PreflightError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.resources.group import InstanceGroup, InstanceTemplate
from tasks.retries import PAUSES_SECONDS, RETRIES, may_succeed_later

QUOTA_OF: Mapping[str, str] = {
    "network": "NETWORKS",
    "subnetwork": "SUBNETWORKS",
    "firewall": "FIREWALLS",
    "router": "ROUTERS",
    "address": "STATIC_ADDRESSES",
    "health_check": "HEALTH_CHECKS",
    "instance_template": "INSTANCE_TEMPLATES",
    "instance_group": "INSTANCE_GROUP_MANAGERS",
    "backend_service": "BACKEND_SERVICES",
    "url_map": "URL_MAPS",
    "http_proxy": "TARGET_HTTP_PROXIES",
    "forwarding_rule": "FORWARDING_RULES",
}
"""The quota a new object of each kind counts against."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: what was found, and what would do where it is not well ("" where it is)."""

    subject: str
    found: str
    remedy: str = ""


@task(
    name="preflight",
    task_run_name="preflight",
    cache_policy=NO_CACHE,
    retries=RETRIES,
    retry_delay_seconds=PAUSES_SECONDS,
    retry_condition_fn=may_succeed_later,
    persist_result=False,
)
def preflight(connection: Connection, profile: Profile, plan: Plan, wanted: Graph) -> list[Check]:
    """Every check of the plan to `wanted` against what the project may and the zones can."""
    with connection.clock.participating("preflight"):
        checks = [_apis(plan)]
        try:
            checks += [*_zones(connection, profile), *_chips(connection, profile, wanted), *_quotas(connection, profile, plan)]
        except ApiDisabledError:
            checks.append(
                Check(
                    subject="zones, quotas",
                    found="can be read once compute.googleapis.com is enabled, which is the first step of this plan",
                )
            )
    return checks


def refuse(checks: list[Check]) -> None:
    """Raise PreflightError naming every check that is not well, with its remedy."""
    broken = [check for check in checks if check.remedy]
    if broken:
        raise PreflightError("\n".join(f"{check.subject}: {check.found}. {check.remedy}" for check in broken))


def _apis(plan: Plan) -> Check:
    for change in plan:
        if change.address.kind == "service_set":
            return Check(subject="APIs", found=f"to be enabled first: {change.reason}")
    return Check(subject="APIs", found="all enabled")


def _zones(connection: Connection, profile: Profile) -> Iterator[Check]:
    machine_type = tpu.TPU7X.machine_type
    for zone in sorted({tier.zone for tier in profile.enabled_tiers.values()}):
        if facts.machine_type_exists(connection, zone=zone, machine_type=machine_type):
            yield Check(subject=f"zone {zone}", found=f"hosts {machine_type}")
        else:
            others = ", ".join(facts.zones_with(connection, machine_type)) or "no zone of this project"
            yield Check(
                subject=f"zone {zone}",
                found=f"does not offer {machine_type}",
                remedy=f"It is offered in {others}; change `zone` in the profile.",
            )


def _chips(connection: Connection, profile: Profile, wanted: Graph) -> Iterator[Check]:
    """Chips of each consumption against what the project may hold in the region."""
    generation = tpu.TPU7X
    needed: Counter[bool] = Counter()
    for group in wanted:
        template = wanted.get(group.template) if isinstance(group, InstanceGroup) else None
        if isinstance(group, InstanceGroup) and isinstance(template, InstanceTemplate):
            needed[template.provisioning_model == "SPOT"] += group.size * generation.chips_per_vm
    for spot, chips in needed.items():
        subject = f"quota of {'Spot ' if spot else ''}{generation.name} chips in {profile.region}"
        limit = facts.chip_limit(connection, family=generation.name, region=profile.region, spot=spot)
        if limit is None:
            yield Check(subject=subject, found=f"{chips:,} needed; Google does not say how many are allowed, so a group would tell")
        elif chips > limit:
            remedy = f"Ask for {chips - limit:,} more: {QUOTA_HELP}"
            yield Check(subject=subject, found=f"{chips:,} needed, {limit:,} allowed", remedy=remedy)
        else:
            yield Check(subject=subject, found=f"{chips:,} of {limit:,}")


def _quotas(connection: Connection, profile: Profile, plan: Plan) -> Iterator[Check]:
    needed = Counter(QUOTA_OF[change.address.kind] for change in plan if change.action == "create" and change.address.kind in QUOTA_OF)
    needed.subtract(QUOTA_OF[change.address.kind] for change in plan if change.action == "delete" and change.address.kind in QUOTA_OF)
    short = []
    checked = 0
    for quota in facts.quotas(connection, profile.region):
        want = needed.get(quota.metric, 0)
        checked += want > 0
        if want > quota.free:
            short.append(f"{quota.metric} ({quota.scope}): {want} more needed, {quota.free:g} of {quota.limit:g} free")
    if short:
        yield Check(subject="quotas", found="; ".join(short), remedy=QUOTA_HELP)
    elif checked:
        yield Check(subject="quotas", found=f"enough of all {checked} that this plan uses")
