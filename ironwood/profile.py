"""A profile: what a user wants, as YAML text -> frozen, validated `Profile`.

1. Every key is known, every value typed; an unknown key is an error that names its nearest neighbour.
2. Every error names file, line and key, says what is wrong and what would do; all of them are told at once.
3. `${NAME}` in a value is taken from the environment, so that a project id or a secret need not stand in the file.
4. Rules between keys (min <= max, the zone can host the chips, names fit) are in `ironwood/profile_rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError

from ironwood import patterns
from ironwood.errors import ProfileError
from ironwood.profile_analytics import AnalyticsSettings
from ironwood.profile_autoscaling import Autoscaling
from ironwood.profile_cloud_scheduler import CloudSchedulerSettings
from ironwood.profile_development import DevelopmentTpu
from ironwood.profile_google import GoogleSettings
from ironwood.profile_policy import PolicySettings
from ironwood.profile_redis import RedisSettings
from ironwood.profile_regions import fill_regions, key_of, name_of
from ironwood.profile_rules import cross_check
from ironwood.profile_section import Section as _Section
from ironwood.profile_security import SecuritySettings
from ironwood.profile_text import ProfileText
from ironwood.profile_vertex import ModelOptimizations, VertexSettings
from ironwood.profile_windows import HolidaySettings, Moment, Override, OwnWindow, Zone

TierName = Literal["small", "medium", "large"]
TIER_NAMES: tuple[str, ...] = get_args(TierName)
"""Smallest first."""
AnyTier = Annotated[str, Field(pattern=patterns.TIER)]
"""A tier of the profile's own region or, with the region's name, of a further one."""
Consumption = Literal["on_demand", "spot", "flex_start", "reserved"]
Shape = Literal["single_host", "multi_host"]
GenerationName = Literal["tpu7x", "v6e", "v5p"]

DEFAULT_CHIPS: Mapping[str, int] = {"small": 256, "medium": 1_024, "large": 9_216}
DEFAULT_MAX_REPLICAS: Mapping[str, int] = {"small": 3, "medium": 5, "large": 2}
DEFAULT_TIMEOUT_SECONDS: Mapping[str, int] = {"small": 30, "medium": 60, "large": 120}
DEFAULT_DRAINING_SECONDS: Mapping[str, int] = {"small": 300, "medium": 300, "large": 600}
DEFAULT_COOLDOWN_SECONDS: Mapping[str, int] = {"small": 300, "medium": 300, "large": 600}
DEFAULT_PATHS: Mapping[str, tuple[str, ...]] = {
    "small": ("simple", "basic", "quick"),
    "medium": (),
    "large": ("complex", "advanced", "reasoning"),
}


class Serving(_Section):
    """The model server every VM runs; rendered into the template's startup script."""

    image: Annotated[str, Field(min_length=1)] = "us-docker.pkg.dev/example/serving/vllm-tpu:v0.11.0"
    model_source: Annotated[str, Field(pattern=patterns.MODEL_SOURCE)] = "gs://example-models/llama-70b"
    port: Annotated[int, Field(ge=1, le=65_535)] = 8080
    readiness_path: Annotated[str, Field(pattern=patterns.URL_PATH)] = "/health"
    boot_disk_gib: Annotated[int, Field(ge=50, le=65_536)] = 200


class HealthCheckSettings(_Section):
    """How the load balancer and the groups decide that a VM serves. Times in seconds."""

    interval_seconds: Annotated[int, Field(ge=5, le=300)] = 10
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 5
    healthy_threshold: Annotated[int, Field(ge=1, le=10)] = 2
    unhealthy_threshold: Annotated[int, Field(ge=1, le=10)] = 3
    startup_grace_seconds: Annotated[int, Field(ge=0, le=3_600)] = 900


class ExistingNetwork(_Section):
    """A VPC that is there already, in this project or, shared, in a host project; nothing of it is changed but firewall rules of our own."""

    project: Annotated[str, Field(pattern=patterns.PROJECT_ID)] | None = None
    network: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)]
    subnetwork: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)]


class NetworkSettings(_Section):
    """The VPC of the tiers: made for them, or an existing one, whose subnet has the range `subnet_cidr`."""

    mtu: Annotated[int, Field(ge=1_300, le=8_896)] = 1_500
    subnet_cidr: str = "10.0.0.0/16"
    existing: ExistingNetwork | None = None


class LoadBalancer(_Section):
    """The global front end: plain HTTP, or, with `domains`, HTTPS to which HTTP redirects."""

    port: Annotated[int, Field(ge=1, le=65_535)] = 80
    https_port: Annotated[int, Field(ge=1, le=65_535)] = 443
    domains: Annotated[tuple[Annotated[str, Field(pattern=patterns.DOMAIN)], ...], Field(max_length=100)] = ()
    resolver: Annotated[str, Field(pattern=patterns.NAME_SERVER)] = ""
    max_rate_per_vm: Annotated[int, Field(ge=1)] = 100
    default_tier: TierName = "medium"


