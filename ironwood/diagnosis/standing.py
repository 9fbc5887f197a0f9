"""What the live graph itself shows: APIs off, health checks shut out, certificates, leases and jobs, autoscalers, the cache, development TPUs, drift.

What another check explains better is not told as drift: VMs a group lacks, and what is named here by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from ironwood.desired.network import HEALTH_CHECK_RANGES
from ironwood.diagnosis.finding import Finding
from ironwood.graph import Graph
from ironwood.lease import read
from ironwood.plan import Change, Plan
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import SERVICES, Address
from ironwood.resources.cache import RedisInstance
from ironwood.resources.group import InstanceGroup
from ironwood.resources.https import ACTIVE, FAILED_FOR_GOOD, Certificate
from ironwood.resources.network import Firewall
from ironwood.resources.queued_tpu import ACTIVE as TPU_ACTIVE
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_set import ServiceSet

SIGNED_WITHIN = timedelta(hours=1)
"""How long a managed certificate usually takes (documented: up to 60 minutes once its domains lead here)."""
NEARLY_OVER = timedelta(minutes=45)
"""A lease is renewed when less than three quarters are left and is an hour or more: with less than this left, nobody renews it."""
READY = "READY"
BROKEN = "ERROR"
BY_ITSELF = ("CREATING", "UPDATING", "MAINTENANCE", "FAILING_OVER", "REPAIRING", "IMPORTING")
"""What a cache comes out of by itself."""
SUSPENDED = ("SUSPENDED", "FAILED", "SUSPENDING")
MOST = 8
"""How many differences a finding names."""
TEARDOWN = "teardown"


@dataclass(frozen=True, kw_only=True)
class StandingSeen:
    """`live` is what the profile owns, `plan` what would bring it to `wanted`; kinds `unlisted` are unknown. `refused`: jobs whose last call was refused.
    `foreign`: autoscalers that are not its own over groups that are.

    `leaving`: since when a teardown is not at its end; `called` is the profile as commands take it: its name, or a file.
    """

    name: str
    called: str
    live: Graph
    wanted: Graph
    plan: Plan
    unlisted: Collection[str] = ()
    refused: Collection[Address] = ()
    foreign: Collection[Autoscaler] = ()
    leaving: datetime | None = None


def judge(seen: StandingSeen, at: datetime) -> Iterator[Finding]:
    """Every finding at an instant."""
    yield from _apis(seen)
    yield from _leaving(seen)
    if not any(each.address != SERVICES for each in seen.live):
        yield Finding(
            check="drift",
            severity="error",
            subject=seen.name,
            what="nothing of the profile is there",
            remedies=(_provision(seen),),
        )
        return
    yield from _firewalls(seen)
    for each in seen.live:
        if isinstance(each, Certificate):
            yield from _certificate(seen, each, at)
        if isinstance(each, SchedulerJob):
            yield from _job(seen, each, at)
        if isinstance(each, Autoscaler):
            yield from _autoscaler(each)
        if isinstance(each, RedisInstance):
            yield from _cache(each)
        if isinstance(each, QueuedTpu):
            yield from _tpu(seen, each, at)
    yield from map(_foreign, seen.foreign)
    yield from _drift(seen)


def _provision(seen: StandingSeen) -> str:
    return f"python -m flows.provision --profile {seen.called}"


def _apis(seen: StandingSeen) -> Iterator[Finding]:
    wanted, live = seen.wanted.get(SERVICES), seen.live.get(SERVICES)
    if not isinstance(wanted, ServiceSet) or not isinstance(live, ServiceSet):
        return
    off = [api for api in wanted.enabled if api not in live.enabled]
    if off:
        yield Finding(
            check="api",
            severity="error",
            subject="APIs",
            what=f"off: {', '.join(off)}",
            remedies=(f"gcloud services enable {' '.join(off)}", _provision(seen)),
        )


def _leaving(seen: StandingSeen) -> Iterator[Finding]:
    if seen.leaving is not None:
        yield Finding(
            check=TEARDOWN,
            severity="error",
            subject=seen.name,
            what="a teardown was begun and is not at its end, so nothing else is changed",
            since=seen.leaving,
            remedies=(
                f"finish it: python -m flows.teardown --profile {seen.called} --confirm {seen.name}",
                f"or keep what is there: {_provision(seen)}",
            ),
        )


def _firewalls(seen: StandingSeen) -> Iterator[Finding]:
    """Whether health checks get through: the first thing to look at where nothing is healthy."""
    for change in seen.plan:
        rule = change.after
        if isinstance(rule, Firewall) and set(HEALTH_CHECK_RANGES) <= set(rule.source_ranges) and change.address.kind not in seen.unlisted:
            what = "is missing" if change.action == "create" else f"was changed ({change.reason})"
            yield Finding(
                check="firewall",
                severity="error",
                subject=rule.name,
                what=f"{what}: Google's health checks do not reach the VMs",
                evidence=(f"wanted: {', '.join(_allowed(rule))} from {', '.join(rule.source_ranges)} to VMs tagged {rule.target_tag}",),
                remedies=(_provision(seen),),
            )


def _allowed(rule: Firewall) -> Iterator[str]:
    for allow in rule.allowed:
        yield f"{allow.protocol}:{','.join(allow.ports)}" if allow.ports else allow.protocol


def _certificate(seen: StandingSeen, certificate: Certificate, at: datetime) -> Iterator[Finding]:
    if certificate.status == ACTIVE:
        return
    created = _instant(certificate.created)
    late = certificate.status == FAILED_FOR_GOOD or created is None or at - created > SIGNED_WITHIN
    domains = tuple(f"{domain}: {status}" for domain, status in certificate.domain_status)
    remedies: tuple[str, ...] = (
        f"each A record must lead to the load balancer: dig +short {certificate.domains[0]} beside `gcloud compute forwarding-rules list --global`",
        "a CAA record must let pki.goog sign, and no AAAA record may lead elsewhere: docs/https.md",
    )
    if certificate.status == FAILED_FOR_GOOD:
        remedies = (f"{_provision(seen)} orders another one under the next name", *remedies)
    yield Finding(
        check="certificate",
        severity="error" if late else "note",
        subject=certificate.name,
        what=f"is {certificate.status}: {', '.join(certificate.domains)} {'is' if len(certificate.domains) == 1 else 'are'} not served by HTTPS",
        since=created,
        evidence=domains,
        remedies=remedies if late else (),
    )


def _job(seen: StandingSeen, job: SchedulerJob, at: datetime) -> Iterator[Finding]:
    lease = read(job.schedule, now=at)
    if lease is not None and lease.end <= at:
        yield Finding(
            check="lease",
            severity="error",
            subject=job.name,
            what=f"the lease has ended: Google keeps {job.target.rpartition('/')[2]} at its floor",
            since=lease.end,
            evidence=(f"last run {job.last_run or 'never'}; nobody has renewed it",),
            remedies=(_provision(seen), "then see that a worker is online, which renews it with every look: docs/operations.md"),
        )
    elif lease is not None and lease.end - at < NEARLY_OVER:
        minutes = int((lease.end - at).total_seconds()) // 60
        yield Finding(
            check="lease",
            severity="warning",
            subject=job.name,
            what=f"the lease ends in {minutes} min and nobody renews it; then Google empties {job.target.rpartition('/')[2]}",
            remedies=(f"python -m flows.scale --profile {seen.called}", "see that a worker is online: docs/operations.md"),
        )
    if job.address in seen.refused:
        yield Finding(
            check="job",
            severity="error",
            subject=job.name,
            what=f"its last call was refused with code {job.last_code}: it would not stop anything",
            since=_instant(job.last_run),
            remedies=(f"gcloud scheduler jobs describe {job.name} --location={job.scope.partition('/')[2]}", _provision(seen)),
        )


def _autoscaler(autoscaler: Autoscaler) -> Iterator[Finding]:
    if autoscaler.status == BROKEN or autoscaler.told:
        yield Finding(
            check="autoscaler",
            severity="error" if autoscaler.status == BROKEN else "note",
            subject=autoscaler.name,
            what=f"is {autoscaler.status or 'there'}, {autoscaler.mode}, {autoscaler.least} to {autoscaler.most} VMs",
            evidence=autoscaler.told,
            remedies=(_managed("describe", autoscaler),),
        )


def _foreign(autoscaler: Autoscaler) -> Finding:
    """Somebody's, over a group of ours."""
    return Finding(
        check="autoscaler",
        severity="error",
        subject=autoscaler.name,
        what=f"is not ours and sizes {autoscaler.group.name} between {autoscaler.least} and {autoscaler.most} VMs: they bill, and Google refuses our sizes",
        remedies=(_managed("stop-autoscaling", autoscaler), "or give the tier `autoscaling:`"),
    )


