"""Make or update everything the deployments need on a Prefect server; can be run any number of times.

    python -m deployments.bootstrap [--profile NAME ...]

1. The process work pool `ironwood` with two queues: `first` is never kept waiting, `default` runs at most six runs at once, however many pile up.
2. A writer lock, a global concurrency limit of one slot, for every profile.
3. Every deployment of prefect.yaml with its limits, schedules and triggers for each profile given, under its name; `embedded` where none is.
4. The automations of automations.yaml.

The server is the one of PREFECT_API_URL, else this machine's. Nothing is started: `deployments/ui.py` does that.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker
from ruamel.yaml import YAML

from cloud.home import PROJECT_ROOT, home
from deployments.automations import apply_automations
from flows.exit_codes import exit_code
from flows.local_server import server_settings
from ironwood.errors import UnfinishedError
from tasks.inputs import PROFILES, load_profile
from tasks.lock import ensure_limit, limit_name
from tasks.schedules import deployments_of

POOL, FIRST, DEFAULT = "ironwood", "first", "default"
AT_ONCE = 6
"""Runs of the queue `default` that are started side by side, each a process of some 200 MB."""
WRITTEN = PROJECT_ROOT / "prefect.yaml"
OURS = "embedded"
"""The profile that prefect.yaml is written for."""


def bootstrap(profiles: Sequence[str] = (OURS,)) -> str:
    """Make or update everything for `profiles`; returns the API URL of the server. Raises UnfinishedError when a deployment cannot be made."""
    names = {load_profile(each).name for each in profiles}
    with temporary_settings(server_settings()):
        url = str(PREFECT_API_URL.value())
        with get_client(sync_client=True) as client:
            _work_pool(client)
        for name in sorted(names | {path.stem for path in PROFILES.glob("*.yaml")}):
            ensure_limit(limit_name(name))
        for profile in dict.fromkeys(profiles):
            _deploy(url, WRITTEN if profile == OURS and not driven(profile) else written_for(profile))
            _hand_over(profile)
        apply_automations(min(names))
    return url


def written_for(profile: str) -> Path:
    """The deployments of prefect.yaml for another profile, in a file of local state; each deployment is called as the profile."""
    name = load_profile(profile).name
    yaml = YAML(typ="safe")
    written: dict[str, Any] = yaml.load(WRITTEN.read_text())
    for each in written["deployments"]:
        each["name"] = name
        each["parameters"]["profile"] = profile
        if each["entrypoint"].rpartition(".")[2] in driven(profile):
            each.pop("schedules", None)
        for trigger in each.get("triggers", ()):
            trigger["name"] = trigger["name"].replace(f"({OURS})", f"({name})")
            trigger["match"]["prefect.resource.id"] = f"ironwood.profile.{name}"
    path = home() / f"prefect-{name}.yaml"
    with path.open("w") as output:
        yaml.dump({"name": written["name"], "deployments": written["deployments"]}, output)
    return path


def driven(profile: str) -> frozenset[str]:
    """The flows whose deployments Google's scheduler starts."""
    return frozenset(load_profile(profile).cloud_scheduler.deployments)


def _hand_over(profile: str) -> None:
    """Take away the schedules of the deployments that Google starts."""
    flows = driven(profile)
    if not flows:
        return
    with get_client(sync_client=True) as client:
        for deployment in deployments_of(profile, *flows):
            for schedule in client.read_deployment_schedules(deployment.id):
                client.delete_deployment_schedule(deployment.id, schedule.id)


def _work_pool(client: SyncPrefectClient) -> None:
    """The pool and its queues; a pool that is there keeps its type."""
    with suppress(ObjectAlreadyExists):
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=ProcessWorker.get_default_base_job_template()))
    there = {each.name: each for each in client.read_work_queues(work_pool_name=POOL)}
    if FIRST not in there:
        client.create_work_queue(name=FIRST, work_pool_name=POOL, priority=1, description="What may not wait: the budget, alarms")
    if there[DEFAULT].concurrency_limit is None:
        client.update_work_queue(there[DEFAULT].id, concurrency_limit=AT_ONCE)


def _deploy(url: str, written: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(written)],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": os.environ.get("PREFECT_HOME", str(home() / "prefect"))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnfinishedError(f"`prefect deploy --all` of {written.name} failed:\n{done.stdout}{done.stderr}")


def profiles_given(description: str) -> argparse.ArgumentParser:
    """A parser of `--profile`, any number of times."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--profile", action="append", default=[], metavar="NAME|FILE", help="deploy the flows for this profile (any number of times)"
    )
    return parser


def main() -> int:
    """Bootstrap and print the address."""
    given = profiles_given(str(__doc__)).parse_args()

    def work() -> None:
        url = bootstrap(given.profile or (OURS,))
        print(f"deployments, limits and automations are made on {url}")

    return exit_code(work, stopped="stopped; run the same command again to finish what was begun")


if __name__ == "__main__":
    sys.exit(main())
