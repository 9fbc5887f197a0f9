"""Say what the budget's meter found and what was done about it: events, the ledger's log, our metrics, the artifact `budget-PROFILE`."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from uuid import NAMESPACE_URL, uuid5

from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from cloud import audit, metering
from cloud.connection import Connection
from ironwood import metrics
from ironwood.cost import budget
from ironwood.cost.outlook import Outlook, Rates, outlook
from ironwood.desired.observability import ledger_log
from ironwood.graph import Graph
from ironwood.profile import BudgetAction, Profile
from ironwood.resources.monitoring import MetricDescriptor
from ironwood.state import Spending
from tasks import report
from tasks.inputs import load_price_book
from tasks.meter import Metered, zone_of

THRESHOLD, DRIFT = "ironwood.budget.threshold", "ironwood.budget.price-drift"
"""The names of our Prefect events."""
WHAT = {
    "told": "told",
    "ceiling": "growth is stopped",
    "floor": "every tier goes to its min_replicas",
    "zero": "tiers are emptied",
    "planned": "a new plan is in force",
}


def tell_actions(connection: Connection, profile: Profile, metered: Metered, after: Spending, actions: list[BudgetAction]) -> None:
    """One Prefect event and one entry of the ledger's log for each action that is carried out."""
    for action in actions:
        effect = after.done[budget.key_of(profile, action)]
        content = {
            "kind": "budget",
            "profile": profile.name,
            "at": action.at,
            "do": action.do,
            "tiers": ", ".join(action.tiers),
            "effect": WHAT[effect],
            "spent_usd": f"{metered.spent_usd:.2f}",
            "hourly_usd": f"{metered.hourly_usd:.2f}",
            "amount_usd": str(profile.budget.amount_usd),
        }
        report.say(
            "budget",
            f"{report.usd(metered.spent_usd)} of ${profile.budget.amount_usd:,} spent, {report.usd(metered.hourly_usd)}/h now: "
            f"{action.do} at {action.at:.0%}: {WHAT[effect]}",
        )
        emit_event(event=THRESHOLD, resource=resource_of(profile), payload=content)
        entry = audit.Entry(
            id=str(uuid5(NAMESPACE_URL, f"{after.month} {profile.name} {budget.key_of(profile, action)}")), at=metered.at, content=content
        )
        audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=[entry])


def tell_drift(profile: Profile, before: Spending | None, metered: Metered) -> None:
    """Raise the alarm of prices once when the cloud's bill and the ledger part, and say so at every look."""
    if metered.drift is None or metered.billed is None:
        return
    told = (
        f"the cloud bills {report.usd(metered.billed.vms_usd)} for VMs, the ledger says {report.usd(metered.spend.vms_usd)} ({metered.drift:+.1%}): "
        f"price book {profile.price_book} is out of date, or VMs run that are not ours; the higher of the two counts. See `python -m flows.refresh_prices`"
    )
    report.say("prices", told)
    if before is None or not before.drift:
        content = {
            "billed_usd": f"{metered.billed.vms_usd:.2f}",
            "ledger_usd": f"{metered.spend.vms_usd:.2f}",
            "drift": f"{metered.drift:.4f}",
        }
        emit_event(event=DRIFT, resource=resource_of(profile), payload=content | {"told": told})


def write_metrics(connection: Connection, profile: Profile, metered: Metered, live: Graph) -> None:
    """A point of what is spent of the budget and of what runs, on which the alarm `budget` and its channel hang."""
    there = {each.name for each in live if isinstance(each, MetricDescriptor) and each.owner == profile.name}
    share = float(metered.spent_usd / profile.budget.amount_usd)
    readings = [
        metering.Reading(metric=metrics.own(profile.name_prefix, "hourly_usd"), value=float(metered.hourly_usd)),
        metering.Reading(metric=metrics.own(profile.name_prefix, "budget_used"), value=share),
    ]
    metering.write(connection, [each for each in readings if each.metric in there])


def write_page(profile: Profile, after: Spending, metered: Metered, rates: Rates) -> Outlook:
    """The artifact `budget-PROFILE`; answers the outlook it shows."""
    zone = zone_of(profile)
    found = outlook(
        metered.book,
        load_price_book(profile.price_book),
        since=metered.since,
        now=metered.at,
        end=budget.month_end(metered.at, zone).astimezone(UTC),
        spent_usd=metered.spent_usd,
        hourly_usd=metered.hourly_usd,
        rates=rates,
    )
    amount = Decimal(profile.budget.amount_usd)
    band = f"{report.usd(found.low_usd)} to {report.usd(found.high_usd)}"
    for told in metered.told:
        report.say("meter", told)
    report.say(
        "budget",
        f"{report.usd(metered.spent_usd)} of ${amount:,} spent in {after.month} ({metered.spent_usd / amount:.1%}), {report.usd(metered.hourly_usd)}/h now; "
        f"{report.usd(found.forecast_usd)} by the end ({band}; {found.basis}); {report.usd(found.saved_usd)} saved against always-on",
    )
    create_markdown_artifact(
        key=f"budget-{profile.name}",
        markdown="\n".join(_page(profile, after, metered, found, band)),
        description=f"{after.month}: {metered.spent_usd / amount:.1%} of ${amount:,}",
    )
    return found


def _page(profile: Profile, after: Spending, metered: Metered, found: Outlook, band: str) -> list[str]:
    amount = Decimal(profile.budget.amount_usd)
    billed = report.usd(metered.billed.vms_usd) if metered.billed else "not read"
    lines = [
        f"# Budget of {profile.name}, {after.month}",
        "",
        "| | |",
        "|---|---|",
        f"| spent so far | {report.usd(metered.spent_usd)} of ${amount:,} ({metered.spent_usd / amount:.1%}) |",
        f"| an hour now | {report.usd(metered.hourly_usd)} |",
        f"| by the end of the month | {report.usd(found.forecast_usd)}, {band} ({found.basis}) |",
        f"| saved against always-on at the month's peak | {report.usd(found.saved_usd)} |",
        f"| VMs by the ledger, by the cloud's bill | {report.usd(metered.spend.vms_usd)}, {billed} |",
        f"| months are counted in | {zone_of(profile).key} |",
        "",
        "## Thresholds",
        "",
        "| at | is | does | this month |",
        "|---|---|---|---|",
    ]
    for action in budget.actions_of(profile):
        effect = after.done.get(budget.key_of(profile, action))
        what = f"{action.do} {', '.join(action.tiers)}".strip()
        lines.append(
            f"| {action.at:.0%} | {report.usd(budget.usd_at(profile, action))} | {what} | {WHAT[effect] if effect else 'not reached'} |"
        )
    lines += ["", "## By tier", "", "| tier | spent |", "|---|---|"]
    lines += [f"| {tier} | {report.usd(usd)} |" for tier, usd in sorted(metered.spend.by_tier.items())]
    lines.append(f"| everything else | {report.usd(metered.spend.others_usd)} |")
    if metered.told:
        lines += ["", "## What the ledger did not know", "", *(f"- {told}" for told in metered.told)]
    return lines


def resource_of(profile: Profile) -> dict[str, str]:
    """What our Prefect events are about."""
    return {"prefect.resource.id": f"ironwood.profile.{profile.name}", "prefect.resource.name": profile.name}
