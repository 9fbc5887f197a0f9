"""Say a week's plan: tables for a terminal, artifacts for the run's page, one object for programs."""

from __future__ import annotations

import json

from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from rich.console import Console
from rich.table import Table

from tasks.week import WeekPlan
from tasks.week_plots import as_data_uri

Rows = list[dict[str, str]]


def rows_of(week: WeekPlan) -> dict[str, Rows]:
    """Every table of a plan: a title and its rows, in the order they are read."""
    bound = week.plan.lower_bound_usd
    shown: dict[str, Rows] = {
        f"windows, {week.windows.zone}": [
            {"when": window.when, "sizes": window.what, "$ a week": _usd(window.usd_per_week), "why": window.reason}
            for window in week.windows.windows
        ],
        "expected, a week": [
            {
                "": each.name,
                "pods": _usd(each.pods_usd),
                "shortage": _usd(each.shortfall_usd),
                "total": _usd(each.total_usd),
                "short": f"{each.short_share:.2%}",
                "against in force": _signed(each.total_usd - week.alternatives[0].total_usd),
                "note": each.note,
            }
            for each in week.alternatives
        ],
        "how many windows": [
            {
                "windows": str(fit.count),
                "$ a week": _usd(fit.bill.cost_usd),
                "above the bound": f"{fit.bill.cost_usd / bound - 1:.2%}" if bound > 0 else "-",
                "": "chosen" if fit is week.chosen else "",
            }
            for index, fit in enumerate(week.curve)
            if fit is week.chosen or index == 0 or fit.count > week.curve[index - 1].count
        ],
    }
    if week.backtest:
        days = len(week.backtest[0].sizes) / 288
        shown[f"the last {days:g} days, replayed"] = [
            {
                "": run.policy,
                "pods": _usd(run.bill.infrastructure_usd + run.bill.startup_usd),
                "shortage": _usd(run.bill.shortfall_usd),
                "total": _usd(run.bill.total_usd),
                "short": f"{run.bill.short_share:.2%}",
                "starts": str(run.bill.starts),
            }
            for run in week.backtest
        ]
    if week.effects:
        shown["what if (hourly plan, without windows)"] = [
            {
                "": effect.name,
                "total": _usd(effect.cost_usd),
                "pods": _usd(effect.infrastructure_usd),
                "short": f"{effect.short_share:.2%}",
                "change": _signed(effect.change_usd) if effect.certain or effect.change_usd == 0 else "within the gap",
                "note": effect.verdict,
            }
            for effect in week.effects
        ]
    return shown


def summary(week: WeekPlan) -> list[str]:
    """What matters, in sentences."""
    chosen, plan, now = week.chosen, week.plan, week.alternatives[0]
    said = [
        (
            f"{chosen.count} windows cost ${chosen.bill.cost_usd:,.0f} a week, {chosen.bill.cost_usd / plan.cost_usd - 1:.2%} more than the plan without "
            f"a limit, which is within {plan.gap:.4%} of the optimum ({plan.method})"
        ),
        (
            f"in force costs ${now.total_usd:,.0f}: the windows would {'save' if now.total_usd >= chosen.bill.cost_usd else 'add'} "
            f"${abs(now.total_usd - chosen.bill.cost_usd):,.0f} a week"
        ),
        f"the trade-off: a further window must save ${week.worth_usd:,.0f} a week",
    ]
    if week.backtest_bound_usd:
        said.append(f"on the days replayed nothing could have cost less than ${week.backtest_bound_usd:,.0f}, with all demand known")
    return said


def show(week: WeekPlan, console: Console) -> None:
    """Print every table and the summary."""
    for title, rows in rows_of(week).items():
        table = Table(*rows[0].keys(), title=title, title_justify="left")
        for row in rows:
            table.add_row(*row.values())
        console.print(table)
    for sentence in summary(week):
        console.print(sentence, markup=False)


def leave_artifacts(week: WeekPlan) -> None:
    """The windows as a table, the plot, and everything as a page."""
    name = week.profile.name
    tables = rows_of(week)
    first = next(iter(tables))
    text = f"{week.demand.name}: {summary(week)[0]}"
    create_table_artifact(key=f"windows-{name}", table=tables[first], description=text)
    create_image_artifact(key=f"week-{name}", image_url=as_data_uri(week), description=text)
    page = [f"# Week of profile {name}", "", *(f"- {sentence}" for sentence in summary(week))]
    for title, rows in tables.items():
        page += ["", f"## {title}", "", f"| {' | '.join(rows[0])} |", f"|{'---|' * len(rows[0])}"]
        page += [f"| {' | '.join(row.values())} |" for row in rows]
    create_markdown_artifact(key=f"capacity-plan-{name}", markdown="\n".join(page), description=text)


def as_json(week: WeekPlan) -> str:
    """The windows and their dollars as one object."""
    return json.dumps(
        {
            "profile": week.profile.name,
            "trace": week.demand.name,
            "zone": week.windows.zone,
            "windows": [
                {
                    "days": list(window.days),
                    "begin_minute": window.begin_minute,
                    "end_minute": window.end_minute,
                    "sizes": dict(window.sizes),
                    "reason": window.reason,
                    "usd_per_week": round(window.usd_per_week, 2),
                }
                for window in week.windows.windows
            ],
            "usd_per_week": round(week.chosen.bill.cost_usd, 2),
            "pods_usd": round(week.chosen.bill.spend_usd, 2),
            "unlimited_usd": round(week.plan.cost_usd, 2),
            "bound_usd": round(week.plan.lower_bound_usd, 2),
            "method": week.plan.method,
            "worth_usd": round(week.worth_usd, 2),
            "curve": [{"windows": fit.count, "usd": round(fit.bill.cost_usd, 2)} for fit in week.curve],
            "alternatives": {each.name: round(each.total_usd, 2) for each in week.alternatives},
            "replayed": {run.policy: round(run.bill.total_usd, 2) for run in week.backtest},
            "what_if": [
                {
                    "change": effect.name,
                    "usd": round(effect.cost_usd, 2),
                    "short_percent": round(effect.short_share * 100, 4),
                    "says": effect.verdict,
                }
                for effect in week.effects
            ],
        }
    )


def _usd(amount: float) -> str:
    return f"${amount:,.0f}"


def _signed(amount: float) -> str:
    return f"{'+' if amount >= 0 else '-'}${abs(amount):,.0f}"
