"""Deployments that Google starts: a Cloud Scheduler job each, and the account whose identity token they bring."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ironwood import naming
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.service_account import ServiceAccount

BODY = json.dumps({"tags": ["cloud-scheduler"]})
"""A run with the deployment's own parameters, scheduled for now; the tag tells who asked."""
RETRIES = 2
"""A server that is restarted is back within their minutes; the next time comes soon, and runs that are late are cancelled."""


def driving(profile: Profile) -> Iterator[Resource]:
    """Nothing where Prefect's own schedules do it."""
    settings = profile.cloud_scheduler
    if settings.prefect_api is None:
        return
    account = ServiceAccount(
        name=naming.driver_account_id(profile.name_prefix), owner=profile.name, display_name="Starts deployments on a clock"
    )
    yield account
    for flow, each in sorted(settings.deployments.items()):
        yield SchedulerJob(
            name=naming.driving_job(profile.name_prefix, flow),
            scope=f"regions/{profile.region}",
            owner=profile.name,
            schedule=each.cron,
            time_zone=each.time_zone,
            endpoint=f"{settings.prefect_api.rstrip('/')}/",
            target="deployments",
            call=f"{each.id}/create_flow_run",
            body=BODY,
            account=account.address,
            audience=settings.told_audience,
            retries=RETRIES,
        )
