"""The embedded Google Cloud: found where it was published, started detached when none runs.

One process serves every flow of this machine. Who starts it holds a file lock, so two commands at once start one.
IRONWOOD_EMULATOR=HOST:PORT points at another one, which is then never started here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock

from cloud.home import PROJECT_ROOT, home
from ironwood.errors import UnreachableError

DEFAULT_ADDRESS = "127.0.0.1:8787"
START_SECONDS = 40.0
ELSEWHERE = "IRONWOOD_EMULATOR"
"""The environment variable that points at another embedded cloud."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Where an embedded cloud listens: `rest` and `grpc` as host:port."""

    rest: str
    grpc: str
    clock: str
    scale: float

    @property
    def url(self) -> str:
        """The base URL of its REST port."""
        return f"http://{self.rest}"


def running(address: str) -> Embedded | None:
    """The embedded cloud at `address`, or None when nothing of the kind answers there."""
    try:
        answer = httpx.get(f"http://{address}/_emulator/health", timeout=5.0).raise_for_status().json()
    except (httpx.HTTPError, json.JSONDecodeError):
        return None
    return Embedded(rest=answer["rest"], grpc=answer["grpc"], clock=answer["clock"], scale=float(answer["scale"]))


def ensure_running(project: str) -> Embedded:
    """The embedded cloud of this machine, started if need be; raises UnreachableError when it does not come up."""
    if elsewhere := os.environ.get(ELSEWHERE):
        found = running(elsewhere)
        if found is None:
            raise UnreachableError(
                f"{ELSEWHERE}={elsewhere}, and no embedded cloud answers there; start one with `python -m emulator` or unset it"
            )
        return found
    with FileLock(home() / "emulator.lock", timeout=2 * START_SECONDS):
        return running(DEFAULT_ADDRESS) or _start(DEFAULT_ADDRESS, project)


def stop() -> bool:
    """Stop the embedded cloud this machine published; True when one was stopped."""
    published = home() / "emulator.json"
    if not published.exists():
        return False
    pid = int(json.loads(published.read_text())["pid"])
    published.unlink()
    try:
        os.kill(pid, 15)
    except ProcessLookupError:
        return False
    return True


def _start(address: str, project: str) -> Embedded:
    port = address.rpartition(":")[2]
    log = home() / "emulator.log"
    command = [sys.executable, "-m", "emulator", "--port", port, "--state", str(home() / "emulator.sqlite"), "--project", project]
    command += ["--time-scale", os.environ.get("IRONWOOD_TIME_SCALE", "60")]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, cwd=PROJECT_ROOT
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = running(address)
        if found is not None:
            (home() / "emulator.json").write_text(json.dumps({"pid": process.pid, "rest": found.rest, "grpc": found.grpc}))
            return found
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise UnreachableError(f"the embedded cloud did not start on {address}: {_last_line(log)} (all of it: {log})")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
