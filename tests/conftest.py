"""What several test folders share: one Prefect server a session, one embedded cloud a session, emptied for each test."""

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

from running import ROOT, EmbeddedCloud, PrefectServer

EARLY_IN_A_MONTH = "2026-09-02T08:00:00Z"
"""So that no month ends while a test runs, whatever the day: what a month's end does has tests of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked long runs in `make long` only."""
    if not os.environ.get("IRONWOOD_LONG"):
        for each in items:
            if each.get_closest_marker("long"):
                each.add_marker(pytest.mark.skip(reason="make long"))


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    server = PrefectServer(folder=tmp_path_factory.mktemp("prefect")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def embedded_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    running = EmbeddedCloud(folder=tmp_path_factory.mktemp("embedded"), start_time=EARLY_IN_A_MONTH).start()
    yield running
    running.stop()


@pytest.fixture
def in_the_cloud(embedded_cloud: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> EmbeddedCloud:
    """The session's embedded cloud, empty, and the one this process connects to."""
    embedded_cloud.reset()
    monkeypatch.setenv("IRONWOOD_EMULATOR", embedded_cloud.rest)
    return embedded_cloud


@pytest.fixture
def reported(prefect_server: PrefectServer) -> Iterator[None]:
    """Flows called in this process report to the session's Prefect server."""
    settings = {
        PREFECT_API_URL: prefect_server.url,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_RESULTS_LOCAL_STORAGE_PATH: prefect_server.folder / "results",
    }
    with temporary_settings(settings):
        yield


@pytest.fixture
def flows_here(in_the_cloud: EmbeddedCloud, reported: None) -> EmbeddedCloud:
    """Flows called in this process report to the session's Prefect server and meet the session's embedded cloud."""
    assert reported is None
    return in_the_cloud


@pytest.fixture
def stepped_cloud(tmp_path: Path, flows_here: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedCloud]:
    """A cloud whose time stands still unless everybody waits, and the one flows here meet; `flows_here` gives them their Prefect server."""
    assert flows_here
    running = EmbeddedCloud(folder=tmp_path, clock="stepped").start()
    monkeypatch.setenv("IRONWOOD_EMULATOR", running.rest)
    yield running
    running.stop()


@pytest.fixture
def commands(in_the_cloud: EmbeddedCloud, prefect_server: PrefectServer) -> dict[str, str]:
    """The environment in which our commands meet the session's embedded cloud, empty, and the session's Prefect server."""
    return {**os.environ, **prefect_server.environment, **in_the_cloud.environment}


@pytest.fixture
def small_profile(tmp_path: Path) -> Path:
    """A profile of two tiers of few VMs, neither leased nor recorded nor watched, so that a test takes seconds; its name is unique, hence its writer lock too."""
    name = f"t-{tmp_path.name.replace('_', '-').lower()[:18]}-{os.getpid() % 1000}"
    path = tmp_path / "small.yaml"
    path.write_text(
        f"name: {name}\ncloud: embedded\nproject_id: embedded-project\nload_balancer: {{port: 8080}}\n"
        "lease: {enabled: false}\nlogging: {enabled: false}\nmonitoring: {enabled: false}\nvertex: {endpoints: false}\ntiers:\n  small: {chips: 8}\n  medium: {chips: 16}\n"
    )
    return path


@pytest.fixture
def whole_profile(small_profile: Path) -> Path:
    """The small profile, leased, recorded and watched."""
    text = small_profile.read_text().replace("logging: {enabled: false}\nmonitoring: {enabled: false}\n", "")
    small_profile.write_text(text.replace("lease: {enabled: false}", "lease: {hours: 720}"))
    return small_profile


@pytest.fixture(scope="session")
def three_days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three days of a published trace."""
    lines = (ROOT / "tests" / "data" / "traces" / "servegen_m_small_10min.csv").read_text().splitlines()
    path = tmp_path_factory.mktemp("trace") / "three-days.csv"
    path.write_text("\n".join(lines[: 1 + 3 * 144]) + "\n")
    return path