class BudgetAction(_Section):
    """What is done once a month when so large a share of the amount is spent; `tiers` are those that are torn down."""

    at: Annotated[float, Field(gt=0, le=10, strict=False)]
    do: Literal["notify", "stop_growth", "replan", "shrink_to_floor", "tear_down"]
    tiers: Annotated[tuple[AnyTier, ...], Field(strict=False)] = ()


class Budget(_Section):
    """What a month may cost; a plan says how long it lasts at the planned rate.

    With a `billing_account` Google is told too: a budget that publishes spending, with an alert at each of `thresholds`. `actions` are ours;
    without them each of `thresholds` is told. `billing_export`: the dataset the account's detailed export goes to, with which the ledger is compared.
    """

    amount_usd: Annotated[int, Field(gt=0)] = 10_000
    threshold: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.8
    thresholds: Annotated[
        tuple[Annotated[float, Field(gt=0, le=10, strict=False)], ...], Field(min_length=1, max_length=10, strict=False)
    ] = (0.5, 0.8, 1.0)
    actions: Annotated[tuple[BudgetAction, ...], Field(max_length=20, strict=False)] | None = None
    billing_export: Annotated[str, Field(pattern=patterns.BIGQUERY_DATASET)] | None = None


class Fallback(_Section):
    """Where a tier's VMs are ordered when the option before has no stock by its deadline."""

    consumption: Consumption = "on_demand"
    zone: str | None = None
    reservation: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)] | None = None
    deadline_minutes: Annotated[int, Field(ge=5, le=10_080)] | None = None


class Logging(_Section):
    """Whether runs are recorded in a log of their own, and how long that is kept."""

    enabled: bool = True
    retention_days: Annotated[int, Field(ge=1, le=3_650)] = 400


class Alerts(_Section):
    """When an alarm goes off: a limit, and for how many minutes it must be crossed."""

    latency_p95_ms: Annotated[int, Field(ge=1)] = 1_000
    latency_minutes: Annotated[int, Field(ge=1, le=1_440)] = 5
    error_rate: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.05
    error_minutes: Annotated[int, Field(ge=1, le=1_440)] = 5
    idle_utilization: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.3
    idle_minutes: Annotated[int, Field(ge=1, le=1_440)] = 10


class Monitoring(_Section):
    """Whether the tiers are watched, whom alarms tell, when they go off, and charts beside those every dashboard has (title: metric type)."""

    enabled: bool = True
    notification_email: Annotated[str, Field(pattern=patterns.EMAIL)] = ""
    alerts: Alerts = Alerts()
    charts: Mapping[str, str] = Field(default_factory=dict)


class Approval(_Section):
    """Which plans wait for a person: those that add more US dollars an hour, those that order VMs of these tiers; and for how long."""

    above_usd_per_hour: Annotated[float, Field(ge=0, strict=False)] | None = None
    tiers: Annotated[tuple[AnyTier, ...], Field(strict=False)] = ("large",)
    expires_minutes: Annotated[int, Field(ge=1, le=10_080)] = 60


class LeaseSettings(_Section):
    """How long tiers go on billing when nobody of ours is alive to renew their lease: then Google empties them by itself."""

    enabled: bool = True
    hours: Annotated[int, Field(ge=1, le=720)] = 2

    @property
    def length(self) -> timedelta:
        """How long a lease holds."""
        return timedelta(hours=self.hours)


class StopAt(_Section):
    """When Google empties the tiers by itself, whatever became of us: a cron expression in a named time zone."""

    cron: Annotated[str, Field(min_length=1)]
    time_zone: Annotated[str, Field(min_length=1)] = "Etc/UTC"


class Tier(_Section):
    """One tier of pods behind one backend service. A pod is `chips` chips: `chips`/4 VMs of four.

    Orders go to `consumption` in `zone`, then to each of `fallbacks` in turn (`ironwood/placement.py`).
    """

    enabled: bool
    generation: GenerationName = "tpu7x"
    chips: int
    accelerator_type: str | None = None
    shape: Shape = "single_host"
    consumption: Consumption
    zone: str
    reservation: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)] | None = None
    deadline_minutes: Annotated[int, Field(ge=5, le=10_080)] | None = None
    lead_minutes: Annotated[int, Field(ge=0, le=1_440)] | None = None
    fallbacks: tuple[Fallback, ...] = ()
    image_family: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)] | None = None
    replicas: Annotated[int, Field(ge=0, le=20)]
    min_replicas: Annotated[int, Field(ge=0, le=10)]
    max_replicas: Annotated[int, Field(ge=1, le=20)]
    autoscaling: Autoscaling | None = None
    lease_floor: Annotated[int, Field(ge=0, le=20)] = 0
    timeout_seconds: Annotated[int, Field(ge=1, le=86_400)]
    draining_seconds: Annotated[int, Field(ge=0, le=3_600)]
    paths: tuple[Annotated[str, Field(pattern=patterns.ROUTE_PREFIX)], ...]


