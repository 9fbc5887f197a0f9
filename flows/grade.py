"""Grade: past decisions beside what came, and what each choice there was would have cost. Changes nothing but the log it writes to."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta

from prefect import flow
from rich.table import Table

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.export_demand import KEPT_DAYS
from flows.run_names import named
from ironwood.errors import InputError, NotFoundError
from ironwood.grade import SPAN
from tasks import report
from tasks.grading import Graded, grade_since, leave_page, table
from tasks.inputs import load_profile

COLUMNS = ("choice", "decisions", "$ an hour", "unserved", "was best")


@flow(name="grade", flow_run_name=named("grade the decisions of {profile}"))
def grade(profile: str = "embedded", days: float = SPAN / timedelta(days=1)) -> int:
    """Grade every decision of the last `days` whose hour is over; returns how many were not graded before.

    Each choice is held for the hour after its decision, at the demand the load balancer was asked for. Run again it grades what is new.
    """
    if not 0 < days <= KEPT_DAYS:
        raise InputError(f"--days {days:g}: Cloud Monitoring keeps {KEPT_DAYS} days; ask for more than 0 and at most that")
    ours = load_profile(profile)
    if not ours.logging.enabled:
        raise InputError(f"profile {ours.name} keeps no log of its decisions; write `logging: {{enabled: true}}` to have them graded")
    connection = connect(ours)
    try:
        found = grade_since(connection, ours, connection.clock.now() - timedelta(days=days))
    except NotFoundError:  # nothing was provisioned yet, or it was torn down
        found = Graded(grades=(), new=0)
    if not found.grades:
        report.say("grade", f"no decision of profile {ours.name} has an hour behind it that is over and told")
        return 0
    shown = Table(*COLUMNS, title=f"{len(found.grades)} decisions of profile {ours.name}, {found.new} graded now", title_justify="left")
    for row in table(found.grades):
        shown.add_row(*row)
    report.console.print(shown)
    leave_page(ours, found.grades)
    return found.new


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=float, help="how far back, at most 42 (default: 7)")


if __name__ == "__main__":
    sys.exit(run(grade, Argument.PROFILE, more=_more))
