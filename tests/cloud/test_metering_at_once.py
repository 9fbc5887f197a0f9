"""Two runs that write our metrics in the same seconds: neither fails, and what can be written is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import a_profile
from cloud import metering
from cloud.connection import Connection, connect
from cloud.metering import Reading
from ironwood.errors import RefusedError
from running import EmbeddedCloud

PROFILE = a_profile("cloud: embedded\n").model_copy(update={"project_id": "embedded-project"})
HOURLY = Reading(metric="custom.googleapis.com/ironwood/hourly", value=1.5)
PODS = Reading(metric="custom.googleapis.com/ironwood/pods", value=3)


@pytest.fixture
def stepped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedCloud]:
    running = EmbeddedCloud(folder=tmp_path, clock="stepped").start()
    monkeypatch.setenv("IRONWOOD_EMULATOR", running.rest)
    yield running
    running.stop()


def known(connection: Connection) -> list[float | None]:
    return [metering.latest(connection, each.metric, seconds=600) for each in (HOURLY, PODS)]


def test_a_series_that_has_a_point_as_young_keeps_it_and_the_others_get_theirs(stepped: EmbeddedCloud):
    connection = connect(PROFILE)
    metering.write(connection, [HOURLY])
    for seconds in (0, 3):
        stepped.tell("clock/advance", {"seconds": seconds})
        metering.write(connection, [Reading(metric=HOURLY.metric, value=9.5), PODS])
    stepped.tell("clock/advance", {"seconds": 30})
    assert known(connection) == [1.5, 3.0]
    metering.write(connection, [Reading(metric=HOURLY.metric, value=2.5)])
    stepped.tell("clock/advance", {"seconds": 30})
    assert known(connection) == [2.5, 3.0]
    with pytest.raises(RefusedError, match="as its descriptor says"):
        metering.write(connection, [Reading(metric=PODS.metric, value=0.5)])
