"""Names of BigQuery, and its errors about them: reasons notFound, duplicate, invalid, accessDenied, resourceInUse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.rules import documented

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
DATASETS, TABLES = "bigquery datasets", "bigquery tables"
_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[\w \-$]{1,1024}")
documented("bigquery-dataset-id", "A dataset's id has up to 1,024 letters, digits and underscores.")
documented("bigquery-not-found", "What is not there is a 404 notFound 'Not found: Table PROJECT:DATASET.TABLE'.")
documented("bigquery-duplicate", "Making a thing again is a 409 duplicate 'Already Exists: Dataset PROJECT:DATASET'.")
documented("bigquery-error-envelope", "BigQuery's errors carry errors[] with reason, domain and location beside code, message and status.")


def not_found(what: str, name: str) -> ApiError:
    """The 404 of a thing."""
    return ApiError(404, f"Not found: {what} {name}", reason="notFound")


def duplicate(what: str, name: str) -> ApiError:
    """The 409 of a thing that is there."""
    return ApiError(409, f"Already Exists: {what} {name}", reason="duplicate")


def invalid(message: str) -> ApiError:
    """The 400 of a request that cannot be."""
    return ApiError(400, message, reason="invalid")


def denied(what: str, name: str, permission: str) -> ApiError:
    """The 403 without a permission."""
    message = f"Access Denied: {what} {name}: Permission {permission} denied on {what.lower()} {name} (or it may not exist)."
    return ApiError(403, message, reason="accessDenied")


def full(world: World, dataset: str, table: str = "") -> str:
    """``PROJECT:DATASET`` or ``PROJECT:DATASET.TABLE``, as messages name them."""
    return f"{world.project}:{dataset}" + (f".{table}" if table else "")


def own_project(call: Call) -> None:
    """Raise 403 or 404 for another project than ours."""
    project = call.text("projectId")
    if project not in {call.world.project, call.world.settings.project_number}:
        raise denied("Project", project, "bigquery.datasets.get")


def checked_dataset(name: str) -> str:
    """The id if a dataset may have it."""
    if not _DATASET.fullmatch(name):
        raise invalid(
            f'Invalid dataset ID "{name}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.'
        )
    return name


def checked_table(name: str) -> str:
    """The id if a table may have it."""
    if not _TABLE.fullmatch(name):
        raise invalid(f'Invalid table ID "{name}".')
    return name


def dataset_row(world: World, name: str) -> Json:
    """The dataset's record; raises 404."""
    row = world.store.get(DATASETS, name)
    if row is None:
        raise not_found("Dataset", full(world, name))
    return row


def table_row(world: World, dataset: str, table: str) -> Json:
    """The table's record; raises 404 for it or its dataset."""
    dataset_row(world, dataset)
    row = world.store.get(TABLES, f"{dataset}.{table}")
    if row is None:
        raise not_found("Table", full(world, dataset, table))
    return row
