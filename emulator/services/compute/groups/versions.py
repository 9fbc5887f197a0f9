"""The versions of a group: which templates its VMs are to have, and how many each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.services.compute.groups.fleet import Vm

Json = dict[str, Any]


def wanted_versions(manager: Json) -> dict[str, int]:
    """VMs by template at the target size; a version without a VM is left out."""
    size, canary = int(manager["targetSize"]), next((each for each in manager["versions"] if "targetSize" in each), None)
    if canary is None:
        return {manager["instanceTemplate"]: size} if size else {}
    share = canary["targetSize"]
    # a share is rounded up, a number is at most the group [documented]
    count = -(-size * int(share["percent"]) // 100) if "percent" in share else int(share.get("fixed", 0))
    count = min(count, size)
    both = {canary["instanceTemplate"]: count, manager["instanceTemplate"]: size - count}
    return {template: number for template, number in both.items() if number}


def outdated(manager: Json, live: list[Vm]) -> list[Vm]:
    """Those of the live VMs that are one too many of their template."""
    room = Counter(wanted_versions(manager))
    out = []
    for vm in live:
        if room[vm.template] > 0:
            room[vm.template] -= 1
        else:
            out.append(vm)
    return out


def next_template(manager: Json, live: list[Vm]) -> str:
    """The template the next new VM is made from: the one most VMs are missing of."""
    wanted = wanted_versions(manager)
    have = Counter(vm.template for vm in live)
    missing = {template: number - have[template] for template, number in wanted.items()}
    template = max(missing, key=lambda each: missing[each], default=str(manager["instanceTemplate"]))
    return template if missing.get(template, 0) > 0 else str(manager["instanceTemplate"])
