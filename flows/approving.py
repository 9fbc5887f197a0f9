"""Ask a person: the run pauses in the Prefect UI, holding no lock, and goes on when somebody has answered the form.

Who is not asked again: the same question that another run already waits with, so that a schedule does not pile up runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.context import FlowRunContext
from prefect.exceptions import FlowPauseTimeout
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.settings import PREFECT_UI_URL
from pydantic import Field

from flows.reconcile import Reconciliation
from ironwood.approval import Question
from ironwood.approval import question as asked
from ironwood.errors import ApprovalError
from ironwood.profile import Profile
from tasks import report
from tasks.preflight.check import Check

POLL_SECONDS = 2
QUOTA = "quota"


class Answer(RunInput):
    """The form. Every field is required: an empty one is refused."""

    approve: bool = Field(description="Carry the plan out?")
    name: str = Field(min_length=1, description="Who answers")
    reason: str = Field(min_length=1, description="Why, for the record")


def question(profile: Profile, found: Reconciliation, checks: Iterable[Check]) -> Question | None:
    """What a person has to be asked before the plan is carried out, or None."""
    quotas = [(check.subject, check.found) for check in checks if check.subject.startswith(QUOTA)]
    return asked(profile, found.plan, found.before, found.after, quotas)


def waiting_elsewhere(what: Question) -> str | None:
    """The name of another run that waits with the same question, or None."""
    paused = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.PAUSED])))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=paused)
    return next((run.name for run in runs if run.state and run.state.state_details.pause_key == what.fingerprint), None)


def ask(profile: Profile, what: Question, found: Reconciliation) -> None:
    """Pause until somebody answers; raises ApprovalError where the answer is no, or does not come in time."""
    minutes = profile.approval.expires_minutes
    page = "\n".join(_page(profile, what, found))
    create_markdown_artifact(key=f"approval-{profile.name}", markdown=page, description=f"Asked about plan {found.plan.summary}")
    report.say("approval", f"waits up to {minutes} min for a person: {'; '.join(what.why)}")
    report.say("", f"answer it in the Prefect UI: {_where()}, Resume")
    try:
        answer = pause_flow_run(
            wait_for_input=Answer.with_initial_data(description=page),
            timeout=minutes * 60,
            poll_interval=POLL_SECONDS,
            key=what.fingerprint,
        )
    except FlowPauseTimeout as error:
        raise ApprovalError(
            f"nobody answered within {minutes} min, so the plan was not carried out; run again to ask again (profile key approval.expires_minutes)"
        ) from error
    assert answer is not None
    if not answer.approve:
        raise ApprovalError(f"{answer.name} declined the plan: {answer.reason}")
    report.say("approval", f"{answer.name} agreed: {answer.reason}")


def _where() -> str:
    context = FlowRunContext.get()
    base = str(PREFECT_UI_URL.value() or "").rstrip("/")
    return f"{base}/runs/flow-run/{context.flow_run.id}" if context and context.flow_run else base


def _page(profile: Profile, what: Question, found: Reconciliation) -> Iterator[str]:
    yield f"# {profile.name}: plan {found.plan.summary}"
    yield ""
    yield from (f"- {reason}" for reason in what.why)
    yield f"- bound to fingerprint `{what.fingerprint}`; void when plan, prices or quotas change; expires after {profile.approval.expires_minutes} min"
    yield ""
    yield "| $/hour | before | after | change |"
    yield "|---|---|---|---|"
    before, after = found.before.hourly_usd, found.after.hourly_usd
    yield f"| price book {found.after.book} | {report.usd(before)} | {report.usd(after)} | {report.signed(after - before)} |"
    yield f"| a day | {report.usd(found.before.daily_usd)} | {report.usd(found.after.daily_usd)} | {report.signed(found.after.daily_usd - found.before.daily_usd)} |"
    yield ""
    yield "| | resource | why |"
    yield "|---|---|---|"
    yield from (f"| {report.MARKS[each.action]} | {each.address.kind} `{each.address.name}` | {each.reason} |" for each in found.plan)