def _managed(verb: str, autoscaler: Autoscaler) -> str:
    return f"gcloud compute instance-groups managed {verb} {autoscaler.group.name} --zone={autoscaler.scope.partition('/')[2]}"


def _cache(cache: RedisInstance) -> Iterator[Finding]:
    if cache.state in {READY, ""}:
        return
    alone = cache.state in BY_ITSELF
    where = f"gcloud redis instances describe {cache.name} --region={cache.scope.partition('/')[2]}"
    yield Finding(
        check="cache",
        severity="warning" if alone else "error",
        subject=cache.name,
        what=f"is {cache.state}" + ("; it comes out of that by itself, clients connect again" if alone else ""),
        remedies=(where,),
    )


def _tpu(seen: StandingSeen, tpu: QueuedTpu, at: datetime) -> Iterator[Finding]:
    if tpu.state == TPU_ACTIVE:
        return
    created = _instant(tpu.created)
    broken = tpu.state in SUSPENDED or tpu.state.startswith("NODE_")
    late = broken or (created is not None and at - created > tpu.patience)
    yield Finding(
        check="queued",
        severity="error" if late else "note",
        subject=tpu.name,
        what=f"is {tpu.state}" + ("; it still counts against the quota" if tpu.state in SUSPENDED else ""),
        since=created,
        remedies=(f"{_provision(seen)} deletes it and orders another",) if late else (),
    )


