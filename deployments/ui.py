"""Prefect's UI with every flow deployed and a worker: `make ui`, `make ui SCALE=60`.

1. This machine's Prefect server, unless PREFECT_API_URL names another.
2. The embedded Google Cloud, at real time unless another scale is asked for: schedules fire by this machine's clock, and what they find holds by
   the cloud's. One that runs at another scale is started anew with what it holds, unless runs are under way on it.
3. Everything `deployments/bootstrap.py` makes.
4. One worker, detached.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.settings import PREFECT_API_URL, temporary_settings

from cloud import embedded
from cloud.clock import ScaledClock, clock_of
from cloud.connection import Connection
from deployments import worker
from deployments.bootstrap import OURS, bootstrap, profiles_given
from flows.exit_codes import exit_code
from flows.local_server import server_settings
from tasks.inputs import load_profile

REAL_TIME = 1.0
APART = timedelta(minutes=5)
"""How far the cloud's clock may be from this machine's before it is said."""


def cloud_at(scale: float) -> embedded.Embedded:
    """The embedded cloud at `scale` times real time, started or started anew if need be; where it cannot be, says so and leaves it."""
    os.environ[embedded.SCALE] = f"{scale:g}"  # for whoever starts it: this process, or later a run of the worker
    project = load_profile(OURS).project_id
    found = embedded.ensure_running(project)
    if found.clock != "scaled" or found.scale == scale:
        return found
    told = f"the embedded Google Cloud on {found.rest} runs at {found.scale:g} times real time, not {scale:g}"
    if os.environ.get(embedded.ELSEWHERE):
        print(f"note         {told}; it was started by hand and is left so")
    elif under_way := runs_under_way():
        print(f"note         {told}, and {under_way} runs are under way on it: left so. Once they have ended: make stop, make ui")
    elif embedded.stop():
        print(f"note         {told}: started anew with what it holds")
        found = embedded.ensure_running(project)
    return found


def runs_under_way() -> int:
    """How many flow runs the server has that began and have not ended."""
    states = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
    with get_client(sync_client=True) as client:
        return len(client.read_flow_runs(flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=states)))))


def _say_time(found: embedded.Embedded) -> None:
    """At which pace and how far from this machine's time the cloud lives."""
    connection = Connection(project=load_profile(OURS).project_id, embedded=found)
    assert connection.admin is not None
    clock = clock_of(connection.admin)
    print(
        f"cloud        embedded Google Cloud on {found.rest}, {found.scale:g} times real time; a provision takes it ten minutes of its time"
    )
    if not isinstance(clock, ScaledClock) or found.scale != REAL_TIME:
        return  # a faster clock leaves this machine's behind by itself
    apart = clock.now() - datetime.now(UTC)
    if abs(apart) > APART:
        how = f"{abs(apart) / timedelta(hours=1):.1f} h {'ahead of' if apart > timedelta(0) else 'behind'}"
        print(f"note         its clock is {how} this machine's, because it ran faster or not at all; windows, budget and leases go by it")
        print("             a cloud that starts at today: make stop, and remove emulator.sqlite* in .ironwood/")


def main() -> int:
    """Start it all and print the address."""
    parser = profiles_given(str(__doc__))
    parser.add_argument("--scale", type=float, default=REAL_TIME, metavar="N", help="times real time of the embedded cloud (default: 1)")
    given = parser.parse_args()

    def work() -> None:
        with temporary_settings(server_settings()):
            url = str(PREFECT_API_URL.value())
            found = cloud_at(given.scale)
        bootstrap((OURS, *given.profile))
        worker.ensure_running(url, {embedded.SCALE: f"{given.scale:g}"})
        print(f"Prefect UI   {url.removesuffix('/api')}    deployments, runs and artifacts; `make stop` ends it")
        _say_time(found)
        print(f"try          prefect deployment run provision/{OURS}   (with PREFECT_API_URL={url})")

    return exit_code(work, stopped="stopped; run the same command again to finish what was begun")


if __name__ == "__main__":
    sys.exit(main())
