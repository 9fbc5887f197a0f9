"""Probe a cloud: the graph of a profile on a few e2-micro VMs, its life in small, and what Google answered beside what the embedded cloud answers.

For whoever has an account: a few dollars at most, the price shown first and a proof of zero after it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from prefect import flow

from cloud import probing, recording
from cloud.connection import Connection, connect
from cloud.drivers.iam import email
from cloud.drivers.logs import pending_buckets
from flows.command_line import Argument, run
from flows.permitted import demand
from flows.reconcile import API_NAMES, Reconciliation, against, carry_out, run_id
from flows.run_names import named
from flows.teardown import prove, taken_down
from ironwood import naming
from ironwood.conformance import Exchange, compared
from ironwood.cost.estimate import estimate
from ironwood.desired.stops import lease_job
from ironwood.errors import InputError, ProbeError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.probe import DRAINED, PREFIX, group_of, probe_graph, probe_profile
from ironwood.profile import Profile
from ironwood.profile_google import GoogleSettings
from ironwood.resources.base import SERVICES, Address
from ironwood.resources.group import InstanceGroup
from tasks import probing as steps
from tasks import report
from tasks.inputs import load_price_book, load_profile
from tasks.lock import writer
from tasks.observe import observe
from tasks.preflight import refuse
from tasks.probe import routes, under_load

HOURS = Decimal(2)
"""No probe lasts longer; its leases end then."""
TRAFFIC_USD = Decimal("0.10")
"""More than what its few megabytes of requests cost, log entries and state object included."""
SHOWN = 20
EMBEDDED_PROJECT = "embedded-project"


@flow(name="probe-cloud", flow_run_name=named("probe the cloud of {profile}"))
def probe_cloud(profile: str = "embedded", confirm: str = "", write: str = "", recorded: str = "") -> None:
    """Provision, ask, drain a VM under load, meet an autoscaler, fire a lease, tear down, prove zero; record it all.

    It stands beside the profile, as `probe-PROFILE`; of the profile's own nothing is touched. `confirm` must be the profile's name: without it
    the price is shown and nothing is made. `write` is a new file for the recording, in the form of recorded Google Cloud traffic. What was
    answered is compared with the embedded cloud, and `recorded`, the file of an earlier probe, with this one.
    """
    ours = load_profile(profile)
    probe = probe_profile(ours)
    earlier = recording.read(Path(recorded)) if recorded else ()
    if write and Path(write).exists():
        raise InputError(f"{write}: File exists; name a new file in a folder that exists")
    connection = connect(probe)
    report.opening(probe, connection)
    _price(probe)
    if confirm != ours.name:
        raise InputError(
            f"nothing was made. The probe makes and deletes things named {PREFIX}… in project {probe.project_id}; to go on: --confirm {ours.name}"
        )
    _may(connection, probe_graph(probe))
    answered = _lived(connection, probe, f"python -m flows.probe_cloud --profile {profile} --confirm {ours.name}", write)
    if earlier:
        _compare(f"the recording in {recorded}", earlier, "this cloud", answered)
    elif probe.cloud == "embedded":
        _compare("this recording", answered, "itself: this is the embedded cloud", answered)
    else:
        _compare("what Google answered", answered, "the embedded cloud", _embedded(ours))


def _price(probe: Profile) -> None:
    """What it costs, before anything is made."""
    cost = estimate(probe_graph(probe), load_price_book(probe.price_book))
    for line in cost.lines:
        report.say("price", f"{report.usd(line.hourly_usd)}/h  {line.address.kind} {line.address.name}: {line.what}")
    most = cost.hourly_usd * HOURS + TRAFFIC_USD
    report.say(
        "price",
        f'{report.usd(cost.hourly_usd)}/h at price book "{cost.book}"; it takes about half an hour at Google: at most {report.usd(most)} within '
        f"the {HOURS} h after which its leases empty the groups by themselves",
    )


def _may(connection: Connection, wanted: Graph) -> None:
    """Raises PreflightError naming what the caller may not do; what needs an API that is off is asked again once it is on."""
    demand(connection, "provision", wanted)
    demand(connection, "teardown", wanted)
    refuse(steps.autoscaler_permissions(connection))


def _lived(connection: Connection, probe: Profile, again: str, write: str = "") -> tuple[Exchange, ...]:
    """The whole life of the probe; what was answered, written to the file `write` whatever became of it. Taken down and proven gone in any case."""
    with recording.recorded(connection, PREFIX) as heard:
        try:
            with writer(probe):
                try:
                    gone = _steps(connection, probe)
                finally:
                    deleted = taken_down(connection, probe, _names(probe), again)
            _soft_deletes(connection, probe, gone)
            prove(probe, deleted, again)
        finally:
            if write:
                heard.write(Path(write))
                report.say("recording", f"{len(heard.exchanges)} exchanges written to {write}")
        return heard.exchanges


def _steps(connection: Connection, probe: Profile) -> Mapping[str, str]:
    """From nothing to groups a lease has emptied; the numbers of the probe's accounts by address."""
    found = _towards(connection, probe)
    if enabling := found.plan.of_kind(SERVICES.kind).changes:
        carry_out(connection, Plan(enabling))
        _may(connection, found.wanted)
        found = _towards(connection, probe)
    report.say("plan", found.plan.summary)
    carry_out(connection, found.plan)
    standing = _Standing.seen(connection, probe)
    took = steps.answering(connection, standing.urls[0])
    report.say("asked", f"{standing.urls[0]} answers 200, {took.total_seconds():.0f} s after the VMs were healthy")
    small = group_of(standing.wanted, DRAINED)
    _drained(connection, probe, standing, small)
    now = _Standing.seen(connection, probe)
    sized = group_of(now.live, DRAINED)
    report.say("autoscaler", f"a resize of {sized.name} is refused: {steps.refused_resize(connection, sized, run_id())}")
    lease = lease_job(probe, sized)
    if lease is None:
        raise ProbeError(f"{sized.name} has no lease")
    emptied = steps.emptied_by_its_lease(connection, sized, lease, run_id())
    report.say("lease", f"{lease.name} was fired once: {sized.name} went from {sized.size} VMs to none in {emptied.total_seconds():.0f} s")
    return {account: probing.unique_id(connection, account) for account in _accounts(probe)}