def _drift(seen: StandingSeen) -> Iterator[Finding]:
    left = [change for change in seen.plan if change.address.kind not in seen.unlisted and not _explained(change)]
    if left:
        evidence = tuple(f"{each.action} {each.address}: {each.reason}" for each in left[:MOST])
        more = (f"and {len(left) - MOST} more: python -m flows.detect_drift --profile {seen.called}",) if len(left) > MOST else ()
        yield Finding(
            check="drift",
            severity="warning",
            subject=seen.name,
            what=f"{len(left)} {'thing differs' if len(left) == 1 else 'things differ'} from the profile",
            evidence=(*evidence, *more),
            remedies=(f"{_provision(seen)} --dry-run shows it, and without --dry-run repairs it",),
        )


def _explained(change: Change) -> bool:
    """Whether another check tells of the same."""
    before, after = change.before, change.after
    if change.address == SERVICES or (isinstance(after, QueuedTpu) and isinstance(before, QueuedTpu)):
        return True
    if isinstance(after, Firewall) and set(HEALTH_CHECK_RANGES) <= set(after.source_ranges):
        return True
    if isinstance(before, InstanceGroup) and isinstance(after, InstanceGroup):
        return before.size <= after.size and not {*before.differences(after)} - {"lacking", "size"}
    return isinstance(before, SchedulerJob) and isinstance(after, SchedulerJob) and not {*before.differences(after)} - {"schedule"}


def _instant(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
