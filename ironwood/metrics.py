"""The metric types ironwood may name: Google's that it knows, and its own. Anything else is refused before it reaches a dashboard or an alarm.

A type's kind decides how it can be aligned; the ones of Google are from its metrics list, the TPU one as reported for TPU VMs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["gauge", "delta", "flags", "latencies"]
"""Numbers now; counts in an interval; true or false now; a histogram of an interval."""

REQUESTS = "loadbalancing.googleapis.com/https/request_count"
LATENCIES = "loadbalancing.googleapis.com/https/total_latencies"
BACKEND_LATENCIES = "loadbalancing.googleapis.com/https/backend_latencies"
UTILIZATION = "tpu.googleapis.com/accelerator/tensorcore_utilization"
GROUP_SIZE = "compute.googleapis.com/instance_group/size"
UPTIME = "monitoring.googleapis.com/uptime_check/check_passed"

GOOGLES: Mapping[str, Kind] = {
    REQUESTS: "delta",
    LATENCIES: "latencies",
    BACKEND_LATENCIES: "latencies",
    UTILIZATION: "gauge",
    GROUP_SIZE: "gauge",
    UPTIME: "flags",
}
ALIGNERS: Mapping[Kind, str] = {
    "gauge": "ALIGN_MEAN",
    "delta": "ALIGN_RATE",
    "flags": "ALIGN_FRACTION_TRUE",
    "latencies": "ALIGN_PERCENTILE_95",
}
"""How a type is drawn where nothing else is said."""

CUSTOM = "custom.googleapis.com/ironwood/"
LOG_BASED = "logging.googleapis.com/user/"
_NAMED = re.compile(r'metric\.type\s*=\s*"([^"]*)"')


def own(prefix: str, name: str) -> str:
    """The type of one of our own metrics: `hourly_usd`, `budget_used`, `tier_pods`; a prefix keeps two profiles of a project apart."""
    head = prefix.strip("-").replace("-", "_")
    return f"{CUSTOM}{head + '/' if head else ''}{name}"


def named_in(filter_text: str) -> tuple[str, ...]:
    """The metric types a Monitoring filter names."""
    return tuple(_NAMED.findall(filter_text))


def unknown_in(filter_text: str, ours: frozenset[str]) -> tuple[str, ...]:
    """The types a filter names that are neither Google's nor among `ours`; ("",) where it names none at all."""
    found = named_in(filter_text)
    return tuple(each for each in found if each not in GOOGLES and each not in ours) if found else ("",)
