"""The verbs every Compute kind shares: insert, get, list, aggregatedList, delete, patch, update, setLabels.

1. Checks come first, in Google's order: the request id, the name, what is named, what is in the way, the quota; then the operation starts.
2. A change is kept when its operation is done; until then the resource is held, and another change is refused with resourceNotReady.
"""

from __future__ import annotations

import re
from typing import Any

from emulator import errors
from emulator.call import Call, Handler
from emulator.errors import ApiError
from emulator.identity import label_fingerprint
from emulator.rules import assumed, documented, recorded
from emulator.services.compute import links, pages, records
from emulator.services.compute.begin import begin, shown
from emulator.services.compute.catalog import REGIONS, check_place, project_of
from emulator.services.compute.kinds import OUTPUT_ONLY, Kind, Scope
from emulator.times import pacific
from emulator.times import shown as shown_instant

Json = dict[str, Any]
NAME = re.compile(r"(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)")

recorded("insert-answers-operation", "An insert answers a RUNNING operation with progress 0, never the resource.")
recorded("delete-in-use", "A delete in use is a synchronous 400 until the user's own delete operation is done.")
recorded("network-delete-in-use", "A network's delete in use is accepted; the operation ends with RESOURCE_IN_USE_BY_ANOTHER_RESOURCE.")
documented("include-all-scopes", "aggregatedList shows the scopes a kind can be in, with includeAllScopes every scope there is.")
documented("duplicate-name", "An insert of a name that exists is a synchronous 409 alreadyExists.")
documented("resource-not-ready", "Using a resource another operation holds is a 400 resourceNotReady.")
documented("name-regex", "A name is 1-63 lower-case letters, digits and hyphens, starting with a letter.")
documented("fingerprint", "A missing fingerprint is a 400, a stale one a 412 conditionNotMet, where the kind demands one.")
assumed("get-while-creating", "GET of a resource whose insert is still running answers the resource.")
assumed("change-at-done", "A patch or update can be read back when its operation is done, not before.")
assumed("immutable-field", "A change of an immutable field is a 400 naming the field.")
assumed("missing-reference", "Naming a resource that does not exist is a 404 notFound for the resource named.")
assumed("insert-while-deleting", "An insert of a name whose delete is running is a 409.")


def handlers(kind: Kind) -> dict[str, Handler]:
    """The shared handlers of a kind, by verb."""
    every: dict[str, Handler] = {
        "insert": lambda call: insert(kind, call),
        "get": lambda call: get(kind, call),
        "list": lambda call: list_(kind, call),
        "aggregatedList": lambda call: aggregated_list(kind, call),
        "delete": lambda call: delete(kind, call),
        "patch": lambda call: change(kind, call, "patch"),
        "update": lambda call: change(kind, call, "update"),
        "setLabels": lambda call: set_labels(kind, call),
    }
    return {verb: every[verb] for verb in kind.verbs}


def link_of(kind: Kind, call: Call) -> str:
    """The relative link of the resource a call is about; 404 for a place that is not."""
    check_place(call)
    name = call.values.get(kind.item) or call.values.get("resource") or ""
    return f"{records.parent(project_of(call), kind, call.values)}/{kind.collection}/{name}"


def existing(kind: Kind, call: Call) -> tuple[str, Json]:
    """The link and record a call is about; raises 404."""
    link = link_of(kind, call)
    record = records.find(call.world, link)
    if record is None or record["service"] != kind.service:
        raise errors.not_found(link)
    return link, record


def free(kind: Kind, call: Call) -> tuple[str, Json]:
    """The same, when no operation holds it; raises 400 resourceNotReady."""
    link, record = existing(kind, call)
    if record["state"] != "READY":
        raise errors.not_ready(link)
    return link, record


def repeated(call: Call) -> Json | None:
    """The operation of an earlier request with the same requestId."""
    operation = call.world.operations.repeated(call.method, call.request_id)
    return shown(operation, call.version) if operation else None


def prune(value: Any) -> Any:
    """Without nulls, at any depth."""
    if isinstance(value, dict):
        return {key: prune(item) for key, item in value.items() if item is not None}
    return [prune(item) for item in value] if isinstance(value, list) else value


