"""What watches the tiers: made with them, kept as one of each, firing when it should, gone with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud import metering
from cloud.connection import Connection, connect
from cloud.drivers.registry import DRIVERS
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from ironwood import metrics
from running import HTTP, EmbeddedCloud, wait_until
from tasks.inputs import load_profile

PROJECT = "embedded-project"


@pytest.fixture
def watched_profile(whole_profile: Path) -> Path:
    """The small profile with somebody to tell, and limits a test can cross."""
    whole_profile.write_text(
        whole_profile.read_text()
        + "monitoring: {notification_email: oncall@example.com, alerts: {latency_p95_ms: 2000, latency_minutes: 2, error_minutes: 2, idle_utilization: 0.05}}\n"
    )
    return whole_profile


def live(connection: Connection, kind: str) -> list[Any]:
    return list(DRIVERS[kind].observe(connection))


def test_one_of_each_is_kept_and_what_a_lost_answer_doubled_goes(flows_here: EmbeddedCloud, watched_profile: Path):
    profile = load_profile(str(watched_profile))
    for kind in ("alertPolicies", "notificationChannels", "uptimeCheckConfigs"):  # made, and the answer lost: found again, not made twice
        flows_here.tell("faults", {"type": "lost_response", "method": f"monitoring.projects.{kind}.create", "times": 1})
    provision(str(watched_profile))
    connection = connect(profile)
    assert [len(live(connection, kind)) for kind in ("alert_policy", "notification_channel", "uptime_check")] == [5, 1, 1]
    for kind, collection in (
        ("alert_policy", "alertPolicies"),
        ("notification_channel", "notificationChannels"),
        ("uptime_check", "uptimeCheckConfigs"),
    ):
        listed = HTTP.get(f"http://{flows_here.rest}/v3/projects/{PROJECT}/{collection}").json()[collection]
        twin = {
            key: value for key, value in listed[0].items() if key not in {"name", "creationRecord", "mutationRecord", "mutationRecords"}
        }
        twin["conditions"] = (
            [{k: v for k, v in each.items() if k != "name"} for each in twin["conditions"]] if kind == "alert_policy" else None
        )
        body = {key: value for key, value in twin.items() if value is not None}
        HTTP.post(f"http://{flows_here.rest}/v3/projects/{PROJECT}/{collection}", json=body).raise_for_status()
        names = [each.name for each in live(connection, kind) if each.name.startswith(listed[0]["displayName"])]
        assert len(names) == 2
        assert names[1].startswith(f"{names[0]} (")
        strange = {**body, "userLabels": {}, **({"notificationChannels": []} if kind == "alert_policy" else {})}
        HTTP.post(f"http://{flows_here.rest}/v3/projects/{PROJECT}/{collection}", json=strange).raise_for_status()
    assert detect_drift(str(watched_profile)) == 3
    assert provision(str(watched_profile)) == 3
    assert detect_drift(str(watched_profile)) == 0
    teardown(str(watched_profile), confirm=profile.name)
    left = [each for each in flows_here.ask("inventory")["resources"] if each["kind"].startswith("monitoring.")]
    assert {each["kind"] for each in left} == {
        "monitoring.alertPolicies",
        "monitoring.notificationChannels",
        "monitoring.uptimeCheckConfigs",
    }
    assert all(each["labels"] == {} for each in left)  # the strangers'


# -- what fires --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stepped_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    running = EmbeddedCloud(folder=tmp_path_factory.mktemp("stepped"), clock="stepped").start()
    yield running
    running.stop()


def incidents(cloud: EmbeddedCloud) -> set[str]:
    """The alarms that are ringing."""
    return {each["display_name"].removeprefix("ironwood ") for each in cloud.ask("incidents")["incidents"] if each["closed"] is None}


def rang(cloud: EmbeddedCloud, what: str) -> list[str]:
    """What the channel was told of an alarm, in order."""
    sent = [each for each in cloud.ask("notifications")["notifications"] if each["policy"] == f"ironwood {what}"]
    assert all(each["to"] == "oncall@example.com" and f"section '{what}'" in each["documentation"] for each in sent)
    return [each["event"] for each in sent]


def advance(cloud: EmbeddedCloud, seconds: float) -> None:
    cloud.tell("clock/advance", {"seconds": seconds})


def at_once(cloud: EmbeddedCloud, ask: Callable[[], int], times: int) -> None:
    """So many requests in the same instant: time is held until all have arrived, then a minute passes."""
    waiter = cloud.tell("clock/waiters", {"name": "test"})["waiter"]
    with ThreadPoolExecutor(times) as pool:
        answers = [pool.submit(ask) for _ in range(times)]
        wait_until(lambda: cloud.ask("dataplane")["in_flight"] == times, "the requests")
        now = datetime.fromisoformat(cloud.ask("clock")["now"])
        until = (now + timedelta(seconds=61)).isoformat()
        HTTP.post(f"http://{cloud.rest}/_emulator/clock/waiters/{waiter}/wait", json={"until": until}, timeout=60).raise_for_status()
        assert {each.result() for each in answers} == {200}
    cloud.tell(f"clock/waiters/{waiter}", {}, method="DELETE")


def test_every_alarm_rings_when_it_should_and_stops(
    stepped_cloud: EmbeddedCloud, flows_here: EmbeddedCloud, watched_profile: Path, monkeypatch: pytest.MonkeyPatch
):
    assert flows_here
    cloud, profile = stepped_cloud, load_profile(str(watched_profile))
    monkeypatch.setenv("IRONWOOD_EMULATOR", cloud.rest)
    provision(str(watched_profile))
    connection = connect(profile)
    url = cloud.ask("listeners")["listeners"][0]["url"] + "/simple/v1/predict"

    def ask(tokens: int) -> int:
        body = {"instances": [{"text": "x"}], "parameters": {"max_tokens": tokens}}
        return HTTP.post(url, json=body, timeout=60).status_code

    def for_minutes(minutes: int, tokens: int = 16, times: int = 4) -> set[int]:
        answers = set()
        for _ in range(minutes):
            answers |= {ask(tokens) for _ in range(times)}
            advance(cloud, 60 - times * 5 if tokens > 500 else 55)
        return answers

    # nobody asks anything: after ten minutes the TPUs are idle, and nothing else is wrong
    advance(cloud, 15 * 60)
    assert incidents(cloud) == {"idle"}
    # slow answers: 700 tokens take nearly four seconds
    for_minutes(5, tokens=700)
    assert incidents(cloud) == {"idle", "latency"}
    for_minutes(5)
    assert incidents(cloud) == {"idle"}
    # work for most slots of one tier in one minute: no longer idle
    advance(cloud, 60 - connection.clock.now().second)
    at_once(cloud, lambda: ask(4_000), 60)
    assert "idle" not in incidents(cloud)
    advance(cloud, 300)
    # a group falls ill: seen by the health check, and by those who are answered 502
    fault = cloud.tell("faults", {"type": "unhealthy", "group": "ironwood-cluster-small-001"})["id"]
    advance(cloud, 240)
    assert "unhealthy" in incidents(cloud)
    assert for_minutes(4) == {502}
    assert "errors" in incidents(cloud)
    HTTP.delete(f"http://{cloud.rest}/_emulator/faults/{fault}").raise_for_status()
    advance(cloud, 30 * 60)  # the ill VMs are made anew
    assert incidents(cloud) == {"idle"}
    # money: more than the threshold of the month's budget is spent
    metering.write(connection, [metering.Reading(metric=metrics.own("", "budget_used"), value=0.93)])
    advance(cloud, 120)
    assert incidents(cloud) == {"idle", "budget"}
    metering.write(connection, [metering.Reading(metric=metrics.own("", "budget_used"), value=0.4)])
    advance(cloud, 120)
    assert incidents(cloud) == {"idle"}
    for what in ("latency", "errors", "unhealthy", "budget"):
        assert rang(cloud, what)[:2] == ["opened", "closed"], what
    teardown(str(watched_profile), confirm=profile.name)
    assert incidents(cloud) == set()
