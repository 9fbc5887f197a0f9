"""Preview: the next days by the clock: sizes, dollars a day, holidays, clock changes, overrides, and every conflict explained. Changes nothing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.artifacts import create_image_artifact, create_markdown_artifact
from rich.table import Table

from cloud.connection import Connection, connect
from flows.command_line import Argument, run
from flows.run_names import named
from ironwood.cost.estimate import estimate
from ironwood.desired import desired
from ironwood.errors import CloudError, InputError, UnreachableError
from ironwood.profile import Profile
from ironwood.sizes import between
from ironwood.windows.occurrences import InForce
from ironwood.windows.preview import DayAhead, HourlyUsd, Preview
from ironwood.windows.preview import preview as look_ahead
from ironwood.windows.timeline import leads_of, without_effect
from tasks import report
from tasks.inputs import load_price_book, load_profile
from tasks.preview_plots import as_data_uri, write_plot
from tasks.windows import plan_in_force

DAYS, MOST_DAYS = 30, 366
COLUMNS = ("day", "sizes wanted, as they change (! in conflict)", "$", "marked")


@flow(name="preview", flow_run_name=named("preview {profile}"))
def preview(profile: str = "embedded", days: int = DAYS, plots: str | None = None) -> int:
    """Tell the sizes of the next `days`, what they cost at the price book, and what is marked on each; returns how many conflicts there are.

    `plots`: a folder that the plot is written to, too.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InputError(f"days: {days} is not between 1 and {MOST_DAYS}")
    ours = load_profile(profile)
    connection = connect(ours)
    moment = connection.clock.now()
    plan = _plan(connection, ours)
    hourly = _hourly(ours)
    ahead = look_ahead(ours, plan, moment, days, leads_of(ours), hourly)
    sentences = [*_sentences(ours, plan, ahead, hourly), *without_effect(ours, plan, moment)]
    table = Table(*COLUMNS, title=f"the next {days} days of profile {ours.name}, {ours.time_zone}", title_justify="left")
    rows = [_row(ours, each) for each in ahead.days]
    for row in rows:
        table.add_row(*row)
    report.console.print(table)
    for sentence in sentences:
        report.say("preview", sentence)
    if plots is not None:
        report.say("plot", str(write_plot(Path(plots), ours, ahead)))
    page = [f"# The next {days} days of profile {ours.name}, {ours.time_zone}", "", *(f"- {sentence}" for sentence in sentences), ""]
    page += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}", *(f"| {' | '.join(row)} |" for row in rows)]
    create_markdown_artifact(key=f"preview-{ours.name}", markdown="\n".join(page), description=sentences[0])
    create_image_artifact(key=f"preview-plot-{ours.name}", image_url=as_data_uri(ours, ahead), description=sentences[0])
    return len(ahead.conflicts)


def _plan(connection: Connection, profile: Profile) -> InForce | None:
    """The plan in force; a preview goes on without one it cannot read, and says so."""
    try:
        return plan_in_force(connection, profile)
    except (CloudError, UnreachableError) as error:
        report.say("preview", f"without a capacity plan, because the state object could not be read: {error}")
        return None


def _hourly(profile: Profile) -> HourlyUsd:
    """What sizes cost an hour at the profile's price book."""
    book = load_price_book(profile.price_book)
    known: dict[tuple[int, ...], Decimal] = {}

    def hourly(sizes: Mapping[str, int]) -> Decimal:
        key = tuple(sizes.values())
        if key not in known:
            known[key] = estimate(desired(profile, sizes), book).hourly_usd
        return known[key]

    return hourly


def _sentences(profile: Profile, plan: InForce | None, ahead: Preview, hourly: HourlyUsd) -> Iterator[str]:
    zone = ZoneInfo(profile.time_zone)
    hours = Decimal((ahead.days[-1].pieces[-1].end - ahead.days[0].pieces[0].begin) // timedelta(minutes=1)) / 60
    always = hourly(profile.baseline) * hours
    yield (
        f'{report.usd(ahead.usd)} in {len(ahead.days)} days at price book "{profile.price_book}"; '
        f"the baseline all the time would cost {report.usd(always)}"
    )
    if plan is not None:
        lasts = f" until {plan.until.astimezone(zone):%a %d %b %Y %H:%M}" if plan.until else ""
        yield f"{plan.said} is in force since {plan.since.astimezone(zone):%a %d %b %Y %H:%M}{lasts}, {len(plan.windows.windows)} windows"
    if profile.policy.between_plans == "optimized":
        yield "the policy optimized decides within these windows as demand comes: what is told here is what holds where it cannot"
    for name, tier in profile.enabled_tiers.items():
        if tier.autoscaling is not None:
            yield f"{name} is sized by its autoscaler between the two numbers told; the dollars are those of the least"
    yield f"{len(ahead.conflicts)} conflicts{':' if ahead.conflicts else ''}"
    for each in ahead.conflicts:
        yield f"{each.text}. First {each.first.astimezone(zone):%a %d %b %H:%M}, {each.lasts / timedelta(hours=1):,.4g} h together"


def _row(profile: Profile, each: DayAhead) -> tuple[str, str, str, str]:
    zone = ZoneInfo(profile.time_zone)
    pieces: list[str] = []
    before: dict[str, str] = {}
    for piece in each.pieces:
        told = {tier: between(piece.sizes, tier) for tier in piece.sizes}
        changed = {tier: pods for tier, pods in told.items() if before.get(tier) != pods}
        sizes = ", ".join(f"{tier} {pods}" for tier, pods in (changed or told).items())
        pieces.append(f"{piece.begin.astimezone(zone):%H:%M}{'!' if piece.conflicting else ''} {sizes}")
        before = told
    return f"{each.day:%a %d %b}", " · ".join(pieces), report.usd(each.usd), "; ".join(each.marks)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help="how many days (default: %(default)s)")
    parser.add_argument("--plots", metavar="DIR", help="write the plot")


if __name__ == "__main__":
    sys.exit(run(preview, Argument.PROFILE, more=_more))
