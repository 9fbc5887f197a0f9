"""Processes that tests start: an embedded Google Cloud of their own, a Prefect server, our commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from builders import ROOT
from cloud.ports import free_ports

START_SECONDS = 90.0
HTTP = httpx.Client(verify=False, timeout=30, limits=httpx.Limits(max_keepalive_connections=0))
"""For plain HTTP on loopback. A client made anew for each question would read all certificate authorities each time."""
_USED: set[int] = set()
"""Ports that clouds of this process have answered REST on: it keeps its connection to such an address, and with it the gRPC port of the cloud that was there."""


@dataclass
class EmbeddedCloud:
    """An embedded Google Cloud of a test's own, with its own ports and addresses."""

    folder: Path
    scale: float = 600.0
    clock: str = "scaled"
    start_time: str = ""
    https: bool = False
    rest: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> EmbeddedCloud:
        port, grpc = free_ports(2)
        while port in _USED:
            port, grpc = free_ports(2)
        _USED.add(port)
        self.rest = f"127.0.0.1:{port}"
        # Load balancers listen on addresses of their own, so that two clouds never meet.
        pool = f"127.{1 + port // 256 % 200}.{port % 256}.0/28"
        command = [sys.executable, "-m", "emulator", "--port", str(port), "--grpc-port", str(grpc), "--address-pool", pool]
        command += ["--clock", self.clock, "--time-scale", str(self.scale), "--state", str(self.folder / "emulator.sqlite")]
        command += ["--start-time", self.start_time] if self.start_time else []
        command += ["--https-port", "0"] if self.https else []
        with (self.folder / "emulator.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        wait_until(self._answers, "the embedded cloud")
        return self

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()  # what it keeps is on disk with every answer
            self.process.wait(20)

    def ask(self, path: str, **parameters: Any) -> Any:
        return HTTP.get(f"http://{self.rest}/_emulator/{path}", params=parameters).raise_for_status().json()

    def tell(self, path: str, body: Any, method: str = "POST") -> Any:
        return HTTP.request(method, f"http://{self.rest}/_emulator/{path}", json=body).raise_for_status().json()

    def reset(self) -> None:
        self.tell("reset", {})

    def enable(self, *apis: str, project: str = "embedded-project") -> None:
        """Turn APIs on (names with `.googleapis.com`) and wait until they are."""
        at = f"http://{self.rest}/v1/projects/{project}/services"
        HTTP.post(f"{at}:batchEnable", json={"serviceIds": list(apis)}).raise_for_status()
        wait_until(lambda: all(HTTP.get(f"{at}/{each}").json()["state"] == "ENABLED" for each in apis), "the APIs")

    def writes(self) -> list[dict[str, Any]]:
        return list(self.ask("requests", writes="true")["requests"])

    def requests(self) -> list[dict[str, Any]]:
        return list(self.ask("requests")["requests"])

    def inventory(self) -> set[tuple[str, str, str]]:
        """(kind, scope, name) of everything users made that is not deleted, but groups' own VMs, which come and go with them."""
        found = self.ask("inventory")["resources"]
        there = [each for each in found if each["state"] == "READY" and not each.get("origin") and each["kind"] != "compute.instances"]
        return {(each["kind"], each["scope"], each["name"]) for each in there}

    @property
    def environment(self) -> dict[str, str]:
        return {"IRONWOOD_EMULATOR": self.rest}

    def _answers(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError((self.folder / "emulator.log").read_text())
        try:
            return HTTP.get(f"http://{self.rest}/_emulator/health", timeout=5).is_success
        except httpx.HTTPError:
            return False


@dataclass
class PrefectServer:
    """A Prefect server of the test session's own."""

    folder: Path
    url: str = ""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> PrefectServer:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}/api"
        environment = {**os.environ, **self.environment, "PREFECT_SERVER_UI_API_URL": self.url, "PREFECT_LOGGING_SERVER_LEVEL": "WARNING"}
        environment["PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"] = "prefect.server.concurrency.lease_storage.filesystem"
        command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        with (self.folder / "prefect.log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment, start_new_session=True)
        wait_until(lambda: answers(f"{self.url}/health"), "the Prefect server")
        return self

    def stop(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_API_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(self.folder / "results"),
            "IRONWOOD_HOME": str(self.folder),
        }


def pause_schedules(server: PrefectServer) -> None:
    """Nothing comes by itself from now on."""
    for deployment in ask_prefect("POST", f"{server.url}/deployments/filter", {}):
        for schedule in deployment["schedules"]:
            url = f"{server.url}/deployments/{deployment['id']}/schedules/{schedule['id']}"
            if schedule["active"]:
                ask_prefect("PATCH", url, {"active": False})


def ask_prefect(method: str, url: str, body: Any = None) -> Any:
    """What a Prefect server answers. One on SQLite answers 503, having done nothing, where another writer is in its way, and is asked again."""
    got: list[httpx.Response] = []

    def free() -> bool:
        got[:] = [HTTP.request(method, url, json=body, timeout=60)]
        return got[0].status_code != httpx.codes.SERVICE_UNAVAILABLE

    wait_until(free, f"{url} to be free")
    return got[0].raise_for_status().json() if got[0].content else None


def answers(url: str) -> bool:
    try:
        return HTTP.get(url, timeout=5).is_success
    except httpx.HTTPError:
        return False


def wait_until(true: Any, what: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


def command(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def run(module: str, *arguments: str, environment: Mapping[str, str], seconds: float = 280.0) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    return subprocess.run(
        command(module, *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )
