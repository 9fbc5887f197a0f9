"""Before anything else: may the caller do all of it? A run that would be refused half-way is refused before its first write."""

from __future__ import annotations

from cloud.connection import Connection
from ironwood.graph import Graph
from tasks import report
from tasks.preflight import refuse
from tasks.preflight.check import Check
from tasks.preflight.permissions import Operation, permissions


def tell(connection: Connection, operation: Operation, wanted: Graph) -> list[Check]:
    """Say whether the caller has every permission of `operation`, and which are missing; a dry run goes on all the same."""
    checks = permissions(connection, operation, wanted)
    report.checks(checks)
    return checks


def demand(connection: Connection, operation: Operation, wanted: Graph) -> None:
    """Say whether the caller has every permission of `operation`; raises PreflightError naming each that is missing."""
    refuse(tell(connection, operation, wanted))
