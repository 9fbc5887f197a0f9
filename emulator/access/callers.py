"""Who calls.

1. A request without ``Authorization`` is the project's owner. 2. ``Bearer embedded-<email>`` is that user or service account, over REST and
gRPC alike. 3. Any other token, and that of an account which is not there, is a 401.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.errors import ApiError
from emulator.rules import assumed, documented

if TYPE_CHECKING:
    from emulator.world import World

OWNER = "user:owner@example.com"
TOKEN = "embedded-"  # noqa: S105  # a prefix, not a secret
ACCOUNTS = "gserviceaccount.com"
documented(
    "quota-project", "x-goog-user-project names the project that is charged; one the caller may not use is a 403 USER_PROJECT_DENIED."
)
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


def check_quota_project(world: World, project: str | None) -> None:
    """Raise the 403 for a quota project the caller may not use: any but the project itself."""
    if not project or project in {world.project, world.settings.project_number}:
        return
    url = f"https://console.developers.google.com/iam-admin/iam/project?project={project}"
    message = (
        f"Caller does not have required permission to use project {project}. Grant the caller the roles/serviceusage.serviceUsageConsumer "
        f"role, or a custom role with the serviceusage.services.use permission, by visiting {url} and then retry. Propagation of the new "
        "permission may take a few minutes."
    )
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "USER_PROJECT_DENIED",
        "domain": "googleapis.com",
        "metadata": {"consumer": f"projects/{project}"},
    }
    raise ApiError(403, message, reason="forbidden", details=[info])


def unauthenticated() -> ApiError:
    """Google's 401."""
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication "
        "credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(401, message, reason="authError")
