"""Check the budget: read the meter, and do what the thresholds passed say. Every minute."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from prefect import flow
from prefect.context import FlowRunContext

from cloud import state as states
from cloud.connection import connect
from flows.command_line import Argument, run
from flows.reconcile import API_NAMES, ours, run_id
from flows.renewing import renew_leases
from flows.run_names import named
from flows.scale import scale
from ironwood.cost import budget
from ironwood.cost.leads import Leads, learned_leads
from ironwood.graph import Graph
from ironwood.profile import BudgetAction, Profile
from ironwood.state import Effect, PlanInForce, Spending, State
from tasks import report
from tasks.billing_export import with_export
from tasks.budget import state_of
from tasks.budget_report import tell_actions, tell_drift, write_metrics, write_page
from tasks.inputs import load_price_book, load_profile
from tasks.meter import Metered, changes, look, zone_of
from tasks.observe import observe
from tasks.rates import rates_to_come
from tasks.replan import replan


@flow(name="check_budget", flow_run_name=named("check the budget of {profile}"))
def check_budget(profile: str = "embedded") -> int:
    """Say what was spent this month and what it will come to; carry out each action whose threshold is passed, once a month.

    What stands above what was done already (a size raised by hand, a run that was killed) is brought down again, at every look.
    Leases that run short are renewed, unless an unfinished teardown is to end them. A run that comes late looks once for all the minutes it missed, and not at all where another run has looked since. Returns how many actions
    were carried out.
    """
    wanted = load_profile(profile)
    connection = connect(wanted)
    memory = state_of(connection, wanted)
    if memory is None:
        report.say("budget", f"nothing of profile {wanted.name} is there, so nothing is spent")
        return 0
    if (late := _late()) and memory.spending and connection.clock.now() - memory.spending.looked < budget.EVERY:
        report.say("budget", f"this run is {late} late, and another has looked since: left to that one")
        return 0
    seen = observe(connection, API_NAMES)
    live = ours(seen.live, wanted)
    if memory.leaving is None:
        renew_leases(connection, wanted, seen)
    metered = look(connection, wanted, live, memory.spending.looked if memory.spending else None)
    if metered is None:
        report.say("budget", f"profile {wanted.name} keeps no ledger, so its spending is not metered")
        return 0
    month = budget.month_name(metered.at, zone_of(wanted))
    before = memory.spending if memory.spending and memory.spending.month == month else None
    metered = with_export(connection, wanted, before, metered)
    actions = budget.due(wanted, before, metered.spent_usd, metered.most_hourly_usd)
    planned = replan(profile, wanted, memory, metered) if any(each.do == "replan" for each in actions) else None
    effects = {budget.key_of(wanted, each): _effect(each, planned) for each in actions}
    after = _found(wanted, month, before, metered, effects, live)
    leads = learned_leads(changes(metered.entries))
    # Written down before it is done: from now on every run is capped.
    written = states.update(connection, wanted, run_id(), "check the budget", lambda state: _with(state, after, planned, leads))
    tell_drift(wanted, before, metered)
    tell_actions(connection, wanted, metered, after, actions)
    write_metrics(connection, wanted, metered, live)
    end = budget.month_end(metered.at, zone_of(wanted)).astimezone(UTC)
    rates = rates_to_come(wanted, written, load_price_book(wanted.price_book), metered.at, end, month)
    write_page(wanted, after, metered, rates)
    if planned is not None or budget.cap(wanted, written, budget.standing(wanted, live), month).reasons:
        scale(profile)
    return len(actions)


def _late() -> str:
    """By how much this run was started too late, if that is more than an interval; only Prefect's own clock knows when it should have been."""
    context = FlowRunContext.get()
    expected = context.flow_run.expected_start_time if context and context.flow_run else None
    if expected is None:
        return ""
    behind = datetime.now(UTC) - expected
    return str(behind) if behind > budget.EVERY else ""


def _found(profile: Profile, month: str, before: Spending | None, metered: Metered, effects: Mapping[str, Effect], live: Graph) -> Spending:
    """What is to be remembered: what was found, and everything done this month with what is about to be."""
    done: dict[str, Effect] = {**(before.done if before else {}), **effects}
    ceiling: Mapping[str, int] = before.ceiling if before else {}
    if not ceiling and set(done.values()) - {"told"}:
        ceiling = budget.pods_of(profile, live)
    return Spending(
        month=month,
        looked=metered.at,
        spent_usd=metered.spent_usd,
        hourly_usd=metered.hourly_usd,
        done=MappingProxyType(done),
        ceiling=MappingProxyType(dict(ceiling)),
        drift=metered.drift is not None,
        exported=metered.exported,
    )


def _with(state: State, found: Spending, planned: PlanInForce | None, leads: Leads) -> State:
    """With what was found and learned, and a new plan in force if one was made."""
    after = state.with_spending(found.joined(state.spending)).learning(leads)
    return after if planned is None else after.with_plan(planned)


def _effect(action: BudgetAction, planned: PlanInForce | None) -> Effect:
    return "floor" if action.do == "replan" and planned is None else budget.EFFECTS[action.do]


if __name__ == "__main__":
    sys.exit(run(check_budget, Argument.PROFILE))
