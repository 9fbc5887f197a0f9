"""Observe the cloud. Never cached: what was true a minute ago is not what is."""

from __future__ import annotations

from collections.abc import Iterable

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from cloud.connection import Connection
from cloud.observe import Observation, settle
from cloud.observe import observe as observe_cloud
from tasks.retries import PAUSES_SECONDS, RETRIES, may_succeed_later


@task(
    name="observe",
    task_run_name="observe everything",
    cache_policy=NO_CACHE,
    retries=RETRIES,
    retry_delay_seconds=PAUSES_SECONDS,
    retry_condition_fn=may_succeed_later,
    persist_result=False,
)
def observe(connection: Connection, names: Iterable[str]) -> Observation:
    """Wait for operations an earlier run left in flight on objects called `names`, then list every kind."""
    logger = get_run_logger()
    with connection.clock.participating("observe"):
        for waited in settle(connection, names):
            logger.info("waited for %s", waited)
        seen = observe_cloud(connection)
    logger.info("%d objects live in %s", len(seen.live), connection.name)
    return seen
