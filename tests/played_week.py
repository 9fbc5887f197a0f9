"""A campaign in the embedded cloud: recorded demand played in, a look at every quarter of an hour of stepped time, and what it came to.

Costs are compared with what replay predicts for the same profile, policy and demand: what was billed, and what was refused at the price of a unit not
served. Demand is the trace's own; a request is `TOKENS` tokens of work, so that a unit is what one chip of the smallest tier serves.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
from google.cloud import monitoring_v3

from builders import ROOT
from cloud import audit
from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.check_budget import check_budget
from flows.provision import provision
from flows.replay import Request, rules_of
from ironwood import naming
from ironwood.capacity.demand import Demand
from ironwood.capacity.policies import POLICIES
from ironwood.capacity.replay import STANDARD_OFFERS, Bill, Replayed, price
from ironwood.decision import KIND
from ironwood.desired.observability import ledger_log
from ironwood.metrics import REQUESTS
from ironwood.profile import Profile
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.optimize import TraceUse, read_demand, run_policy

PROFILE = ROOT / "tests" / "data" / "week" / "week.yaml"
TRACE = ROOT / "tests" / "data" / "traces" / "servegen_m_mid_10min.csv"
BEGIN = datetime(2024, 1, 8, tzinfo=UTC)
"""Where the trace's second week begins; the first is history."""
TICK = timedelta(minutes=15)
LOOK = timedelta(minutes=30)
BIN = timedelta(minutes=10)
HALF = BIN / 2
TOKENS = 300
"""Of a request, as the profile's policy counts them: 250 put out and a twentieth of 1,000 put in."""
PATHS = ("/v1/predict", "/simple/v1/predict")


def requests() -> list[tuple[datetime, int]]:
    """The trace: (begin of ten minutes, requests)."""
    with TRACE.open() as file:
        return [(datetime.fromisoformat(row["timestamp"]), int(float(row["requests"]))) for row in csv.DictReader(file)]


@dataclass(frozen=True, kw_only=True)
class Realised:
    """What a stretch came to, in US dollars and requests."""

    billed_usd: Decimal
    chips_usd: Decimal
    shortfall_usd: float
    asked: int
    refused: int

    @property
    def total_usd(self) -> float:
        """What replay predicts: everything billed, and what was not served."""
        return float(self.billed_usd) + self.shortfall_usd


