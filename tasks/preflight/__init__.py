"""Preflight: would the cloud refuse this plan? Asked before the first write; every finding says what would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cloud.connection import Connection
from ironwood.errors import ApiDisabledError, PreflightError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile
from tasks.preflight.apis import apis
from tasks.preflight.billing import billing
from tasks.preflight.cache import cache
from tasks.preflight.capacity import chips, reservations, zones
from tasks.preflight.check import Asked, Check
from tasks.preflight.development import development
from tasks.preflight.memory import memory
from tasks.preflight.names import domains
from tasks.preflight.network import network
from tasks.preflight.observability import observability
from tasks.preflight.organisation import organisation
from tasks.preflight.quotas import quotas
from tasks.preflight.security import security
from tasks.preflight.vertex import vertex
from tasks.retries import google_task

Checking = Callable[[Asked], Iterator[Check]]
CHECKS: tuple[Checking, ...] = (
    apis,
    network,
    zones,
    chips,
    reservations,
    quotas,
    billing,
    cache,
    development,
    memory,
    observability,
    domains,
    organisation,
    security,
    vertex,
)


@google_task(name="preflight", run_name="preflight")
def preflight(connection: Connection, profile: Profile, plan: Plan, wanted: Graph, live: Graph) -> list[Check]:
    """Every check of the plan to `wanted` against what the project may and the zones can."""
    asked = Asked(connection=connection, profile=profile, plan=plan, wanted=wanted, live=live)
    with connection.clock.participating("preflight"):
        return [each for check in CHECKS for each in _answers(check, asked)]


def refuse(checks: list[Check]) -> None:
    """Raise PreflightError naming every check that is not well, with its remedy."""
    broken = [check for check in checks if check.remedy]
    if broken:
        raise PreflightError("\n".join(f"{check.subject}: {check.found}. {check.remedy}" for check in broken))


def _answers(check: Callable[[Asked], Iterator[Check]], asked: Asked) -> list[Check]:
    try:
        return list(check(asked))
    except ApiDisabledError:
        return [Check(subject=check.__name__, found="can be read once its API is enabled, which is the first step of this plan")]
