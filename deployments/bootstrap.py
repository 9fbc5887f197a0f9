"""Make or update everything the deployments of `prefect.yaml` need, and start a worker: `make ui`.

1. This machine's Prefect server, unless PREFECT_API_URL names another.
2. The process work pool `ironwood`.
3. A writer lock for every profile.
4. Every deployment of prefect.yaml.
5. One worker, detached.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from filelock import FileLock
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import ObjectAlreadyExists
from prefect.settings import PREFECT_API_URL, temporary_settings

from cloud.home import PROJECT_ROOT, home
from flows.local_server import server_settings
from ironwood.errors import IronwoodError, UnfinishedError
from tasks.inputs import PROFILES
from tasks.lock import ensure_limit, limit_name

POOL = "ironwood"


def bootstrap() -> str:
    """Do all five; returns the API URL of the server. Raises UnfinishedError when a deployment cannot be made."""
    with temporary_settings(server_settings()):
        url = str(PREFECT_API_URL.value())
        _work_pool()
        for profile in sorted(PROFILES.glob("*.yaml")):
            ensure_limit(limit_name(profile.stem))
        _deploy(url)
        _worker(url)
    return url


def worker_pid() -> Path:
    """Where the worker's process id is published."""
    return home() / "worker.json"


def _work_pool() -> None:
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        except ObjectAlreadyExists:
            return


def _deploy(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=PROJECT_ROOT,
        env=_environment(url),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UnfinishedError(f"`prefect --no-prompt deploy --all` failed:\n{done.stdout}{done.stderr}")


def _worker(url: str) -> None:
    """Start a worker unless the one published still runs."""
    with FileLock(home() / "worker.lock"):
        if worker_pid().exists() and Path(f"/proc/{json.loads(worker_pid().read_text())['pid']}").exists():
            return
        with (home() / "worker.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", "ironwood-local"],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=PROJECT_ROOT,
                env=_environment(url) | {"PREFECT_WORKER_QUERY_SECONDS": "1"},
            )
        worker_pid().write_text(json.dumps({"pid": process.pid}))


def _environment(url: str) -> dict[str, str]:
    return {**os.environ, "PREFECT_API_URL": url, "PREFECT_HOME": str(home() / "prefect")}


def main() -> int:
    """Bootstrap and print the address."""
    try:
        url = bootstrap()
    except IronwoodError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Prefect UI   {url.removesuffix('/api')}    deployments, runs and artifacts; `make stop` ends it")
    print("try          prefect deployment run provision/embedded   (with PREFECT_API_URL=" + url + ")")
    return 0


if __name__ == "__main__":
    sys.exit(main())
