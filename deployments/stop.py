"""Stop what this checkout started: worker, Prefect server, embedded Google Cloud. Their data stays in `.ironwood/`: `make stop`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys

from cloud import embedded
from deployments.bootstrap import worker_pid
from flows import local_server


def main() -> int:
    """Stop each that runs and say so."""
    stopped = {
        "worker": _stop_worker(),
        "Prefect server": local_server.stop(),
        "embedded Google Cloud": embedded.stop(),
    }
    for name, was_running in stopped.items():
        print(f"{name}: {'stopped' if was_running else 'was not running'}")
    return 0


def _stop_worker() -> bool:
    if not worker_pid().exists():
        return False
    pid = int(json.loads(worker_pid().read_text())["pid"])
    worker_pid().unlink()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
        return True
    return False


if __name__ == "__main__":
    sys.exit(main())
