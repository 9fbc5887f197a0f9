"""Rules between the keys of a profile, each a function that yields findings.

What a single key may hold is in `profile.py`; here stands what only several keys together can break.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError

from ironwood import metrics, naming, tpu
from ironwood.errors import ProfileError
from ironwood.finding import Finding
from ironwood.profile_adopt import what_is_adopted_can_be_marked
from ironwood.profile_autoscaling import AUTOSCALING_RULES
from ironwood.profile_cloud_scheduler import what_google_starts_can_be_reached
from ironwood.profile_development_rules import DEVELOPMENT_RULES
from ironwood.profile_google import GOOGLE_RULES
from ironwood.profile_redis import a_cache_can_be_reached
from ironwood.profile_region_rules import REGION_RULES, every_tier, every_zone
from ironwood.profile_security import SECURITY_RULES
from ironwood.profile_window_rules import WINDOW_RULES

if TYPE_CHECKING:
    from ironwood.profile import Profile, Tier

MAX_NAME = 63
MAX_SERVICE_ACCOUNT_ID = 30
MAX_BUDGET_NAME = 60
LEAST_STARTUP_SECONDS = 420
"""A minute to boot, one at the least to pull the container, five to load and compile the model: seen on v6e, and no faster on what came after."""


def cross_check(profile: Profile) -> list[Finding]:
    """Every broken rule of `profile`; empty when it is sound."""
    return [finding for rule in RULES for finding in rule(profile)]


def a_tier_is_enabled(profile: Profile) -> Iterator[Finding]:
    """At least one tier serves."""
    if not profile.home_tiers:
        yield Finding(path=("tiers",), text="no tier is enabled; set `enabled: true` on one of small, medium, large")


def sizes_are_ordered(profile: Profile) -> Iterator[Finding]:
    """min_replicas <= replicas <= max_replicas."""
    for path, _, tier in every_tier(profile):
        if tier.min_replicas > tier.max_replicas:
            yield Finding(
                path=(*path, "min_replicas"),
                text=f"{tier.min_replicas} is more than max_replicas {tier.max_replicas}; lower it or raise max_replicas",
            )
        elif not tier.min_replicas <= tier.replicas <= tier.max_replicas:
            yield Finding(
                path=(*path, "replicas"),
                text=f"{tier.replicas} is outside min_replicas {tier.min_replicas} to max_replicas {tier.max_replicas}; choose a size between them",
            )


def a_floor_has_a_lease(profile: Profile) -> Iterator[Finding]:
    """What stays when a lease ends is no more than the tier may hold, and there is a lease that ends."""
    for path, _, tier in every_tier(profile):
        if tier.lease_floor > tier.max_replicas:
            yield Finding(
                path=(*path, "lease_floor"),
                text=f"{tier.lease_floor} is more than max_replicas {tier.max_replicas}; lower it: these pods go on billing when nobody of ours lives",
            )
        elif tier.lease_floor and not profile.lease.enabled:
            yield Finding(path=(*path, "lease_floor"), text="has no effect without leases; remove it, or write `lease: {enabled: true}`")


def a_probe_ends_before_the_next(profile: Profile) -> Iterator[Finding]:
    """The health check's timeout fits its interval."""
    check = profile.health_check
    if check.timeout_seconds > check.interval_seconds:
        yield Finding(
            path=("health_check", "timeout_seconds"),
            text=f"{check.timeout_seconds} is longer than interval_seconds {check.interval_seconds}; lower it or raise the interval",
        )


def a_vm_has_time_to_start(profile: Profile) -> Iterator[Finding]:
    """Autohealing judges a VM no earlier than it can serve: with less, a group makes its VMs anew for ever, each billed and none ever healthy."""
    grace = profile.health_check.startup_grace_seconds
    if grace < LEAST_STARTUP_SECONDS:
        yield Finding(
            path=("health_check", "startup_grace_seconds"),
            text=f"{grace} is less than the {LEAST_STARTUP_SECONDS} a VM takes at the least before it serves (boot, container, model), so its group would "
            "make it anew for ever; write 900, or more for a larger model",
        )


def zones_lie_in_the_region(profile: Profile) -> Iterator[Finding]:
    """The profile's zone and each tier's are zones of their region."""
    if not profile.zone.startswith(profile.region + "-"):
        yield Finding(path=("zone",), text=f"'{profile.zone}' is not in region {profile.region}; choose a zone of it")
    for path, zone, region, _ in every_zone(profile):
        told = profile.zone if region == profile.region else profile.regions[region].zone
        if zone != told and not zone.startswith(region + "-"):
            yield Finding(path=path, text=f"'{zone}' is not in region {region}; choose a zone of it")


