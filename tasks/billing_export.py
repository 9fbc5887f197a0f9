"""The ledger beside Google's billing export, once an hour; where they part by more than a hundredth the alarm of prices is raised.

An export that cannot be read is told and stops nothing: the meter is our own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType

from prefect.events import emit_event

from cloud import billing_export
from cloud.connection import Connection
from ironwood import naming
from ironwood.cost.meter import spent
from ironwood.errors import CloudError
from ironwood.profile import Profile
from ironwood.resources.group import InstanceGroup
from ironwood.state import Exported, Spending
from tasks import report
from tasks.budget_report import DRIFT, resource_of
from tasks.inputs import load_price_book
from tasks.meter import WORTH_SAYING, Metered

HOUR = timedelta(hours=1)


def with_export(connection: Connection, profile: Profile, before: Spending | None, metered: Metered) -> Metered:
    """`metered` with what the export says, if the profile names one: asked when another hour of it is complete, else as remembered in `before`."""
    dataset, account = profile.budget.billing_export, profile.billing_account
    if dataset is None or account is None:
        return metered
    known = before.exported if before else None
    until = billing_export.until_when(metered.at)
    since = metered.since + (-metered.since.timestamp() % HOUR.total_seconds()) * timedelta(seconds=1)
    if until <= since or (known is not None and known.until >= until):
        return replace(metered, exported=known)
    heads = (naming.group_head(profile.name_prefix),)
    try:
        billed = billing_export.exported(connection, dataset=dataset, account=account, heads=heads, since=since, until=until)
    except CloudError as error:
        report.say("prices", f"the ledger could not be compared with Google's bill: {error}")
        return replace(metered, exported=known)
    if billed is None:
        report.say(
            "prices", f"the billing export tells nothing of {profile.name} up to {until:%d %b %H:%M} UTC; it is asked again in an hour"
        )
        billed = Decimal(0)
    groups = {key: vm for key, vm in metered.book.vms.items() if vm.make.group.startswith(InstanceGroup.kind)}
    book = replace(metered.book, vms=MappingProxyType(groups))
    ledger = spent(book, load_price_book(profile.price_book), since, until).vms_usd
    found = Exported(until=until, billed_usd=billed, ledger_usd=ledger)
    _tell(profile, known, found)
    return replace(metered, exported=found)


def drift_of(found: Exported | None) -> Decimal | None:
    """By which share the export is above the ledger; None where it is not worth saying or not known."""
    if found is None or not found.ledger_usd or not found.billed_usd:
        return None
    share = found.billed_usd / found.ledger_usd - 1
    return share if abs(share) > WORTH_SAYING else None


def _tell(profile: Profile, before: Exported | None, found: Exported) -> None:
    drift = drift_of(found)
    until = f"{found.until:%d %b %H:%M} UTC"
    if drift is None:
        report.say(
            "prices", f"Google's bill of VMs up to {until}: {report.usd(found.billed_usd)}, the ledger's {report.usd(found.ledger_usd)}"
        )
        return
    told = (
        f"Google billed {report.usd(found.billed_usd)} for VMs up to {until}, the ledger says {report.usd(found.ledger_usd)} ({drift:+.1%}): price book "
        f"{profile.price_book} is out of date, or VMs run that are not ours; the higher of the two counts. See `python -m flows.refresh_prices`"
    )
    report.say("prices", told)
    if drift_of(before) is None:
        content = {"billed_usd": f"{found.billed_usd:.2f}", "ledger_usd": f"{found.ledger_usd:.2f}", "drift": f"{drift:.4f}"}
        emit_event(event=DRIFT, resource=resource_of(profile), payload=content | {"told": told})
