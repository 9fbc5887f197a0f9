"""A plan: what would be changed, in which order, and why.

A change waits for the changes named in `waits_for`; nothing else orders them, so whatever can run side by side does.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from ironwood.resources.base import Address, Resource

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step: bring the resource at `address` from `before` to `after` (None: not there)."""

    action: Action
    address: Address
    before: Resource | None
    after: Resource | None
    reason: str
    waits_for: tuple[str, ...] = ()

    @property
    def step(self) -> str:
        """The step's name, unique in its plan: `create network/global/ai-inference-network`."""
        return f"{self.action} {self.address}"


@dataclass(frozen=True)
class Plan:
    """Changes in an order in which they could run one by one."""

    changes: tuple[Change, ...] = ()

    def __iter__(self) -> Iterator[Change]:
        """Every change, none before one that it waits for."""
        return iter(self.changes)

    def __len__(self) -> int:
        """How many changes."""
        return len(self.changes)

    @property
    def counts(self) -> dict[Action, int]:
        """Changes by action."""
        found = Counter(change.action for change in self.changes)
        return {"create": found["create"], "update": found["update"], "delete": found["delete"]}

    @property
    def summary(self) -> str:
        """`+4 ~1 -0`."""
        counts = self.counts
        return f"+{counts['create']} ~{counts['update']} -{counts['delete']}"

    def of_kind(self, kind: str, *actions: Action) -> Plan:
        """Only the changes to resources of `kind`, of all actions or of some; they wait for each other as before."""
        kept = [change for change in self.changes if change.address.kind == kind and (not actions or change.action in actions)]
        steps = {change.step for change in kept}
        return Plan(tuple(replace(change, waits_for=tuple(step for step in change.waits_for if step in steps)) for change in kept))

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits over every step, its before and its after: what an approval is bound to."""
        digest = hashlib.sha256()
        for change in sorted(self.changes, key=lambda c: c.step):
            digest.update(repr((change.step, change.before, change.after)).encode())
        return digest.hexdigest()[:16]
