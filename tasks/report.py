"""Say what happened: printed for whoever sits in front of it, kept as artifacts for whoever looks later."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from prefect.artifacts import create_markdown_artifact, create_table_artifact
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cloud.connection import Connection
from ironwood.cost.estimate import UNWATCHED, Estimate, cents
from ironwood.cost.pricebook import PriceBook
from ironwood.errors import ProfileError
from ironwood.placement import AVAILABILITY, LEAD_TIMES, options_of
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.resources.group import InstanceGroup
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.vertex import DeployedModel
from ironwood.tpu import region_of
from tasks.apply import Done
from tasks.finding import Finding
from tasks.preflight.check import Check

WIDEST = 400
"""Characters of the widest line of a table that is not printed on a terminal: there names are not cut off."""
MARKS = {"create": "+", "update": "~", "delete": "-"}

console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDEST)


@contextmanager
def beside(form: Literal["text", "json"]) -> Iterator[None]:
    """While the block runs, what is said to people goes to standard error where standard output is to hold JSON."""
    before, console.stderr = console.stderr, form == "json"
    try:
        yield
    finally:
        console.stderr = before


def json_object(content: Mapping[str, object]) -> None:
    """One JSON object on standard output: for programs."""
    print(json.dumps(content, indent=2))


def say(head: str, text: str | Text) -> None:
    """One line under a left-hand heading; brackets in it are read by people (`adopt: [...]`), not by rich."""
    console.print(Text.assemble((f"{head:<11}", "bold"), " ", text))


def plain(text: str) -> None:
    """One line as it is: what the cloud told may hold brackets."""
    console.print(text, markup=False)


def usd(amount: Decimal) -> str:
    """`$15,360.03`."""
    return f"${cents(amount):,.2f}"


def opening(profile: Profile, connection: Connection) -> None:
    """Which profile meets which cloud."""
    say("ironwood", f"profile {profile.name} · {connection.name}")


def checks(found: list[Check]) -> None:
    """The preflight table."""
    for check in found:
        mark = ("✗", "red") if check.remedy else ("✓", "green")
        say("preflight", Text.assemble(mark, f" {check.subject}: {check.found}{f'. {check.remedy}' if check.remedy else ''}"))


def plan(
    changes: Plan, *, before: Estimate, after: Estimate, profile: Profile, books: tuple[PriceBook, PriceBook], other: Estimate
) -> None:
    """The diff with its cost: printed, and kept as the artifact `plan-PROFILE`."""
    book, second = books
    say(
        "plan",
        f"{changes.summary}      now {usd(before.hourly_usd)}/h → {usd(after.hourly_usd)}/h, {signed(after.hourly_usd - before.hourly_usd)}/h",
    )
    say("", f'{usd(after.daily_usd)}/day at price book "{book.name}" of {book.as_of}; "{second.name}" says {usd(other.daily_usd)}/day')
    if after.hourly_usd:
        hours = Decimal(profile.budget.amount_usd) / after.hourly_usd
        say("", _unwatched(after, profile))
        if after.most_usd > after.hourly_usd:
            say("", f"autoscalers may take it to {usd(after.most_usd)}/h by themselves, whenever their tiers are asked for more")
        say("", f"the budget of ${profile.budget.amount_usd:,} lasts {_hours(hours)} at this rate")
        if not profile.logging.enabled:
            say("", "no ledger is kept, because logging is off: what this spends is not metered")
    fleet = sum((line.hourly_usd for line in after.lines if line.address.kind == DeployedModel.kind), Decimal(0))
    if fleet:
        say("", f"Vertex AI deployments are a fleet of their own beside the tiers: {usd(fleet)}/h of this, used or not")
    if after.committed_usd or before.committed_usd:
        say(
            "",
            f"reservations: {usd(after.committed_usd)}/h of them in use; they are paid whether used or not, so shrinking them saves nothing",
        )
    if after.hourly_usd > before.hourly_usd:
        for text in orders(profile, book):
            say("orders", text)
    for change in changes:
        console.print(
            f"  {MARKS[change.action]} {change.address.kind} {change.address.name} ({change.address.scope}): {change.reason}", markup=False
        )
    if not len(changes):
        say("", "0 actions: live is as desired")
    create_markdown_artifact(
        key=f"plan-{profile.name}",
        markdown=_plan_page(changes, before, after, profile, book),
        description=f"Plan {changes.summary}, hash {changes.hash}",
    )


def _unwatched(after: Estimate, profile: Profile) -> str:
    """What it costs when everything of ours dies: a night's length of it, or what the leases let through."""
    if not profile.lease.enabled:
        return f"if everything of ours died now and nobody looked for {UNWATCHED.total_seconds() / 3600:g} h: {usd(after.exposure_usd())}; there are no leases"
    leased = {InstanceGroup.kind, DeployedModel.kind, QueuedTpu.kind}
    groups = sum((line.hourly_usd for line in after.at_most if line.address.kind in leased), Decimal(0))
    groups -= after.unleased_usd
    most = usd(groups * (profile.lease.hours + 1))  # a lease ends on a full hour
    return f"if everything of ours died now: at most {most} until the leases end ({profile.lease.hours} to {profile.lease.hours + 1} h), then {usd(after.most_usd - groups)}/h"