class RegionSettings(_Section):
    """A further region: where its VMs stand, in a subnet of our own or, in an existing VPC, in `subnetwork`, and its tiers (`ironwood/profile_regions.py`)."""

    zone: Annotated[str, Field(pattern=patterns.ZONE)] | None = None
    subnet_cidr: str
    subnetwork: Annotated[str, Field(pattern=patterns.RESOURCE_NAME)] | None = None
    tiers: Mapping[TierName, Tier]


class Profile(_Section):
    """Everything a reconcile desires, but the sizes of the moment.

    `name` is the marker on everything the profile owns.
    """

    name: Annotated[str, Field(pattern=patterns.PROFILE_NAME)]
    cloud: Literal["embedded", "google"] = "google"
    project_id: Annotated[str, Field(pattern=patterns.PROJECT_ID)]
    google: GoogleSettings = GoogleSettings()
    region: Annotated[str, Field(pattern=patterns.REGION)] = "us-central1"
    zone: Annotated[str, Field(pattern=patterns.ZONE)] = "us-central1-c"
    environment: Literal["dev", "staging", "prod"] = "dev"
    name_prefix: Annotated[str, Field(pattern=patterns.NAME_PREFIX)] = ""
    model_name: Annotated[str, Field(pattern=patterns.MODEL_NAME)] = "llama-70b"
    labels: Mapping[Annotated[str, Field(pattern=patterns.LABEL_KEY)], Annotated[str, Field(pattern=patterns.LABEL_VALUE)]] = Field(
        default_factory=dict
    )
    billing_account: Annotated[str, Field(pattern=patterns.BILLING_ACCOUNT)] | None = None
    price_book: Annotated[str, Field(min_length=1)] = "list"
    serving: Serving = Serving()
    health_check: HealthCheckSettings = HealthCheckSettings()
    network: NetworkSettings = NetworkSettings()
    load_balancer: LoadBalancer = LoadBalancer()
    budget: Budget = Budget()
    logging: Logging = Logging()
    monitoring: Monitoring = Monitoring()
    analytics: AnalyticsSettings = AnalyticsSettings()
    approval: Approval = Approval()
    lease: LeaseSettings = LeaseSettings()
    stop_at: StopAt | None = None
    cloud_scheduler: CloudSchedulerSettings = CloudSchedulerSettings()
    expires: Moment | None = None
    time_zone: Zone = "Etc/UTC"
    holidays: HolidaySettings = HolidaySettings()
    windows: Annotated[tuple[OwnWindow, ...], Field(strict=False)] = ()
    overrides: Annotated[tuple[Override, ...], Field(strict=False)] = ()
    policy: PolicySettings = PolicySettings()
    vertex: VertexSettings = VertexSettings()
    model_optimizations: ModelOptimizations = ModelOptimizations()
    development: Mapping[Annotated[str, Field(pattern=patterns.WINDOW_NAME)], DevelopmentTpu] = Field(default_factory=dict)
    redis: RedisSettings = RedisSettings()
    security: SecuritySettings = SecuritySettings()
    adopt: tuple[str, ...] = ()
    tiers: Mapping[TierName, Tier]
    regions: Mapping[Annotated[str, Field(pattern=patterns.REGION)], RegionSettings] = Field(default_factory=dict)

    def expired(self, moment: datetime) -> bool:
        """Whether, at `moment`, nothing of the profile is to be there any more; a date alone is its last minute, included."""
        return self.expires is not None and moment >= self.expires.end(ZoneInfo(self.time_zone))

    @property
    def home_tiers(self) -> dict[str, Tier]:
        """The tiers in use in the profile's own region, smallest first."""
        return {name: tier for name, tier in sorted(self.tiers.items(), key=lambda item: TIER_NAMES.index(item[0])) if tier.enabled}

    @property
    def enabled_tiers(self) -> dict[str, Tier]:
        """The tiers in use: those of the profile's own region, then those of each further region under names of their own."""
        further = {
            name_of(name, region): tier
            for region, each in self.regions.items()
            for name, tier in sorted(each.tiers.items(), key=lambda item: TIER_NAMES.index(item[0]))
            if tier.enabled
        }
        return self.home_tiers | further

    @property
    def baseline(self) -> dict[str, int]:
        """Pods of each enabled tier where no window holds."""
        return {name: tier.replicas for name, tier in self.enabled_tiers.items()}