def zones_host_the_chips(profile: Profile) -> Iterator[Finding]:
    """Each zone an enabled tier may be ordered in offers its machine type."""
    for path, zone, region, tier in every_zone(profile):
        generation = tpu.GENERATIONS[tier.generation]
        if region != profile.region and generation.name not in tpu.offered_in(region):
            continue  # that is told of the region
        if tier.enabled and zone.startswith(region + "-") and zone not in generation.zones:
            here = path if zone != profile.zone or len(path) > 3 else ("zone",)
            yield Finding(
                path=here, text=f"'{zone}' has no {generation.machine_type}; {generation.name} is in {', '.join(generation.zones)}"
            )


def a_topology_exists(profile: Profile) -> Iterator[Finding]:
    """Some topology has exactly the tier's chips."""
    for path, _, tier in every_tier(profile):
        try:
            tpu.slice_of(tier.chips, tpu.GENERATIONS[tier.generation])
        except ProfileError as error:
            yield Finding(path=(*path, "chips"), text=str(error))


def the_suffix_counts_tensorcores(profile: Profile) -> Iterator[Finding]:
    """An accelerator type agrees with the chips: its suffix counts TensorCores, one or two a chip."""
    for path, _, tier in every_tier(profile):
        if tier.accelerator_type is not None:
            yield from _suffix((*path, "accelerator_type"), tier, tier.accelerator_type)


def _suffix(path: tuple[str | int, ...], tier: Tier, accelerator: str) -> Iterator[Finding]:
    generation = tpu.GENERATIONS[tier.generation]
    chips = tpu.chips_of_accelerator(accelerator)
    right = f"{generation.name}-{generation.tensorcores_per_chip * tier.chips}"
    if chips is None:
        yield Finding(path=path, text=f"'{accelerator}' is not a TPU we know; names look like tpu7x-512")
    elif not accelerator.startswith(f"{generation.name}-"):
        yield Finding(path=path, text=f"'{accelerator}' is not of generation {generation.name}; write {right} or change `generation`")
    elif chips != tier.chips:
        why = f"because its number counts TensorCores, {'two' if generation.tensorcores_per_chip == 2 else 'one'} a chip"
        yield Finding(path=path, text=f"'{accelerator}' has {chips} chips, {why}; for {tier.chips} chips write {right}")


def orders_can_be_placed(profile: Profile) -> Iterator[Finding]:
    """Each way to order is complete and told once: a reservation where it is reserved and nowhere else."""
    for place, _, tier in every_tier(profile):
        ways: list[tuple[tuple[str | int, ...], str, str, str | None]] = [(place, tier.consumption, tier.zone, tier.reservation)]
        for number, each in enumerate(tier.fallbacks):
            ways.append(((*place, "fallbacks", number), each.consumption, each.zone or tier.zone, each.reservation))
        seen = set()
        for path, consumption, zone, reservation in ways:
            if consumption == "reserved" and reservation is None:
                text = "'reserved' needs the reservation to draw from; add `reservation: NAME`"
                yield Finding(path=(*path, "consumption"), text=text)
            if consumption != "reserved" and reservation is not None:
                yield Finding(
                    path=(*path, "reservation"),
                    text=f"'{reservation}' is used by `consumption: reserved` only; remove it or change consumption",
                )
            if (consumption, zone, reservation) in seen:
                yield Finding(
                    path=(*path, "consumption"),
                    text=f"'{consumption}' in {zone} is ordered before already; remove it or choose another zone",
                )
            seen.add((consumption, zone, reservation))


def names_fit(profile: Profile) -> Iterator[Finding]:
    """Every name the profile leads to is short enough for its kind."""
    account = naming.service_account_id(profile.name_prefix)
    if len(account) > MAX_SERVICE_ACCOUNT_ID:
        yield Finding(
            path=("name_prefix",),
            text=f"makes the service account id '{account}' {len(account)} characters long; at most {MAX_SERVICE_ACCOUNT_ID} are allowed, so the prefix may have "
            f"{MAX_SERVICE_ACCOUNT_ID - len(naming.service_account_id(''))}",
        )
    bucket = naming.bucket(profile.name_prefix, profile.project_id)
    if len(bucket) > MAX_NAME or bucket.startswith("goog") or "google" in bucket:
        yield Finding(
            path=("name_prefix",),
            text=f"makes the bucket name '{bucket}'; at most {MAX_NAME} characters are allowed, and neither goog in front nor google in it",
        )
    from ironwood.placement import options_of  # late: it needs the profile these rules are part of

    ways = [(name, option.label) for name, tier in (*profile.tiers.items(), *profile.enabled_tiers.items()) for option in options_of(tier)]
    longest = max((naming.template(profile.name_prefix, name, "0" * 8, label) for name, label in ways), key=len)
    if len(longest) > MAX_NAME:
        yield Finding(
            path=("name_prefix",), text=f"makes the name '{longest}' {len(longest)} characters long; at most {MAX_NAME} are allowed"
        )


