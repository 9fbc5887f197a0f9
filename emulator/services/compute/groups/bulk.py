"""Bulk groups: slices, all of their VMs or none."""

from __future__ import annotations

from typing import Any

from emulator import errors
from emulator.rules import assumed, documented

Json = dict[str, Any]
documented("bulk-group", "A bulk group is all of its VMs or none: it grows only from 0, and its VMs are placed together or not at all.")
assumed("bulk-refusals", "Autohealing in a bulk group, a workload policy without BULK, and growing from more than 0 are refused with 400.")


def is_bulk(manager: Json) -> bool:
    """Whether the group is all of its VMs or none."""
    return (manager.get("targetSizePolicy") or {}).get("mode") == "BULK"


def check_bulk(manager: Json) -> None:
    """Raise 400 for what a bulk group cannot have."""
    policy = (manager.get("resourcePolicies") or {}).get("workloadPolicy")
    if policy and not is_bulk(manager):
        raise errors.invalid("resource.targetSizePolicy.mode", "INDIVIDUAL", "A group with a workload policy needs BULK.")
    if is_bulk(manager) and manager.get("autoHealingPolicies"):
        raise errors.invalid("resource.autoHealingPolicies", "", "A bulk group repairs no single VM.")