def normalised(kind: Kind, call: Call, resource: Json) -> Json:
    """References made relative and found to exist; raises 404, or 400 when one is not ready."""
    world = call.world
    for reference in kind.references:
        resource = links.mapped(resource, reference.path, lambda text: links.relative(text, world.project, world.settings.project_number))
        if not reference.must_exist:
            continue
        for where, link in links.each(resource, reference.path):
            record = records.find(world, link)
            if record is None:
                if not link.startswith("projects/"):
                    raise errors.invalid(f"resource.{where}", link, "The URL is malformed.")
                raise errors.not_found(link)
            if record["state"] in {"CREATING", "DELETING"}:
                raise errors.not_ready(link)
    return resource


def checked_name(name: Any) -> str:
    """The name, if it is one; raises 400."""
    if not name:
        raise errors.required("resource.name")
    if not NAME.fullmatch(str(name)):
        raise errors.invalid("resource.name", name, f"Must be a match of regex '{NAME.pattern}'")
    return str(name)


def insert(kind: Kind, call: Call) -> Json:
    """Create; answers an operation."""
    if earlier := repeated(call):
        return earlier
    check_place(call)
    body = {key: value for key, value in prune(call.body).items() if key not in OUTPUT_ONLY and key != "fingerprint"}
    name = checked_name(body.get("name"))
    link = f"{records.parent(project_of(call), kind, call.values)}/{kind.collection}/{name}"
    if records.find(call.world, link):
        raise errors.already_exists(link)
    for field in kind.required:
        if field not in body:
            raise errors.required(f"resource.{field}")
    body.pop("region", None)
    body.pop("zone", None)
    resource = normalised(kind, call, body)
    resource = kind.complete(call, {**kind.defaults, **resource}, link)
    check_quota(kind, call)
    resource_id = call.world.identity.numeric()
    resource = {"id": resource_id, "creationTimestamp": pacific(call.now), **resource}
    record = {"service": kind.service, "resource": resource, "state": "CREATING", "op": None, "created": shown_instant(call.now)}
    records.put(call.world, link, record)
    return begin(call, link, resource_id, kind.insert_type, {"do": "compute.inserted", "link": link})


def check_quota(kind: Kind, call: Call) -> None:
    """Raise 403 when one more of the kind would be too many."""
    where = str(call.values["region"]) if kind.scope is Scope.REGION else "global"
    if kind.scope is Scope.ZONE:
        where = links.region_of_zone(str(call.values["zone"]))
    used = sum(1 for link, _ in records.of_service(call.world, kind.service) if where == "global" or f"/{where}" in link)
    call.world.quotas.check_count(kind.quota, where, used)


def get(kind: Kind, call: Call) -> Json:
    """Read one."""
    link, record = existing(kind, call)
    return records.render(call, kind, link, record)


def _rendered(kind: Kind, call: Call, prefix: str) -> list[Json]:
    found = sorted(item for item in records.of_service(call.world, kind.service) if item[0].startswith(prefix + "/"))
    return [records.render(call, kind, link, record) for link, record in found]


def list_(kind: Kind, call: Call) -> Json:
    """Read all of one scope, in pages."""
    check_place(call)
    prefix = f"{records.parent(project_of(call), kind, call.values)}/{kind.collection}"
    items, token = pages.page(call.values, _rendered(kind, call, prefix))
    return listing(kind.kind, prefix, items, token, call)


def listing(kind: str, prefix: str, items: list[Json], token: str | None, call: Call) -> Json:
    """The envelope of a list; ``items`` is absent when empty, as Google has it."""
    out: Json = {"kind": f"{kind}List", "id": prefix, "selfLink": links.absolute(prefix, call.version)}
    if items:
        out["items"] = items
    if token:
        out["nextPageToken"] = token
    return out


