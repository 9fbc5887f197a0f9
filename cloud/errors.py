"""Google's errors in our words.

Compute tells the reason in `errors[].reason`, newer APIs in `status` and an ErrorInfo; a failed operation carries codes of
its own. Each becomes the one error of ours that names the caller's next move; the cause is kept.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

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
    QuotaProjectError,
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
IMPERSONATION_HELP = (
    "To act as the account of `google.impersonate` the caller needs roles/iam.serviceAccountTokenCreator on it, and the IAM Service Account "
    "Credentials API must be enabled in its project: `gcloud services enable iamcredentials.googleapis.com`."
)
QUOTA_PROJECT_HELP = (
    "Write `google: {quota_project: …}` in the profile, or run `gcloud auth application-default set-quota-project PROJECT`, with a project "
    "where the caller holds roles/serviceusage.serviceUsageConsumer."
)
NETWORK_HELP = "Look at this machine's network and proxy, and at `google.endpoints` in the profile."
TRUST_HELP = (
    "Let `google.ca_bundle` in the profile name a PEM file of the authorities to trust there; where none is written, this machine's are, and "
    "an address of `google.endpoints` must be one its certificate is for."
)
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
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
_IMPERSONATED = "impersonated credentials"
_MESSAGE = re.compile(r'"message": ?("(?:[^"\\\\]|\\\\.)*")')
_REQUEST = re.compile(r"^[A-Z]+ https?://\S+: ")
"""The REST transport puts the request before Google's words; `doing` says it better."""
_NO_QUOTA_PROJECT = re.compile(r"requires a quota project|does not have required permission to use project")
_DISABLED = re.compile(r"has not been used in project \S+ before or it is disabled")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Run a call to Google; its errors come out as ours, beginning with what was being done."""
    try:
        yield
    except google.GoogleAPICallError as error:
        if untrusted(error):
            raise UnreachableError(f"{doing}: the certificate of Google's side is not trusted. {TRUST_HELP}") from error
        raise _of(error)(f"{doing}: {_REQUEST.sub('', error.message or '')}{_help(_of(error))}") from error
    except google.RetryError as error:
        raise TransientError(f"{doing}: {error}") from error
    except auth.DefaultCredentialsError as error:
        raise UnreachableError(f"{doing}: no Google credentials could be used: {error} {CREDENTIALS_HELP}") from error
    except auth.RefreshError as error:
        if error.retryable:
            raise TransientError(f"{doing}: the credentials could not be renewed: {_told(error)}") from error
        if _NO_QUOTA_PROJECT.search(_told(error)):
            raise QuotaProjectError(f"{doing}: {_told(error)}. {QUOTA_PROJECT_HELP}") from error
        raise UnreachableError(f"{doing}: the Google credentials were refused: {_told(error)}. {_remedy(error)}") from error
    except (requests.ConnectionError, requests.Timeout, auth.TransportError, grpc.RpcError) as error:
        if untrusted(error):
            raise UnreachableError(f"{doing}: the certificate of Google's side is not trusted. {TRUST_HELP}") from error
        # The request may have arrived: the next attempt reads back before it repeats.
        raise TransientError(f"{doing}: the connection{_to(error)} was lost ({type(error).__name__})") from error


def operation_error(doing: str, operation: compute_v1.Operation) -> CloudError:
    """The error a finished operation ended with."""
    first = operation.error.errors[0]
    kind = _BY_OPERATION_CODE.get(first.code, RefusedError)
    return kind(f"{doing}: {first.message} ({first.code}){_help(kind)}")


def _of(error: google.GoogleAPICallError) -> type[CloudError]:
    reasons = [str(each.get("reason")) for each in error.errors if isinstance(each, dict)]
    reasons.append(str(error.reason))
    if _NO_QUOTA_PROJECT.search(error.message or ""):
        return QuotaProjectError
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


def untrusted(error: BaseException) -> bool:
    """Whether behind `error` stands a certificate nobody vouched for; asking again would not heal that."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError) or _UNTRUSTED in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _to(error: BaseException) -> str:
    """The host that was asked, where the error knows it; a request's address may hold more, which is nobody's business."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, requests.RequestException) and seen.request is not None:
            return f" to {urlsplit(str(seen.request.url)).netloc}"
        seen = seen.__cause__ or seen.__context__
    return ""


def _told(error: auth.RefreshError) -> str:
    """What the token endpoint said; further arguments repeat its whole answer, of which Google's own message is told."""
    first = str(error.args[0]).rstrip(". ") if error.args else type(error).__name__
    found = _MESSAGE.search(str(error.args[1])) if len(error.args) > 1 and _IMPERSONATED in first else None
    return f"{first}: {json.loads(found[1]).rstrip('. ')}" if found else first


def _remedy(error: auth.RefreshError) -> str:
    return IMPERSONATION_HELP if error.args and _IMPERSONATED in str(error.args[0]) else CREDENTIALS_HELP


def _help(kind: type[CloudError]) -> str:
    told = {QuotaError: QUOTA_HELP, PermissionDeniedError: PERMISSION_HELP, QuotaProjectError: QUOTA_PROJECT_HELP}
    return f" {told[kind]}" if kind in told else ""
