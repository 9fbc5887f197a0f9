"""The lead times the ledger teaches, for the planner, for windows that start early, and for whoever asks the status."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cloud.connection import Connection
from cloud.drivers.registry import DRIVERS
from ironwood.cost.leads import Lead, Leads, lead_of, learned_leads
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.logs import LogBucket
from tasks.meter import changes, ledger_entries

REMEMBERED = timedelta(days=62)
"""How far back growth is looked at."""


def learned(connection: Connection, profile: Profile) -> Leads:
    """What the ledger teaches by tier and zone; nothing where none is kept."""
    kept = Graph.of(DRIVERS[LogBucket.kind].observe(connection)) if profile.logging.enabled else Graph()
    entries = ledger_entries(connection, profile, kept, connection.clock.now() - REMEMBERED)
    return learned_leads(changes(entries or []))


def leads_of(profile: Profile, leads: Leads) -> Iterator[tuple[str, Lead]]:
    """Each enabled tier and the lead to reckon with where it is ordered first: learned, else stated."""
    for name, tier in profile.enabled_tiers.items():
        yield name, lead_of(leads, name, tier.zone, tier.consumption)
