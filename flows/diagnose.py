"""Diagnose: what is wrong, since when, and what would do; for whoever was woken. Changes nothing."""

from __future__ import annotations

import argparse
import sys
from typing import Literal

from prefect import flow

from cloud.connection import connect
from flows.command_line import Argument, run
from flows.run_names import named
from ironwood.diagnosis.finding import errors
from ironwood.errors import DiagnosisError
from tasks import report
from tasks.diagnose import diagnosed
from tasks.diagnose.case import take_in
from tasks.diagnose.page import tell
from tasks.inputs import load_profile


@flow(name="diagnose", flow_run_name=named("diagnose {profile}"))
def diagnose(profile: str = "embedded", form: Literal["text", "json"] = "text") -> int:
    """Look at quota, stock, groups, backend health, endpoints, budget, leases and the rest; returns how many findings there are, none of them an error.

    Reads only; what cannot be read is a finding and stops nothing. Raises DiagnosisError where something needs somebody now. With --json standard
    output is one JSON object.
    """
    ours = load_profile(profile)
    connection = connect(ours)
    with report.beside(form):
        report.opening(ours, connection)
        case = take_in(connection, ours, profile)
        findings = diagnosed(case)
        summary = tell(findings, ours, case.at)
        if form == "json":
            told = {"profile": ours.name, "project": ours.project_id, "at": case.at.isoformat(), "healthy": not errors(findings)}
            report.json_object({**told, "findings": [each.content() for each in findings]})
    if errors(findings):
        raise DiagnosisError(f"{summary}: {'; '.join(f'{each.subject}: {each.what}' for each in errors(findings))}")
    return len(findings)


def _more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", dest="form", action="store_const", const="json", help="one JSON object on standard output")


if __name__ == "__main__":
    sys.exit(run(diagnose, Argument.PROFILE, more=_more))
