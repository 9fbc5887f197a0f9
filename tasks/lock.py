"""The writer lock: one writer a profile, leased and durable.

A killed writer's lease runs out after a minute; the next one waits for that. It is a Prefect concurrency limit, so it is
seen, and can be released, in the UI under Concurrency.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectAlreadyExists, ObjectNotFound

from ironwood.profile import Profile

LEASE_SECONDS = 60.0
"""The shortest Prefect grants."""


def limit_name(name: str) -> str:
    """The concurrency limit that one writer of the profile called `name` holds."""
    return f"ironwood-writer-{name}"


@contextmanager
def writer(profile: Profile) -> Iterator[None]:
    """Be the one writer of `profile`; waits while another run is."""
    name = limit_name(profile.name)
    ensure_limit(name)
    get_run_logger().info("waiting for the writer lock of profile %s", profile.name)
    with concurrency(name, occupy=1, lease_duration=LEASE_SECONDS, strict=True):
        yield


def ensure_limit(name: str) -> None:
    """Create the concurrency limit `name` with one slot unless it exists."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(name)
        except ObjectNotFound:
            with suppress(ObjectAlreadyExists):
                client.create_global_concurrency_limit(GlobalConcurrencyLimitCreate(name=name, limit=1))
