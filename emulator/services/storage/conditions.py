"""Preconditions and errors of Cloud Storage.

1. A precondition that does not hold is a 412, on a read with ``...NotMatch`` a 304 [documented]. 2. Generation 0 means: there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.call import Raw
from emulator.errors import ApiError
from emulator.rules import documented, recorded

Json = dict[str, Any]
documented(
    "storage-preconditions",
    "ifGenerationMatch and ifMetagenerationMatch that do not hold are a 412 conditionNotMet; 0 means: no such object.",
)
recorded("storage-no-bucket", "A bucket that is not there is a 404 'The specified bucket does not exist.'.")
documented("storage-no-object", "An object that is not there is a 404 'No such object: BUCKET/OBJECT'.")


class NotModifiedError(Exception):
    """A conditional read found nothing new."""


def not_modified() -> Raw:
    """The empty 304."""
    return Raw(status=304)


def no_bucket() -> ApiError:
    """The 404 of a bucket [recorded]."""
    return ApiError(404, "The specified bucket does not exist.", reason="notFound")


def no_object(bucket: str, name: str) -> ApiError:
    """The 404 of an object."""
    return ApiError(404, f"No such object: {bucket}/{name}", reason="notFound")


def conflict(message: str) -> ApiError:
    """Cloud Storage's 409."""
    return ApiError(409, message, reason="conflict")


def invalid(message: str) -> ApiError:
    """Cloud Storage's 400."""
    return ApiError(400, message, reason="invalid")


def check(values: Mapping[str, Any], found: Json | None) -> None:
    """Raise 412, or NotModifiedError, where a precondition of the request does not hold for what was found."""
    for field, key in (("Generation", "generation"), ("Metageneration", "metageneration")):
        has = int(found.get(key, 0)) if found else 0
        wanted, unwanted = values.get(f"if{field}Match"), values.get(f"if{field}NotMatch")
        if wanted is not None and int(wanted) != has:
            raise ApiError(412, "At least one of the pre-conditions you specified did not hold.", reason="conditionNotMet")
        if unwanted is not None and int(unwanted) == has:
            raise NotModifiedError
