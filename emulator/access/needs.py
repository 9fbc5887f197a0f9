"""What each method needs: ``emulator/permissions/<api>.yaml``, method id to IAM permissions.

Permissions that depend on what a request says (a forwarding rule's kind of target, the account a template names) are asked for by the
handlers, or below in ``REFERENCED``.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ruamel.yaml import YAML

Json = dict[str, Any]
# method -> (field of the request, permission by collection of what the field names)
REFERENCED: dict[str, tuple[str, dict[str, str]]] = {
    "compute.globalForwardingRules.insert": (
        "target",
        {"targetHttpProxies": "compute.targetHttpProxies.use", "targetHttpsProxies": "compute.targetHttpsProxies.use"},
    ),
    "compute.globalForwardingRules.setTarget": (
        "target",
        {"targetHttpProxies": "compute.targetHttpProxies.use", "targetHttpsProxies": "compute.targetHttpsProxies.use"},
    ),
}
CONDITIONAL = ("iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken")
"""Permissions that handlers ask for by themselves."""


@cache
def table() -> dict[str, tuple[str, ...]]:
    """Permissions by method id, of every API."""
    found: dict[str, tuple[str, ...]] = {}
    for file in sorted(importlib.resources.files("emulator").joinpath("permissions").iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".yaml"):
            continue
        for method, needs in (YAML(typ="safe").load(file.read_text()) or {}).items():
            if method in found:
                raise ValueError(f"{file.name}: {method} stands in two files")
            found[method] = (needs,) if isinstance(needs, str) else tuple(needs or ())
    return found


def of(method: str, body: Json) -> Iterator[str]:
    """The permissions of one request."""
    yield from table().get(method, ())
    field, by_collection = REFERENCED.get(method, ("", {}))
    match = re.search(r"([A-Za-z]+)/[^/]+$", str(body.get(field, "")))
    if match and match[1] in by_collection:
        yield by_collection[match[1]]


@cache
def known() -> frozenset[str]:
    """Every permission some method may need."""
    referenced = (permission for _, by_collection in REFERENCED.values() for permission in by_collection.values())
    return frozenset(permission for needs in table().values() for permission in needs) | frozenset(referenced) | frozenset(CONDITIONAL)
