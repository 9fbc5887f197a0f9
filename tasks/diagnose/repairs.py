"""Would the cloud refuse what a repair does? Every check of preflight but that of chips, which is judged with what the project uses."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ironwood.diagnosis.finding import Finding
from ironwood.errors import ApiDisabledError
from tasks import preflight
from tasks.diagnose.case import Case, attempt
from tasks.preflight.apis import apis
from tasks.preflight.capacity import chips
from tasks.preflight.check import Asked, Check

ELSEWHERE = (apis, chips)
"""Checks of preflight that another check of a diagnosis makes better."""


def repairs(case: Case) -> Iterator[Finding]:
    """What preflight would refuse, each with its remedy."""
    found: list[Finding] = []
    asked = Asked(connection=case.connection, profile=case.profile, plan=case.plan, wanted=case.wanted, live=case.live)
    for check in preflight.CHECKS:
        if check not in ELSEWHERE:
            name = check.__name__
            answers = attempt(found, name, f"preflight: {name}", partial(_answers, check, asked)) or []
            found += [
                Finding(check=name, severity="error", subject=each.subject, what=each.found, remedies=(each.remedy,))
                for each in answers
                if each.remedy
            ]
    yield from found


def _answers(check: preflight.Checking, asked: Asked) -> list[Check]:
    try:
        return list(check(asked))
    except ApiDisabledError:  # told by itself
        return []
