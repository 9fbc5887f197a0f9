"""Tell a diagnosis: printed for whoever was woken, kept as the artifact `diagnosis-PROFILE`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from prefect.artifacts import create_markdown_artifact

from ironwood.diagnosis.finding import Finding, Severity, errors
from ironwood.profile import Profile
from tasks import report

MARKS: dict[Severity, str] = {"error": "✗", "warning": "!", "note": "·"}


def tell(findings: Sequence[Finding], profile: Profile, at: datetime) -> str:
    """Say each finding with its evidence and remedies and keep the page; answers the sentence it comes to."""
    for each in findings:
        report.plain(f"{MARKS[each.severity]} {each.severity:<8}{each.subject}: {each.what}{_since(each)}")
        for text in each.evidence:
            report.plain(f"            {text}")
        for text in each.remedies:
            report.plain(f"          → {text}")
    worst = len(errors(findings))
    summary = f"{worst} {'error' if worst == 1 else 'errors'} among {len(findings)} findings" if findings else "nothing is wrong"
    report.say("diagnosis", summary)
    create_markdown_artifact(
        key=f"diagnosis-{profile.name}", markdown="\n".join(_page(findings, profile, at, summary)), description=summary
    )
    return summary


def _since(finding: Finding) -> str:
    return f", since {finding.since:%a %d %b %H:%M} UTC" if finding.since else ""


def _page(findings: Sequence[Finding], profile: Profile, at: datetime, summary: str) -> Iterator[str]:
    yield f"# {profile.name}: {summary}"
    yield ""
    yield f"Looked at {at:%A %d %B %Y %H:%M} UTC. What each finding means: docs/troubleshooting.md."
    for each in findings:
        yield from ("", f"## {MARKS[each.severity]} {each.subject}: {each.what}{_since(each)}", "")
        yield from (f"- {text}" for text in each.evidence)
        yield from (f"- **do** {text}" for text in each.remedies)
