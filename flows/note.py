"""Note: keep an alarm where an operator looks first. Automations run it; it touches no cloud."""

from __future__ import annotations

import argparse
import sys

from prefect import flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from flows.command_line import Argument, run
from flows.run_names import named
from tasks import report
from tasks.inputs import load_profile

EVENT = "ironwood.alarm"
"""The name of the Prefect event, for automations of your own: mail, a pager, a chat."""


@flow(name="note", flow_run_name=named("note an alarm of {profile}"))
def note(profile: str = "embedded", about: str = "nothing", run: str = "") -> None:
    """Keep `about` as the artifact `alarm-PROFILE`, as an event `ironwood.alarm` and as a warning; `run` is the id of the flow run it is about."""
    name = load_profile(profile).name
    page = [f"# Alarm of profile {name}", "", about, ""]
    if run:
        page.append(f"Flow run `{run}`: [open it](/runs/flow-run/{run}).")
    page.append("What to do: docs/operations.md, by the name of the flow.")
    create_markdown_artifact(key=f"alarm-{name}", markdown="\n".join(page), description=about)
    emit_event(
        event=EVENT,
        resource={"prefect.resource.id": f"ironwood.profile.{name}", "prefect.resource.name": name},
        payload={"about": about, "run": run},
    )
    get_run_logger().warning("%s", about)
    report.say("alarm", about)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--about", required=True, metavar="TEXT", help="what happened")
    parser.add_argument("--run", default="", metavar="ID", help="the flow run it is about")


if __name__ == "__main__":
    sys.exit(run(note, Argument.PROFILE, more=_more))
