"""Stop what this checkout started: worker, Prefect server, embedded Google Cloud. Their data stays in `.ironwood/`: `make stop`."""

from __future__ import annotations

import sys

from cloud import embedded
from deployments import worker
from flows import local_server


def main() -> int:
    """Stop each that runs and say so."""
    stopped = {
        "worker": worker.stop(),
        "Prefect server": local_server.stop(),
        "embedded Google Cloud": embedded.stop(),
    }
    for name, was_running in stopped.items():
        print(f"{name}: {'stopped' if was_running else 'was not running'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
