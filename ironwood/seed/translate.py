"""A seed's terraform.tfvars as a profile: every variable becomes a key, or a line that says why it does not.

1. Nothing is lost in silence: what was changed says so beside its key, what was not taken over is listed at the end. 2. Where the seed's default
differs from a profile's, the seed's is written. 3. What the profile's own rules refuse is told at the variable it came from.
The variables are those of the seed's Terraform and of its README, which names some differently.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ironwood import tpu
from ironwood.errors import ProfileError
from ironwood.profile import DEFAULT_CHIPS, DEFAULT_MAX_REPLICAS, TIER_NAMES
from ironwood.seed.reading import Reader
from ironwood.seed.tfvars import Tfvars

HOME = ("us-central1", "us-central1-c")
"""Region and zone of TPU7x, and the defaults of a profile."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The key at `path` of the profile; `why` is told beside it, `line` is that of the variable it comes from (0: the seed's default)."""

    path: tuple[str, ...]
    value: object
    line: int = 0
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Left:
    """A variable that is not taken over, and why, with what there is instead."""

    line: int
    variable: str
    why: str


Told = Iterator[Setting | Left]


def translated(tfvars: Tfvars) -> tuple[list[Setting], list[Left]]:
    """What the profile says, and what it leaves out; raises ProfileError naming every variable that cannot be read."""
    reader = Reader(tfvars=tfvars)
    told = [each for rule in RULES for each in rule(reader)]
    told.extend(_unknown(reader))
    if reader.mistakes:
        raise ProfileError("\n".join(dict.fromkeys(text for _, text in sorted(reader.mistakes))))
    return [each for each in told if isinstance(each, Setting)], [each for each in told if isinstance(each, Left)]


def _place(reader: Reader) -> Told:
    project = reader.text("project_id")
    if project is None:
        if reader.given("project_id") is None:
            reader.mistakes.append((1, f'{reader.tfvars.source}:1 project_id: is required; add project_id = "…"'))
    else:
        yield Setting(path=("project_id",), value=project, line=reader.line("project_id"))
    region, zone = reader.text("region"), reader.text("zone")
    zones = tpu.TPU7X.zones
    there = [each for each in zones if each.startswith(f"{region or HOME[0]}-")]
    if not there:
        others = ", ".join(
            f"{each.name} in {where}" for each in tpu.GENERATIONS.values() for where in each.zones if where.startswith(f"{region}-")
        )
        instead = f"; there is {others}: set region, zone and `generation` of each tier for that" if others else ""
        yield Setting(path=("region",), value=HOME[0], line=reader.line("region"), why=f"was {region}, which has no TPU7x{instead}")
    elif region is not None:
        yield Setting(path=("region",), value=region, line=reader.line("region"))
    if zone is not None and zone in there:
        yield Setting(path=("zone",), value=zone, line=reader.line("zone"))
    else:
        was = f"was {zone}" if zone is not None else "the seed's default is us-central1-a"
        yield Setting(
            path=("zone",), value=HOME[1], line=reader.line("zone"), why=f"{was}, which has no TPU7x; it is in {', '.join(zones)}"
        )


def _regions(reader: Reader) -> Told:
    """A further region gets the small tier, of a generation it has; one that has none, or where that tier is off, is left out."""
    line, home = reader.line("regions"), reader.text("region") or HOME[0]
    small = reader.switch("enable_small_tpu") is not False
    for number, region in enumerate(reader.texts("regions") or ()):
        if region in {home, HOME[0]}:
            continue
        offered = tpu.offered_in(region)
        fits = [name for name in offered if _holds(DEFAULT_CHIPS["small"], name)]
        has = ", ".join(f"{name} in {' and '.join(zones)}" for name, zones in offered.items()) or "no TPUs that tiers can use"
        if not fits or not small:
            would = f"; write `regions.{region}` with a tier of that" if offered else ""
            yield Left(line=line, variable="regions", why=f"{region} has no TPU7x, it has {has}{would}")
            continue
        why = (
            ""
            if fits[0] == tpu.TPU7X.name
            else f"{region} has no TPU7x, it has {has}; one more pod of {DEFAULT_CHIPS['small']} chips, paid beside the others"
        )
        yield Setting(
            path=("regions", region, "subnet_cidr"), value=f"10.{number + 1}.0.0/16", line=line, why="new: a subnet in each region"
        )
        yield Setting(path=("regions", region, "tiers", "small", "generation"), value=fits[0], line=line, why=why)


