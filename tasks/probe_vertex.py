"""Ask Vertex AI's endpoints for a prediction, as a client would."""

from __future__ import annotations

import time

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.undeploy_lease import LET_IN
from cloud.vertex import parent
from cloud.vertex import predictions as client_of
from ironwood.errors import CloudError
from ironwood.graph import Graph
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import EndpointTraffic
from tasks.finding import Finding

QUESTION = {"text": "Hello, this is a test inference request"}


def predictions(connection: Connection, live: Graph, wanted: Graph) -> list[Finding]:
    """One through each endpoint that takes traffic of a model of ours."""
    return [_asked(connection, each) for each in live if isinstance(each, EndpointTraffic) and each.address in wanted]


def let_in(job: SchedulerJob) -> bool:
    """Whether the last run of a job that undeploys was let in and found nothing to undeploy, as when its lease is proven."""
    return job.call.endswith(":undeployModel") and job.last_code in LET_IN


def _asked(connection: Connection, traffic: EndpointTraffic) -> Finding:
    region, check = traffic.scope.partition("/")[2], f"predict through {traffic.name}"
    client, began = client_of(connection, region), time.perf_counter()
    try:
        with translated(check):
            answer = client.predict(endpoint=f"{parent(connection, region)}/endpoints/{traffic.name}", instances=[QUESTION], **ONCE)
    except CloudError as error:
        return Finding(check=check, passed=False, found=str(error))
    took = (time.perf_counter() - began) * 1_000
    ours = {each.name.rpartition("--")[2] for each in traffic.models}
    told = f"{len(answer.predictions)} in {took:.0f} ms by deployed model {answer.deployed_model_id}"
    return Finding(check=check, passed=bool(answer.predictions) and answer.deployed_model_id in ours, found=told)
