"""This machine's worker: one, detached, published in `.ironwood/worker.json`.

1. A process id that another process was given since is not taken for the worker.
2. Its runs are processes of their own and outlive it; those that die with it are found by the automation for dead runs.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from filelock import FileLock

from cloud.home import PROJECT_ROOT, home
from deployments.bootstrap import POOL


def published() -> Path:
    """Where the worker's process id is written."""
    return home() / "worker.json"


def ensure_running(url: str, environment: Mapping[str, str]) -> bool:
    """Start a worker for the server at `url` with `environment` besides this process's own; False when the one published still runs."""
    with FileLock(home() / "worker.lock"):
        if published().exists() and _is_worker(int(json.loads(published().read_text())["pid"])):
            return False
        told = {"PREFECT_API_URL": url, "PREFECT_HOME": str(home() / "prefect"), "PREFECT_WORKER_QUERY_SECONDS": "1"}
        with (home() / "worker.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--name", "ironwood-local"],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=PROJECT_ROOT,
                env={**os.environ, **told, **environment},
            )
        published().write_text(json.dumps({"pid": process.pid}))
    return True


def stop() -> bool:
    """Stop the worker this machine published; True when one was stopped."""
    if not published().exists():
        return False
    pid = int(json.loads(published().read_text())["pid"])
    published().unlink()
    if not _is_worker(pid):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
        return True
    return False


def _is_worker(pid: int) -> bool:
    """Whether the process `pid` is a worker still, and not another that was given its number."""
    try:
        return b"worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
