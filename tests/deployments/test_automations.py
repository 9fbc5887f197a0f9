"""Automations are applied by name: made, mended, removed, never doubled; what somebody paused stays paused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Running
from ruamel.yaml import YAML

from deployments.automations import PREFIX, WRITTEN, apply_automations
from ironwood.errors import UnfinishedError
from running import PrefectServer, wait_until


@pytest.fixture
def there(prefect_server: PrefectServer) -> Iterator[None]:
    """The session's server, without automations of ours."""
    with temporary_settings({PREFECT_API_URL: prefect_server.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        remove_all()
        yield
        remove_all()


def ours() -> list[Automation]:
    with get_client(sync_client=True) as client:
        return [each for each in client.read_automations() if each.name.startswith(PREFIX)]


def remove_all() -> None:
    with get_client(sync_client=True) as client:
        for each in ours():
            client.delete_automation(each.id)


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Ours but those that run a deployment, which this server need not have."""
    path = tmp_path / "automations.yaml"
    write(
        path, [each for each in YAML(typ="safe").load(WRITTEN.read_text()) if not any("deployment" in action for action in each["actions"])]
    )
    return path


def write(path: Path, automations: list[dict[str, object]]) -> None:
    with path.open("w") as file:
        YAML(typ="safe").dump(automations, file)


@pytest.mark.usefixtures("there")
def test_applied_twice_they_are_there_once_and_nothing_is_written_again(written: Path):
    names = [each["name"] for each in YAML(typ="safe").load(written.read_text())]
    assert apply_automations("embedded", written) == (len(names), 0)
    first = {each.name: each.id for each in ours()}
    assert apply_automations("embedded", written) == (0, 0)
    assert {each.name: each.id for each in ours()} == first
    assert sorted(first) == sorted(names)


@pytest.mark.usefixtures("there")
def test_one_that_changed_is_mended_one_that_is_doubled_or_no_longer_written_goes_and_a_pause_stays(written: Path):
    apply_automations("embedded", written)
    automations = YAML(typ="safe").load(written.read_text())
    with get_client(sync_client=True) as client:
        first, second = (next(each for each in ours() if each.name == automations[index]["name"]) for index in (0, 1))
        client.pause_automation(first.id)
        client.create_automation(AutomationCore.model_validate(second.model_dump(exclude={"id"})))
    automations[0]["description"] = "said better"
    gone = automations.pop()
    write(written, automations)
    assert apply_automations("embedded", written) == (1, 2)
    found = {each.name: each for each in ours()}
    assert len(ours()) == len(found) == len(automations)
    assert gone["name"] not in found
    assert (found[first.name].description, found[first.name].enabled) == ("said better", False)


@pytest.mark.usefixtures("there")
def test_an_automation_for_a_deployment_that_is_not_there_is_an_error_that_names_both(written: Path):
    automations = YAML(typ="safe").load(written.read_text())
    automations[0]["actions"] = [{"type": "run-deployment", "source": "selected", "deployment": "nothing/PROFILE"}]
    write(written, automations)
    with pytest.raises(UnfinishedError, match=r"'ironwood: dead runs': there is no deployment nothing/embedded"):
        apply_automations("embedded", written)


def test_a_death_is_noticed_after_three_heartbeats_missed():
    dead = YAML(typ="safe").load(WRITTEN.read_text())[0]["trigger"]
    pools = YAML(typ="safe").load((WRITTEN.parents[1] / "prefect.yaml").read_text())["definitions"]
    beats = {
        int(each["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]) for name, each in pools.items() if "job_variables" in each
    }
    assert dead["within"] >= 3 * max(beats)


@pytest.mark.usefixtures("there")
def test_a_run_whose_heartbeats_stop_is_crashed_and_one_that_ended_is_left(tmp_path: Path, prefect_server: PrefectServer):
    dead = YAML(typ="safe").load(WRITTEN.read_text())[0]
    dead["trigger"]["within"] = 10  # the shortest Prefect takes; ours waits for three heartbeats of 30 s
    path = tmp_path / "automations.yaml"
    write(path, [dead])
    apply_automations("embedded", path)
    with get_client(sync_client=True) as client:
        dies, ends = (client.create_flow_run(Flow(fn=nothing, name="dies"), state=Running()).id for _ in range(2))
        wait_until(lambda: all(beat(prefect_server, each) for each in (dies, ends)), "the heartbeats to be taken")
        client.set_flow_run_state(ends, Completed())
        wait_until(lambda: client.read_flow_run(dies).state_type == StateType.CRASHED, "the dead run to be noticed", 60)
        crashed = client.read_flow_run(dies).state
        assert crashed is not None
        assert "the next run finishes its work" in str(crashed.message)
        assert client.read_flow_run(ends).state_type == StateType.COMPLETED


def nothing() -> None:
    """What the flow that dies does."""


def beat(server: PrefectServer, run: UUID) -> bool:
    """A heartbeat of a run, as its process sends it."""
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.name": "dies"},
        "id": str(uuid4()),
    }
    return httpx.post(f"{server.url}/events", json=[event], timeout=30).is_success
