"""Google's errors in our words: each names the caller's next move, as the recorded and documented envelopes lead to it."""

from __future__ import annotations

import pytest
import requests
from google.api_core import exceptions as google
from google.auth.exceptions import DefaultCredentialsError, RefreshError
from google.cloud import compute_v1

from cloud.errors import operation_error, translated
from ironwood.errors import (
    ApiDisabledError,
    CloudError,
    ConflictError,
    InUseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
    RefusedError,
    StockoutError,
    TransientError,
    UnreachableError,
)

DISABLED = "Compute Engine API has not been used in project 1 before or it is disabled. Enable it by visiting … then retry."


def compute(status: int, reason: str, message: str = "told") -> google.GoogleAPICallError:
    return google.from_http_status(status, message, errors=[{"message": message, "domain": "global", "reason": reason}])


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (compute(404, "notFound"), NotFoundError),
        (compute(409, "alreadyExists"), ConflictError),
        (compute(412, "conditionNotMet", "Invalid fingerprint."), ConflictError),
        (compute(400, "resourceInUseByAnotherResource"), InUseError),
        (compute(400, "resourceNotReady", "The resource 'x' is not ready"), TransientError),
        (compute(403, "quotaExceeded", "Quota 'BACKEND_SERVICES' exceeded.  Limit: 5.0 globally."), QuotaError),
        (compute(403, "rateLimitExceeded"), TransientError),
        (compute(403, "forbidden"), PermissionDeniedError),
        (compute(403, "accessNotConfigured", DISABLED), ApiDisabledError),
        (google.PermissionDenied(DISABLED), ApiDisabledError),
        (compute(400, "invalid"), RefusedError),
        (google.BadRequest("Another activation or deactivation is in progress"), TransientError),
        (google.Aborted("There were concurrent policy changes."), TransientError),
        (google.ResourceExhausted("There is no more capacity"), QuotaError),
        (google.TooManyRequests("slow down"), TransientError),
        (google.ServiceUnavailable("later"), TransientError),
        (google.InternalServerError("oops"), TransientError),
        (google.DeadlineExceeded("late"), TransientError),
        (requests.ConnectionError("reset by peer"), TransientError),
        (DefaultCredentialsError("none"), UnreachableError),
        (RefreshError("Reauthentication is needed."), UnreachableError),  # type: ignore[no-untyped-call]  # google-auth ships no types
        (RefreshError("the metadata server is busy", retryable=True), TransientError),  # type: ignore[no-untyped-call]  # the same
    ],
)
def test_an_error_says_what_to_do_next(theirs: Exception, ours: type[Exception]):
    with pytest.raises(ours) as caught, translated("doing something"):
        raise theirs
    assert type(caught.value) is ours
    assert str(caught.value).startswith("doing something: ")
    assert caught.value.__cause__ is theirs


def test_a_quota_error_says_where_to_ask_for_more():
    with pytest.raises(QuotaError, match="iam-admin/quotas"), translated("growing"):
        raise compute(403, "quotaExceeded")


def test_missing_credentials_say_how_to_get_them():
    with pytest.raises(UnreachableError, match="application-default login"), translated("connecting"):
        raise DefaultCredentialsError("none")


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", InUseError),
        ("RESOURCE_ALREADY_EXISTS", ConflictError),
        ("QUOTA_EXCEEDED", QuotaError),
        ("ZONE_RESOURCE_POOL_EXHAUSTED", StockoutError),
        ("SOMETHING_NEW", RefusedError),
    ],
)
def test_a_failed_operation_says_what_to_do_next(code: str, ours: type[CloudError]):
    errors = [compute_v1.Errors(code=code, message="told")]
    operation = compute_v1.Operation(name="operation-1", error=compute_v1.Error(errors=errors))
    assert type(operation_error("deleting", operation)) is ours
