"""Prove that a lease can undeploy a model: have its job call Vertex AI while the model is not deployed, and see that it is let in.

1. There is nothing to undeploy yet, so the call changes nothing: Vertex AI answers that it does not know the deployed model. Who may not undeploy is
answered 403 before that is looked at; so 404 (or 400) is the proof, and 401 or 403 is none. 2. The job's address and body are compared with what was
sent, by the plan that made the job. 3. What an account may do is known everywhere only after minutes (documented): a refusal is tried again for
ten minutes. 4. It is never run while a deployment is there or on its way: it would end it.
"""

from __future__ import annotations

from datetime import timedelta

from google.cloud import scheduler_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import LeaseError
from ironwood.resources.base import Address
from ironwood.resources.vertex import DeployedModel

POLL = timedelta(seconds=2)
ANSWERED, KNOWN = timedelta(minutes=2), timedelta(minutes=10)
LET_IN = frozenset({3, 5, 9})
"""google.rpc codes of a call that got past the question who may: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION."""


def prove(connection: Connection, attempt: Attempt, deployed: DeployedModel, lease: Address) -> None:
    """Run the job at `lease` until it is let in; raises LeaseError, after which nothing may be deployed."""
    began = connection.clock.now()
    while True:
        code = _run(connection, attempt, deployed, lease)
        if code in LET_IN:
            return
        if connection.clock.now() - began > KNOWN:
            told = "nothing" if code is None else f"code {code}"
            raise LeaseError(
                f"{deployed.address} was not deployed, because the job that would undeploy it when nobody of ours lives is not let in: "
                f"{lease.name} was answered {told}. Its account needs aiplatform.endpoints.undeploy; undo what took that away, then run again."
            )
        sleep(connection.clock, POLL * 10)


def _run(connection: Connection, attempt: Attempt, deployed: DeployedModel, lease: Address) -> int | None:
    """Run the job once; the code it was answered with, None for no answer in time."""
    client = connection.client(scheduler_v1.CloudSchedulerClient)
    name = f"projects/{connection.project}/locations/{lease.scope.partition('/')[2]}/jobs/{lease.name}"
    started = connection.clock.now()
    doing = f"running {lease.name} before {deployed.name} is deployed"
    with attempt.write(doing), translated(doing):
        client.run_job(name=name, **ONCE)
    while True:
        with translated(f"reading {lease.name}"):
            job = client.get_job(name=name, **ONCE)
        if job.status.code and job.last_attempt_time and job.last_attempt_time >= started - POLL:
            return int(job.status.code)
        if connection.clock.now() - started > ANSWERED:
            return None
        sleep(connection.clock, POLL)
