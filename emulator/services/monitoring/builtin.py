"""The metric types Google writes by itself, as far as the emulator writes them.

Types, kinds, units and label names are Google's documented ones where nothing else is said. Nobody needs to make them, nobody can delete them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.rules import assumed, documented

Json = dict[str, Any]
documented(
    "lb-metrics",
    "A load balancer writes request_count, total_latencies and backend_latencies for resource https_lb_rule, by response code class.",
)
documented(
    "uptime-metrics",
    "An uptime check writes check_passed (BOOL) and request_latency for resource uptime_url, one series a checker location.",
)
assumed(
    "tpu-utilization",
    "tpu.googleapis.com/accelerator/tensorcore_utilization (percent) is written for every TPU VM from when its server answers, under resource "
    "tpu.googleapis.com/GceTpuWorker; its value is the share of the model server's slots in use.",
)
assumed("metrics-by-the-minute", "Built-in series have one point a whole minute, written at its end without delay, and are kept for a day.")
assumed("lb-metric-labels", "Load balancer series carry the labels a query of ours groups by, not client_country and proxy_continent.")


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric type."""

    type: str
    kind: str
    value_type: str
    unit: str
    resources: tuple[str, ...]
    labels: tuple[str, ...] = ()
    display_name: str = ""

    def descriptor(self, project: str) -> Json:
        """As metricDescriptors shows it."""
        return {
            "name": f"projects/{project}/metricDescriptors/{self.type}",
            "type": self.type,
            "metricKind": self.kind,
            "valueType": self.value_type,
            "unit": self.unit,
            "displayName": self.display_name,
            "labels": [{"key": key} for key in self.labels],
            "monitoredResourceTypes": list(self.resources),
        }


LB = "loadbalancing.googleapis.com/https/"
REQUESTS, TOTAL, BACKEND = LB + "request_count", LB + "total_latencies", LB + "backend_latencies"
UTILIZATION = "tpu.googleapis.com/accelerator/tensorcore_utilization"
GROUP_SIZE = "compute.googleapis.com/instance_group/size"
UPTIME = "monitoring.googleapis.com/uptime_check/check_passed"
UPTIME_LATENCY = "monitoring.googleapis.com/uptime_check/request_latency"
TPU_WORKER = "tpu.googleapis.com/GceTpuWorker"
_LB_LABELS = ("cache_result", "protocol", "response_code_class")

assumed(
    "metrics-not-written",
    "Of Google's other metric types only compute.googleapis.com/instance/cpu/utilization is known; nothing is written to it.",
)

METRICS: dict[str, Metric] = {
    each.type: each
    for each in (
        Metric(
            type=REQUESTS,
            kind="DELTA",
            value_type="INT64",
            unit="1",
            resources=("https_lb_rule",),
            labels=(*_LB_LABELS, "response_code"),
            display_name="Request count",
        ),
        Metric(
            type=TOTAL,
            kind="DELTA",
            value_type="DISTRIBUTION",
            unit="ms",
            resources=("https_lb_rule",),
            labels=_LB_LABELS,
            display_name="Total latency",
        ),
        Metric(
            type=BACKEND,
            kind="DELTA",
            value_type="DISTRIBUTION",
            unit="ms",
            resources=("https_lb_rule",),
            labels=_LB_LABELS,
            display_name="Backend latency",
        ),
        Metric(
            type=UTILIZATION,
            kind="GAUGE",
            value_type="DOUBLE",
            unit="%",
            resources=(TPU_WORKER,),
            display_name="TensorCore utilization",
        ),
        Metric(
            type=GROUP_SIZE,
            kind="GAUGE",
            value_type="INT64",
            unit="1",
            resources=("instance_group",),
            display_name="Instance group size",
        ),
        Metric(
            type="compute.googleapis.com/instance/cpu/utilization",
            kind="GAUGE",
            value_type="DOUBLE",
            unit="10^2.%",
            resources=("gce_instance",),
            labels=("instance_name",),
            display_name="CPU utilization",
        ),
        Metric(
            type=UPTIME,
            kind="GAUGE",
            value_type="BOOL",
            unit="",
            resources=("uptime_url",),
            labels=("check_id", "checker_location"),
            display_name="Check passed",
        ),
        Metric(
            type=UPTIME_LATENCY,
            kind="GAUGE",
            value_type="DOUBLE",
            unit="ms",
            resources=("uptime_url",),
            labels=("check_id", "checker_location"),
            display_name="Request latency",
        ),
    )
}
