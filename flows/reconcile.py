"""What every lifecycle flow shares: observe, diff, and carry a plan out.

A plan is carried out as one Prefect task a change, each waiting for those it names. A flow never completes over an
unfinished step: every future is waited for, and those that did not complete are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid4

from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, as_completed

from cloud.connection import Connection
from cloud.observe import Observation
from ironwood.claim import claimed
from ironwood.cost.estimate import Estimate, estimate
from ironwood.cost.pricebook import PriceBook
from ironwood.desired.apis import REQUIRED_APIS
from ironwood.diff import diff
from ironwood.errors import UnfinishedError
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.renewal import renewed
from ironwood.resources.base import SERVICES
from ironwood.resources.service_set import ServiceSet
from tasks import report
from tasks.apply import Done, apply_change
from tasks.inputs import load_price_book
from tasks.observe import observe

SECOND_BOOK = "seed"
"""The price book every plan names beside the profile's own: what the seed README promised."""
API_NAMES = frozenset(REQUIRED_APIS)


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """What a profile owns, what it wants, and the plan between the two."""

    observation: Observation
    wanted: Graph
    plan: Plan
    before: Estimate
    after: Estimate
    books: tuple[PriceBook, PriceBook]

    def show(self, profile: Profile) -> None:
        """Print the plan and keep it as an artifact."""
        report.plan(
            self.plan,
            before=self.before,
            after=self.after,
            profile=profile,
            books=self.books,
            other=estimate(self.wanted, self.books[1]),
        )


def compare(connection: Connection, profile: Profile, wanted: Graph) -> Reconciliation:
    """Observe `profile` and diff it against `wanted`; writes nothing."""
    names = {resource.name for resource in wanted} | API_NAMES
    observation = observe(connection, names)
    return against(observation, profile, wanted)


def against(observation: Observation, profile: Profile, wanted: Graph) -> Reconciliation:
    """The diff of `wanted` against what was observed."""
    wanted = renewed(wanted, observation.live)
    books = (load_price_book(profile.price_book), load_price_book(SECOND_BOOK))
    return Reconciliation(
        observation=observation,
        wanted=wanted,
        plan=diff(wanted, claimed(observation.live, profile), owner=profile.name, adopt=profile.adopt),
        before=estimate(ours(observation.live, profile), books[0]),
        after=estimate(wanted, books[0]),
        books=books,
    )


def carry_out(connection: Connection, plan: Plan) -> list[Done]:
    """Run every change of `plan`; raises UnfinishedError naming the steps that did not complete, each with its reason."""
    run = _run_id()
    started: dict[str, PrefectFuture[Done]] = {}
    for change in plan:
        waits = [started[step] for step in change.waits_for]
        started[change.step] = apply_change.submit(connection=connection, change=change, run=run, return_state=False, wait_for=waits)
    steps = {future: step for step, future in started.items()}
    finished: list[Done] = []
    broken: list[str] = []
    for future in as_completed(list(started.values())):
        future.wait()
        if future.state.is_completed():
            finished.append(future.result())
            report.step(finished[-1], len(finished), len(plan))
        else:
            broken.append(f"{steps[future]}: {_why(future)}")
    if broken:
        raise UnfinishedError(
            f"{len(broken)} of {len(plan)} steps did not complete; run the same command again once this is mended:\n"
            + "\n".join(sorted(broken))
        )
    return finished


def ours(live: Graph, profile: Profile) -> Graph:
    """What `profile` owns, and the project's APIs."""
    return Graph.of(each for each in claimed(live, profile) if each.owner == profile.name or isinstance(each, ServiceSet))


def owned_count(live: Graph, profile: Profile) -> int:
    """How many objects carry the profile's marker."""
    return sum(each.address != SERVICES and each.owner == profile.name for each in claimed(live, profile))


def _why(future: PrefectFuture[Done]) -> str:
    if not future.state.is_final():
        return "not started, because a step it waits for did not complete"
    try:
        future.result()
    except Exception as error:  # noqa: BLE001 - whatever ended the step is what is told
        return str(error)
    return str(future.state.message)


def _run_id() -> UUID:
    context = FlowRunContext.get()
    return context.flow_run.id if context and context.flow_run else uuid4()
