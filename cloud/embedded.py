"""The embedded Google Cloud: found where it was published, started detached when none runs.

One process serves every flow of this checkout. Who starts it holds a file lock, so two commands at once start one. One started by
hand on the default port is used too, another checkout's is not. IRONWOOD_EMULATOR=HOST:PORT points at any other.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock

from cloud.home import PROJECT_ROOT, home
from cloud.ports import preferred_or_free
from ironwood.errors import UnreachableError

DEFAULT_PORTS = (8787, 8788)
STORE = "emulator.sqlite"
PUBLISHED = "emulator.json"
START_SECONDS = 40.0
ELSEWHERE = "IRONWOOD_EMULATOR"
"""The environment variable that points at another embedded cloud."""
SCALE = "IRONWOOD_TIME_SCALE"
"""The environment variable that says how many times real time one that is started runs at."""
STOP_SECONDS = 20.0
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For questions in plain HTTP to loopback: it trusts nobody, and spares reading all authorities for each client."""


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Where an embedded cloud listens: `rest`, `grpc` and `dns` (UDP) as host:port."""

    rest: str
    grpc: str
    clock: str
    scale: float
    state: str | None
    started: float
    dns: str = ""

    @property
    def url(self) -> str:
        """The base URL of its REST port."""
        return f"http://{self.rest}"


def running(address: str) -> Embedded | None:
    """The embedded cloud at `address`, or None when nothing of the kind answers there."""
    try:
        answer = httpx.get(f"http://{address}/_emulator/health", verify=PLAIN, timeout=5.0).raise_for_status().json()
    except (httpx.HTTPError, json.JSONDecodeError):
        return None
    return Embedded(
        rest=answer["rest"],
        grpc=answer["grpc"],
        clock=answer["clock"],
        scale=float(answer["scale"]),
        state=answer["state"],
        started=float(answer.get("started", 0.0)),
        dns=answer.get("dns", ""),
    )


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
        return _published() or _by_hand() or _start(project)


def stop() -> bool:
    """Stop the embedded cloud this machine published and wait until it is gone; True when one was stopped."""
    published = home() / PUBLISHED
    if not published.exists():
        return False
    pid = int(json.loads(published.read_text())["pid"])
    published.unlink()
    try:
        os.kill(pid, 15)
    except ProcessLookupError:
        return False
    deadline = time.monotonic() + STOP_SECONDS
    while not _gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return True


def _gone(pid: int) -> bool:
    """Whether the process has ended, be it a child of ours or not: two of them must not share a store."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return not Path(f"/proc/{pid}").exists()


def _published() -> Embedded | None:
    published = home() / PUBLISHED
    found = running(str(json.loads(published.read_text())["rest"])) if published.exists() else None
    sources = (PROJECT_ROOT / "emulator").rglob("*")
    if found is not None and any(each.stat().st_mtime > found.started for each in sources if each.suffix in {".py", ".yaml"}):
        raise UnreachableError(
            f"the embedded Google Cloud on {found.rest} was started before its code changed; `make stop` ends it, the next command starts "
            "it anew with what it holds"
        )
    return found


def _by_hand() -> Embedded | None:
    """One on the default port, unless it keeps another checkout's store."""
    found = running(f"127.0.0.1:{DEFAULT_PORTS[0]}")
    theirs = found and found.state and Path(found.state).name == STORE and Path(found.state).resolve().parent != home().resolve()
    return None if theirs else found


def _start(project: str) -> Embedded:
    port, grpc = preferred_or_free(*DEFAULT_PORTS)
    address = f"127.0.0.1:{port}"
    log = home() / "emulator.log"
    command = [sys.executable, "-m", "emulator", "--port", str(port), "--grpc-port", str(grpc), "--state", str(home() / STORE)]
    command += ["--project", project, "--time-scale", os.environ.get(SCALE, "300")]
    if port != DEFAULT_PORTS[0]:
        # Load balancers listen on addresses of their own, so that two embedded clouds never meet on one.
        command += ["--address-pool", f"127.{2 + port // 256 % 200}.{port % 256}.0/24"]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True, cwd=PROJECT_ROOT
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = running(address)
        if found is not None:
            (home() / PUBLISHED).write_text(json.dumps({"pid": process.pid, "rest": found.rest, "grpc": found.grpc}))
            return found
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise UnreachableError(f"the embedded cloud did not start on {address}: {_last_line(log)} (all of it: {log})")


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