def orders(profile: Profile, book: PriceBook) -> Iterator[str]:
    """The ways each tier's VMs are ordered, in turn: price, lead time, availability, and when the next way is tried."""
    for name, tier in profile.enabled_tiers.items():
        for number, option in enumerate(options_of(tier), start=1):
            try:
                hourly = book.chip_hour_usd(
                    family=tier.generation, consumption=option.consumption, pod_chips=tier.chips, region=region_of(option.zone)
                )
                price = f"${hourly:,.2f} a chip-hour"
            except ProfileError:
                price = f"no price in book {book.name}"
            waits = f"given up after {option.deadline.total_seconds() / 60:g} min without progress"
            yield f"{name} {number}. {option}: {price}, {LEAD_TIMES[option.consumption]}, {AVAILABILITY[option.consumption]}, {waits}"


def step(done: Done, finished: int, total: int) -> None:
    """One finished step with the cloud's time it took."""
    console.print(f"  {finished:>3}/{total} {duration(done.took):>7}  {done.step}", markup=False)


def findings(found: list[Finding], profile: Profile) -> None:
    """The validation table: printed, and kept as the artifact `validation-PROFILE`."""
    table = Table("check", "", "found", title=f"validation of profile {profile.name}", title_justify="left")
    for each in found:
        table.add_row(escape(each.check), "[green]✓[/green]" if each.passed else "[red]✗[/red]", escape(each.found))
    console.print(table)
    say("validate", f"{sum(each.passed for each in found)}/{len(found)} ✓")
    create_table_artifact(
        key=f"validation-{profile.name}",
        table=[{"check": each.check, "passed": "yes" if each.passed else "NO", "found": each.found} for each in found],
    )


def page(key: str, title: str, rows: Iterable[tuple[str, ...]], columns: tuple[str, ...]) -> None:
    """A table: printed, and kept as the artifact `key`."""
    listed = list(rows)
    table = Table(*columns, title=title, title_justify="left")
    for row in listed:
        table.add_row(*map(escape, row))
    console.print(table)
    create_table_artifact(key=key, table=[dict(zip(columns, row, strict=True)) for row in listed], description=title)


def duration(took: timedelta) -> str:
    """`03:10` (minutes and seconds of the cloud's time)."""
    seconds = round(took.total_seconds())
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


def signed(amount: Decimal) -> str:
    """`+$21.69`, `-$5.00`."""
    return f"{'+' if amount >= 0 else '-'}{usd(abs(amount))}"


def _hours(hours: Decimal) -> str:
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} h" if hours >= 1 else f"{hours * 60:.0f} min"


def _plan_page(changes: Plan, before: Estimate, after: Estimate, profile: Profile, book: PriceBook) -> str:
    lines = [f"# Plan {changes.summary}", "", f"Hash `{changes.hash}`. Waits are by step; whatever can run side by side does.", ""]
    lines += ["| | resource | scope | why |", "|---|---|---|---|"]
    lines += [
        f"| {MARKS[each.action]} | {each.address.kind} `{each.address.name}` | {each.address.scope} | {each.reason} |" for each in changes
    ]
    lines += [
        "",
        "## Orders",
        "",
        *(f"- {text}" for text in orders(profile, book)),
        "",
        "## Cost",
        "",
        f"Price book `{after.book}`: {usd(before.hourly_usd)}/h before, {usd(after.hourly_usd)}/h after."
        + (f" Autoscalers may take it to {usd(after.most_usd)}/h." if after.most_usd > after.hourly_usd else ""),
        "",
    ]
    lines += ["| resource | for | $/h |", "|---|---|---|"]
    lines += [f"| {line.address.name} | {line.what} | {usd(line.hourly_usd)} |" for line in after.lines]
    return "\n".join(lines)
