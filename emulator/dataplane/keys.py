"""Whether the model server of a VM lets a request in.

1. A template whose metadata has `api-key-secret` = `projects/P/secrets/S` makes VMs that ask for that secret's value, as `Authorization: Bearer KEY` or
`x-api-key: KEY`; without that metadata they ask for nothing. 2. The key is what the VM's account could read when the model server began to serve.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.access.callers import member_of
from emulator.rules import assumed
from emulator.services.compute import records
from emulator.services.compute.groups.fleet import Vm
from emulator.services.secretmanager.versions import read_at_start

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API_KEY = "api-key-secret"
assumed("model-key", "A model server whose template names a secret as its API key answers 401 without it, but for its readiness path.")
assumed(
    "model-key-read",
    "It holds the version that was newest when it began to serve; without access to it, looked up at each request, it answers 503 to all but that path.",
)


def refused(world: World, vm: Vm, headers: Mapping[str, str]) -> tuple[int, Json] | None:
    """Status and words of a refusal; None where the request is let in. Header names are lower case."""
    properties = (records.resource(world, vm.template) or {}).get("properties", {})
    items = properties.get("metadata", {}).get("items", [])
    secret = next((item.get("value", "") for item in items if item["key"] == API_KEY), "")
    if not secret:
        return None
    account = next((each.get("email", "") for each in properties.get("serviceAccounts", [])), "")
    key = read_at_start(world, secret, member_of(account), vm.ready or 0)
    if key is None:
        return 503, {"error": "the model server could not read its API key"}
    scheme, _, token = headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")
    return None if hmac.compare_digest(given.encode(), key) else (401, {"error": "Unauthorized"})