def aggregated_list(kind: Kind, call: Call) -> Json:
    """Read all scopes."""
    project = f"projects/{call.world.project}"
    by_scope = {
        Scope.GLOBAL: ["global"],
        Scope.REGION: [f"regions/{name}" for name in REGIONS],
        Scope.ZONE: [f"zones/{zone}" for zones in REGIONS.values() for zone in zones],
    }
    everywhere = str(call.values.get("include_all_scopes", "")).lower() == "true"
    scopes = [scope for of_kind in by_scope.values() for scope in of_kind] if everywhere else by_scope[kind.scope]
    groups = ((scope, _rendered(kind, call, f"{project}/{scope}/{kind.collection}")) for scope in scopes)
    path = f"{project}/aggregated/{kind.collection}"
    items = pages.aggregated(groups, kind.collection, call.values)
    return {"kind": f"{kind.kind}AggregatedList", "id": path, "selfLink": links.absolute(path, call.version), "items": items}


def delete(kind: Kind, call: Call) -> Json:
    """Delete; answers an operation, or 400 when in use."""
    if earlier := repeated(call):
        return earlier
    link, record = free(kind, call)
    if refusal := kind.refuse_delete(call.world, link):
        raise refusal
    user = None if kind.async_in_use else next(iter(records.users_of(call.world, link)), None)
    if user:
        raise errors.in_use(kind.noun, link, user)
    records.put(call.world, link, {**record, "state": "DELETING"})
    return begin(call, link, record["resource"]["id"], "delete", {"do": "compute.deleted", "link": link})


def check_fingerprint(kind: Kind, call: Call, old: Json, verb: str) -> None:
    """Raise 400 for a missing fingerprint where one is demanded, 412 for a stale one."""
    given = call.body.get("fingerprint")
    if kind.fingerprint and not given and verb in kind.fingerprint_on:
        raise errors.required("resource.fingerprint")
    if kind.fingerprint and given and given.rstrip("=") != records.content_fingerprint(old).rstrip("="):
        raise ApiError(412, "Invalid fingerprint.", reason="conditionNotMet")


def merged(old: Json, patch: Json) -> Json:
    """JSON merge patch: objects merge, null removes, anything else replaces."""
    out = dict(old)
    for key, value in patch.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, dict) and isinstance(out.get(key), dict):
            out[key] = merged(out[key], value)
        else:
            out[key] = prune(value)
    return out


def change(kind: Kind, call: Call, verb: str) -> Json:
    """Patch (merge) or update (replace); answers an operation."""
    if earlier := repeated(call):
        return earlier
    link, record = free(kind, call)
    old = record["resource"]
    check_fingerprint(kind, call, old, verb)
    body = {key: value for key, value in call.body.items() if key not in OUTPUT_ONLY and key not in {"fingerprint", "region", "zone"}}
    if verb == "update":
        kept = {key: old[key] for key in ("id", "creationTimestamp", "name", *kind.immutable) if key in old}
        new = {**kept, **kind.defaults, **normalised(kind, call, prune(body))}
    else:
        new = merged(old, normalised(kind, call, body))
    for field in ("name", *kind.immutable):
        if new.get(field) != old.get(field):
            raise errors.invalid(f"resource.{field}", new.get(field), f"Cannot change field '{field}' of an existing resource.")
    return start_change(call, link, record, kind.check_change(call, old, new), verb)


def start_change(call: Call, link: str, record: Json, new: Json, operation_type: str) -> Json:
    """Hold the resource and start the operation that will change it."""
    records.put(call.world, link, {**record, "state": "UPDATING"})
    return begin(call, link, record["resource"]["id"], operation_type, {"do": "compute.changed", "link": link, "new": new})


def set_labels(kind: Kind, call: Call) -> Json:
    """Replace the labels; demands their fingerprint."""
    if earlier := repeated(call):
        return earlier
    link, record = free(kind, call)
    given = call.body.get("labelFingerprint")
    if not given:
        raise errors.required("labelFingerprint")
    if given.rstrip("=") != label_fingerprint(record["resource"].get("labels")).rstrip("="):
        raise ApiError(412, "Labels fingerprint either invalid or resource labels have changed", reason="conditionNotMet")
    new = {key: value for key, value in record["resource"].items() if key != "labels"}
    if labels := call.body.get("labels"):
        new["labels"] = labels
    return start_change(call, link, record, new, "setLabels")
