"""What regions share: a tier's one backend service, with the groups of every region as its backends.

The global load balancer serves a request from the closest region that has room, and from the next one where that has none, or nobody who is healthy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ironwood.desired.tiers import Serving
from ironwood.profile_regions import home_of
from ironwood.resources.load_balancer import BackendService


def services(tiers: Mapping[str, Serving]) -> dict[str, BackendService]:
    """The backend service of each tier of the profile's own region, over its groups and those of its namesakes in further regions."""
    behind: dict[str, BackendService] = {}
    for name, tier in tiers.items():
        own, home = tier.backend_service, home_of(name)
        behind[home] = replace(behind[home], backends=(*behind[home].backends, *own.backends)) if home in behind else own
    return behind
