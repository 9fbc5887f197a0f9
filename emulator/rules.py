"""Where each rule the emulator enforces comes from.

1. A rule is recorded (in real traffic), documented (Google's documentation, proto comments or public issues) or assumed (our estimate).
2. Handlers are tagged with the rules they enforce; ``docs/emulator.md`` lists every assumed one, and a test keeps that list in step.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Basis(StrEnum):
    """How we know."""

    RECORDED = "recorded"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One behaviour of Google Cloud as the emulator has it."""

    name: str
    basis: Basis
    says: str


RULES: dict[str, Rule] = {}


def recorded(name: str, says: str) -> Rule:
    """Declare a rule seen in recorded real traffic."""
    return _declare(name, Basis.RECORDED, says)


def documented(name: str, says: str) -> Rule:
    """Declare a rule Google documents, or a public issue shows."""
    return _declare(name, Basis.DOCUMENTED, says)


def assumed(name: str, says: str) -> Rule:
    """Declare a rule we could not find stated; it is listed in docs/emulator.md."""
    return _declare(name, Basis.ASSUMED, says)


def _declare(name: str, basis: Basis, says: str) -> Rule:
    if name in RULES:
        raise ValueError(f"rule {name!r} is declared twice")
    RULES[name] = Rule(name=name, basis=basis, says=says)
    return RULES[name]
