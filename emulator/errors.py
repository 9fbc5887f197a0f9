"""What a handler raises; the fronts render it in the wire's own envelope.

ApiError            a Google API error: HTTP status, message, the old-style reason and the new-style status name
DroppedRequestError      the client went away before the request was handled: nothing was committed
CutConnectionError       the request was committed, the answer is withheld (a fault)
"""

from __future__ import annotations

from typing import Any

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "alreadyExists",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
    500: "backendError",
    501: "notImplemented",
    503: "backendError",
    504: "deadlineExceeded",
}


class ApiError(Exception):
    """One Google API error. ``reason`` is Compute's ``errors[].reason``, ``status_name`` the canonical code of newer APIs;
    ``more`` are further messages of the same reason.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        reason: str | None = None,
        status_name: str | None = None,
        domain: str = "global",
        details: list[dict[str, Any]] | None = None,
        more: list[str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason or REASONS.get(status, "unknown")
        self.status_name = status_name or STATUS_NAMES.get(status, "UNKNOWN")
        self.domain = domain
        self.details = details or []
        self.more = more or []


class DroppedRequestError(Exception):
    """The client's connection was gone while the request was held before being handled."""


class CutConnectionError(Exception):
    """The request was committed and the connection is to be cut without an answer."""


def not_found(link: str) -> ApiError:
    """Compute's 404 [recorded]."""
    return ApiError(404, f"The resource '{link}' was not found", reason="notFound")


def already_exists(link: str) -> ApiError:
    """Compute's synchronous 409."""
    return ApiError(409, f"The resource '{link}' already exists", reason="alreadyExists")


def not_ready(link: str) -> ApiError:
    """Compute's 400 while another operation holds the resource."""
    return ApiError(400, f"The resource '{link}' is not ready", reason="resourceNotReady")


def in_use(noun: str, link: str, user: str) -> ApiError:
    """Compute's synchronous 400 for a delete in use [recorded]."""
    return ApiError(400, f"The {noun} resource '{link}' is already being used by '{user}'", reason="resourceInUseByAnotherResource")


def invalid(field: str, value: object, why: str = "") -> ApiError:
    """Compute's 400 for a bad field value."""
    return ApiError(400, f"Invalid value for field '{field}': '{value}'. {why}".rstrip(), reason="invalid")


def required(field: str) -> ApiError:
    """Compute's 400 for a missing field."""
    return ApiError(400, f"Required field '{field}' not specified", reason="required")
