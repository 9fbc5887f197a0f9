"""Plan anew under what the budget leaves.

A plan can be made anew only where the plan in force carries the demand it was made for; where it does not, that is said and the caller shrinks.
"""

from __future__ import annotations

import json

from ironwood.state import State
from tasks import report


def demand_of(state: State) -> object | None:
    """The demand that the plan in force was made for, as its document carries it; None where it carries none."""
    if state.capacity_plan is None:
        return None
    try:
        content = json.loads(state.capacity_plan.document)
    except ValueError:
        return None
    return content.get("demand") if isinstance(content, dict) else None


def replan(state: State) -> bool:
    """Whether a new plan was put in force; says why not."""
    if demand_of(state) is None:
        why = "no capacity plan is in force" if state.capacity_plan is None else "the plan in force does not carry its demand"
        report.say("budget", f"replan: {why}, so every tier goes to its min_replicas instead")
    return False
