"""The process: what it keeps when killed, what it refuses to start with, who may ask it."""

import signal
import socket
import subprocess
import sys
from decimal import Decimal

import pytest

GROUP = "zones/us-central1-c/instanceGroupManagers/group"


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "emulator", *arguments], capture_output=True, text=True, timeout=30)


def test_a_killed_emulator_goes_on_where_it_was_and_a_stopped_one_ends_cleanly(start_emulator, tmp_path):
    (tmp_path / "durations.yaml").write_text("vm.boot: 0\n")
    files = ("--state", str(tmp_path / "state.sqlite"), "--durations", str(tmp_path / "durations.yaml"))
    emulator = start_emulator("--clock", "stepped", *files)
    emulator.enable("compute", "iam")
    emulator.network()
    emulator.template()
    emulator.group(3)
    assert {vm["instanceStatus"] for vm in emulator.managed(GROUP)} == {"RUNNING"}
    emulator.advance(600)
    account = emulator.ask("POST", f"/v1/projects/{emulator.project}/serviceAccounts", {"accountId": "inference"})
    path = "global/healthChecks?requestId=7d2c1ad0-6c1b-4c0a-9a6e-0d6a1c7c0001"
    operation = emulator.ask("POST", path, {"name": "check", "type": "HTTP"})
    before = {name: emulator.admin("GET", name) for name in ("clock", "inventory", "bill")}
    managed = emulator.managed(GROUP)
    assert emulator.end(signal.SIGKILL) == -signal.SIGKILL
    emulator.start()
    assert {name: emulator.admin("GET", name) for name in before} == before
    assert emulator.managed(GROUP) == managed
    assert emulator.ask("GET", f"global/operations/{operation['name']}")["status"] == "RUNNING"
    assert emulator.ask("POST", path, {"name": "check", "type": "HTTP"})["name"] == operation["name"]
    emulator.done(operation)
    assert emulator.ask("GET", "global/healthChecks/check")["name"] == "check"
    emulator.advance(10)
    assert emulator.ask("GET", f"/v1/{account['name']}")["uniqueId"] == account["uniqueId"]
    emulator.do("POST", f"{GROUP}/resize?size=0")
    emulator.advance(120)
    assert emulator.managed(GROUP) == []
    assert Decimal(emulator.admin("GET", "bill")["total_usd"]) > Decimal(before["bill"]["total_usd"])
    emulator.http.close()
    assert emulator.end() == 0


def test_help_names_every_flag():
    shown = run("--help")
    assert shown.returncode == 0
    for flag in (
        "--port",
        "--grpc-port",
        "--https-port",
        "--clock",
        "--time-scale",
        "--state",
        "--address-pool",
        "--durations",
        "--project",
    ):
        assert flag in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "99999"], "--port 99999: choose a port from 1 to 65535"),
        (["--port", "8787", "--grpc-port", "8787"], "REST and gRPC need a port each"),
        (["--address-pool", "10.0.0.0/24"], "--address-pool 10.0.0.0/24: only loopback addresses can be given away"),
        (["--address-pool", "127.1.0.0/33"], "--address-pool 127.1.0.0/33:"),
        (["--time-scale", "0"], "--time-scale 0.0: emulated time must pass"),
        (["--start-time", "2026-01-01T00:00:00"], "has no time zone"),
        (["--state", "nowhere/state.sqlite"], "does not exist; make it first"),
        (["--durations", "missing.yaml"], "--durations missing.yaml:"),
        (["--clock", "sundial"], "invalid choice: 'sundial'"),
    ],
)
def test_a_command_line_that_cannot_work_says_what_would(arguments, says, free_ports):
    done = run(*free_ports, *arguments)  # another emulator may run on the default ports
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 2
    assert f"--port {port} on 127.0.0.1: Address already in use; another emulator may run there" in done.stderr


def test_durations_can_be_changed_while_running_and_a_wrong_one_is_refused(stepped):
    stepped.admin("PUT", "durations", {"compute.healthChecks.insert": 0})
    assert stepped.ask("POST", "global/healthChecks", {"name": "check", "type": "HTTP"})["status"] == "DONE"
    told = stepped.admin("PUT", "durations", {"vm.bot": 1}, status=400)["error"]
    assert told.startswith("'vm.bot' is not a duration; there are ")
    assert "vm.boot" in told


def test_the_request_log_numbers_what_was_asked_and_leaves_admin_out(stepped):
    stepped.ask("GET", "global/networks")
    stepped.ask("POST", "global/healthChecks?requestId=7d2c1ad0-6c1b-4c0a-9a6e-0d6a1c7c0002", {"name": "check", "type": "HTTP"})
    log = stepped.admin("GET", "requests")["requests"]
    assert [entry["n"] for entry in log] == list(range(1, len(log) + 1))
    assert not any("_emulator" in entry["path"] for entry in log)
    last = log[-1]
    expected = ("compute.googleapis.com", "compute.healthChecks.insert", "POST", True, 200, True)
    assert tuple(last[key] for key in ("service", "method", "http_method", "write", "status", "committed")) == expected
    assert last["request_id"] == "7d2c1ad0-6c1b-4c0a-9a6e-0d6a1c7c0002"
    writes = stepped.admin("GET", f"requests?since={last['n'] - 1}&writes=true")["requests"]
    assert writes == [last]


def test_the_inventory_lists_what_exists_with_what_marks_it(stepped):
    stepped.do("POST", "global/healthChecks", {"name": "check", "type": "HTTP", "description": "mine"})
    account = stepped.ask("POST", f"/v1/projects/{stepped.project}/serviceAccounts", {"accountId": "inference"})
    stepped.ask("DELETE", f"/v1/{account['name']}")
    rows = [row for row in stepped.admin("GET", "inventory")["resources"] if row.get("origin") != "google"]
    assert [(row["kind"], row["scope"], row["name"], row["description"], row["state"]) for row in rows] == [
        ("compute.healthChecks", "global", "check", "mine", "READY"),
        ("iam.serviceAccounts", "global", f"inference@{stepped.project}.iam.gserviceaccount.com", "", "PENDING_DELETION"),
    ]
