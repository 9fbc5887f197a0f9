"""See what is there: every kind in every scope, after what a killed run left on its way has come to rest.

A kind whose API is off has nothing to show; that is said, not hidden.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from cloud.connection import Connection
from cloud.drivers.registry import DRIVERS
from cloud.facts import regions_down
from cloud.operations import finish, in_flight
from cloud.redis_operations import settle as settle_redis
from ironwood.errors import ApiDisabledError, CloudError, HiddenError, IronwoodError
from ironwood.graph import Graph
from ironwood.resources.base import Resource

SIDE_BY_SIDE = 8


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Everything live, ours or not, since the looking began `at`; `unlisted` are the kinds whose API is off, `hidden` those the account may not list;
    `down` the regions Google says are down: of them it tells what was known.
    """

    live: Graph
    at: datetime
    unlisted: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    down: frozenset[str] = frozenset()


def observe(connection: Connection) -> Observation:
    """List every registered kind in every zone and region."""
    at = connection.clock.now()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        asked = pool.submit(regions_down, connection)
        answers = dict(zip(DRIVERS, pool.map(lambda kind: _list(connection, kind), DRIVERS), strict=True))
    found = [resource for listed in answers.values() if isinstance(listed, list) for resource in listed]
    return Observation(
        live=Graph.of(found),
        at=at,
        unlisted=tuple(kind for kind, listed in answers.items() if isinstance(listed, ApiDisabledError)),
        hidden=tuple(kind for kind, listed in answers.items() if isinstance(listed, HiddenError)),
        down=asked.result(),
    )


def look_around(connection: Connection) -> tuple[Observation, dict[str, IronwoodError]]:
    """What can be listed now, waiting for nothing; and each kind that could not be, with the error. For looking only: no plan is made of it."""
    at = connection.clock.now()
    failed: dict[str, IronwoodError] = {}

    def listed(kind: str) -> list[Resource]:
        try:
            return list(DRIVERS[kind].observe(connection))
        except IronwoodError as error:
            failed[kind] = error
            return []

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        found = [resource for each in pool.map(listed, DRIVERS) for resource in each]
    return Observation(live=Graph.of(found), at=at, unlisted=tuple(failed)), failed


def settle(connection: Connection, names: Iterable[str]) -> list[str]:
    """Wait for the operations still in flight on objects called `names`; tells what was waited for.

    An operation that ends in an error is only told: the diff that follows decides what is missing.
    """
    names = tuple(names)
    waited = settle_redis(connection, names)
    try:
        running = in_flight(connection, names)
    except ApiDisabledError:
        return waited
    for operation in running:
        target = operation.target_link.rpartition("/")[2]
        doing = f"{operation.operation_type} of {target}, left in flight by an earlier run"
        try:
            finish(connection, operation, doing)
        except CloudError as error:
            waited.append(f"{doing}: {error}")
        else:
            waited.append(doing)
    return waited


def _list(connection: Connection, kind: str) -> list[Resource] | ApiDisabledError | HiddenError:
    try:
        return list(DRIVERS[kind].observe(connection))
    except (ApiDisabledError, HiddenError) as error:
        return error
