"""A decision graded: what the hour after it asked for, and what each choice there was would have cost in it, known what came.

1. A choice is held for the hour as it was chosen, whatever was decided later: so the choices of one decision are compared with each other, and with
what was expected of them then. 2. What a choice leaves unserved is worked out as it was for the forecast; how many requests really were refused
stands beside it. 3. A grade is kept under an id made of its decision's, so a decision is graded once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from ironwood.capacity.expectation import HOUR_BINS, shortage
from ironwood.capacity.live import BIN, slot_of
from ironwood.capacity.replay import Rules

FloatArray = NDArray[np.float64]

KIND: Final = "grade"
TAKEN: Final = "taken"
LENGTH: Final = HOUR_BINS * BIN
_GRADES: Final = UUID("5d1ac8a4-6d0f-5b36-9c39-5f2f4f3a9a10")


@dataclass(frozen=True, kw_only=True)
class Past:
    """A decision as the log keeps it: `seen`: pods by tier as they were; `sizes` and `usd_hour` of each choice by name."""

    id: str
    at: datetime
    seen: Mapping[str, int]
    sizes: Mapping[str, Mapping[str, int]]
    usd_hour: Mapping[str, float]
    expected_usd: float | None

    @property
    def begin(self) -> datetime:
        """The beginning of the hour it is graded by: of the bin it was made in."""
        return slot_of(self.at, BIN)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a choice would have led to in the hour: US dollars with what went unserved, units unserved on average, their share of the demand."""

    usd: float
    short_units: float
    short_share: float


@dataclass(frozen=True, kw_only=True)
class Grade:
    """`asked_units`: demand on average; `refused_share`: of the requests that came, really; `choices` by name, the one taken among them."""

    decision: str
    at: datetime
    asked_units: float
    refused_share: float
    expected_usd: float | None
    choices: Mapping[str, Outcome]

    @property
    def id(self) -> str:
        """The entry's own id."""
        return str(uuid5(_GRADES, self.decision))

    @property
    def best(self) -> str:
        """The choice that would have been cheapest; the one taken if none is cheaper."""
        least = min(each.usd for each in self.choices.values())
        return TAKEN if self.choices[TAKEN].usd <= least else min(self.choices, key=lambda name: self.choices[name].usd)

    @property
    def regret_usd(self) -> float:
        """By how much the cheapest choice would have been cheaper than the one taken."""
        return self.choices[TAKEN].usd - self.choices[self.best].usd

    def content(self) -> dict[str, object]:
        """As the payload of a log entry."""
        return {
            "kind": KIND,
            "decision": self.decision,
            "decided": self.at.isoformat(),
            "asked_units": round(self.asked_units, 2),
            "refused_share": round(self.refused_share, 6),
            "expected_usd": self.expected_usd,
            "best": self.best,
            "regret_usd": round(self.regret_usd, 4),
            "choices": {
                name: {"usd": round(each.usd, 4), "short_units": round(each.short_units, 2), "short_share": round(each.short_share, 6)}
                for name, each in self.choices.items()
            },
        }


def past_of(entry: str, at: datetime, content: Mapping[str, Any]) -> Past | None:
    """The decision in a log entry's payload; None for what is none."""
    try:
        choices = {str(each["name"]): each for each in content["choices"]}
        expected = choices[TAKEN].get("expected")
        return Past(
            id=entry,
            at=at,
            seen={str(tier): int(pods) for tier, pods in content["seen"].items()},
            sizes={name: {str(tier): int(pods) for tier, pods in each["sizes"].items()} for name, each in choices.items()},
            usd_hour={name: float(each["usd_hour"]) for name, each in choices.items()},
            expected_usd=None if expected is None else float(expected["usd"]),
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def grade_of(content: Mapping[str, Any]) -> Grade | None:
    """The grade in a log entry's payload; None for what is none."""
    try:
        expected = content["expected_usd"]
        return Grade(
            decision=str(content["decision"]),
            at=datetime.fromisoformat(content["decided"]),
            asked_units=float(content["asked_units"]),
            refused_share=float(content["refused_share"]),
            expected_usd=None if expected is None else float(expected),
            choices={
                str(name): Outcome(usd=float(each["usd"]), short_units=float(each["short_units"]), short_share=float(each["short_share"]))
                for name, each in content["choices"].items()
            },
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


def graded(past: Past, rules: Rules, units: FloatArray, refused_share: float) -> Grade:
    """Grade `past` by the demand of its hour in units, shape (HOUR_BINS,), of which so large a share of requests was refused."""
    choices = {}
    for name, sizes in past.sizes.items():
        short = shortage(rules, units[None, :], past.seen, sizes)
        choices[name] = Outcome(usd=past.usd_hour[name] + short.usd, short_units=short.units, short_share=short.share)
    return Grade(
        decision=past.id,
        at=past.at,
        asked_units=float(units.mean()),
        refused_share=refused_share,
        expected_usd=past.expected_usd,
        choices=choices,
    )


def due(decisions: Iterable[Past], known: Iterable[Grade], told: datetime) -> list[Past]:
    """The decisions not graded yet whose hour is over and told by then, oldest first."""
    done = {each.decision for each in known}
    waiting = [each for each in decisions if each.id not in done and each.begin + LENGTH <= told]
    return sorted(waiting, key=lambda each: each.at)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One choice over many decisions, on average an hour: US dollars, and the share of all demand unserved; `best`: how often it was cheapest."""

    name: str
    decisions: int
    usd_hour: float
    short_share: float
    best: int


def summaries(grades: Sequence[Grade]) -> list[Summary]:
    """Each choice over the grades that have it, the one taken first."""
    names = list(dict.fromkeys(name for each in grades for name in each.choices))
    found = []
    for name in sorted(names, key=lambda each: each != TAKEN):
        with_it = [each for each in grades if name in each.choices]
        asked = sum(each.asked_units for each in with_it)
        short = sum(each.choices[name].short_units for each in with_it)
        found.append(
            Summary(
                name=name,
                decisions=len(with_it),
                usd_hour=sum(each.choices[name].usd for each in with_it) / len(with_it),
                short_share=short / asked if asked else 0.0,
                best=sum(each.best == name for each in with_it),
            )
        )
    return found


SPAN: Final = timedelta(days=7)
"""How far back is graded unless somebody asks for more."""