def parse_profile(text: str, *, source: str, environment: Mapping[str, str]) -> Profile:
    """The profile in `text`.

    `source` is the file's name in errors, `environment` where `${NAME}` is looked up; the profile's own name defaults to
    the file's. Raises ProfileError with one line for each mistake: `file:line key: what is wrong; what would do`.
    """
    return profile_in(ProfileText.parse(text, source=source), environment)


def profile_in(document: ProfileText, environment: Mapping[str, str]) -> Profile:
    """The profile that `document` holds, mistakes told where the document says they stand; raises ProfileError as `parse_profile` does."""
    values = document.resolved(environment)
    values.setdefault("name", document.source.rpartition("/")[2].partition(".")[0].replace("_", "-"))
    _fill_tiers(values)
    try:
        profile = Profile.model_validate(values)
    except ValidationError as error:
        raise ProfileError(document.explain(error, Profile)) from error
    findings = cross_check(profile)
    if findings:
        raise ProfileError(document.listing((finding.path, finding.text) for finding in findings))
    return profile


def sizes_within(profile: Profile, sizes: Mapping[str, int]) -> dict[str, int]:
    """The baseline with `sizes` (pods by tier) in its place, checked against each tier's bounds.

    Raises ProfileError for a tier that is unknown or off, or a size outside min_replicas..max_replicas.
    """
    enabled = profile.enabled_tiers
    for tier, pods in sizes_possible(profile, sizes).items():
        low, high = enabled[tier].min_replicas, enabled[tier].max_replicas
        if pods < low:
            raise ProfileError(_out_of_bounds(profile, tier, pods, f"min_replicas {low} to max_replicas {high}"))
    return profile.baseline | dict(sizes)


def sizes_possible(profile: Profile, sizes: Mapping[str, int]) -> Mapping[str, int]:
    """`sizes` as they are: windows may want any from 0 to max_replicas, even below min_replicas.

    Raises ProfileError for a tier that is unknown or off, or another size.
    """
    enabled = profile.enabled_tiers
    for tier, pods in sizes.items():
        if tier not in enabled:
            raise ProfileError(f"sizes.{tier}: profile {profile.name} has no enabled tier '{tier}'; enabled are {', '.join(enabled)}")
        low, high = enabled[tier].min_replicas, enabled[tier].max_replicas
        if not 0 <= pods <= high:
            raise ProfileError(_out_of_bounds(profile, tier, pods, f"min_replicas {low} to max_replicas {high}"))
    return sizes


def _out_of_bounds(profile: Profile, tier: str, pods: int, bounds: str) -> str:
    return f"sizes.{tier}: {pods} is outside {bounds} of profile {profile.name}; choose a size between them or change {key_of(tier)} in the profile"


def _fill_tiers(values: dict[str, object]) -> None:
    """Give each tier the seed's defaults, which differ by tier, so that a profile writes only what it changes."""
    tiers = values.setdefault("tiers", {})
    if not isinstance(tiers, dict):
        return
    zone = values.get("zone", "us-central1-c")
    for name in DEFAULT_CHIPS:
        tier = tiers.setdefault(name, {})
        if not isinstance(tier, dict):
            continue
        tier.setdefault("enabled", name != "large")
        tier.setdefault("chips", DEFAULT_CHIPS[name])
        tier.setdefault("zone", zone)
        tier.setdefault("consumption", "flex_start" if tier.get("shape") == "multi_host" else "on_demand")
        scaled = tier.get("autoscaling")
        if isinstance(scaled, dict):
            scaled.setdefault("cooldown_seconds", DEFAULT_COOLDOWN_SECONDS[name])
        tier.setdefault("min_replicas", 0 if scaled is None else 1)
        tier.setdefault("max_replicas", DEFAULT_MAX_REPLICAS[name])
        tier.setdefault("replicas", max(1, tier["min_replicas"]) if isinstance(tier["min_replicas"], int) else 1)
        tier.setdefault("timeout_seconds", DEFAULT_TIMEOUT_SECONDS[name])
        tier.setdefault("draining_seconds", DEFAULT_DRAINING_SECONDS[name])
        tier.setdefault("paths", list(DEFAULT_PATHS[name]))
        for key in ("paths", "fallbacks"):
            if isinstance(tier.get(key), list):
                tier[key] = tuple(tier[key])
    fill_regions(values)
    balancer = values.get("load_balancer")
    if isinstance(balancer, dict) and isinstance(balancer.get("domains"), list):
        balancer["domains"] = tuple(balancer["domains"])
    if isinstance(values.get("adopt"), list):
        values["adopt"] = tuple(values["adopt"])  # type: ignore[arg-type]  # just seen to be a list
