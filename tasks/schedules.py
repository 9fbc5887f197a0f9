"""The schedules of the `scale` deployments on the Prefect server: copies of when to look, made, changed and removed so that they are those wanted.

1. Ours are those whose slug begins with `ironwood-`; others are left alone, and so is a pause somebody has made.
2. Doing it twice changes nothing, and writes nothing: Prefect throws a deployment's coming runs away and makes them anew at every change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule

from ironwood.windows.looks import PREFIX, Look

FLOW = "scale"


@dataclass(frozen=True, kw_only=True)
class Synchronised:
    """How many schedules were made or changed, removed, and left as they were, in all deployments of a profile together."""

    made: int
    removed: int
    kept: int


def scheduled_deployments(profile: str) -> list[DeploymentResponse]:
    """The deployments of `scale` whose parameter `profile` is this; on most servers one or none."""
    return deployments_of(profile, FLOW)


def deployments_of(profile: str, *flows: str) -> list[DeploymentResponse]:
    """The deployments of `flows`, of every flow without any, whose parameter `profile` is this."""
    with get_client(sync_client=True) as client:
        found = client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=list(flows))) if flows else None)
    return [each for each in found if (each.parameters or {}).get("profile") == profile]


@task(name="schedules", task_run_name="synchronise the schedules of scale", cache_policy=NO_CACHE, persist_result=False)
def synchronise(profile: str, deployments: Sequence[DeploymentResponse], wanted: Sequence[Look]) -> Synchronised:
    """Give each of `deployments` the schedules `wanted`, and none of ours beside them."""
    made = removed = kept = 0
    by_slug = {look.slug: look for look in wanted}
    with get_client(sync_client=True) as client:
        for deployment in deployments:
            ours = {each.slug: each for each in client.read_deployment_schedules(deployment.id) if (each.slug or "").startswith(PREFIX)}
            for slug, each in ours.items():
                if slug not in by_slug:
                    client.delete_deployment_schedule(deployment.id, each.id)
                    removed += 1
                elif _differs(each, by_slug[slug], profile):
                    client.update_deployment_schedule(
                        deployment.id, each.id, schedule=_cron(by_slug[slug]), parameters={"profile": profile}
                    )
                    made += 1
                else:
                    kept += 1
            missing = [look for slug, look in by_slug.items() if slug not in ours]
            _make(client, deployment, profile, missing)
            made += len(missing)
    return Synchronised(made=made, removed=removed, kept=kept)


def _make(client: SyncPrefectClient, deployment: DeploymentResponse, profile: str, missing: Sequence[Look]) -> None:
    if missing:
        new = [DeploymentScheduleCreate(schedule=_cron(look), slug=look.slug, parameters={"profile": profile}) for look in missing]
        client.create_deployment_schedules(deployment.id, new)


def _differs(kept: DeploymentSchedule, look: Look, profile: str) -> bool:
    schedule = kept.schedule
    if not isinstance(schedule, CronSchedule):
        return True
    return (schedule.cron, schedule.timezone, kept.parameters) != (look.cron, look.zone, {"profile": profile})


def _cron(look: Look) -> CronSchedule:
    return CronSchedule(cron=look.cron, timezone=look.zone)
