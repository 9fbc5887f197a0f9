"""What exists of Cloud Monitoring: custom descriptors, dashboards, policies, channels, uptime checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.services.monitoring import channels, dashboards, descriptors, policies, uptime

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
BY_LABEL = (("alertPolicies", policies.TAB), ("notificationChannels", channels.TAB), ("uptimeCheckConfigs", uptime.TAB))


def inventory(world: World) -> Iterator[Json]:
    """One row a thing that exists."""
    for metric, row in world.store.items(descriptors.TAB):
        if row["hidden"] is None:
            yield _row(world, "metricDescriptors", metric, {"description": row["descriptor"].get("description", "")})
    for short, row in dashboards.every(world):
        yield _row(world, "dashboards", short, {"labels": row.get("labels", {})})
    for kind, tab in BY_LABEL:
        for name, row in world.store.items(tab):
            yield _row(
                world, kind, name.rpartition("/")[2], {"labels": row.get("userLabels", {}), "display_name": row.get("displayName", "")}
            )


def _row(world: World, kind: str, name: str, more: Json) -> Json:
    return {
        "kind": f"monitoring.{kind}",
        "scope": "global",
        "name": name,
        "self_link": f"projects/{world.project}/{kind}/{name}",
        "description": "",
        "labels": {},
        "billing": kind == "alertPolicies",
        "state": "READY",
        **more,
    }
