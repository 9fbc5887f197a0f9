"""IAM Service Account Credentials v1 over REST, from its discovery document: a token of an account for whoever may act as it.

The account's own policy counts beside the project's: roles/iam.serviceAccountTokenCreator on the account is what Google asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from emulator.access import enforce
from emulator.access.callers import ACCOUNTS, TOKEN
from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.rules import assumed, documented
from emulator.wire.described import described_routes
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.routes import Route

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "iamcredentials.googleapis.com"
GENERATE = "iamcredentials.projects.serviceAccounts.generateAccessToken"
PERMISSION = "iam.serviceAccounts.getAccessToken"
NAME = re.compile(r"projects/-/serviceAccounts/([^/@]+@[^/]+)")
LONGEST = 3600
documented(
    "impersonation", "generateAccessToken needs iam.serviceAccounts.getAccessToken on the account: 403 IAM_PERMISSION_DENIED without it."
)
assumed("impersonation-delegates", "A chain of delegates is refused with 501; a token holds for its lifetime of this machine's time.")


def register(world: World, methods: Methods) -> None:
    """Add the handler."""
    del world
    methods.add(GENERATE, generate)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    served = frozenset(name for name in methods.names() if name.startswith("iamcredentials."))
    return described_routes(API, "iamcredentials.v1", served)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """None: it is served over REST."""
    return iter(())


def generate(call: Call) -> Json:
    """A token of the account named; raises 403 unless the caller may have it, and where there is no such account."""
    match = NAME.fullmatch(call.text("name"))
    if match is None:
        raise ApiError(400, "Request contains an invalid argument.", reason="badRequest")
    email = match[1]
    asked = call.values.get("resource") or {}
    if asked.get("delegates"):
        raise ApiError(501, "generateAccessToken with delegates is not emulated")
    seconds = str(asked.get("lifetime") or f"{LONGEST}s").removesuffix("s")
    if not asked.get("scope") or not seconds.isdigit() or not 0 < int(seconds) <= LONGEST:
        raise ApiError(400, "Request contains an invalid argument.", reason="badRequest")
    resource = f"projects/{call.world.project}/serviceAccounts/{email}"
    rows = (row for _, row in call.world.store.items("service_accounts"))
    found = any(row["email"] == email and row["deleted"] is None for row in rows) and email.endswith(f".iam.{ACCOUNTS}")
    enforce.require_on(call, API, PERMISSION, resource)
    if not found:
        raise ApiError(404, "Not found; Gaia id not found for email " + email, reason="notFound")
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=int(seconds))
    return {"accessToken": TOKEN + email, "expireTime": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}
