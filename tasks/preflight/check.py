"""A check of preflight: what it is asked about, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.connection import Connection
from ironwood.graph import Graph
from ironwood.plan import Plan
from ironwood.profile import Profile


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at: what was found, and what would do where it is not well ("" where it is)."""

    subject: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The plan from `live` to `wanted` that is to be checked against the cloud behind `connection`."""

    connection: Connection
    profile: Profile
    plan: Plan
    wanted: Graph
    live: Graph
