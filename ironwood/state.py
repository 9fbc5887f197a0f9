"""What the cloud cannot hold, as one small value: the capacity plan in force, money reserved, owners of things without a marker.

1. It is read, changed and written back whole, guarded by its generation: `cloud/state.py`. 2. Every change is a function from state to state that
may be applied twice: a lost answer repeats it. 3. A schema newer than ours is an error, a field we do not know is kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Literal

from ironwood.cost.leads import Lead
from ironwood.decided import Decided, decided_of
from ironwood.errors import StateError

SCHEMA = 1
_KNOWN = {"schema", "profile", "capacity_plan", "reservations", "owners", "spending", "settled", "leads", "decided", "leaving"}


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


Effect = Literal["told", "ceiling", "floor", "zero", "planned"]
"""What a threshold of the budget did: told it, stopped growth at `ceiling`, shrank to the floor or to nothing, planned anew."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What Google's billing export and the ledger say of the same VMs and hours, up to `until`, in US dollars."""

    until: datetime
    billed_usd: Decimal
    ledger_usd: Decimal


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What the last look at the meter found, and what the budget has done in `month` (`2026-11`): the effect of each action by its key.

    `ceiling`: pods by tier beyond which nothing grows once growth is stopped. `drift`: that the bill differs from the ledger was told.
    `exported`: what the billing export last said.
    """

    month: str
    looked: datetime
    spent_usd: Decimal
    hourly_usd: Decimal
    done: Mapping[str, Effect] = field(default_factory=lambda: MappingProxyType({}))
    ceiling: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    drift: bool = False
    exported: Exported | None = None

    def joined(self, other: Spending | None) -> Spending:
        """With what `other`, of the same month, has done besides: two looks at once lose nothing."""
        if other is None or other.month != self.month:
            return self
        ceiling = other.ceiling or self.ceiling
        return replace(self, done=MappingProxyType({**self.done, **other.done}), ceiling=ceiling, looked=max(self.looked, other.looked))


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What everything ordered costs an hour once a run had grown, at an instant."""

    usd_hour: Decimal
    at: datetime


@dataclass(frozen=True, kw_only=True)
class State:
    """One profile's state. `owners` maps the address of a thing that cannot be marked to the profile it belongs to; `leads`: learned, by tier and
    zone; `decided`: by the policy, last; `leaving`: since when everything is to go, while a teardown is not at its end.
    """

    profile: str
    capacity_plan: PlanInForce | None = None
    reservations: Mapping[str, Reservation] = field(default_factory=lambda: MappingProxyType({}))
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    spending: Spending | None = None
    settled: Settled | None = None
    leads: Mapping[tuple[str, str], Lead] = field(default_factory=lambda: MappingProxyType({}))
    decided: Decided | None = None
    leaving: datetime | None = None
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

    def with_spending(self, spending: Spending) -> State:
        """With what the meter and the budget last found."""
        return replace(self, spending=spending)

    def learning(self, leads: Mapping[tuple[str, str], Lead]) -> State:
        """With the lead times learned last; of a tier and zone that taught nothing lately, what was learned before."""
        return replace(self, leads=MappingProxyType({**self.leads, **leads}))

    def settling(self, settled: Settled) -> State:
        """With what runs once a run has grown; what was settled later stays."""
        return self if self.settled is not None and self.settled.at > settled.at else replace(self, settled=settled)

    def deciding(self, decided: Decided) -> State:
        """With what the policy decided; of two decisions of a slot the first with sizes counts, and a later slot's over both."""
        before = self.decided
        if before is not None and (before.at > decided.at or (before.at == decided.at and before.sizes)):
            return self
        return replace(self, decided=decided)

    def going(self, since: datetime) -> State:
        """With a teardown begun at `since`, or before, where one was."""
        return self if self.leaving is not None else replace(self, leaving=since)

    def staying(self) -> State:
        """With no teardown on its way."""
        return replace(self, leaving=None)

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
            "spending": self.spending and _spending_content(self.spending),
            "leads": {" ".join(place): _lead_content(lead) for place, lead in self.leads.items()},
            "decided": self.decided and self.decided.content(),
            "leaving": self.leaving and self.leaving.isoformat(),
            "settled": self.settled and {"usd_hour": str(self.settled.usd_hour), "at": self.settled.at.isoformat()},
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
                spending=_spending_of(content.get("spending")),
                settled=_settled_of(content.get("settled")),
                leads=MappingProxyType({_place(text): _lead_of(lead) for text, lead in content.get("leads", {}).items()}),
                decided=decided_of(content.get("decided")),
                leaving=datetime.fromisoformat(content["leaving"]) if content.get("leaving") else None,
                unknown=MappingProxyType({key: value for key, value in content.items() if key not in _KNOWN}),
            )
        except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation) as error:
            raise StateError(
                f"{where} is no state object ({type(error).__name__}: {error}); restore it, or delete it to begin anew"
            ) from error


def _spending_content(spending: Spending) -> dict[str, object]:
    return {
        "month": spending.month,
        "looked": spending.looked.isoformat(),
        "spent_usd": str(spending.spent_usd),
        "hourly_usd": str(spending.hourly_usd),
        "done": dict(spending.done),
        "ceiling": dict(spending.ceiling),
        "drift": spending.drift,
        "exported": spending.exported
        and {
            "until": spending.exported.until.isoformat(),
            "billed_usd": str(spending.exported.billed_usd),
            "ledger_usd": str(spending.exported.ledger_usd),
        },
    }


def _spending_of(content: dict[str, Any] | None) -> Spending | None:
    if content is None:
        return None
    return Spending(
        month=content["month"],
        looked=datetime.fromisoformat(content["looked"]),
        spent_usd=Decimal(content["spent_usd"]),
        hourly_usd=Decimal(content["hourly_usd"]),
        done=MappingProxyType(dict(content["done"])),
        ceiling=MappingProxyType({tier: int(pods) for tier, pods in content["ceiling"].items()}),
        drift=bool(content["drift"]),
        exported=_exported_of(content.get("exported")),
    )


def _exported_of(content: dict[str, Any] | None) -> Exported | None:
    if content is None:
        return None
    billed, ledger = (Decimal(content[key]) for key in ("billed_usd", "ledger_usd"))
    return Exported(until=datetime.fromisoformat(content["until"]), billed_usd=billed, ledger_usd=ledger)


def _settled_of(content: dict[str, Any] | None) -> Settled | None:
    return None if content is None else Settled(usd_hour=Decimal(content["usd_hour"]), at=datetime.fromisoformat(content["at"]))


def _lead_content(lead: Lead) -> dict[str, float]:
    return {"p50_seconds": lead.p50.total_seconds(), "p95_seconds": lead.p95.total_seconds(), "count": lead.count}


def _lead_of(content: dict[str, Any]) -> Lead:
    p50, p95 = (timedelta(seconds=float(content[key])) for key in ("p50_seconds", "p95_seconds"))
    return Lead(p50=p50, p95=p95, count=int(content["count"]))


def _place(text: str) -> tuple[str, str]:
    tier, _, zone = text.partition(" ")
    return tier, zone
