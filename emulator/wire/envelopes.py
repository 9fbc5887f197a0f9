"""Success and error envelopes, each API's own.

1. Compute: ``code``, ``message``, ``errors[]`` and no ``status`` [recorded]. 2. Newer APIs: ``code``, ``message``, ``status``, ``details``;
IAM and BigQuery also ``errors[]`` [recorded]. 3. gRPC: a status code, the message, and ``google.rpc`` details.
"""

from __future__ import annotations

from typing import Any

import grpc

from emulator.errors import ApiError
from emulator.rules import recorded

recorded("compute-error-envelope", "Compute errors are {error: {code, message, errors: [{message, domain, reason}]}} without status.")
recorded("storage-error-envelope", "Cloud Storage errors are {error: {code, message, errors: [{message, domain, reason}]}} without status.")
recorded("new-error-envelope", "Newer APIs answer {error: {code, message, status}}; IAM adds errors[].")

GRPC_CODES = {code.name: code for code in grpc.StatusCode}


def rest_error(api: str, error: ApiError) -> dict[str, Any]:
    """The JSON body of an error of this API."""
    body: dict[str, Any] = {"code": error.status, "message": error.message}
    entry = {"message": error.message, "domain": error.domain, "reason": error.reason}
    if api == "compute.googleapis.com":
        body["errors"] = [entry, *({**entry, "message": text} for text in error.more)]
        if error.details:
            body["status"] = error.status_name
            body["details"] = error.details
        return {"error": body}
    if api == "storage.googleapis.com":
        return {"error": {**body, "errors": [entry]}}
    if api in {"iam.googleapis.com", "bigquery.googleapis.com"}:
        located = {"location": "query", "locationType": "other"} if error.reason == "invalidQuery" else {}
        body["errors"] = [entry | located]
    body["status"] = error.status_name
    if error.details:
        body["details"] = error.details
    return {"error": body}


def grpc_code(error: ApiError) -> grpc.StatusCode:
    """The gRPC status of an error."""
    return GRPC_CODES.get(error.status_name, grpc.StatusCode.UNKNOWN)
