"""Verbs that set one thing of a resource, beyond those of `special.py`."""

from __future__ import annotations

from typing import Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.services.compute.records import KINDS
from emulator.services.compute.verbs import free, repeated, start_change

Json = dict[str, Any]


def set_private_access(call: Call) -> Json:
    """Private Google access of a subnetwork, on or off."""
    if earlier := repeated(call):
        return earlier
    link, record = free(KINDS["subnetworks"], call)
    wanted = call.body.get("privateIpGoogleAccess")
    if not isinstance(wanted, bool):
        raise errors.required("privateIpGoogleAccess")
    new = {**record["resource"], "privateIpGoogleAccess": wanted}
    return start_change(call, link, record, new, "setPrivateIpGoogleAccess")


HANDLERS: dict[str, Handler] = {
    "compute.subnetworks.setPrivateIpGoogleAccess": set_private_access,
}
