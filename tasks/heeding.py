"""A run that waits for VMs heeds the budget: where another run has written down meanwhile that a tier is to shrink, its growth gives way.

1. It looks every quarter of a minute, by the cloud's clock, and only while something grows. 2. What was ordered stays ordered: the run that acts on the
budget, which waits for the writer lock, takes it back. 3. A state object that cannot be read stops nothing: who acts on the budget reads it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cloud import state as states
from cloud.connection import Connection
from cloud.progress import Listener
from ironwood.cost import budget
from ironwood.desired import order_of
from ironwood.errors import BudgetError, CloudError
from ironwood.plan import Change
from ironwood.profile import Profile
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.group import InstanceGroup
from tasks.budget import capped_sizes

EVERY = timedelta(seconds=15)


@dataclass(frozen=True, kw_only=True)
class Heed:
    """Whose budget is heeded, by a run that wants `sizes` (pods by tier)."""

    profile: Profile
    sizes: Mapping[str, int]

    def listener(self, connection: Connection, change: Change) -> Listener | None:
        """What looks at the budget as `change` goes on, for one under which a tier's group grows; it raises BudgetError. None for every other."""
        tier = _growing(self.profile, change)
        if tier is None or not budget.is_hard(self.profile):
            return None
        looked = connection.clock.now()

        def heard(_done: int, _total: int, _waiting_for: str) -> None:
            nonlocal looked
            if connection.clock.now() - looked < EVERY:
                return
            looked = connection.clock.now()
            try:
                memory = states.read(connection, self.profile).state
            except CloudError:
                return
            if (reason := capped_sizes(self.profile, memory, self.sizes, looked).reasons.get(tier)) is not None:
                raise BudgetError(
                    f"{change.address} stops growing: tier {tier}, {reason}; whoever acts on the budget takes back what was ordered"
                )

        return heard


def _growing(profile: Profile, change: Change) -> str | None:
    """The tier whose group grows by `change`, or is told to by its autoscaler."""
    after, before = change.after, change.before
    if isinstance(after, Autoscaler):
        order = order_of(profile, after.group.name) if after.least > (before.least if isinstance(before, Autoscaler) else 0) else None
        return order[0] if order is not None else None
    if not isinstance(after, InstanceGroup) or after.size <= (before.size if isinstance(before, InstanceGroup) else 0):
        return None
    order = order_of(profile, after.name)
    return order[0] if order is not None else None
