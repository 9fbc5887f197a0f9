"""Progress bars: for what takes long, written now and then, full at the end."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.objects import Artifact
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from cloud.progress import listening, tell
from running import PrefectServer
from tasks.progress import Bar


@pytest.fixture(autouse=True)
def there(prefect_server: PrefectServer) -> Iterator[None]:
    settings = {PREFECT_API_URL: prefect_server.url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, PREFECT_LOGGING_TO_API_ENABLED: False}
    with temporary_settings(settings):
        yield


def bars(name: str) -> list[Artifact]:
    with get_client(sync_client=True) as client:
        return client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[f"progress-{name}"])))


@flow
def grows(bar: Bar, steps: tuple[int, ...]) -> None:
    with listening(bar.told):
        for done in steps:
            tell(done, 8)


def test_a_long_operation_has_one_bar_that_is_full_at_the_end():
    name = f"group-{uuid4().hex[:8]}"
    grows(Bar(name, "create the group, VMs ready", long_seconds=0, every_seconds=0), (0, 3, 3, 8))
    (bar,) = bars(name)
    assert (bar.type, bar.data, bar.description) == ("progress", 100.0, "create the group, VMs ready: 8 of 8")


def test_what_is_done_in_seconds_has_none():
    name = f"group-{uuid4().hex[:8]}"
    grows(Bar(name, "quick"), (0, 3, 8))
    assert bars(name) == []


def test_nobody_has_to_listen():
    tell(1, 2)
