"""What every lifecycle flow shares: observe, diff, and carry a plan out.

A plan is carried out as one Prefect task a change, each waiting for those it names. A flow never completes over an
unfinished step: every future is waited for, and those that did not complete are named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture, as_completed

from cloud.connection import Connection
from cloud.observe import Observation
from ironwood.apis import REQUIRED_APIS
from ironwood.claim import claimed
from ironwood.cost.estimate import Estimate, estimate
from ironwood.cost.pricebook import PriceBook
from ironwood.desired import Exhausted, desired, order_of
from ironwood.desired.autoscaling import as_found, others_on
from ironwood.diff import diff
from ironwood.errors import OutOfStockError, StockoutError, UnfinishedError
from ironwood.graph import Graph
from ironwood.outage import Parted, parted, regions_of, within_reach
from ironwood.placement import options_of
from ironwood.plan import Change, Plan
from ironwood.profile import Profile
from ironwood.renewal import renewed
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import SERVICES
from ironwood.resources.group import EndpointGroup, InstanceGroup
from ironwood.resources.queued_tpu import QueuedTpu
from ironwood.resources.service_set import ServiceSet
from ironwood.tpu import region_of
from tasks import report
from tasks.apply import Done, abandon_order, apply_change
from tasks.heeding import Heed
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

    owner: str

    @property
    def foreign(self) -> list[Autoscaler]:
        """Autoscalers that are not ours over groups that are."""
        return others_on(self.observation.live, self.owner)

    @property
    def parted(self) -> Parted:
        """The plan as far as it can be carried out now, and what waits for regions that are down."""
        return parted(self.plan, self.observation.down)

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
        told_of(self)


def compare(connection: Connection, profile: Profile, sizes: Mapping[str, int], exhausted: Exhausted = frozenset()) -> Reconciliation:
    """Observe `profile` and diff it against what it wants at `sizes`; writes nothing."""
    names = {resource.name for resource in desired(profile, sizes)} | API_NAMES
    observation = observe(connection, names)
    reached = within_reach(profile, observation.live, observation.down)
    return against(observation, profile, desired(reached, sizes, observation.live, exhausted, connection.clock.now()))


def against(observation: Observation, profile: Profile, wanted: Graph) -> Reconciliation:
    """The diff of `wanted` against what was observed."""
    wanted = as_found(renewed(wanted, observation.live), observation.live)
    books = (load_price_book(profile.price_book), load_price_book(SECOND_BOOK))
    return Reconciliation(
        observation=observation,
        wanted=wanted,
        plan=diff(wanted, claimed(observation.live, profile), owner=profile.name, adopt=profile.adopt),
        before=estimate(ours(observation.live, profile), books[0]),
        after=estimate(wanted, books[0]),
        books=books,
        owner=profile.name,
    )


def converge(connection: Connection, profile: Profile, sizes: Mapping[str, int], found: Reconciliation) -> None:
    """Carry out what was found, until nothing is left to do.

    What waits for a region that is down is left: `finished` tells of it. Where a group gets no VMs by its deadline its order is given up, read back, and placed with the tier's next option; raises StockoutError
    when there is none. What a step leads to only once it is done (worker 0 of a repaired slice) is another round.
    """
    exhausted: Exhausted = frozenset()
    while len(found.parted.now):
        try:
            carry_out(connection, found.parted.now, Heed(profile=profile, sizes=sizes))
        except OutOfStockError as short:
            exhausted |= _given_up(connection, profile, found.wanted, short.groups)
            if short.others or _no_other_way(found.wanted, short.groups):
                raise
        if not exhausted and not any(isinstance(each, EndpointGroup) for each in found.wanted):
            return
        found = compare(connection, profile, sizes, exhausted)
        report.say("plan", f"then {found.plan.summary}")


def told_of(found: Reconciliation) -> None:
    """Say which regions in which anything of `found` is, or is to be, are down, and how much of the plan waits for them."""
    later = found.parted.later
    lost = sorted(found.observation.down & regions_of([*found.wanted, *(change.before for change in later if change.before)]))
    if lost:
        is_down = f"{' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} down, Google says: their VMs neither serve nor bill"
        report.say(
            "outage", f"{is_down}; {f'{len(later)} steps of this plan wait until then' if later else 'no step of this plan waits for them'}"
        )
    for scaler in found.foreign:
        report.say("by hand", by_hand(scaler))


def by_hand(scaler: Autoscaler) -> str:
    """What to say of an autoscaler that is not ours over a group that is."""
    return (
        f"{scaler.address} is not ours and sizes {scaler.group} between {scaler.least} and {scaler.most} VMs: they bill, and Google refuses our sizes. "
        f"It is left alone: delete it, or give the tier `autoscaling:`"
    )


def finished(found: Reconciliation, profile: Profile, again: str) -> None:
    """Raise UnfinishedError where something that was wanted waits for a region that is down; `again` is what finishes it."""
    unfinished = found.parted.unfinished
    left_out = sorted(profile.regions.keys() - within_reach(profile, found.observation.live, found.observation.down).regions.keys())
    lines = [f"{change.step}: {_where(change, found)}" for change in unfinished]
    lines += [f"{region}: is down, and nothing of it is there yet: it is left out" for region in left_out]
    if lines:
        raise UnfinishedError(f"done but for what waits for regions that are down; {again} once they are back:\n" + "\n".join(lines))


def _where(change: Change, found: Reconciliation) -> str:
    region = region_of(change.address.scope)
    return f"{region} is down" if region in found.observation.down else "waits for one that does"


def _given_up(connection: Connection, profile: Profile, wanted: Graph, groups: tuple[str, ...]) -> Exhausted:
    """Give up the orders of `groups` (addresses as text); answers the options they belong to."""
    options: set[tuple[str, int]] = set()
    for group in wanted:
        if not isinstance(group, InstanceGroup) or str(group.address) not in groups:
            continue
        has = abandon_order(connection, group, uuid4())
        order = order_of(profile, group.name)
        if order is not None:
            tier, number = order
            options.add(order)
            report.say(
                "stockout",
                f"{tier}: {options_of(profile.enabled_tiers[tier])[number]} gave {has} of {group.size} VMs by its deadline; the rest of the order is cancelled",
            )
    return frozenset(options)


def _no_other_way(wanted: Graph, groups: tuple[str, ...]) -> list[str]:
    """Those of `groups` (addresses as text) that can be ordered in no other way: development TPUs, whose driver has cancelled the order, and what an
    autoscaler orders, which goes on trying.
    """
    return [str(each.address) for each in wanted if isinstance(each, QueuedTpu | Autoscaler) and str(each.address) in groups]


def carry_out(connection: Connection, plan: Plan, heed: Heed | None = None) -> list[Done]:
    """Run every change of `plan`, growth as long as the budget that `heed` looks at lets it.

    Raises UnfinishedError naming the steps that did not complete, each with its reason.
    """
    run = uuid4()  # of this carrying-out, not of the flow run: a later round may take the same step again, and Google ignores a repeated id
    started: dict[str, PrefectFuture[Done]] = {}
    for change in plan:
        waits = [started[step] for step in change.waits_for]
        started[change.step] = apply_change.submit(
            connection=connection, change=change, run=run, heed=heed, return_state=False, wait_for=waits
        )
    steps = {future: step for step, future in started.items()}
    finished: list[Done] = []
    broken: list[str] = []
    stockouts: list[str] = []
    dependent = 0
    for future in as_completed(list(started.values())):
        future.wait()
        if future.state.is_completed():
            finished.append(future.result())
            report.step(finished[-1], len(finished), len(plan))
        else:
            broken.append(f"{steps[future]}: {_why(future)}")
            dependent += not future.state.is_final()
            if _is_stockout(future):
                stockouts.append(steps[future].partition(" ")[2])
    if stockouts:
        told = f"{len(stockouts)} of {len(plan)} steps got no stock by their deadline:\n" + "\n".join(sorted(broken))
        raise OutOfStockError(told, groups=tuple(stockouts), others=len(broken) - len(stockouts) - dependent)
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


def _is_stockout(future: PrefectFuture[Done]) -> bool:
    if not future.state.is_final():
        return False
    try:
        future.result()
    except StockoutError:
        return True
    except Exception:  # noqa: BLE001 - whatever else it was
        return False
    return False


def run_id() -> UUID:
    """The id of the flow run this is; a new one outside of any."""
    context = FlowRunContext.get()
    return context.flow_run.id if context and context.flow_run else uuid4()
