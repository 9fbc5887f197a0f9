"""Why the system did not buy more: the budget's thresholds, the money left, what the last look decided; and whether anything is paid at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ironwood.cost.budget import actions_of, is_hard, key_of, usd_at
from ironwood.diagnosis.finding import Finding
from ironwood.profile import Profile
from ironwood.state import Spending

UNWATCHED = timedelta(minutes=15)
"""How old the last look at the meter may be where a budget acts: one is due every minute."""
NOT_DONE = "not done: "


@dataclass(frozen=True, kw_only=True)
class LastDecision:
    """The newest entry of the decision log: what was in force, why each tier had its size, and what became of it."""

    at: datetime
    in_force: str
    done: str
    reasons: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class MoneySeen:
    """`spending` as the state object has it; `capped`: the tiers that get less than is wanted, with why; `month`: the one of now, `2026-11`."""

    spending: Spending | None
    month: str
    capped: Mapping[str, str]
    decision: LastDecision | None = None


def judge(profile: Profile, called: str, seen: MoneySeen, at: datetime) -> Iterator[Finding]:
    """Tiers the budget lowers, thresholds that acted, a meter nobody reads, a decision that was not carried out. `called`: the profile as commands take it."""
    spending = seen.spending if seen.spending and seen.spending.month == seen.month else None
    yield from _capped(profile, called, seen, spending)
    yield from _thresholds(profile, seen, spending)
    if spending is not None and is_hard(profile) and at - spending.looked > UNWATCHED:
        yield Finding(
            check="budget",
            severity="warning",
            subject="meter",
            what=f"nobody has looked at the meter for {_hours(at - spending.looked)}, so no threshold can act",
            since=spending.looked,
            remedies=(
                "look whether a worker is online (`make ui`; Work Pools, ironwood)",
                f"python -m flows.check_budget --profile {called}",
            ),
        )
    if seen.decision is not None and seen.decision.done.startswith(NOT_DONE):
        reasons = tuple(f"{tier}: {why}" for tier, why in seen.decision.reasons.items())
        yield Finding(
            check="decision",
            severity="error",
            subject="scale",
            what=f"the last look was {seen.decision.done}",
            since=seen.decision.at,
            evidence=(f"in force: {seen.decision.in_force}", *reasons),
            remedies=("what it names is told beside this; the next look tries again: artifact decisions-" + profile.name,),
        )


def billing_off(project: str) -> Finding:
    """That the project is billed to no account."""
    return Finding(
        check="billing",
        severity="error",
        subject=project,
        what="billing is disabled: Google stops everything that costs",
        remedies=(f"gcloud billing projects link {project} --billing-account=ACCOUNT",),
    )


def _capped(profile: Profile, called: str, seen: MoneySeen, spending: Spending | None) -> Iterator[Finding]:
    for tier, why in seen.capped.items():
        told = () if spending is None else (_spent(profile, spending),)
        yield Finding(
            check="budget",
            severity="error",
            subject=tier,
            what=f"the budget holds it back: {why}",
            evidence=told,
            remedies=(
                f"profile: budget.amount_usd above {profile.budget.amount_usd}, or another action at that threshold; docs/money.md",
                f"then python -m flows.scale --profile {called}",
            ),
        )


def _thresholds(profile: Profile, seen: MoneySeen, spending: Spending | None) -> Iterator[Finding]:
    """What has acted this month, where no tier shows it yet."""
    if spending is None or seen.capped:
        return
    acted = [each for each in actions_of(profile) if each.do != "notify" and key_of(profile, each) in spending.done]
    told = [each for each in actions_of(profile) if each.do == "notify" and key_of(profile, each) in spending.done]
    if acted:
        names = ", ".join(f"{each.do} at {each.at:.0%} (${usd_at(profile, each):,.2f})" for each in acted)
        yield Finding(
            check="budget",
            severity="warning",
            subject="budget",
            what=f"has acted this month: {names}; growth beyond it is refused",
            evidence=(_spent(profile, spending),),
            remedies=(f"profile: budget.amount_usd above {profile.budget.amount_usd}, if more is to be spent; docs/money.md",),
        )
    elif told:
        last = max(told, key=lambda each: each.at)
        yield Finding(
            check="budget",
            severity="note",
            subject="budget",
            what=f"{last.at:.0%} of it is spent",
            evidence=(_spent(profile, spending),),
        )


def _spent(profile: Profile, spending: Spending) -> str:
    return (
        f"${spending.spent_usd:,.2f} of ${Decimal(profile.budget.amount_usd):,.2f} spent in {spending.month}, ${spending.hourly_usd:,.2f}/h now, "
        f"looked at {spending.looked:%a %d %b %H:%M} UTC"
    )


def _hours(age: timedelta) -> str:
    minutes = int(age.total_seconds()) // 60
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
