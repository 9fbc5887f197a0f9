"""A capacity plan's windows as the text that the state object keeps, and back.

The same windows are the same text, and its SHA-256 is the plan's digest.
"""

from __future__ import annotations

import hashlib
import json

from ironwood.capacity.windows import WeeklyWindows, Window
from ironwood.errors import InputError, StateError
from ironwood.state import PlanInForce
from ironwood.windows.occurrences import InForce

FORM = 1


def written(windows: WeeklyWindows) -> str:
    """The text of `windows`."""
    return json.dumps(
        {
            "form": FORM,
            "zone": windows.zone,
            "windows": [
                {
                    "days": list(each.days),
                    "begin_minute": each.begin_minute,
                    "end_minute": each.end_minute,
                    "sizes": dict(each.sizes),
                    "reason": each.reason,
                    "usd_per_week": round(each.usd_per_week, 2),
                }
                for each in windows.windows
            ],
        },
        sort_keys=True,
    )


def digest_of(document: str) -> str:
    """What tells one document from another."""
    return hashlib.sha256(document.encode()).hexdigest()


def read_windows(document: str, *, where: str) -> WeeklyWindows:
    """The windows in `document`, kept at `where`; raises StateError for what is no plan of ours."""
    try:
        content = json.loads(document)
        if content["form"] > FORM:
            raise StateError(
                f"{where}: was written by a newer version (form {content['form']}, this one knows {FORM}); update and run again"
            )
        return WeeklyWindows(
            zone=content["zone"],
            windows=tuple(
                Window(
                    days=tuple(int(day) for day in each["days"]),
                    begin_minute=int(each["begin_minute"]),
                    end_minute=int(each["end_minute"]),
                    sizes={str(tier): int(pods) for tier, pods in each["sizes"].items()},
                    reason=str(each["reason"]),
                    usd_per_week=float(each["usd_per_week"]),
                )
                for each in content["windows"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise StateError(
            f"{where}: is no capacity plan ({type(error).__name__}: {error}); put another in force, or take it out with `--clear`"
        ) from error


def in_force(plan: PlanInForce | None, *, where: str) -> InForce | None:
    """The plan the state object keeps, ready to be asked; raises StateError where its text is damaged."""
    if plan is None:
        return None
    if digest_of(plan.document) != plan.digest:
        raise StateError(f"{where}: does not match its digest {plan.digest[:8]}; put a plan in force anew, or take it out with `--clear`")
    return InForce(windows=read_windows(plan.document, where=where), digest=plan.digest, since=plan.since, until=plan.until)