def _holds(chips: int, generation: str) -> bool:
    try:
        tpu.slice_of(chips, tpu.GENERATIONS[generation])
    except ProfileError:
        return False
    return True


def _names(reader: Reader) -> Told:
    for name in ("model_name", "environment"):
        value = reader.text(name)
        if value is not None:
            yield Setting(path=(name,), value=value, line=reader.line(name))
    if reader.text("environment") == "prod":
        why = "new: the seed's prod is open to everybody, ours asks for a key"
        yield Setting(path=("security", "api_key"), value=True, line=reader.line("environment"), why=why)
    labels = reader.mapping("labels")
    if labels is not None:
        kept = {key: str(value) for key, value in labels.items() if (key, value) != ("managed-by", "terraform") and key != "environment"}
        why = "without managed-by and environment, which are not Terraform's any more" if len(kept) < len(labels) else ""
        yield Setting(path=("labels",), value=kept, line=reader.line("labels"), why=why)


def _tiers(reader: Reader) -> Told:
    for tier in TIER_NAMES:
        enabled = reader.switch(f"enable_{tier}_tpu")
        if enabled is not None:
            yield Setting(path=("tiers", tier, "enabled"), value=enabled, line=reader.line(f"enable_{tier}_tpu"))
        least, most = (f"min_replicas_{tier}", "min_replicas"), (f"max_replicas_{tier}", "max_replicas")
        low, high = reader.whole(*least), reader.whole(*most)
        yield Setting(
            path=("tiers", tier, "min_replicas"),
            value=1 if low is None else low,
            line=reader.line(*least),
            why="" if low is not None else "the seed's default",
        )
        if high is not None:
            yield Setting(path=("tiers", tier, "max_replicas"), value=high, line=reader.line(*most))
        elif low is not None and low > DEFAULT_MAX_REPLICAS[tier]:
            yield Setting(path=("tiers", tier, "max_replicas"), value=low, line=reader.line(*least), why="raised to min_replicas")
    default = next((each for each in ("medium", "small", "large") if reader.switch(f"enable_{each}_tpu") is not False), "medium")
    if default != "medium":
        yield Setting(path=("load_balancer", "default_tier"), value=default, why="the seed's default is medium, which is off")


def _scaling(reader: Reader) -> Told:
    """An autoscaler for each tier that can have one, at the seed's target of the load balancer's rate instead of the CPU."""
    cpu = ("auto_scaling_target_cpu_utilization", "target_cpu_utilization")
    target, delay = reader.number(*cpu), reader.whole("scale_down_delay")
    found = reader.given(*cpu) or reader.given("scale_down_delay")
    if found is None:
        return
    kept = [
        tier
        for tier in TIER_NAMES
        if reader.switch(f"enable_{tier}_tpu") is not False and (tier != "large" or reader.switch("enable_large_tpu"))
    ]
    why = {tier: reason for tier in kept if (reason := _not_autoscaled(reader, tier))}
    for tier in kept:
        if tier in why:
            continue
        path = ("tiers", tier, "autoscaling")
        if target is not None:
            was = "was of the CPU, which says nothing of a TPU's chips: here of what a VM takes, load_balancer.max_rate_per_vm; docs/autoscaling.md"
            yield Setting(path=(*path, "target"), value=target, line=reader.line(*cpu), why=was)
        if delay is not None:
            yield Setting(path=(*path, "scale_down_delay_seconds"), value=delay, line=reader.line("scale_down_delay"))
    for tier, reason in why.items():
        yield Left(line=found.line, variable=found.name, why=f"tier {tier} has no autoscaler: {reason}; its size is for `windows`")


def _not_autoscaled(reader: Reader, tier: str) -> str:
    """Why a tier cannot have an autoscaler, "" where it can."""
    least = reader.whole(f"min_replicas_{tier}", "min_replicas")
    most = reader.whole(f"max_replicas_{tier}", "max_replicas")
    vms = (DEFAULT_MAX_REPLICAS[tier] if most is None else most) * DEFAULT_CHIPS[tier] // tpu.TPU7X.chips_per_vm
    if vms > tpu.GROUP_VM_LIMIT:
        return f"its largest size is {vms:,} VMs, more than the {tpu.GROUP_VM_LIMIT:,} of the one group an autoscaler sizes"
    return "min_replicas is 0, and an empty tier is asked nothing it could scale by" if least == 0 else ""


