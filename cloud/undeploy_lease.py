"""Prove that a lease can undeploy a model: have its job call Vertex AI while the model is not deployed, and see that it is let in.

1. There is nothing to undeploy yet, so the call changes nothing: Vertex AI answers that it does not know the deployed model. Who may not undeploy is
answered 403 before that is looked at; so 404 (or 400) is the proof, and 401 or 403 is none. 2. The job's address and body are compared with what was
sent, by the plan that made the job. 3. What an account may do is known everywhere only after minutes (documented): a refusal is tried again for
ten minutes. 4. It is never run while a deployment is there or on its way: it would end it.
"""

from __future__ import annotations

from cloud.connection import Connection
from cloud.journal import Attempt
from cloud.lease_runs import failed_since, until_it_arrives, until_it_reaches
from ironwood.resources.base import Address
from ironwood.resources.vertex import DeployedModel

LET_IN = frozenset({3, 5, 9})
"""google.rpc codes of a call that got past the question who may: INVALID_ARGUMENT, NOT_FOUND, FAILED_PRECONDITION."""


def prove(connection: Connection, attempt: Attempt, deployed: DeployedModel, lease: Address) -> None:
    """Run the job at `lease` until it is let in; raises LeaseError, after which nothing may be deployed."""
    until_it_reaches(
        connection,
        lambda: until_it_arrives(
            connection,
            attempt,
            f"running {lease.name} before {deployed.name} is deployed",
            lease,
            lambda job, started: failed_since(job, started) and job.status.code in LET_IN,
        ),
        lambda answer: (
            f"{deployed.address} was not deployed, because the job that would undeploy it when nobody of ours lives is not let in: "
            f"{lease.name} was answered {answer}. Its account needs aiplatform.endpoints.undeploy; undo what took that away, then run again."
        ),
    )