def the_default_tier_serves(profile: Profile) -> Iterator[Finding]:
    """Requests that match no path have somewhere to go, and no path leads to two tiers."""
    default = profile.load_balancer.default_tier
    if profile.home_tiers and default not in profile.home_tiers:
        yield Finding(
            path=("load_balancer", "default_tier"),
            text=f"'{default}' is not enabled; choose one of {', '.join(profile.home_tiers)} or enable it",
        )
    seen: dict[str, str] = {}
    for name, tier in profile.home_tiers.items():
        for path in tier.paths:
            if path in seen:
                yield Finding(path=("tiers", name, "paths"), text=f"'{path}' already leads to tier {seen[path]}; give it to one of them")
            seen.setdefault(path, name)


def the_stop_is_a_time(profile: Profile) -> Iterator[Finding]:
    """`stop_at` names a cron time that comes, in a time zone that exists."""
    if profile.stop_at is None:
        return
    try:
        next(CronSim(profile.stop_at.cron, datetime(2026, 1, 1)))  # noqa: DTZ001 - only whether there is a time
    except (CronSimError, StopIteration):
        yield Finding(
            path=("stop_at", "cron"),
            text=f"'{profile.stop_at.cron}' is no cron time: minute, hour, day of month, month, day of week; 0 20 * * * is every evening at eight",
        )
    if profile.stop_at.time_zone not in available_timezones():
        yield Finding(
            path=("stop_at", "time_zone"), text=f"'{profile.stop_at.time_zone}' is no time zone; write a name such as Europe/Paris"
        )


def a_budget_rises(profile: Profile) -> Iterator[Finding]:
    """The budget's thresholds rise, and its display name, which bears the marker, is short enough."""
    thresholds = profile.budget.thresholds
    if any(later <= earlier for earlier, later in itertools.pairwise(thresholds)):
        shown = ", ".join(map(str, thresholds))
        yield Finding(path=("budget", "thresholds"), text=f"[{shown}] do not rise; write each once, from the lowest to the highest")
    shown = naming.display_name(naming.budget(profile.name_prefix), profile.name)
    if profile.billing_account and len(shown) > MAX_BUDGET_NAME:
        yield Finding(
            path=("name",), text=f"makes the budget's name '{shown}' {len(shown)} characters long; at most {MAX_BUDGET_NAME} are allowed"
        )


def budget_actions_can_be_done(profile: Profile) -> Iterator[Finding]:
    """An action of the budget names tiers where it needs them and nowhere else, is told once, and what does more than tell has a ledger to go by."""
    seen = set()
    for number, action in enumerate(profile.budget.actions or ()):
        path = ("budget", "actions", number)
        if action.do == "tear_down" and not action.tiers:
            text = f"'tear_down' needs the tiers to empty; add `tiers: [...]` of {', '.join(profile.enabled_tiers)}"
            yield Finding(path=(*path, "do"), text=text)
        if action.do != "tear_down" and action.tiers:
            text = f"'{action.do}' is for every tier; remove `tiers`, or write `do: tear_down`"
            yield Finding(path=(*path, "tiers"), text=text)
        for tier in action.tiers:
            if tier not in profile.enabled_tiers:
                text = f"'{tier}' is not enabled; choose of {', '.join(profile.enabled_tiers)}"
                yield Finding(path=(*path, "tiers"), text=text)
        if (action.at, action.do) in seen:
            yield Finding(path=(*path, "do"), text=f"'{action.do}' at {action.at:g} stands twice; keep one of the two")
        seen.add((action.at, action.do))
        if action.do != "notify" and not profile.logging.enabled:
            text = f"'{action.do}' goes by what the ledger says was spent; leave logging on, or only notify"
            yield Finding(path=(*path, "do"), text=text)


