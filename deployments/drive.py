"""Let Google's scheduler start the deployments instead of Prefect's: tell what to write into a profile for it.

    python -m deployments.drive [--profile NAME]

Cloud Scheduler goes on when the machine that runs Prefect's services is busy or was restarted, and needs no Prefect service that schedules. It prints the section
`cloud_scheduler` of the profile: each deployment that has a clock, by its id on the server of PREFECT_API_URL, at the times of prefect.yaml. Write it into the
profile with the address Google reaches the API by, provision, and run `python -m deployments.bootstrap` again, which takes Prefect's own schedules of them away.
"""

from __future__ import annotations

import argparse
import io
import sys
from typing import Any, get_args

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from ruamel.yaml import YAML

from deployments.bootstrap import OURS, WRITTEN
from flows.exit_codes import exit_code
from flows.local_server import server_settings
from ironwood.errors import UnfinishedError
from ironwood.profile_cloud_scheduler import DrivenFlow
from ironwood.windows.looks import TICK
from tasks.schedules import FLOW, deployments_of


def section(profile: str) -> str:
    """The section as YAML, for the deployments of `profile` on the server. Raises UnfinishedError where it has none."""
    times = clocks()
    with temporary_settings(server_settings()):
        url = str(PREFECT_API_URL.value())
        with get_client(sync_client=True) as client:
            found = {client.read_flow(each.flow_id).name: str(each.id) for each in deployments_of(profile)}
    driven = {flow: {"id": found[flow], **times[flow]} for flow in get_args(DrivenFlow) if flow in found}
    if not driven:
        raise UnfinishedError(
            f"{url} has no deployments for profile {profile}; make them by `python -m deployments.bootstrap --profile {profile}`"
        )
    text = io.StringIO()
    YAML().dump({"cloud_scheduler": {"prefect_api": url, "deployments": driven}}, text)
    return text.getvalue()


def clocks() -> dict[str, dict[str, str]]:
    """Cron time and zone of each deployment of prefect.yaml that has a schedule, and the tick of `scale`, by flow."""
    written: list[dict[str, Any]] = YAML(typ="safe").load(WRITTEN.read_text())["deployments"]
    found = {FLOW: {"cron": TICK.cron, "time_zone": TICK.zone}}
    for each in written:
        for schedule in each.get("schedules", ()):
            found[each["entrypoint"].rpartition(".")[2]] = {"cron": schedule["cron"], "time_zone": schedule["timezone"]}
    return found


def main() -> int:
    """Print the section."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default=OURS, metavar="NAME|FILE", help="whose deployments; embedded where none is given")
    given = parser.parse_args()
    return exit_code(lambda: print(section(given.profile), end=""), stopped="stopped; nothing was changed")


if __name__ == "__main__":
    sys.exit(main())
