"""Datasets: labels, a place that stays, who may do what in them.

1. Without an access list the project's owners, editors and readers have it. 2. A dataset with tables is deleted only with ``deleteContents``.
3. A write with an ``If-Match`` that is not the dataset's etag is a 412.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator.access import orgpolicies
from emulator.call import Call, Raw
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented
from emulator.services.bigquery import rows
from emulator.services.bigquery.names import DATASETS, TABLES, checked_dataset, dataset_row, duplicate, full, invalid, own_project
from emulator.services.compute.catalog import REGIONS
from emulator.services.compute.pages import page
from emulator.times import SECOND

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SETTABLE = (
    "friendlyName",
    "description",
    "labels",
    "access",
    "defaultTableExpirationMs",
    "defaultPartitionExpirationMs",
    "maxTimeTravelHours",
)
PLACES = ("US", "EU")
ROLES = {"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor", "OWNER": "roles/bigquery.dataOwner"}
SHORT = {long: short for short, long in ROLES.items()}
PERMISSIONS = {
    "READER": frozenset({"bigquery.datasets.get", "bigquery.tables.get", "bigquery.tables.list", "bigquery.tables.getData"}),
    "WRITER": frozenset({"bigquery.tables.create", "bigquery.tables.update", "bigquery.tables.updateData", "bigquery.tables.delete"}),
    "OWNER": frozenset({"bigquery.datasets.update", "bigquery.datasets.delete"}),
}
documented("bigquery-default-access", "A dataset made without access lets the project's owners own it, editors write and viewers read it.")
documented(
    "bigquery-basic-roles", "roles/bigquery.dataViewer, dataEditor and dataOwner in a dataset's access are READER, WRITER and OWNER."
)
documented(
    "bigquery-dataset-in-use", "A dataset with tables cannot be deleted without deleteContents: 400 resourceInUse '... is still in use'."
)
documented(
    "bigquery-etag", "If-Match with another etag than the dataset's or table's is a 412 conditionNotMet 'Precondition check failed.'."
)
documented("bigquery-location", "A dataset stays where it was made: another location in an update is a 400.")
assumed(
    "bigquery-regions", "A dataset's location is US, EU or a region the emulator has; whether a region has BigQuery is not asked further."
)
assumed("bigquery-undelete", "A deleted dataset is gone at once; the seven days of time travel and undelete are not emulated.")
assumed("bigquery-access-members", "A dataset's access may name any address but a service account of this project that is not there.")


MADE: list[Callable[[World, str, int], None]] = []
"""What is told of each new dataset: Google's own exports go to some."""


