"""Observe the cloud. Never cached: what was true a minute ago is not what is."""

from __future__ import annotations

from collections.abc import Iterable

from prefect import get_run_logger

from cloud.connection import Connection
from cloud.observe import Observation, settle
from cloud.observe import observe as observe_cloud
from tasks.retries import google_task


@google_task(name="observe", run_name="observe everything")
def observe(connection: Connection, names: Iterable[str]) -> Observation:
    """Wait for operations an earlier run left in flight on objects called `names`, then list every kind."""
    logger = get_run_logger()
    with connection.clock.participating("observe"):
        for waited in settle(connection, names):
            logger.info("waited for %s", waited)
        seen = observe_cloud(connection)
    logger.info("%d objects live in %s", len(seen.live), connection.name)
    return seen
