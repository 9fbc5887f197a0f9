"""Routes of networks: a default route to the internet for each, and one to each of its subnetworks. They are derived, never kept.

Routes made by hand are not emulated.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.rules import recorded
from emulator.services.compute import links, pages, records
from emulator.services.compute.catalog import check_place, fixed_id
from emulator.services.compute.verbs import listing

Json = dict[str, Any]
recorded("default-route", "A network has a route 0.0.0.0/0 to the default internet gateway with priority 1000.")


def _route(call: Call, key: str, network: str, created: str, fields: Json) -> Json:
    version, project = call.version, call.world.project
    kind = "r" if "nextHopNetwork" in fields else ""
    name = "-".join(part for part in ("default-route", kind, hashlib.blake2b(key.encode(), digest_size=8).hexdigest()) if part)
    return {
        "kind": "compute#route",
        "id": fixed_id(key),
        "creationTimestamp": created,
        "name": name,
        "network": links.absolute(network, version),
        **fields,
        "selfLink": links.absolute(f"projects/{project}/global/routes/{name}", version),
    }


def _routes(call: Call) -> Iterator[Json]:
    project, version = call.world.project, call.version
    gateway = links.absolute(f"projects/{project}/global/gateways/default-internet-gateway", version)
    for link, record in records.of_service(call.world, "networks"):
        network = record["resource"]
        internet = {"description": "Default route to the Internet.", "destRange": "0.0.0.0/0", "priority": 1000, "nextHopGateway": gateway}
        yield _route(call, f"internet {network['id']}", link, network["creationTimestamp"], internet)
    for _, record in records.of_service(call.world, "subnetworks"):
        subnet = record["resource"]
        cidr = subnet["ipCidrRange"]
        local = {
            "description": f"Default local route to the subnetwork {cidr}.",
            "destRange": cidr,
            "priority": 0,
            "nextHopNetwork": links.absolute(subnet["network"], version),
        }
        yield _route(call, f"subnetwork {subnet['id']}", subnet["network"], subnet["creationTimestamp"], local)


def get(call: Call) -> Json:
    """Read a route."""
    check_place(call)
    name = call.text("route")
    for route in _routes(call):
        if name in {route["name"], route["id"]}:
            return route
    raise errors.not_found(f"projects/{call.world.project}/global/routes/{name}")


def list_(call: Call) -> Json:
    """All routes."""
    check_place(call)
    items, token = pages.page(call.values, list(_routes(call)))
    return listing("compute#route", f"projects/{call.world.project}/global/routes", items, token, call)


HANDLERS: dict[str, Handler] = {"compute.routes.get": get, "compute.routes.list": list_}