@dataclass
class Campaign:
    """A stretch of the trace's second week, from `begin` for `ticks` quarters of an hour."""

    folder: Path
    begin: datetime
    ticks: int
    cloud: EmbeddedCloud = field(init=False)
    ticked: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        ready = self.begin - timedelta(hours=3)  # so that no pod is bound by its least time up when the first decision is made
        self.cloud = EmbeddedCloud(folder=self.folder, clock="stepped", start_time=ready.isoformat()).start()
        os.environ["IRONWOOD_EMULATOR"] = self.cloud.rest

    @property
    def end(self) -> datetime:
        return self.begin + self.ticks * TICK

    @property
    def profile(self) -> Profile:
        return load_profile(str(PROFILE))

    @property
    def connection(self) -> Connection:
        return connect(self.profile)

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self.cloud.ask("clock")["now"]).astimezone(UTC)

    def advance(self, until: datetime) -> None:
        """Let time pass, at most an hour a request: each minute of it the embedded cloud looks at its alarms."""
        while (now := self.now) < until:
            self.cloud.tell("clock/advance", {"until": min(until, now + timedelta(hours=1)).isoformat()})

    # -- demand and its prediction -------------------------------------------------------------------------------------

    @property
    def requests_per_unit_minute(self) -> float:
        """What a unit serves."""
        return self.profile.policy.tokens_per_chip_second * 60 / TOKENS

    def play(self) -> None:
        """Play all of the trace until the end of the campaign; what lies before now is history."""
        rows = [(at, count) for at, count in requests() if at < self.end]
        share = {offer.name: offer.units_per_chip for offer in STANDARD_OFFERS}
        rates = {naming.backend_service("", tier): share[tier] * self.requests_per_unit_minute for tier in self.profile.enabled_tiers}
        trace = {
            "since": rows[0][0].isoformat(),
            "bin_minutes": BIN // timedelta(minutes=1),
            "requests": [count for _, count in rows],
            "paths": PATHS,
            "requests_per_chip_minute": rates,
        }
        self.cloud.tell("traffic", {naming.forwarding_rule(""): trace}, method="PUT")

    def trace(self) -> Path:
        """The same demand as Cloud Monitoring tells it, five minutes a bin, as `flows.export_demand` would write it."""
        path = self.folder / f"demand-{self.ticks}.csv"
        lines = [f"{at:%Y-%m-%dT%H:%M:%SZ},{count}" for at, count in self.halves()]
        path.write_text("\n".join(["timestamp,requests", *lines]) + "\n")
        return path

    def halves(self) -> Iterator[tuple[datetime, int]]:
        """(begin of five minutes, requests) until the end of the campaign."""
        for at, count in requests():
            yield from ((begin, part) for begin, part in ((at, count // 2), (at + HALF, count - count // 2)) if begin < self.end)

    @property
    def peak_units(self) -> float:
        """The trace's most, until the end of the campaign, in units."""
        most = max(count for _, count in self.halves())
        return most / (HALF / timedelta(minutes=1)) / self.requests_per_unit_minute

    def predicted(self, policy: str) -> Replayed:
        """What `flows.replay --decide-every 15` says of the campaign's stretch."""
        request = Request(trace=self.trace(), policy=policy, profile=str(PROFILE), decide_every=15, peak_units=self.peak_units)
        rules = rules_of(request.profile, request.decide_every)
        demand = self.demand(request)
        return run_policy(POLICIES[policy], rules, demand, self.ticks * 3, lambda _: None).replayed

    def demand(self, request: Request) -> Demand:
        return read_demand(request.trace, TraceUse(), peak_units=request.peak_units)

    @property
    def load_seconds(self) -> float:
        """How long a model takes to load for its VM to serve the profile's lead after it was ordered."""
        durations = self.cloud.ask("durations")["durations"]
        check = self.profile.health_check
        probes = check.interval_seconds * check.healthy_threshold
        order = sum(float(durations[name]) for name in ("compute.instanceGroupManagers.resize", "vm.boot", "vm.container"))
        (lead,) = {tier.lead_minutes for tier in self.profile.enabled_tiers.values()}
        assert lead is not None
        return lead * 60 - order - probes

    # -- looking at it ---------------------------------------------------------------------------------------------------

    def pods(self) -> dict[str, int]:
        """By tier, as the cloud has them."""
        groups = [each for each in observe(self.connection).live if isinstance(each, InstanceGroup)]
        return {
            name: sum(each.size for each in groups if f"-{name}-" in each.name) * 4 // tier.chips
            for name, tier in self.profile.enabled_tiers.items()
        }

    def begin_with(self, sizes: dict[str, int]) -> None:
        """Provision `sizes`, let the demand in, and keep the leases until the first look."""
        self.cloud.tell("durations", {"vm.load": self.load_seconds}, method="PUT")
        provision(str(PROFILE), sizes)
        self.play()
        while (until := self.now + LOOK) < self.begin:
            self.advance(until)
            check_budget(str(PROFILE))

    def run(
        self,
        look: Callable[[], object],
        say: Callable[[str], None],
        progress: Callable[[datetime], str],
        alive: Callable[[datetime], bool] = lambda _: True,
    ) -> None:
        """`look` at every quarter of an hour at which something of ours is `alive`; then the end of the last."""
        for number in range(self.ticks):
            at = self.begin + number * TICK
            if not alive(at):
                continue
            self.advance(at)
            if number % 24 == 0:
                say(f"{at:%a %d %b %H:%M}  {progress(at)}")
            self.ticked.append(at)
            look()
        self.advance(self.end)

    def so_far(self, predicted: Replayed) -> Callable[[datetime], str]:
        """What was predicted until an instant, and what it came to."""
        units = self.demand(Request(trace=self.trace(), policy="", peak_units=self.peak_units)).units[predicted.first_bin :]

        def told(at: datetime) -> str:
            bins = (at - self.begin) // HALF
            bill = price(predicted.rules, predicted.initial, predicted.sizes[:bins], units[:bins])
            rate = float(self.cloud.ask("bill")["usd_per_hour"])
            now = f"{', '.join(f'{tier} {pods}' for tier, pods in self.pods().items())}, {rate:,.2f} $/h"
            if not bins:
                return now
            came = self.realised(self.begin, at, predicted.rules.shortfall_usd_per_unit_hour)
            share = came.total_usd / bill.total_usd - 1
            return f"{now}; so far {came.total_usd:,.2f} $ ({came.shortfall_usd:,.2f} refused) of {bill.total_usd:,.2f} $ ({bill.shortfall_usd:,.2f}): {share:+.3%}"

        return told

    def realised(self, since: datetime, until: datetime, shortfall_usd_per_unit_hour: float) -> Realised:
        """What [since, until) came to."""
        bill = self.cloud.ask("bill", **{"from": since.isoformat(), "until": until.isoformat()})
        chips = sum((Decimal(line["amount_usd"]) for line in bill["lines"] if line["kind"] == "compute.instances"), Decimal(0))
        codes = dict(self.by_code(since, until))
        refused = sum(count for code, count in codes.items() if code != "200")
        hours = refused / self.requests_per_unit_minute / 60
        return Realised(
            billed_usd=Decimal(bill["total_usd"]),
            chips_usd=chips,
            shortfall_usd=hours * shortfall_usd_per_unit_hour,
            asked=sum(codes.values()),
            refused=refused,
        )

    def by_code(self, since: datetime, until: datetime) -> Iterator[tuple[str, int]]:
        """Requests by response code, from Cloud Monitoring."""
        request = {
            "name": "projects/embedded-project",
            "filter": f'metric.type="{REQUESTS}" AND resource.type="https_lb_rule"',
            "interval": {"start_time": since, "end_time": until},
            "aggregation": {
                "alignment_period": until - since,
                "per_series_aligner": monitoring_v3.Aggregation.Aligner.ALIGN_DELTA,
                "cross_series_reducer": monitoring_v3.Aggregation.Reducer.REDUCE_SUM,
                "group_by_fields": ["metric.label.response_code"],
            },
        }
        for series in self.connection.client(monitoring_v3.MetricServiceClient).list_time_series(request=request):
            yield series.metric.labels["response_code"], sum(point.value.int64_value for point in series.points)

    def decided(self) -> list[datetime]:
        """When each decision of the ledger's log was made, by the quarter of an hour it belongs to."""
        found = audit.read(self.connection, bucket=naming.ledger(""), log=ledger_log(self.profile), since=self.begin - TICK, kind=KIND)
        return [datetime.fromtimestamp(each.at.timestamp() // TICK.total_seconds() * TICK.total_seconds(), tz=UTC) for each in found]


@dataclass(frozen=True, kw_only=True)
class Reconciled:
    """The same pods as replay and as the embedded cloud count them, in US dollars.

    Replay charges a start with the whole lead and with 0.1 h. The cloud bills from RUNNING, so the lead without its order and boot; and the 0.1 h when
    the pod goes, as connections drain for 300 s and the VM is removed in 60. So `unbilled_usd` is not billed at all, `ahead_usd` not yet: the 0.1 h
    of pods that stand at the end, less those that stood at the beginning and came without a start.
    """

    unbilled_usd: float
    ahead_usd: float

    @classmethod
    def of(cls, played: Campaign, predicted: Replayed) -> Reconciled:
        durations = played.cloud.ask("durations")["durations"]
        prices = np.array([tier.price_usd_per_pod_hour for tier in predicted.rules.tiers])
        started = np.maximum(np.diff(predicted.sizes, axis=0, prepend=np.array([predicted.initial])), 0).sum(axis=0)
        before = (float(durations["compute.instanceGroupManagers.resize"]) + float(durations["vm.boot"])) / 3600
        standing = predicted.sizes[-1] - np.array(predicted.initial)
        return cls(unbilled_usd=float((started * prices).sum() * before), ahead_usd=float((standing * prices).sum() * 0.1))


def table(predicted: Bill, realised: Realised, between: Reconciled) -> str:
    """Both, and what lies between them."""
    infrastructure = predicted.infrastructure_usd + predicted.startup_usd
    rows = [
        ("TPUs", infrastructure, float(realised.chips_usd)),
        ("TPUs, reconciled", infrastructure - between.unbilled_usd - between.ahead_usd, float(realised.chips_usd)),
        ("refused", predicted.shortfall_usd, realised.shortfall_usd),
        ("everything", predicted.total_usd, realised.total_usd),
    ]
    return "\n".join(
        f"{name:17} predicted {told:12,.2f} $  realised {came:12,.2f} $  {came / told - 1 if told else 0:+.4%}" for name, told, came in rows
    )
