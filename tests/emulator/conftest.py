"""Emulators for tests: each a process of its own on free ports, with its own address pool."""

import itertools
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest
import recorded_shapes
from discovery_schemas import CHECKED, check, report

from cloud import ports

_POOLS = itertools.count(1)
TEMPLATE_PROPERTIES = {
    "machineType": "tpu7x-standard-4t",
    "labels": {"tier": "small"},
    "scheduling": {"onHostMaintenance": "TERMINATE"},
    "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"diskType": "hyperdisk-balanced", "diskSizeGb": "200"}}],
}


def check_answer(response):
    """Every answer an emulator gives these tests is checked against Google's own schema."""
    response.read()
    check(response.request.method, response.url.path, response.status_code, response.text)


def pytest_terminal_summary(terminalreporter):
    if CHECKED:
        terminalreporter.write_line(report())
    if recorded_shapes.REPLAYED:
        terminalreporter.write_line(recorded_shapes.summary())


class Emulator:
    """One emulator process and the shortest ways to talk to it."""

    def __init__(self, *arguments, project="test-project"):
        self.project = project
        self.stepped = "stepped" in arguments
        self.port, self.grpc_port = ports.free_ports(2)
        pool = f"127.{64 + os.getpid() % 128}.{next(_POOLS)}.0/24"
        self.command = [
            sys.executable, "-m", "emulator", "--port", str(self.port), "--grpc-port", str(self.grpc_port),
            "--address-pool", pool, "--project", project, *arguments,
        ]  # fmt: skip
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, verify=False, timeout=60, event_hooks={"response": [check_answer]})
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        assert "REST" in line, line
        for _ in range(200):
            try:
                if self.http.get("/_emulator/health").status_code == 200:
                    return self
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError("the emulator did not come up")

    def end(self, number=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(20)
        if self.process:
            self.process.stdout.close()
        return self.process.returncode if self.process else None

    def admin(self, method, path, body=None, status=200):
        answer = self.http.request(method, f"/_emulator/{path}", json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def ask(self, method, path, body=None, status=200):
        """A Compute request below the project (``global/networks``), or any other when the path starts with /."""
        url = path if path.startswith("/") else f"/compute/v1/projects/{self.project}/{path}"
        answer = self.http.request(method, url, json=body)
        assert answer.status_code == status, f"{method} {url}: {answer.status_code} {answer.text}"
        return answer.json()

    def advance(self, seconds):
        return self.admin("POST", "clock/advance", {"seconds": seconds})

    def now(self):
        return self.admin("GET", "clock")["now"]

    def done(self, operation):
        """The operation, once it is done."""
        path = operation["selfLink"].removeprefix("https://www.googleapis.com")
        while operation["status"] != "DONE":
            if self.stepped:
                self.advance(1)
                operation = self.ask("GET", path)
            else:
                operation = self.ask("POST", f"{path}/wait")
        return operation

    def do(self, method, path, body=None):
        """A write, waited for; fails if its operation does."""
        operation = self.done(self.ask(method, path, body))
        assert "error" not in operation, operation
        return operation

    def enable(self, *apis):
        names = {"serviceIds": [f"{api}.googleapis.com" for api in apis]}
        operation = self.ask("POST", f"/v1/projects/{self.project}/services:batchEnable", names)
        while not operation.get("done"):
            if self.stepped:
                self.advance(30)
            operation = self.ask("GET", f"/v1/{operation['name']}")

    def network(self, name="net"):
        self.do("POST", "global/networks", {"name": name, "autoCreateSubnetworks": False})
        link = f"projects/{self.project}/global/networks/{name}"
        self.do("POST", "regions/us-central1/subnetworks", {"name": f"{name}-sub", "network": link, "ipCidrRange": "10.0.0.0/16"})
        probes = {"sourceRanges": ["130.211.0.0/22", "35.191.0.0/16"], "allowed": [{"IPProtocol": "tcp"}]}
        self.do("POST", "global/firewalls", {"name": f"{name}-probes", "network": link, **probes})
        return link

    def template(self, name="template", **properties):
        subnet = f"projects/{self.project}/regions/us-central1/subnetworks/net-sub"
        body = {"name": name, "properties": {**TEMPLATE_PROPERTIES, "networkInterfaces": [{"subnetwork": subnet}], **properties}}
        self.do("POST", "global/instanceTemplates", body)
        return f"projects/{self.project}/global/instanceTemplates/{name}"

    def group(self, size, name="group", zone="us-central1-c", template="template", **fields):
        body = {
            "name": name,
            "targetSize": size,
            "instanceTemplate": f"projects/{self.project}/global/instanceTemplates/{template}",
            "namedPorts": [{"name": "http", "port": 8080}],
            **fields,
        }
        self.do("POST", f"zones/{zone}/instanceGroupManagers", body)
        return f"zones/{zone}/instanceGroupManagers/{name}"

    def managed(self, manager):
        return self.ask("POST", f"{manager}/listManagedInstances").get("managedInstances", [])

    def health_check(self, name="check"):
        body = {"name": name, "type": "HTTP", "checkIntervalSec": 10, "httpHealthCheck": {"port": 8080, "requestPath": "/health"}}
        self.do("POST", "global/healthChecks", body)
        return f"projects/{self.project}/global/healthChecks/{name}"

    def backend_service(self, *groups, name="backend", drain=0, **fields):
        body = {
            "name": name,
            "loadBalancingScheme": "EXTERNAL_MANAGED",
            "healthChecks": [f"projects/{self.project}/global/healthChecks/check"],
            "connectionDraining": {"drainingTimeoutSec": drain},
            "backends": [{"group": f"projects/{self.project}/{group.replace('Managers', 's')}"} for group in groups],
            **fields,
        }
        self.do("POST", "global/backendServices", body)
        return f"projects/{self.project}/global/backendServices/{name}"

    def front(self, service, port=8080, **url_map):
        """A URL map, proxy, address and rule before a backend service; answers the URL it listens on."""
        head = f"projects/{self.project}/global"
        self.do("POST", "global/urlMaps", {"name": "map", "defaultService": service, **url_map})
        self.do("POST", "global/targetHttpProxies", {"name": "proxy", "urlMap": f"{head}/urlMaps/map"})
        self.do("POST", "global/addresses", {"name": "ip"})
        rule = {"name": "rule", "loadBalancingScheme": "EXTERNAL_MANAGED", "IPAddress": f"{head}/addresses/ip", "portRange": str(port)}
        self.do("POST", "global/forwardingRules", {**rule, "target": f"{head}/targetHttpProxies/proxy"})
        (listener,) = self.admin("GET", "listeners")["listeners"]
        return listener["url"]


@pytest.fixture
def free_ports():
    rest, grpc = ports.free_ports(2)
    return ["--port", str(rest), "--grpc-port", str(grpc)]


@pytest.fixture(scope="session")
def start_emulator():
    started = []

    def start(*arguments, **options):
        started.append(Emulator(*arguments, **options).start())
        return started[-1]

    yield start
    for emulator in started:  # all are told first, so that they stop together
        emulator.http.close()
        if emulator.process.poll() is None:
            emulator.process.terminate()
    for emulator in started:
        emulator.end()


@pytest.fixture(scope="session")
def stepped_process(start_emulator):
    return start_emulator("--clock", "stepped")


@pytest.fixture(scope="session")
def scaled_process(start_emulator):
    return start_emulator("--time-scale", "600")


@pytest.fixture
def stepped(stepped_process):
    """An empty project with Compute and IAM enabled, on the stepped clock."""
    stepped_process.admin("POST", "reset")
    stepped_process.enable("compute", "iam")
    return stepped_process


@pytest.fixture
def scaled(scaled_process):
    """The same on a clock 600 times as fast as ours."""
    scaled_process.admin("POST", "reset")
    scaled_process.enable("compute", "iam")
    return scaled_process
