"""One thing an on-call engineer should know, and what to do about it.

An error needs somebody now; a warning will, or hides something; a note explains. A finding without a remedy is a note.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

Severity = Literal["error", "warning", "note"]
ORDER: tuple[Severity, ...] = ("error", "warning", "note")
NOT_LOOKED = "could not be looked at"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`check` judged `subject`: `what` is the case, `since` when if that is known; `evidence` as the cloud told it; `remedies`: commands, profile lines, links."""

    check: str
    severity: Severity
    subject: str
    what: str
    since: datetime | None = None
    evidence: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()

    def content(self) -> dict[str, object]:
        """As plain values."""
        return {
            "check": self.check,
            "severity": self.severity,
            "subject": self.subject,
            "what": self.what,
            "since": self.since and self.since.isoformat(),
            "evidence": list(self.evidence),
            "remedies": list(self.remedies),
        }


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, of equal ones the oldest; the same told twice counts once."""
    late = datetime.max.replace(tzinfo=UTC)
    return sorted(dict.fromkeys(findings), key=lambda each: (ORDER.index(each.severity), each.since or late, each.check, each.subject))


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that need somebody now."""
    return [each for each in findings if each.severity == "error"]


def not_looked(check: str, subject: str, why: str) -> Finding:
    """That a check could not be made: something may hide there."""
    told = why.strip().splitlines()[0] if why.strip() else "no reason was told"
    return Finding(
        check=check,
        severity="warning",
        subject=subject,
        what=NOT_LOOKED,
        evidence=(told,),
        remedies=("run it again; what it names missing (an API, a permission) is in docs/permissions.md",),
    )