def _front(reader: Reader) -> Told:
    names = ("ssl_certificate_domains", "domains")
    domains, ssl = reader.texts(*names), reader.switch("enable_ssl")
    if domains and ssl is False:
        yield Left(
            line=reader.line(*names),
            variable="domains",
            why=f"{', '.join(domains)}: enable_ssl is false; `load_balancer.domains` turns HTTPS on",
        )
    elif domains:
        yield Setting(
            path=("load_balancer", "domains"), value=domains, line=reader.line(*names), why="HTTP redirects to HTTPS: docs/https.md"
        )
    elif ssl:
        yield Left(line=reader.line("enable_ssl"), variable="enable_ssl", why="a certificate needs a domain; write `load_balancer.domains`")
    for key in ("interval", "timeout"):
        value = reader.whole(f"health_check_{key}")
        if value is not None:
            yield Setting(path=("health_check", f"{key}_seconds"), value=value, line=reader.line(f"health_check_{key}"))
    if reader.switch("enable_cdn"):
        yield Left(
            line=reader.line("enable_cdn"), variable="enable_cdn", why="a CDN does not cache POST, so predictions never came from it"
        )
    if version := reader.text("tpu_version"):
        why = f"{version}: a runtime of the Cloud TPU API, which has no TPU7x; the VMs' image is `tiers.*.image_family`"
        yield Left(line=reader.line("tpu_version"), variable="tpu_version", why=why)


def _money(reader: Reader) -> Told:
    amount = reader.number("budget_amount")
    if amount is not None:
        why = "" if amount.is_integer() else f"was {amount:g}; whole dollars"
        yield Setting(path=("budget", "amount_usd"), value=int(amount), line=reader.line("budget_amount"), why=why)
    names = ("budget_threshold_percent", "budget_threshold", "threshold")
    share = reader.number(*names)
    if share is not None:
        yield Setting(path=("budget", "threshold"), value=share, line=reader.line(*names))
        yield Setting(
            path=("budget", "thresholds"),
            value=[share],
            line=reader.line(*names),
            why="Google tells it with `billing_account` only: docs/money.md",
        )
    watch = reader.switch("enable_monitoring")
    if watch is not None:
        yield Setting(path=("monitoring", "enabled"), value=watch, line=reader.line("enable_monitoring"))
    email = reader.text("notification_email")
    if email is not None:
        yield Setting(path=("monitoring", "notification_email"), value=email, line=reader.line("notification_email"))


def _sections(reader: Reader) -> Told:
    """What has a section of its own, the seed's defaults among it: on unless the file turns it off."""
    on, size = reader.switch("enable_redis_cache") is not False, reader.whole("redis_memory_size_gb")
    line = reader.line("enable_redis_cache")
    yield Setting(path=("redis", "enabled"), value=on, line=line, why="" if line else "the seed's default")
    line = reader.line("redis_memory_size_gb")
    if on:
        yield Setting(
            path=("redis", "memory_size_gb"), value=100 if size is None else size, line=line, why="" if line else "the seed's default"
        )
    elif line:
        yield Left(line=line, variable="redis_memory_size_gb", why=f"{size}: enable_redis_cache is false")
    names = ("bigquery_dataset_location", "bigquery_location")
    location, line = reader.text(*names), reader.line("enable_bigquery_analytics")
    on = reader.switch("enable_bigquery_analytics") is not False
    yield Setting(path=("analytics", "enabled"), value=on, line=line, why="" if line else "the seed's default")
    if location is not None and (found := reader.given(*names)) is not None:
        if on:
            yield Setting(path=("analytics", "location"), value=location, line=found.line)
        else:
            yield Left(line=found.line, variable=found.name, why=f"{location}: enable_bigquery_analytics is false")
    line = reader.line("model_optimizations")
    for key, value in (reader.mapping("model_optimizations") or {}).items():
        yield Setting(path=("model_optimizations", key), value=value, line=line)


def _unknown(reader: Reader) -> Told:
    for name, each in reader.tfvars.variables.items():
        if name in reader.asked:
            continue
        near = difflib.get_close_matches(name, sorted(reader.asked), n=1, cutoff=0.8)
        if near:
            reader.mistakes.append(
                (each.line, f"{reader.tfvars.source}:{each.line} {name}: is not a variable of the seed; did you mean '{near[0]}'?")
            )
        else:
            yield Left(line=each.line, variable=name, why="is not a variable of the seed")


RULES: tuple[Callable[[Reader], Told], ...] = (_place, _regions, _names, _tiers, _front, _money, _scaling, _sections)
