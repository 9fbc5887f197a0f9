"""Growth under a budget: its money is set aside first; what cannot be paid does not grow, what shrinks goes on.

Where the budget refuses, every tier that was to grow keeps the pods it has, the rest is carried out, and then the refusal is raised. The state object and
the ledger come before anything that has to be paid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from uuid import uuid4

from cloud.connection import Connection
from flows.reconcile import Reconciliation, carry_out, compare, ours
from ironwood.cost.budget import is_hard, more_usd_hour, pods_of
from ironwood.desired.vertex import held_back
from ironwood.errors import BudgetError, IronwoodError
from ironwood.plan import Plan
from ironwood.profile import Profile
from ironwood.sizes import below
from tasks import report
from tasks.budget import reserve, settle
from tasks.inputs import load_price_book

FIRST = ("bucket", "log_bucket", "dataset", "dataset_writer", "log_sink")
"""What remembers and records, in the order of its references."""
Paid = tuple[Mapping[str, int], Reconciliation]


@contextmanager
def paid(connection: Connection, profile: Profile, target: Mapping[str, int], found: Reconciliation) -> Iterator[Paid]:
    """The sizes and the plan that can be paid, of `target` and `found`; to be carried out inside. Raises BudgetError afterwards for what could not."""
    if not is_hard(profile):
        yield target, found
        return
    sizes = target
    found = _remembering(connection, profile, sizes, found)
    prices = load_price_book(profile.price_book)
    live = ours(found.observation.live, profile)
    more = more_usd_hour(live, found.wanted, prices)
    if not more:
        yield sizes, found
        return
    run = uuid4()
    try:
        reserve(connection, profile, run, live, more, found.observation.at)
    except BudgetError as refused:
        sizes = below(profile, sizes, pods_of(profile, live))
        report.say("budget", str(refused))
        yield sizes, compare(connection, held_back(profile, live), sizes)
        raise
    try:
        yield sizes, found
    except BaseException:
        with suppress(IronwoodError):  # a promise nobody releases lapses by itself
            settle(connection, profile, run, found.after.hourly_usd)
        raise
    settle(connection, profile, run, found.after.hourly_usd)


def _remembering(connection: Connection, profile: Profile, sizes: Mapping[str, int], found: Reconciliation) -> Reconciliation:
    """Bring what remembers and records into being, if it is not there yet."""
    missing = [Plan(plan.changes) for kind in FIRST if len(plan := found.plan.of_kind(kind))]
    for plan in missing:
        carry_out(connection, plan)
    return compare(connection, profile, sizes) if missing else found
