"""Who calls.

1. A request without ``Authorization`` is the project's owner. 2. ``Bearer embedded-<email>`` is that user or service account, over REST and
gRPC alike. 3. Any other token, and that of an account which is not there, is a 401.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import ApiError
from emulator.rules import assumed

if TYPE_CHECKING:
    from emulator.world import World

OWNER = "user:owner@example.com"
TOKEN = "embedded-"  # noqa: S105  # a prefix, not a secret
ACCOUNTS = "gserviceaccount.com"
assumed("embedded-token", "A token is 'embedded-' and the caller's e-mail; no token is the project's owner; any other is a 401.")


def member_of(email: str) -> str:
    """``user:`` or ``serviceAccount:`` before an e-mail address."""
    return f"{'serviceAccount' if email.endswith(ACCOUNTS) else 'user'}:{email}"


def caller(authorization: str | None) -> str:
    """The member behind an ``Authorization`` header; "" behind a token that is none of ours."""
    if not authorization:
        return OWNER
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.startswith(TOKEN) or "@" not in token:
        return ""
    return member_of(token.removeprefix(TOKEN))


def check(world: World, member: str) -> None:
    """Raise 401 for a token that is none, and for a service account of the project that is not there."""
    if not member:
        raise unauthenticated()
    kind, _, email = member.partition(":")
    if kind != "serviceAccount" or not email.endswith(f"@{world.project}.iam.{ACCOUNTS}"):
        return
    accounts = (row for _, row in world.store.items("service_accounts"))
    if not any(row["email"] == email and row["deleted"] is None for row in accounts):
        raise unauthenticated()


def unauthenticated() -> ApiError:
    """Google's 401."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication "
        "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(401, message, reason="authError")