def _towards(connection: Connection, probe: Profile, vms: Mapping[Address, int] | None = None) -> Reconciliation:
    seen = observe(connection, _names(probe))
    return against(seen, probe, probe_graph(probe, seen.live, connection.clock.now(), vms))


def _drained(connection: Connection, probe: Profile, standing: _Standing, group: InstanceGroup) -> None:
    """One VM of `group` goes while every route is asked without pause; raises ProbeError when a request is lost."""
    with under_load(standing.urls) as loads:
        carry_out(connection, _towards(connection, probe, {group.address: group.size - 1}).plan.of_kind(InstanceGroup.kind))
    sent, failed = sum(each.sent for each in loads.values()), sum(each.failed for each in loads.values())
    report.say("drain", f"{group.name} {group.size} → {group.size - 1}   {failed} of {sent:,} requests lost")
    if failed:
        raise ProbeError(f"requests were lost while a VM drained: { ({each.url: dict(each.answers) for each in loads.values()}) }")


def _soft_deletes(connection: Connection, probe: Profile, accounts: Mapping[str, str]) -> None:
    """What Google keeps, unbilled: seen, not taken for granted. Raises ProbeError where it is not so."""
    buckets = pending_buckets(connection, probe.name)
    if not buckets:
        raise ProbeError("the log bucket was deleted and is not listed as DELETE_REQUESTED")
    for name, when in buckets:
        report.say("pending", f"log bucket {name} is DELETE_REQUESTED, purged by {when:%Y-%m-%d}, $0")
    for account, number in accounts.items():
        told = probing.deleted_account(connection, number)
        if not told:
            raise ProbeError(f"{account} was deleted and can still be read")
        report.say("pending", f"account {account.partition('@')[0]}: {told}, $0")


def _compare(what: str, exchanges: tuple[Exchange, ...], beside: str, reference: tuple[Exchange, ...]) -> None:
    found = compared(exchanges, reference)
    report.say("conformance", f"{what} beside {beside}: {found.matched} / {found.total} exchanges matched")
    for call, texts in list(found.differences.items())[:SHOWN]:
        report.say("", f"{call}: {'; '.join(texts[:3])}{f'; {len(texts) - 3} more' if len(texts) > 3 else ''}")
    if len(found.differences) > SHOWN:
        report.say("", f"and {len(found.differences) - SHOWN} calls more")


def _embedded(ours: Profile) -> tuple[Exchange, ...]:
    """The same steps on the embedded cloud."""
    balancer = ours.load_balancer.model_copy(update={"port": 8080})  # an ordinary user cannot listen on 80
    changed = {"cloud": "embedded", "google": GoogleSettings(), "project_id": EMBEDDED_PROJECT, "load_balancer": balancer}
    probe = probe_profile(ours.model_copy(update=changed))
    connection = connect(probe)
    report.opening(probe, connection)
    return _lived(connection, probe, "python -m flows.probe_cloud --profile embedded --confirm embedded")


def _names(probe: Profile) -> frozenset[str]:
    return frozenset({each.name for each in probe_graph(probe)} | API_NAMES)


def _accounts(probe: Profile) -> list[str]:
    ids = (naming.service_account_id(PREFIX), naming.stopper_account_id(PREFIX))
    return [email(probe.project_id, each) for each in ids]


@dataclass(frozen=True, kw_only=True)
class _Standing:
    """The probe as it stands: what is live, what is wanted of it, and where it is asked."""

    live: Graph
    wanted: Graph
    urls: tuple[str, ...]

    @classmethod
    def seen(cls, connection: Connection, probe: Profile) -> _Standing:
        live = observe(connection, _names(probe)).live
        wanted = probe_graph(probe, live)
        return cls(live=live, wanted=wanted, urls=tuple(url for url, _ in routes(live, wanted)))


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--confirm", metavar="PROFILE", help="the profile's name: yes, make it, at the price shown, and delete it again")
    parser.add_argument("--recorded", metavar="FILE", help="compare this recording of an earlier probe with what is answered now")


if __name__ == "__main__":
    sys.exit(run(probe_cloud, Argument.PROFILE, Argument.WRITE, more=_more))
