"""What `plan_capacity` does beyond planning: put the plan in force, say what it takes the place of, or take it out again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from prefect.artifacts import create_markdown_artifact

from cloud.connection import Connection
from flows.reconcile import run_id
from ironwood.errors import InputError, StateError
from ironwood.profile import Profile
from ironwood.windows.demand import demand_of_week
from ironwood.windows.occurrences import InForce
from ironwood.windows.wall import moment_of
from tasks import report
from tasks.in_force import put_in_force, take_out_of_force
from tasks.week import WeekPlan
from tasks.windows import plan_in_force


def until_when(text: str | None, profile: Profile, now: datetime) -> datetime | None:
    """The instant `text` says, in the profile's time zone; a date alone is included. Raises InputError for one that is not to come."""
    if text is None:
        return None
    try:
        until = moment_of(text).end(ZoneInfo(profile.time_zone))
    except ValueError as error:
        raise InputError(f"in force until '{text}': {error}") from error
    if until <= now:
        raise InputError(f"in force until '{text}': that is over; it is {_when(now, profile)}")
    return until


def replaced_by_it(connection: Connection, profile: Profile) -> InForce | None:
    """The plan that holds now; a damaged one is told, and does not stop another from being put in its place."""
    try:
        before = plan_in_force(connection, profile)
    except StateError as damaged:
        report.say("in force", str(damaged))
        return None
    over = before is not None and before.until is not None and before.until <= connection.clock.now()
    return None if over else before


def put(connection: Connection, profile: Profile, week: WeekPlan, before: InForce | None, until: datetime | None) -> None:
    """Put the windows of `week` in force from now on, and say what that changes."""
    found = put_in_force(connection, profile, week.windows, connection.clock.now(), until, run_id(), demand_of_week(week.problem))
    lasts = f"until {_when(found.until, profile)}" if found.until else "until another is put in force"
    instead = f"{before.said} of {_when(before.since, profile)}" if before else "the profile's replicas"
    difference = week.chosen.bill.cost_usd - week.alternatives[0].total_usd
    change = f"{'+' if difference >= 0 else '-'}{report.usd(abs(Decimal(difference)))} expected a week, shortage included"
    report.say("in force", f"{found.said} since {_when(found.since, profile)}, {lasts}")
    report.say("", f"in place of {instead}: {change}")
    rows = [f"| {each.when} | {each.what} | ${each.usd_per_week:,.0f} | {each.reason} |" for each in found.windows.windows]
    create_markdown_artifact(
        key=f"plan-in-force-{profile.name}",
        markdown="\n".join(
            [
                f"# {found.said} of profile {profile.name}",
                "",
                f"Since {_when(found.since, profile)}, {lasts}. Digest `{found.digest}`.",
                "",
                f"In place of {instead}: {change}.",
                "",
                f"| {found.windows.zone} | sizes | a week | why |",
                "|---|---|---|---|",
                *rows,
            ]
        ),
        description=f"{found.said}, {change}",
    )


def take_out(connection: Connection, profile: Profile) -> None:
    """Take whatever plan is in force out of it."""
    before = replaced_by_it(connection, profile)
    take_out_of_force(connection, profile, run_id())
    report.say(
        "in force", f"no capacity plan any more{f'; it was {before.said}' if before else ''}: the profile's replicas and windows hold"
    )


def _when(moment: datetime, profile: Profile) -> str:
    return f"{moment.astimezone(ZoneInfo(profile.time_zone)):%a %d %b %Y %H:%M %Z}"
