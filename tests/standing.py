"""A small provisioned deployment that mistakes are made on, and the clients beside ours that somebody else's hand would use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1

from running import HTTP, EmbeddedCloud
from tasks.inputs import load_profile

PROJECT = "embedded-project"
ZONE = "us-central1-c"
GROUP = "ironwood-cluster-small-001"
C = TypeVar("C")


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A profile of one tier of two VMs, provisioned in `cloud`."""

    cloud: EmbeddedCloud
    profile: Path

    @property
    def path(self) -> str:
        return str(self.profile)

    @property
    def name(self) -> str:
        return load_profile(self.path).name

    def client(self, kind: type[C]) -> C:
        transport = kind.get_transport_class("rest")  # type: ignore[attr-defined]
        return kind(transport=transport(host=self.cloud.rest, url_scheme="http", credentials=AnonymousCredentials()))  # type: ignore[call-arg]

    def groups(self) -> dict[str, int]:
        """Target size of every group by name, in whatever zone."""
        return {name: each["targetSize"] for name, each in self._listed("instanceGroupManagers").items()}

    def zones(self) -> set[str]:
        """Where the groups are."""
        return {each["zone"].rpartition("/")[2] for each in self._listed("instanceGroupManagers").values()}

    def vms(self) -> int:
        """VMs of ours that are there."""
        return len(self._listed("instances"))

    def asked(self, path: str = "/simple/v1/predict") -> int:
        """The status of one prediction through the load balancer."""
        (address,) = [each["url"] for each in self.cloud.ask("listeners")["listeners"]]
        return HTTP.post(f"{address}{path}", json={"instances": [{"text": "Hello"}]}).status_code

    def fault(self, **fields: Any) -> str:
        return str(self.cloud.tell("faults", fields)["id"])

    def lift(self, fault: str) -> None:
        self.cloud.tell(f"faults/{fault}", None, method="DELETE")

    def used(self, fault: str) -> int:
        """How often a fault struck."""
        return next(int(each["used"]) for each in self.cloud.ask("faults")["faults"] if each["id"] == fault)

    def hourly_usd(self) -> float:
        return float(self.cloud.ask("bill")["usd_per_hour"])

    def changed_by_hand(self, seconds: int = 7) -> None:
        """Somebody sets the tier's timeout in the console."""
        services = self.client(compute_v1.BackendServicesClient)
        live = services.get(project=PROJECT, backend_service="inference-backend-small")
        changed = compute_v1.BackendService(timeout_sec=seconds, fingerprint=live.fingerprint)
        services.patch_unary(project=PROJECT, backend_service=live.name, backend_service_resource=changed)

    def _listed(self, collection: str) -> dict[str, Any]:
        answer = HTTP.get(f"http://{self.cloud.rest}/compute/v1/projects/{PROJECT}/aggregated/{collection}")
        scoped = answer.json().get("items", {}) if answer.is_success else {}
        return {each["name"]: each for found in scoped.values() for each in found.get(collection, [])}