def what_is_watched_is_recorded(profile: Profile) -> Iterator[Finding]:
    """Our metrics are worked out from the ledger's log."""
    if profile.monitoring.enabled and not profile.logging.enabled:
        text = "monitoring is on and needs the ledger's log; leave logging on, or write `monitoring: {enabled: false}` too"
        yield Finding(path=("logging", "enabled"), text=text)


def charts_name_known_metrics(profile: Profile) -> Iterator[Finding]:
    """A chart draws a metric ironwood knows."""
    for title, kind in profile.monitoring.charts.items():
        if kind not in metrics.GOOGLES:
            yield Finding(
                path=("monitoring", "charts", title),
                text=f"'{kind}' is not a metric ironwood knows; known are {', '.join(metrics.GOOGLES)}",
            )


def https_has_a_port_of_its_own(profile: Profile) -> Iterator[Finding]:
    """HTTP and HTTPS listen on different ports, and no domain stands twice."""
    balancer = profile.load_balancer
    if balancer.domains and balancer.https_port == balancer.port:
        yield Finding(
            path=("load_balancer", "https_port"),
            text=f"{balancer.https_port} is the port of HTTP too; HTTP redirects, so give each its own",
        )
    for domain in sorted({each for each in balancer.domains if balancer.domains.count(each) > 1}):
        yield Finding(path=("load_balancer", "domains"), text=f"'{domain}' stands twice; keep one of the two")


def a_policy_can_decide(profile: Profile) -> Iterator[Finding]:
    """The policy asks for no more history than it reads, and has a ledger that says since when pods are there."""
    policy = profile.policy
    if policy.least_history_days > policy.history_days:
        yield Finding(
            path=("policy", "least_history_days"),
            text=f"{policy.least_history_days} is more than history_days {policy.history_days}; lower it or raise history_days",
        )
    if policy.between_plans == "optimized" and not profile.logging.enabled:
        yield Finding(
            path=("policy", "between_plans"),
            text="'optimized' goes by what the ledger says was ordered when; leave logging on, or write windows",
        )


def deployments_can_be(profile: Profile) -> Iterator[Finding]:
    """What is deployed at Vertex AI has an endpoint, an enabled tier, sizes in order, and a name that fits."""
    for tier, wanted in profile.vertex.deployments.items():
        path = ("vertex", "deployments", tier)
        if not profile.vertex.endpoints:
            yield Finding(path=path, text="needs an endpoint; write `endpoints: true`, or remove it")
        if tier not in profile.home_tiers:
            yield Finding(path=path, text=f"'{tier}' is not enabled; choose of {', '.join(profile.home_tiers)}")
        if wanted.min_replicas > wanted.max_replicas:
            text = f"{wanted.min_replicas} is more than max_replicas {wanted.max_replicas}; lower it or raise max_replicas"
            yield Finding(path=(*path, "min_replicas"), text=text)
    name = naming.vertex_model(profile.name_prefix, profile.model_name, "0" * 8)
    if profile.vertex.deployments and len(name) > MAX_NAME:
        yield Finding(
            path=("model_name",), text=f"makes the model's id '{name}' {len(name)} characters long; at most {MAX_NAME} are allowed"
        )


def a_billing_export_is_an_accounts(profile: Profile) -> Iterator[Finding]:
    """The export's table is called after the billing account."""
    if profile.budget.billing_export is not None and profile.billing_account is None:
        yield Finding(
            path=("budget", "billing_export"), text="needs `billing_account`, after which the export's table is called; write both"
        )


RULES: tuple[Callable[[Profile], Iterator[Finding]], ...] = (
    a_tier_is_enabled,
    sizes_are_ordered,
    a_floor_has_a_lease,
    a_probe_ends_before_the_next,
    a_vm_has_time_to_start,
    zones_lie_in_the_region,
    zones_host_the_chips,
    a_topology_exists,
    the_suffix_counts_tensorcores,
    orders_can_be_placed,
    names_fit,
    the_default_tier_serves,
    a_budget_rises,
    budget_actions_can_be_done,
    what_is_watched_is_recorded,
    charts_name_known_metrics,
    the_stop_is_a_time,
    https_has_a_port_of_its_own,
    a_billing_export_is_an_accounts,
    a_policy_can_decide,
    deployments_can_be,
    a_cache_can_be_reached,
    what_is_adopted_can_be_marked,
    what_google_starts_can_be_reached,
    *REGION_RULES,
    *WINDOW_RULES,
    *DEVELOPMENT_RULES,
    *SECURITY_RULES,
    *AUTOSCALING_RULES,
    *GOOGLE_RULES,
)
