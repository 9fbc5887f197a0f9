"""What the cloud cannot hold, as one small value: the capacity plan in force, money reserved, owners of things without a marker.

1. It is read, changed and written back whole, guarded by its generation: `cloud/state.py`. 2. Every change is a function from state to state that
may be applied twice: a lost answer repeats it. 3. A schema newer than ours is an error, a field we do not know is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from ironwood.errors import StateError

SCHEMA = 1
_KNOWN = {"schema", "profile", "capacity_plan", "reservations", "owners"}


@dataclass(frozen=True, kw_only=True)
class PlanInForce:
    """The capacity plan in force: its hash, since when, until when, and its own text."""

    digest: str
    since: datetime
    until: datetime | None
    document: str


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """Money set aside before it is spent; `until` is when it lapses if nobody releases it."""

    usd: Decimal
    reason: str
    until: datetime


@dataclass(frozen=True, kw_only=True)
class State:
    """One profile's state. `owners` maps the address of a thing that cannot be marked to the profile it belongs to."""

    profile: str
    capacity_plan: PlanInForce | None = None
    reservations: Mapping[str, Reservation] = field(default_factory=lambda: MappingProxyType({}))
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    unknown: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def with_plan(self, plan: PlanInForce | None) -> State:
        """With `plan` in force."""
        return replace(self, capacity_plan=plan)

    def reserving(self, key: str, reservation: Reservation) -> State:
        """With money set aside under `key`; the same key again replaces it."""
        return replace(self, reservations=MappingProxyType({**self.reservations, key: reservation}))

    def releasing(self, key: str) -> State:
        """Without what is set aside under `key`."""
        return replace(self, reservations=MappingProxyType({name: kept for name, kept in self.reservations.items() if name != key}))

    def reserved_usd(self, now: datetime) -> Decimal:
        """US dollars set aside and not lapsed at `now`."""
        return sum((each.usd for each in self.reservations.values() if each.until > now), Decimal(0))

    def owning(self, address: str) -> State:
        """With `address` written down as ours; done before the thing is made."""
        return replace(self, owners=MappingProxyType({**self.owners, address: self.profile}))

    def disowning(self, address: str) -> State:
        """Without `address`."""
        return replace(self, owners=MappingProxyType({name: kept for name, kept in self.owners.items() if name != address}))

    def to_json(self) -> str:
        """The text that is stored; the same state is the same text."""
        plan = self.capacity_plan
        content = {
            **self.unknown,
            "schema": SCHEMA,
            "profile": self.profile,
            "capacity_plan": plan
            and {
                "digest": plan.digest,
                "since": plan.since.isoformat(),
                "until": plan.until and plan.until.isoformat(),
                "document": plan.document,
            },
            "reservations": {
                key: {"usd": str(each.usd), "reason": each.reason, "until": each.until.isoformat()}
                for key, each in self.reservations.items()
            },
            "owners": dict(self.owners),
        }
        return json.dumps(content, indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, where: str) -> State:
        """The state in `text`, read at `where`; raises StateError for what this version cannot read."""
        try:
            content = json.loads(text)
            schema = content["schema"]
            if schema > SCHEMA:
                raise StateError(f"{where} was written by a newer version (schema {schema}, this one knows {SCHEMA}); update and run again")
            plan = content["capacity_plan"]
            return cls(
                profile=content["profile"],
                capacity_plan=plan
                and PlanInForce(
                    digest=plan["digest"],
                    since=datetime.fromisoformat(plan["since"]),
                    until=plan["until"] and datetime.fromisoformat(plan["until"]),
                    document=plan["document"],
                ),
                reservations=MappingProxyType(
                    {
                        key: Reservation(usd=Decimal(each["usd"]), reason=each["reason"], until=datetime.fromisoformat(each["until"]))
                        for key, each in content["reservations"].items()
                    }
                ),
                owners=MappingProxyType(dict(content["owners"])),
                unknown=MappingProxyType({key: value for key, value in content.items() if key not in _KNOWN}),
            )
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            raise StateError(
                f"{where} is no state object ({type(error).__name__}: {error}); restore it, or delete it to begin anew"
            ) from error
