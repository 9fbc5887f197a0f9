"""Quotas: how much of what a project may have.

1. A count quota is checked when a resource is inserted, with Compute's 403 [documented]. 2. Chips per TPU family and region are checked when
a group places a VM: the group exists, the error shows in listErrors, and it keeps trying.
3. ``regions.get`` and ``projects.get`` show count quotas; the TPU family quota is shown there by Google to nobody [documented].
"""

from __future__ import annotations

from typing import Any

from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.store import Store

documented("count-quota", "An insert over a count quota is a 403 quotaExceeded: Quota 'X' exceeded.  Limit: N globally.")
documented(
    "tpu-quota-hidden", "The chips-per-family quota is not in regions.get; a group over it exists and reports QUOTA_EXCEEDED in listErrors."
)
assumed("quota-defaults", "Default limits: see emulator/quotas.py; TPU7X 16,384 chips in us-central1, other families 1,024 in each region.")
assumed("vertex-quota-default", "Vertex AI may serve on 64 TPU7x chips in us-central1 and as many Spot ones, on none elsewhere.")

GLOBAL_DEFAULTS = {
    "NETWORKS": 15,
    "FIREWALLS": 200,
    "STATIC_ADDRESSES": 21,
    "HEALTH_CHECKS": 250,
    "BACKEND_SERVICES": 75,
    "URL_MAPS": 100,
    "TARGET_HTTP_PROXIES": 100,
    "TARGET_HTTPS_PROXIES": 100,
    "SSL_CERTIFICATES": 100,
    "FORWARDING_RULES": 150,
    "SECURITY_POLICIES": 10,
    "INSTANCE_TEMPLATES": 1000,
    "SUBNETWORKS": 275,
    "ROUTERS": 10,
}
REGION_DEFAULTS = {"INSTANCE_GROUP_MANAGERS": 500, "INSTANCE_GROUPS": 500, "STATIC_ADDRESSES": 700, "INSTANCES": 24000, "ROUTERS": 20}
TPU_DEFAULTS = {"us-central1": {"TPU7X": 16384}}
TPU_DEFAULT = 1024
VERTEX_DEFAULTS = {"us-central1": 64}
TPU_FAMILIES = ("TPU7X", "CT6E", "CT5P")


class Quotas:
    """Limits, with the changes made through the admin surface."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def _changes(self) -> dict[str, float]:
        limits: dict[str, float] = (self._store.get("meta", "quotas") or {}).get("limits", {})
        return limits

    def limit(self, metric: str, where: str) -> float:
        """The limit of a metric: ``where`` is ``global`` or a region."""
        changed = self._changes().get(f"{where}/{metric}")
        if changed is not None:
            return changed
        if where == "global":
            return GLOBAL_DEFAULTS.get(metric, 1000)
        return REGION_DEFAULTS.get(metric, 1000)

    def vertex_chips(self, region: str, *, spot: bool) -> float:
        """How many TPU7x chips Vertex AI may serve on in a region: a quota of its own beside Compute's."""
        metric = "VERTEX-PREEMPTIBLE-TPU7X" if spot else "VERTEX-TPU7X"
        changed = self._changes().get(f"{region}/{metric}")
        return changed if changed is not None else VERTEX_DEFAULTS.get(region, 0)

    def chips(self, family: str, region: str, model: str) -> float:
        """The chip limit of a TPU family in a region; Spot VMs count against a quota of their own."""
        metric = f"PREEMPTIBLE-{family}" if model == "SPOT" else family
        changed = self._changes().get(f"{region}/{metric}")
        return changed if changed is not None else TPU_DEFAULTS.get(region, {}).get(family, TPU_DEFAULT)

    def check_count(self, metric: str, where: str, used: int) -> None:
        """Raise when one more would be too many."""
        limit = self.limit(metric, where)
        if used + 1 > limit:
            place = "globally" if where == "global" else f"in region {where}"
            raise ApiError(403, f"Quota '{metric}' exceeded.  Limit: {float(limit)} {place}.", reason="quotaExceeded", domain="usageLimits")

    def set(self, changes: Any) -> None:
        """Change limits: {"us-central1/TPU7X": 256, "global/NETWORKS": 2}; raises ValueError."""
        if not isinstance(changes, dict):
            raise ValueError('expected a mapping, for example {"us-central1/TPU7X": 256, "global/NETWORKS": 2}')
        for name, value in changes.items():
            if str(name).count("/") != 1 or isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise ValueError(f"{name!r}: {value!r} is not PLACE/METRIC: limit >= 0, for example us-central1/TPU7X: 256")
        limits = self._changes() | changes
        self._store.put("meta", "quotas", {"limits": limits})

    def shown(self, regions: list[str]) -> dict[str, float]:
        """Every limit by PLACE/METRIC."""
        out: dict[str, float] = {f"global/{metric}": self.limit(metric, "global") for metric in GLOBAL_DEFAULTS}
        for region in regions:
            out |= {f"{region}/{metric}": self.limit(metric, region) for metric in REGION_DEFAULTS}
            for family in TPU_FAMILIES:
                out[f"{region}/{family}"] = self.chips(family, region, "STANDARD")
                out[f"{region}/PREEMPTIBLE-{family}"] = self.chips(family, region, "SPOT")
            if region in VERTEX_DEFAULTS:
                out[f"{region}/VERTEX-TPU7X"] = self.vertex_chips(region, spot=False)
                out[f"{region}/VERTEX-PREEMPTIBLE-TPU7X"] = self.vertex_chips(region, spot=True)
        return out | self._changes()
