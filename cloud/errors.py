"""Google's errors in our words.

Compute tells the reason in `errors[].reason`, newer APIs in `status` and an ErrorInfo; a failed operation carries codes of
its own. Each becomes the one error of ours that names the caller's next move; the cause is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import requests
from google.api_core import exceptions as google
from google.auth import exceptions as auth
from google.cloud import compute_v1

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

PERMISSION_HELP = "docs/permissions.md lists what each command needs and how it is granted."
CREDENTIALS_HELP = (
    "Run `gcloud auth application-default login`, or let GOOGLE_APPLICATION_CREDENTIALS name a readable credentials file, "
    "or use a profile with `cloud: embedded`."
)
IMPERSONATION_HELP = "To act as a service account the caller needs roles/iam.serviceAccountTokenCreator on that account."
QUOTA_HELP = "Ask for more at https://console.cloud.google.com/iam-admin/quotas or lower the sizes in the profile."

_BY_REASON: dict[str, type[CloudError]] = {
    "quotaExceeded": QuotaError,
    "rateLimitExceeded": TransientError,
    "userRateLimitExceeded": TransientError,
    "accessNotConfigured": ApiDisabledError,
    "SERVICE_DISABLED": ApiDisabledError,
    "resourceNotReady": TransientError,
    "resourceInUseByAnotherResource": InUseError,
    "resourceInUse": InUseError,
    "alreadyExists": ConflictError,
    "duplicate": ConflictError,
    "conditionNotMet": ConflictError,
    "backendError": TransientError,
}

_BY_OPERATION_CODE: dict[str, type[CloudError]] = {
    "QUOTA_EXCEEDED": QuotaError,
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE": InUseError,
    "RESOURCE_ALREADY_EXISTS": ConflictError,
    "RESOURCE_NOT_FOUND": NotFoundError,
    "RESOURCE_NOT_READY": TransientError,
    "ZONE_RESOURCE_POOL_EXHAUSTED": StockoutError,
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS": StockoutError,
    "INTERNAL_ERROR": TransientError,
}

_BY_CLASS: tuple[tuple[type[Exception], type[CloudError]], ...] = (
    (google.NotFound, NotFoundError),
    (google.AlreadyExists, ConflictError),
    (google.Aborted, TransientError),
    (google.Conflict, ConflictError),
    (google.PreconditionFailed, ConflictError),
    (google.ResourceExhausted, QuotaError),
    (google.TooManyRequests, TransientError),
    (google.Forbidden, PermissionDeniedError),
    (google.Unauthorized, PermissionDeniedError),
    (google.ServerError, TransientError),
    (google.RetryError, TransientError),
    (google.ClientError, RefusedError),
)

_IN_PROGRESS = re.compile(
    r"Another activation or deactivation is in progress|concurrent policy changes|incompatible operation|is not ready"
    r"|Service account \S+ does not exist"
)
_QUOTA = re.compile(r"Quota limit '\S+' has been exceeded|Quota '\S+' exhausted")
"""The Cloud TPU API's words for a quota: over REST its 429 is that of a rate limit."""
_REQUEST = re.compile(r"^[A-Z]+ https?://\S+: ")
"""The REST transport puts the request before Google's words; `doing` says it better."""
_DISABLED = re.compile(r"has not been used in project \S+ before or it is disabled")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Run a call to Google; its errors come out as ours, beginning with what was being done."""
    try:
        yield
    except google.GoogleAPICallError as error:
        raise _of(error)(f"{doing}: {_REQUEST.sub('', error.message or '')}{_help(_of(error))}") from error
    except google.RetryError as error:
        raise TransientError(f"{doing}: {error}") from error
    except auth.DefaultCredentialsError as error:
        raise UnreachableError(f"{doing}: no Google credentials could be used: {error} {CREDENTIALS_HELP}") from error
    except auth.RefreshError as error:
        if error.retryable:
            raise TransientError(f"{doing}: the credentials could not be renewed: {_told(error)}") from error
        raise UnreachableError(
            f"{doing}: the Google credentials were refused: {_told(error)}. {CREDENTIALS_HELP} {IMPERSONATION_HELP}"
        ) from error
    except (requests.ConnectionError, requests.Timeout, auth.TransportError, grpc.RpcError) as error:
        # The request may have arrived: the next attempt reads back before it repeats.
        raise TransientError(f"{doing}: the connection was lost ({type(error).__name__})") from error


def operation_error(doing: str, operation: compute_v1.Operation) -> CloudError:
    """The error a finished operation ended with."""
    first = operation.error.errors[0]
    kind = _BY_OPERATION_CODE.get(first.code, RefusedError)
    return kind(f"{doing}: {first.message} ({first.code}){_help(kind)}")


def _of(error: google.GoogleAPICallError) -> type[CloudError]:
    reasons = [str(each.get("reason")) for each in error.errors if isinstance(each, dict)]
    reasons.append(str(error.reason))
    if _DISABLED.search(error.message or ""):
        return ApiDisabledError
    if _IN_PROGRESS.search(error.message or ""):
        return TransientError
    if _QUOTA.search(error.message or ""):
        return QuotaError
    for reason in reasons:
        if reason in _BY_REASON:
            return _BY_REASON[reason]
    return next((ours for theirs, ours in _BY_CLASS if isinstance(error, theirs)), CloudError)


def _told(error: auth.RefreshError) -> str:
    """What the token endpoint said; further arguments repeat its whole answer."""
    return str(error.args[0]) if error.args else type(error).__name__


def _help(kind: type[CloudError]) -> str:
    return {QuotaError: f" {QUOTA_HELP}", PermissionDeniedError: f" {PERMISSION_HELP}"}.get(kind, "")
