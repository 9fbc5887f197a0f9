"""One provisioned tier in one embedded cloud: each mistake is made on it and mended again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_RESULTS_LOCAL_STORAGE_PATH,
    temporary_settings,
)

from flows.provision import provision
from running import EmbeddedCloud, PrefectServer
from standing import Standing

PROFILE = """\
name: {name}
cloud: embedded
project_id: embedded-project
load_balancer: {{port: 8080, default_tier: small}}
lease: {{enabled: false}}
logging: {{enabled: false}}
monitoring: {{enabled: false}}
vertex: {{endpoints: false}}
tiers:
  small: {{chips: 8, deadline_minutes: 5}}
  medium: {{enabled: false}}
"""


@pytest.fixture(scope="session")
def of_the_packet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """The embedded cloud of all these tests: what one leaves standing the next one uses."""
    running = EmbeddedCloud(folder=tmp_path_factory.mktemp("mistakes")).start()
    yield running
    running.stop()


@pytest.fixture
def met(of_the_packet: EmbeddedCloud, prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedCloud]:
    """Flows called in this process report to the session's Prefect server and meet that cloud."""
    settings = {
        PREFECT_API_URL: prefect_server.url,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_RESULTS_LOCAL_STORAGE_PATH: prefect_server.folder / "results",
    }
    monkeypatch.setenv("IRONWOOD_EMULATOR", of_the_packet.rest)
    with temporary_settings(settings):
        yield of_the_packet


@pytest.fixture
def standing(met: EmbeddedCloud, tmp_path: Path) -> Iterator[Standing]:
    """A tier of two VMs that serves: provisioned once, and again after a test that tore it down. Faults are lifted after each."""
    path = tmp_path / "team.yaml"
    path.write_text(PROFILE.format(name=f"mistakes-{os.getpid()}"))
    stands = Standing(cloud=met, profile=path)
    if not stands.groups():
        provision(stands.path)
    yield stands
    for each in met.ask("faults")["faults"]:
        stands.lift(each["id"])
