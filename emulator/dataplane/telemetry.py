"""What a model server says of each request it has served, where its template names a topic to say it on.

1. The startup script's ``--env=METRICS_TOPIC=`` names the topic; without it nothing is said. 2. The VM's own account publishes: without
``pubsub.topics.publish`` the message is lost, the request is served all the same. 3. One message a request, a JSON object by column.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.access import roles
from emulator.rules import assumed
from emulator.services.compute.groups.fleet import Vm
from emulator.services.pubsub.topics import publish_within
from emulator.services.serviceusage.state import is_enabled
from emulator.times import SECOND, utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
PUBLISH = "pubsub.topics.publish"
HBM_SHARE = 0.9
HBM_GB = {"tpu7x": 192, "ct6e": 32, "ct5p": 95}
assumed(
    "telemetry-contract", "A serving image publishes a JSON object a request on METRICS_TOPIC, as the VM's account, and takes X-Request-Id."
)
assumed("telemetry-memory", "memory_usage_gb is 90 % of the VM's HBM: vLLM takes that much at its start, whatever it serves.")
assumed("telemetry-utilisation", "tpu_utilization_percent is the share of the VM's slots that were busy when the request got its own.")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One served request; instants in microseconds, ``busy`` 0..1, ``slot`` how long it held one of the chip's ``slots``."""

    request_id: str
    region: str
    begun: int
    ended: int
    slot: int
    tokens: int
    busy: float
    slots: int


def publish(world: World, vm: Vm, properties: Json, seen: Seen) -> None:
    """Publish one request's message, if the template wants it."""
    script = next(
        (item.get("value", "") for item in properties.get("metadata", {}).get("items", []) if item["key"] == "startup-script"), ""
    )
    said = dict(re.findall(r"--env=(\w+)=(\S+)", script))
    topic = said.get("METRICS_TOPIC", "")
    account = next((each["email"] for each in properties.get("serviceAccounts", [])), "")
    member = f"serviceAccount:{account}"
    allowed = roles.may(world, member, PUBLISH, topic) and not world.faults.denies(member, PUBLISH)
    if not topic or not allowed or not is_enabled(world, "pubsub.googleapis.com"):
        return
    shape = vm.shape()
    row: Json = {
        "timestamp": utc(seen.ended),
        "endpoint_tier": properties.get("labels", {}).get("tier", ""),
        "request_id": seen.request_id,
        "model_name": said.get("MODEL_NAME", ""),
        "inference_latency_ms": (seen.ended - seen.begun) / 1000,
        "region": seen.region,
        "tokens_processed": seen.tokens,
        "tpu_utilization_percent": round(100 * seen.busy, 2),
        "memory_usage_gb": HBM_SHARE * HBM_GB.get(shape["family"], 0) * shape["chips"],
    }
    price = said.get("USD_PER_CHIP_HOUR")
    if price:
        row["cost_usd"] = float(price) * seen.slot / SECOND / 3600 / seen.slots
    publish_within(world, topic, base64.b64encode(json.dumps(row).encode()).decode(), {}, seen.ended)
