"""Are the chips the profile holds, wants and may want within what the project may hold?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ironwood.diagnosis.finding import Finding
from ironwood.diagnosis.tier import CONSOLE


@dataclass(frozen=True, kw_only=True)
class ChipQuota:
    """One quota of chips: `limit`, `used` by the whole project, `ours` of these; `wanted` by the profile now, `most` with every tier at max_replicas.

    `request`: the commands that ask for what is wanted, and for the most.
    """

    name: str
    limit: int | None
    used: int
    ours: int
    wanted: int
    most: int
    request: tuple[str, str]

    @property
    def others(self) -> int:
        """Chips of the project that are not the profile's."""
        return self.used - self.ours


def judge(quota: ChipQuota) -> Iterator[Finding]:
    """An error where what is wanted does not fit, a warning where the largest sizes would not."""
    if quota.limit is None:
        return
    evidence = (
        f"limit {quota.limit:,}, used {quota.used:,} ({quota.others:,} by others), the profile wants {quota.wanted:,}, at its largest {quota.most:,}",
    )
    for needed, severity, words, request in (
        (quota.wanted, "error", "what is wanted", quota.request[0]),
        (quota.most, "warning", "max_replicas", quota.request[1]),
    ):
        missing = needed + quota.others - quota.limit
        if missing > 0:
            yield Finding(
                check="quota",
                severity="error" if severity == "error" else "warning",
                subject=quota.name,
                what=f"{missing:,} chips too few for {words}",
                evidence=evidence,
                remedies=(f"ask for more: {request} or {CONSOLE}", "or lower the sizes in the profile"),
            )
            return
