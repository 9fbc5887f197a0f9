"""This machine's Prefect server: started once, detached, and shared by every command, so that runs are seen in one place.

PREFECT_API_URL points at another server, which is then used as it is. A server of our own keeps its data in
`.ironwood/prefect/`, its leases on disk, and tells nobody about itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx
from filelock import FileLock
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_LEVEL,
    PREFECT_RESULTS_LOCAL_STORAGE_PATH,
)
from prefect.settings.legacy import Setting

from cloud.embedded import PLAIN
from cloud.home import PROJECT_ROOT, home
from cloud.ports import preferred_or_free
from ironwood.errors import UnreachableError

PREFERRED_PORT = 4200
START_SECONDS = 180.0
"""Several seconds as a rule; a machine that is busy with much else takes minutes."""

SERVER_ENVIRONMENT: Mapping[str, str] = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
}


def server_settings() -> dict[Setting, Any]:
    """Prefect settings of a command: which server, quiet on the console, no heartbeat thread to wait for."""
    quiet = {
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_LEVEL: "INFO",
        PREFECT_RESULTS_LOCAL_STORAGE_PATH: home() / "results",
    }
    if PREFECT_API_URL.value():
        return quiet
    return quiet | {PREFECT_API_URL: ensure_running()}


def ensure_running() -> str:
    """The API URL of this machine's server, started if need be; raises UnreachableError when it does not come up."""
    published = home() / "prefect.json"
    with FileLock(home() / "prefect.lock", timeout=2 * START_SECONDS):
        if published.exists():
            url = str(json.loads(published.read_text())["url"])
            if _healthy(url):
                return url
        return _start()


def stop() -> bool:
    """Stop the server this machine published; True when one was stopped."""
    published = home() / "prefect.json"
    if not published.exists():
        return False
    pid = int(json.loads(published.read_text())["pid"])
    published.unlink()
    try:
        os.killpg(pid, 15)
    except ProcessLookupError:
        return False
    return True


def _start() -> str:
    (port,) = preferred_or_free(PREFERRED_PORT)
    url = f"http://127.0.0.1:{port}/api"
    environment = {
        **os.environ,
        **SERVER_ENVIRONMENT,
        "PREFECT_HOME": str(home() / "prefect"),
        "PREFECT_SERVER_UI_API_URL": url,
        "PREFECT_API_URL": url,
    }
    log = home() / "prefect.log"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, cwd=PROJECT_ROOT, env=environment
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if _healthy(url):
            (home() / "prefect.json").write_text(json.dumps({"pid": process.pid, "url": url}))
            return url
        time.sleep(0.2)
    with suppress(ProcessLookupError):  # one that comes up later would be found by nobody
        os.killpg(process.pid, 15)
    raise UnreachableError(f"the Prefect server did not start on port {port}; its log is {log}")


def _healthy(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", verify=PLAIN, timeout=5.0).is_success
    except httpx.HTTPError:
        return False
