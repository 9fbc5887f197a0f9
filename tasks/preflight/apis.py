"""Are the APIs on?"""

from __future__ import annotations

from collections.abc import Iterator

from tasks.preflight.check import Asked, Check


def apis(asked: Asked) -> Iterator[Check]:
    """Which APIs this plan turns on first."""
    for change in asked.plan:
        if change.address.kind == "service_set":
            yield Check(subject="APIs", found=f"to be enabled first: {change.reason}")
            return
    yield Check(subject="APIs", found="all enabled")
