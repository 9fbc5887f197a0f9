"""Provision: wall time against the critical path of the stated latencies, and what a plan costs in time.

Prints, for VM readiness at 0 and at its estimate: wall time of carrying out the plan, the critical path of the latencies the
embedded cloud states for each operation (its durations table, at the same time scale), their ratio, and the overhead a
resource on the critical path. Then the latency of a plan that changes nothing, for the default profile.

`python -m bench.provision [--time-scale 60] [--repeat 3]`
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cloud.ports import free_ports
from flows import local_server
from ironwood.profile import Profile

VM_READINESS = ("vm.boot", "vm.container", "vm.load")
METHODS = {
    "service_set": "serviceusage.services.batchEnable",
    "service_account": "iam.read_after_create",
    "network": "compute.networks.insert",
    "subnetwork": "compute.subnetworks.insert",
    "firewall": "compute.firewalls.insert",
    "router": "compute.*.insert",
    "address": "compute.globalAddresses.insert",
    "health_check": "compute.healthChecks.insert",
    "instance_template": "compute.instanceTemplates.insert",
    "backend_service": "compute.backendServices.insert",
    "url_map": "compute.urlMaps.insert",
    "http_proxy": "compute.targetHttpProxies.insert",
    "forwarding_rule": "compute.globalForwardingRules.insert",
    "certificate": "compute.*.insert",
    "https_proxy": "compute.*.insert",
    "metric_descriptor": "monitoring.descriptor.visible",
}
"""The row of the embedded cloud's durations table that a create of each kind lasts; one of another kind is answered at once."""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One provision: wall seconds, critical path in seconds of the same clock, resources on it."""

    wall: float
    critical: float
    steps: tuple[str, ...]

    @property
    def overhead(self) -> float:
        """Seconds more than the stated latencies, a resource on the critical path."""
        return (self.wall - self.critical) / len(self.steps)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.provision", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--time-scale", type=float, default=60.0, help="how fast the embedded cloud's time runs (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each figure; the median is printed (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder), options.time_scale) as rest:
        os.environ |= {"IRONWOOD_EMULATOR": rest, "IRONWOOD_HOME": folder}
        print(f"{'VM readiness':14} {'wall s':>8} {'critical s':>11} {'ratio':>6} {'overhead s/resource':>20}   critical path")
        estimate = {key: _durations(rest)[key] for key in VM_READINESS}
        for name, ready in (("0", dict.fromkeys(VM_READINESS, 0.0)), ("its estimate", estimate)):
            runs = [_provision(rest, ready, options.time_scale) for _ in range(options.repeat)]
            middle = sorted(runs, key=lambda run: run.wall)[len(runs) // 2]
            ratio = middle.wall / middle.critical
            path = " > ".join(step.rpartition("/")[2] for step in middle.steps)
            print(f"{name:14} {middle.wall:8.2f} {middle.critical:11.2f} {ratio:6.2f} {middle.overhead:20.3f}   {path}")
        seconds = _no_op_plan(options.repeat * 3)
        print(f"no-op plan of the default profile: median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s")
    return 0


def _provision(rest: str, readiness: Mapping[str, float], scale: float) -> Timed:
    """Carry out the default profile's plan from nothing, without Prefect's own start-up, and time it."""
    from prefect.settings import temporary_settings

    from cloud.connection import connect
    from flows.command_line import quiet_console
    from flows.local_server import server_settings
    from flows.reconcile import against, carry_out
    from ironwood.desired import desired
    from tasks.inputs import load_profile
    from tasks.observe import observe

    httpx.post(f"http://{rest}/_emulator/reset", json={}).raise_for_status()
    httpx.put(f"http://{rest}/_emulator/durations", json=readiness).raise_for_status()
    stated = _durations(rest)
    profile = load_profile("embedded")
    connection = connect(profile)
    wanted = desired(profile, profile.baseline)
    from prefect import flow

    @flow(name="bench provision")
    def timed() -> Timed:
        plan = against(observe(connection, ()), profile, wanted).plan
        began = time.perf_counter()
        with contextlib.redirect_stdout(None):
            carry_out(connection, plan)
        wall = time.perf_counter() - began
        latency = {change.step: _latency(change.address.kind, stated, profile) / scale for change in plan}
        length: dict[str, tuple[float, tuple[str, ...]]] = {}
        for change in plan:
            before = max((length[step] for step in change.waits_for), default=(0.0, ()))
            length[change.step] = (before[0] + latency[change.step], (*before[1], change.step))
        critical, steps = max(length.values())
        return Timed(wall=wall, critical=critical, steps=steps)

    with temporary_settings(server_settings()):
        quiet_console()
        return timed()


def _latency(kind: str, stated: Mapping[str, float], profile: Profile) -> float:
    """Stated seconds of the cloud's time that a create of `kind` lasts."""
    if kind != "instance_group":
        return stated.get(METHODS.get(kind, ""), 0.0)  # a policy is written at once
    check = profile.health_check
    probes = check.interval_seconds * check.healthy_threshold
    return stated["compute.instanceGroupManagers.insert"] + sum(stated[key] for key in VM_READINESS) + probes


def _durations(rest: str) -> dict[str, float]:
    answer: dict[str, float] = httpx.get(f"http://{rest}/_emulator/durations").raise_for_status().json()["durations"]
    return answer


@contextlib.contextmanager
def embedded(folder: Path, scale: float) -> Iterator[str]:
    """An embedded cloud of our own on free ports; yields its REST address."""
    port, grpc = free_ports(2)
    command = [sys.executable, "-m", "emulator", "--port", str(port), "--grpc-port", str(grpc), "--address-pool", "127.77.0.0/24"]
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen([*command, "--time-scale", str(scale)], stdout=log, stderr=log)
    try:
        for _ in range(400):
            with contextlib.suppress(httpx.HTTPError):
                httpx.get(f"http://127.0.0.1:{port}/_emulator/health").raise_for_status()
                break
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()
        local_server.stop()


def _no_op_plan(times: int) -> list[float]:
    from prefect.settings import temporary_settings

    from cloud.connection import connect
    from cloud.observe import observe
    from flows.local_server import server_settings
    from flows.reconcile import against
    from ironwood.desired import desired
    from tasks.inputs import load_profile

    profile = load_profile("embedded")
    wanted = desired(profile, profile.baseline)
    seconds = []
    with temporary_settings(server_settings()):
        for _ in range(times):
            began = time.perf_counter()
            assert not len(against(observe(connect(profile)), profile, wanted).plan)
            seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
