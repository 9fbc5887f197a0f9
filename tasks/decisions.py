"""Keep a decision: one entry in the ledger's log, one version of the artifact `decisions-PROFILE`. A profile without a log keeps the artifact only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid5

from prefect.artifacts import create_markdown_artifact

from cloud import audit
from cloud.connection import Connection
from ironwood.capacity.live import Outlook
from ironwood.decision import Choice, Decision
from ironwood.desired.observability import ledger_log
from ironwood.errors import CloudError
from ironwood.profile import Profile
from ironwood.sizes import between
from tasks import report
from tasks.retries import google_task


@google_task(name="decision", run_name="keep the decision")
def keep(connection: Connection, profile: Profile, decision: Decision, run: UUID) -> None:
    """Keep `decision` of the flow run `run`; repeated, it is kept once. That the log cannot be written is told and stops nothing."""
    create_markdown_artifact(
        key=f"decisions-{profile.name}", markdown=_page(decision), description=f"{decision.at:%a %d %b %H:%M} {decision.done}"
    )
    if not profile.logging.enabled:
        return
    entry = audit.Entry(id=str(uuid5(run, "decision")), at=decision.at, content=decision.content())
    try:
        with connection.clock.participating("decision"):
            audit.write(connection, log=ledger_log(profile), owner=profile.name, entries=[entry])
    except CloudError as error:
        report.say("decision", f"could not be written to the ledger's log: {error}")


def _page(decision: Decision) -> str:
    lines = [
        f"# {decision.profile}: {decision.at:%A %d %B %Y %H:%M} UTC",
        "",
        f"In force: {decision.in_force}. Due {decision.scheduled:%H:%M:%S} UTC. Done: {decision.done}",
        "",
        *_demand(decision.outlook),
        "| tier | was | wanted | why |",
        "|---|---|---|---|",
        *(
            f"| {tier} | {decision.seen.get(tier, 0)} | {between(decision.choices[0].sizes, tier)} | {decision.reasons.get(tier, '')} |"
            for tier in decision.choices[0].sizes
        ),
        "",
        *_choices(decision.choices),
    ]
    return "\n".join(lines)


def _demand(outlook: Outlook | None) -> Iterator[str]:
    """The demand seen, where the policy decided."""
    if outlook is not None:
        mean, below = outlook.at(60)
        yield f"Demand told last: {outlook.told_units:,.1f} units; in an hour {mean:,.1f} are expected, nine times of ten less than {below:,.1f}."
        yield ""


def _choices(choices: Sequence[Choice]) -> Iterator[str]:
    """The table of what was taken and what else there was; with what was expected of each where there was a forecast."""
    expected = " expected in the next hour | unserved |" if choices[0].short else ""
    yield f"| choice | sizes | $/h |{expected}"
    yield f"|---|---|---|{'---|---|' if expected else ''}"
    for each in choices:
        row = f"| {each.name} | {', '.join(f'{tier} {between(each.sizes, tier)}' for tier in each.sizes)} | {report.usd(each.usd_hour)} |"
        if each.short is not None and each.expected_usd is not None:
            row += f" {report.usd(each.expected_usd)} | {each.short.units:,.1f} units, {each.short.share:.2%} |"
        yield row
