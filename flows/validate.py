"""Validate: does what was provisioned serve?"""

from __future__ import annotations

import sys

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.reconcile import compare, told_of
from flows.run_names import named
from ironwood import naming
from ironwood.errors import ProbeError
from ironwood.profile_regions import home_of
from tasks import report
from tasks.inputs import load_profile
from tasks.probe import probe, routes
from tasks.probe_analytics import probe_analytics
from tasks.probe_cache import probe_cache
from tasks.target import sizes_to_find
from tasks.watched import watched


@flow(name="validate", flow_run_name=named("validate {profile}"))
def validate(profile: str = "embedded", sizes: dict[str, int] | None = None) -> int:
    """Check groups and backend health, and predict through every route; returns how many checks passed.

    Raises ProbeError naming those that did not.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    target, since = sizes_to_find(connection, ours, sizes).sizes, connection.clock.now()
    found = compare(connection, ours, target)
    told_of(found)
    down = found.observation.down
    findings = probe(connection, found.observation.live, found.wanted, found.plan, ours, down) + watched(connection, ours)
    findings += probe_cache(connection, found.observation.live, found.wanted)
    led = {service.name for _, service in routes(found.observation.live, found.wanted)}
    asked = frozenset(home_of(tier) for tier, size in target.items() if size)
    asked = frozenset(tier for tier in asked if naming.backend_service(ours.name_prefix, tier) in led)
    findings += probe_analytics(connection, found.observation.live, found.wanted, since, asked)
    report.findings(findings, ours)
    broken = [each for each in findings if not each.passed]
    if broken:
        raise ProbeError("\n".join(f"{each.check}: {each.found}" for each in broken))
    return len(findings)


if __name__ == "__main__":
    sys.exit(run(validate, Argument.PROFILE, Argument.SIZES))
