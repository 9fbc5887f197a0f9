"""One line of the validation table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the validation table."""

    check: str
    passed: bool
    found: str
