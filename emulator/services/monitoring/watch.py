"""What Cloud Monitoring does by itself, as an agenda: uptime checks at their periods, and each whole minute health and conditions.

The minute is kept only while something wants it: an alert policy, or a health check that logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.minutes import MINUTE
from emulator.services.monitoring import alerting, health_log, series, uptime
from emulator.services.monitoring.aggregate import duration
from emulator.services.monitoring.builtin import UPTIME, UPTIME_LATENCY
from emulator.services.monitoring.policies import TAB as POLICIES

if TYPE_CHECKING:
    from emulator.world import World

LOCATIONS = ("usa-iowa", "eur-belgium", "apac-singapore")
LATENCY = 1.0
"""Milliseconds an answer of a readiness path takes; it takes no emulated time."""
KEPT = 300
"""Points of an uptime series: five hours of minutes."""


class Watch:
    """The agenda."""

    def __init__(self, world: World) -> None:
        self._world = world

    def _minute(self) -> int | None:
        store = self._world.store
        row = store.get("meta", "watch")
        if not store.count(POLICIES) and not health_log.wanted(self._world):
            if row is not None:
                store.delete("meta", "watch")
            return None
        if row is None:
            now = self._world.clock.now()
            row = {"last": now - now % MINUTE}
            store.put("meta", "watch", row)
        return int(row["last"]) + MINUTE

    def next_due(self) -> int | None:
        """The next minute or the next uptime check."""
        return min((due for due in (self._minute(), uptime.next_due(self._world)) if due is not None), default=None)

    def settle(self, now: int) -> None:
        """Let the one that is due first happen."""
        asks = uptime.next_due(self._world)
        if asks is not None and asks <= now:
            self._ask(now)
            return
        self._world.store.put("meta", "watch", {"last": now})
        if health_log.wanted(self._world):
            health_log.look(self._world, now)
        alerting.evaluate(self._world, now)

    def _ask(self, now: int) -> None:
        world = self._world
        name, row = min(world.store.items(uptime.TAB), key=lambda item: int(item[1]["due"]))
        world.store.put(uptime.TAB, name, {**row, "due": row["due"] + duration(row["period"], "period")})
        host = row["monitoredResource"]["labels"]["host"]
        check = row.get("httpCheck")
        port = int((check or row["tcpCheck"]).get("port") or (443 if check and check.get("useSsl") else 80))
        labels = {"project_id": world.project, "host": host, **row["monitoredResource"]["labels"]}
        for location in LOCATIONS:
            answer = world.knock(host, port, (check or {}).get("path", "/")) if world.knock else None
            passed = answer is not None and (check is None or 200 <= answer < 300)
            metric = {"check_id": name.rpartition("/")[2], "checker_location": location}
            resource = {"type": "uptime_url", "labels": labels}
            series.append(world, {"type": UPTIME, "labels": metric}, resource, ("GAUGE", "BOOL"), (now, now, passed), KEPT)
            if passed:
                series.append(world, {"type": UPTIME_LATENCY, "labels": metric}, resource, ("GAUGE", "DOUBLE"), (now, now, LATENCY), KEPT)
