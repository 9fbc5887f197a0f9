"""Driver of Cloud Scheduler jobs that call Google's APIs for us."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from google.cloud import scheduler_v1
from google.cloud.location import locations_pb2

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.iam import account_address, email
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.scheduler_job import COMPUTE, TPU, SchedulerJob, vertex_host

SIDE_BY_SIDE = 8
DEADLINE = timedelta(minutes=3)
BACKOFF = timedelta(seconds=10)
MASK = ["description", "schedule", "time_zone", "http_target", "retry_config", "attempt_deadline"]
PAUSED = "PAUSED"
DEPLOYMENTS = "deployments"
"""Below what a job of ours asks somebody else's API: Prefect's."""


class SchedulerJobDriver:
    """Jobs in every location."""

    resource = SchedulerJob

    def observe(self, connection: Connection) -> Iterator[SchedulerJob]:
        """List them, location by location: the API has no list across locations."""
        client = connection.client(scheduler_v1.CloudSchedulerClient)
        with translated("listing where scheduler_job can be"):
            request = locations_pb2.ListLocationsRequest(name=f"projects/{connection.project}")
            regions = [each.location_id for each in client.list_locations(request=request, **ONCE).locations]

        def listed(region: str) -> list[scheduler_v1.Job]:
            with translated(f"listing scheduler_job in {region}"):
                return list(client.list_jobs(parent=_parent(connection, region), **ONCE))

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for region, jobs in zip(regions, pool.map(listed, regions), strict=True):
                for job in jobs:
                    yield _read(job, region)

    def create(self, connection: Connection, attempt: Attempt, after: SchedulerJob) -> None:
        """Make it; one of ours that is there already and equal is what we wanted."""
        client = connection.client(scheduler_v1.CloudSchedulerClient)
        doing = f"creating {after.address}"
        region = after.scope.partition("/")[2]
        try:
            with attempt.write(doing), translated(doing):
                client.create_job(parent=_parent(connection, region), job=_encode(connection, after), **ONCE)
        except ConflictError:
            with translated(f"reading {after.address}"):
                found = _read(client.get_job(name=_name(connection, after), **ONCE), region)
            if found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: SchedulerJob, after: SchedulerJob) -> None:
        """Set what differs, and let it run again where somebody paused it."""
        client = connection.client(scheduler_v1.CloudSchedulerClient)
        doing = f"updating {after.address}"
        if before.differences(after).keys() - {"state"}:
            with attempt.write(doing), translated(doing):
                client.update_job(job=_encode(connection, after), update_mask={"paths": MASK}, **ONCE)
        if before.state == PAUSED:
            with attempt.write(f"{doing}: resuming it"), translated(doing):
                client.resume_job(name=_name(connection, after), **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: SchedulerJob) -> None:
        """Delete it."""
        client = connection.client(scheduler_v1.CloudSchedulerClient)
        doing = f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.delete_job(name=_name(connection, before), **ONCE)
        except NotFoundError:
            return


def _parent(connection: Connection, region: str) -> str:
    return f"projects/{connection.project}/locations/{region}"


def _name(connection: Connection, job: SchedulerJob) -> str:
    return f"{_parent(connection, job.scope.partition('/')[2])}/jobs/{job.name}"


def _encode(connection: Connection, after: SchedulerJob) -> scheduler_v1.Job:
    account = email(connection.project, after.account.name)
    return scheduler_v1.Job(
        name=_name(connection, after),
        description=marker.description(after.owner),
        schedule=after.schedule,
        time_zone=after.time_zone,
        http_target=scheduler_v1.HttpTarget(
            uri=after.endpoint + ("" if after.audience else f"projects/{connection.project}/") + f"{after.target}/{after.call}",
            http_method=getattr(scheduler_v1.HttpMethod, after.method),
            headers={"Content-Type": "application/json"} if after.body else {},
            body=after.body.encode(),
            oauth_token=None if after.audience else scheduler_v1.OAuthToken(service_account_email=account),
            oidc_token=scheduler_v1.OidcToken(service_account_email=account, audience=after.audience) if after.audience else None,
        ),
        retry_config=scheduler_v1.RetryConfig(retry_count=after.retries, min_backoff_duration=BACKOFF),
        attempt_deadline=DEADLINE,
    )


def _read(found: scheduler_v1.Job, region: str) -> SchedulerJob:
    uri = found.http_target.uri
    token = found.http_target.oidc_token
    elsewhere, _, below = uri.rpartition(f"/{DEPLOYMENTS}/")
    if token.audience and elsewhere:
        endpoint, target, call = f"{elsewhere}/", DEPLOYMENTS, below
    else:
        endpoint = next((each for each in (COMPUTE, TPU, vertex_host(region)) if uri.startswith(each)), "")
        place, _, call = uri.removeprefix(endpoint).rpartition("/")
        target, call = (place.partition("/")[2].partition("/")[2], call) if endpoint else ("", uri)
    return SchedulerJob(
        name=found.name.rpartition("/")[2],
        scope=f"regions/{region}",
        owner=marker.owner_in_text(found.description),
        schedule=found.schedule,
        time_zone=found.time_zone,
        target=target,
        endpoint=endpoint,
        method=scheduler_v1.HttpMethod(found.http_target.http_method).name,
        body=found.http_target.body.decode(errors="replace"),
        call=call,
        account=account_address(token.service_account_email or found.http_target.oauth_token.service_account_email),
        audience=token.audience,
        retries=found.retry_config.retry_count,
        state=scheduler_v1.Job.State(found.state).name,
        next_run=found.schedule_time.isoformat() if found.schedule_time else "",
        last_run=found.last_attempt_time.isoformat() if found.last_attempt_time else "",
        last_code=found.status.code,
        created=found.user_update_time.isoformat() if found.user_update_time else "",  # the API tells no other
    )


SCHEDULER_JOB = SchedulerJobDriver()