def view(world: World, row: Json) -> Json:
    """The dataset as clients see it."""
    name = row["name"]
    body = {key: value for key, value in row["body"].items() if value not in ({}, None)}
    content = {
        "kind": "bigquery#dataset",
        "id": full(world, name),
        "selfLink": f"https://bigquery.googleapis.com/bigquery/v2/projects/{world.project}/datasets/{name}",
        "datasetReference": {"datasetId": name, "projectId": world.project},
        "location": row["location"],
        "type": "DEFAULT",
        "creationTime": str(row["created"] // 1000),
        "lastModifiedTime": str(row["updated"] // 1000),
        **body,
    }
    return {**content, "etag": fingerprint([name, row["serial"]])}


def insert(call: Call) -> Json:
    """Make a dataset."""
    own_project(call)
    world, body = call.world, call.values.get("resource") or {}
    name = checked_dataset(str((body.get("datasetReference") or {}).get("datasetId", "")))
    if world.store.get(DATASETS, name):
        raise duplicate("Dataset", full(world, name))
    location = _place(world, str(body.get("location") or "US"))
    settled = {**_settable(call, body)}
    if not settled.get("access"):
        settled["access"] = _default_access(call)
    row = {"name": name, "location": location, "created": call.now, "updated": call.now, "serial": 1, "body": settled}
    world.store.put(DATASETS, name, row)
    for told in MADE:
        told(world, name, call.now)
    return view(world, row)


def get(call: Call) -> Json:
    """Read a dataset."""
    own_project(call)
    return view(call.world, dataset_row(call.world, call.text("datasetId")))


def list_(call: Call) -> Json:
    """The project's datasets."""
    own_project(call)
    world = call.world
    items = [_listed(world, row) for _, row in sorted(world.store.items(DATASETS)) if _passes(row, str(call.values.get("filter") or ""))]
    values = {"max_results": min(int(call.values.get("maxResults") or 500), 500), "page_token": call.values.get("pageToken")}
    chosen, token = page(values, items)
    more = {"nextPageToken": token} if token else {}
    return {"kind": "bigquery#datasetList", "etag": fingerprint(chosen), **({"datasets": chosen} if chosen else {}), **more}


def _listed(world: World, row: Json) -> Json:
    shown = view(world, row)
    return {"kind": "bigquery#dataset", **{key: shown[key] for key in ("id", "datasetReference", "labels", "location") if key in shown}}


def _passes(row: Json, text: str) -> bool:
    """``labels.KEY:VALUE`` terms, as datasets.list takes them."""
    labels = row["body"].get("labels", {})
    for term in text.split():
        match = re.fullmatch(r"labels\.([\w-]+)(?::([\w-]*))?", term)
        if match is None:
            raise invalid(f"Invalid filter: {text}")
        if match[1] not in labels or (match[2] is not None and labels[match[1]] != match[2]):
            return False
    return True


def patch(call: Call) -> Json:
    """Replace the fields given; a null takes a field away."""
    return _change(call, keep=True)


def update(call: Call) -> Json:
    """Replace all that can be set."""
    return _change(call, keep=False)


def _change(call: Call, *, keep: bool) -> Json:
    own_project(call)
    world, body = call.world, call.values.get("resource") or {}
    row = dataset_row(world, call.text("datasetId"))
    if_match(call, view(world, row)["etag"])
    if body.get("location") and str(body["location"]).lower() != row["location"].lower():
        raise invalid("Cannot change location of a dataset.")
    new = _settable(call, body)
    if "labels" in new:
        new["labels"] = labelled(row["body"].get("labels", {}) if keep else {}, new["labels"])
    merged = {**row["body"], **new} if keep else new
    if not merged.get("access"):
        merged["access"] = row["body"]["access"]
    row = {**row, "body": merged, "updated": call.now, "serial": row["serial"] + 1}
    world.store.put(DATASETS, row["name"], row)
    return view(world, row)


def labelled(before: Json, given: Json) -> Json:
    """Labels after a change: those named are set, or taken away where null; the others stay."""
    return {key: value for key, value in {**before, **given}.items() if value is not None}


def delete(call: Call) -> Raw:
    """Delete a dataset; with what is in it where the request says so."""
    own_project(call)
    world, name = call.world, call.text("datasetId")
    dataset_row(world, name)
    held = [key for key, _ in world.store.items(TABLES) if key.startswith(f"{name}.")]
    if held and str(call.values.get("deleteContents", "")).lower() != "true":
        raise ApiError(400, f"Dataset {full(world, name)} is still in use", reason="resourceInUse")
    for key in held:
        rows.forget(world, key)
        world.store.delete(TABLES, key)
    world.store.delete(DATASETS, name)
    return Raw(status=204)


def if_match(call: Call, etag: str) -> None:
    """Raise 412 where the request is for another version."""
    given = call.wire.headers.get("if-match") if call.wire else None
    if given and given.strip('"') not in {etag, "*"}:
        raise ApiError(412, "Precondition check failed.", reason="conditionNotMet", status_name="FAILED_PRECONDITION")


def may(world: World, member: str, permission: str, dataset: str) -> bool:
    """Whether a dataset's own access list gives a member a permission."""
    row = world.store.get(DATASETS, dataset)
    email = member.partition(":")[2]
    for entry in (row or {"body": {}})["body"].get("access", []):
        whom = entry.get("userByEmail") or str(entry.get("iamMember", "")).partition(":")[2]
        if whom == email and permission in _held(str(entry.get("role", ""))):
            return True
    return False


def _held(role: str) -> frozenset[str]:
    order = ("READER", "WRITER", "OWNER")
    if role not in order:
        return frozenset()
    return frozenset().union(*(PERMISSIONS[each] for each in order[: order.index(role) + 1]))


def _settable(call: Call, body: Json) -> Json:
    out = {key: body[key] for key in SETTABLE if key in body}
    if "access" in out:
        out["access"] = [_entry(call, each) for each in out["access"]]
    for key in ("defaultTableExpirationMs", "defaultPartitionExpirationMs"):
        if key in out and int(out[key]) * 1000 < SECOND:
            raise invalid(f"Invalid value for {key}: {out[key]}")
    return out


def _entry(call: Call, entry: Json) -> Json:
    email = entry.get("userByEmail") or ""
    own = f"@{call.world.project}.iam.gserviceaccount.com"
    accounts = (row for _, row in call.world.store.items("service_accounts"))
    if email.endswith(own) and not any(row["email"] == email and row["deleted"] is None for row in accounts):
        raise invalid(f"IAM setPolicy failed for Dataset: Service account {email} does not exist.")
    return {**entry, **({"role": SHORT.get(entry["role"], entry["role"])} if "role" in entry else {})}


def _default_access(call: Call) -> list[Json]:
    groups = (("WRITER", "projectWriters"), ("OWNER", "projectOwners"), ("READER", "projectReaders"))
    named = [{"role": role, "specialGroup": group} for role, group in groups]
    return [*named, {"role": "OWNER", "userByEmail": call.caller.partition(":")[2]}]


def _place(world: World, location: str) -> str:
    known = {each.lower(): each for each in (*PLACES, *REGIONS)}
    if location.lower() not in known:
        raise invalid(f"Invalid value for location: {location} is not a valid value")
    found = known[location.lower()]
    if not orgpolicies.allows(world, "gcp.resourceLocations", found.lower(), found, f"in:{found.lower().partition('-')[0]}-locations"):
        raise ApiError(412, f"'{found}' violates constraint 'constraints/gcp.resourceLocations'", reason="conditionNotMet")
    return found
