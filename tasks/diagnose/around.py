"""What stands around the tiers: Vertex AI and its logs, the money, the live graph, and what would refuse a repair."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from cloud import audit, endpoint_logs, facts
from cloud.vertex import last_failure
from ironwood import naming
from ironwood.cost.budget import month_name
from ironwood.decision import KIND
from ironwood.desired.observability import ledger_log
from ironwood.diagnosis import money, standing, vertex
from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.money import LastDecision, MoneySeen
from ironwood.diagnosis.standing import StandingSeen
from ironwood.diagnosis.vertex import LogLine
from ironwood.resources.logs import LogBucket
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import DeployedModel, VertexEndpoint
from tasks.diagnose.case import Case, attempt
from tasks.meter import zone_of
from tasks.probe import well

LOOKED_BACK = timedelta(days=1)
"""How old a log entry or a decision may be that is told."""


def endpoints(case: Case) -> Iterator[Finding]:
    """Endpoints, what is deployed on them, and their logs; nothing for a profile without."""
    found: list[Finding] = []
    there = [each for each in case.live if isinstance(each, VertexEndpoint)]
    if there:
        since = case.at - LOOKED_BACK
        lines = attempt(found, "endpoint", "the endpoints' logs", partial(endpoint_logs.errors, case.connection, since=since)) or []
        failed = [each for endpoint in there if (each := attempt(found, "endpoint", endpoint.name, partial(_failure, case, endpoint)))]
        deployed = [each for each in case.live if isinstance(each, DeployedModel)]
        found += vertex.judge(case.called, there, deployed, lines, [each for each in failed if each.at > since])
    yield from found


def _failure(case: Case, endpoint: VertexEndpoint) -> LogLine | None:
    told = last_failure(case.connection, endpoint.scope.partition("/")[2], endpoint.name)
    return LogLine(at=told[0], endpoint=endpoint.name, text=told[1]) if told else None


def spending(case: Case) -> Iterator[Finding]:
    """The budget's part in it, the last decision, and whether the project is billed at all."""
    found: list[Finding] = []
    decision = attempt(found, "decision", "the decision log", partial(_last_decision, case))
    account = attempt(found, "billing", case.connection.project, partial(facts.billing_account, case.connection))
    if account == "":
        found.append(money.billing_off(case.connection.project))
    seen = MoneySeen(
        spending=case.state.spending,
        month=month_name(case.at, zone_of(case.profile)),
        capped=case.now.capped,
        decision=decision,
    )
    yield from found
    yield from money.judge(case.profile, case.called, seen, case.at)


def graph(case: Case) -> Iterator[Finding]:
    """What the live graph shows by itself."""
    jobs = (each for each in case.live if isinstance(each, SchedulerJob))
    seen = StandingSeen(
        name=case.profile.name,
        called=case.called,
        live=case.live,
        wanted=case.wanted,
        plan=case.plan,
        unlisted=case.unlisted,
        refused=frozenset(each.address for each in jobs if not well(each)),
        leaving=case.state.leaving,
        foreign=case.foreign,
    )
    return standing.judge(seen, case.at)


def _last_decision(case: Case) -> LastDecision | None:
    """The newest decision in the ledger's log; None where no log is kept."""
    name = naming.ledger(case.profile.name_prefix)
    if not any(isinstance(each, LogBucket) and each.name == name for each in case.live):
        return None
    read = audit.read(case.connection, bucket=name, log=ledger_log(case.profile), since=case.at - LOOKED_BACK, kind=KIND)
    if not read:
        return None
    content = read[-1].content
    return LastDecision(
        at=read[-1].at,
        in_force=str(content.get("in_force", "")),
        done=str(content.get("done", "")),
        reasons={str(tier): str(why) for tier, why in dict(content.get("reasons", {})).items()},
    )
