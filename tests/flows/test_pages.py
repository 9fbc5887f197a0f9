"""The pages an operator opens first: status, and alarms."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact

from flows.detect_drift import detect_drift
from flows.note import note
from flows.status import status


def page(key: str) -> Artifact:
    with get_client(sync_client=True) as client:
        (found,) = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])))
    return found


@pytest.mark.usefixtures("flows_here")
def test_an_alarm_is_kept_with_the_way_to_its_run_and_stands_first_on_the_status_page(small_profile: Path):
    name = small_profile.read_text().splitlines()[0].partition(": ")[2]
    detect_drift(str(small_profile))
    note(str(small_profile), about="teardown t ended Failed: it was refused", run="b7")
    alarm = page(f"alarm-{name}")
    assert alarm.description == "teardown t ended Failed: it was refused"
    assert "/runs/flow-run/b7" in str(alarm.data)
    assert status(str(small_profile)) == 0
    shown = str(page(f"status-{name}").data)
    rows = [line for line in shown.splitlines() if line.startswith("| [")]
    assert [row.partition("]")[0] for row in rows] == ["| [alarm", "| [drift", "| [owned"]
    assert "teardown t ended Failed: it was refused" in rows[0]
    assert '**status** 0 objects, $0.00/h at price book "list"' in shown


@pytest.mark.usefixtures("flows_here")
def test_status_as_json_is_one_object_on_standard_output(small_profile: Path, capsys: pytest.CaptureFixture[str]):
    status(str(small_profile), form="json")
    told = capsys.readouterr()
    given = json.loads(told.out)
    assert given.keys() == {"profile", "project", "at", "price_book", "hourly_usd", "resources", "outputs"}
    assert given["outputs"]["load_balancer_ip"] is None
    assert "0 objects" in told.err
    status(str(small_profile))
    assert "0 objects" in capsys.readouterr().out
