"""Compute resources in the store.

1. A record is {service, resource, state, op}: CREATING, READY, UPDATING or DELETING, and the operation that holds it.
2. References inside are relative; ``render`` makes what a client sees. 3. Who uses a resource is found from the declared references.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.identity import fingerprint, label_fingerprint
from emulator.services.compute import links
from emulator.services.compute.kinds import Kind, Scope

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "compute"
KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Put a kind into the table."""
    KINDS[kind.service] = kind


def find(world: World, link: str) -> Json | None:
    """The record at a relative link."""
    return world.store.get(TAB, link)


def resource(world: World, link: str) -> Json | None:
    """The resource at a relative link."""
    record = world.store.get(TAB, link)
    return record["resource"] if record else None


def put(world: World, link: str, record: Json) -> None:
    """Keep a record."""
    world.store.put(TAB, link, record)
    world.changed()


def of_service(world: World, service: str) -> Iterator[tuple[str, Json]]:
    """Every record of a service."""
    return ((link, record) for link, record in world.store.items(TAB) if record["service"] == service)


def references_of(kind: Kind, resource: Json, *, blocking: bool = True) -> Iterator[str]:
    """The links a resource names."""
    for reference in kind.references:
        if reference.blocks or not blocking:
            for _, link in links.each(resource, reference.path):
                yield link


def users_of(world: World, link: str) -> Iterator[str]:
    """Links of the resources that keep this one from being deleted."""
    for other, record in world.store.items(TAB):
        if other != link and link in references_of(KINDS[record["service"]], record["resource"]):
            yield other
    used = find(world, link)
    if used:
        yield from KINDS[used["service"]].users(world, link)


def scope_fields(link: str) -> Json:
    """``region`` or ``zone`` of a link, relative."""
    project = link.split("/")[1]
    if region := links.part(link, "regions"):
        return {"region": f"projects/{project}/regions/{region}"}
    if zone := links.part(link, "zones"):
        return {"zone": f"projects/{project}/zones/{zone}"}
    return {}


def content_fingerprint(resource: Json) -> str:
    """The fingerprint of what a client can change; labels have their own."""
    return fingerprint({key: value for key, value in resource.items() if key not in {"labels", "creationTimestamp"}})


def render(call: Call, kind: Kind, link: str, record: Json) -> Json:
    """The resource as a client of this API version sees it."""
    version = call.version
    out: Json = {"kind": kind.kind, **record["resource"]}
    for reference in kind.references:
        out = links.mapped(out, reference.path, lambda text: links.absolute(text, version))
    for name, text in scope_fields(link).items():
        out[name] = links.absolute(text, version)
    out["selfLink"] = links.absolute(link, version)
    if kind.fingerprint:
        out["fingerprint"] = content_fingerprint(record["resource"])
    if kind.labels:
        out["labelFingerprint"] = label_fingerprint(record["resource"].get("labels"))
    for name, value in kind.view(call.world, record["resource"], link, call.now).items():
        out[name] = _absolute(value, version)
    return out


def _absolute(value: Any, version: str) -> Any:
    if isinstance(value, str):
        return links.absolute(value, version)
    if isinstance(value, list):
        return [_absolute(item, version) for item in value]
    if isinstance(value, dict):
        return {key: _absolute(item, version) for key, item in value.items()}
    return value


def parent(project: str, kind: Kind, values: Json) -> str:
    """``projects/P/zones/Z`` of a call."""
    if kind.scope is Scope.REGION:
        return f"projects/{project}/regions/{values['region']}"
    if kind.scope is Scope.ZONE:
        return f"projects/{project}/zones/{values['zone']}"
    return f"projects/{project}/global"
