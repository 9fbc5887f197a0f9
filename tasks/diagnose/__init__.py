"""Diagnose: facts gathered from the cloud, judged by `ironwood/diagnosis/`. Nothing is written, and no check that fails stops another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prefect import task
from prefect.cache_policies import NO_CACHE

from ironwood.diagnosis.finding import Finding, not_looked, ordered
from ironwood.errors import IronwoodError
from tasks.diagnose.around import endpoints, graph, spending
from tasks.diagnose.case import Case
from tasks.diagnose.quotas import quotas
from tasks.diagnose.repairs import repairs
from tasks.diagnose.tiers import tiers

CHECKS: dict[str, Callable[[Case], Iterator[Finding]]] = {
    each.__name__: each for each in (tiers, quotas, endpoints, spending, graph, repairs)
}


def diagnosed(case: Case) -> list[Finding]:
    """Every finding, the worst first; the checks are made side by side."""
    asked = [examine.submit(case, check) for check in CHECKS]
    return ordered([*case.found, *(finding for each in asked for finding in each.result())])


# Not tried again: who asks what is wrong wants to know at once what does not answer.
@task(name="diagnose", task_run_name="look at {check}", cache_policy=NO_CACHE, persist_result=False)
def examine(case: Case, check: str) -> list[Finding]:
    """The findings of one check; that it could not be made is one."""
    found: list[Finding] = []
    try:
        found.extend(CHECKS[check](case))
    except IronwoodError as error:
        found.append(not_looked(check, check, str(error)))
    return found
