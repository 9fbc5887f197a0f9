"""The one billing account: who may do what on it, and the project that is billed to it.

1. Its IAM policy is its own: a role on the project gives nothing here. 2. A caller without a permission is told no more than that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.errors import ApiError
from emulator.identity import fingerprint
from emulator.rules import assumed, documented, recorded

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
ACCOUNT = "012345-6789AB-CDEF01"
NAME = f"billingAccounts/{ACCOUNT}"
TAB = "billing_policy"
LINK = "billing_link"
OWNER = "user:owner@example.com"
BUDGETS = frozenset(f"billing.budgets.{verb}" for verb in ("create", "delete", "get", "list", "update"))
READS = frozenset({"billing.budgets.get", "billing.budgets.list", "billing.accounts.get", "billing.accounts.getIamPolicy"})
ROLES: dict[str, frozenset[str]] = {
    "roles/billing.admin": BUDGETS | READS | {"billing.accounts.setIamPolicy", "billing.resourceAssociations.create"},
    "roles/billing.costsManager": BUDGETS | {"billing.accounts.get"},
    "roles/billing.viewer": READS,
    "roles/billing.user": frozenset({"billing.accounts.get", "billing.resourceAssociations.create"}),
}
documented(
    "billing-roles", "roles/billing.admin and billing.costsManager may change budgets, billing.viewer may read them, billing.user neither."
)
recorded("billing-info", "A project's billing info names the account and billingEnabled; a PUT answers it as a GET does.")
recorded("billing-test-permissions", "testIamPermissions of a billing account answers those of the asked permissions that the caller has.")
assumed(
    "one-billing-account",
    f"There is one billing account, {ACCOUNT}, and the project is billed to it until told otherwise; any other is a 403.",
)


def caller_of(call: Call) -> str:
    """The member that calls."""
    return call.caller


def policy(world: World) -> Json:
    """The account's policy; at first the owner administers it."""
    return world.store.get(TAB, NAME) or {"bindings": [{"role": "roles/billing.admin", "members": [OWNER]}]}


def permissions(world: World, member: str) -> frozenset[str]:
    """What a member may do on the account."""
    roles = [each["role"] for each in policy(world).get("bindings", []) if member in each.get("members", [])]
    return frozenset().union(*(ROLES.get(role, frozenset()) for role in roles))


def require(call: Call, name: str, permission: str) -> None:
    """Raise the 403 of a caller who may not, or of an account that is not there."""
    if name.split("/")[:2] != NAME.split("/") or permission not in permissions(call.world, caller_of(call)):
        raise ApiError(403, "The caller does not have permission")


def get(call: Call) -> Json:
    """Read the account."""
    require(call, call.text("name"), "billing.accounts.get")
    return {"name": NAME, "open": True, "displayName": "Embedded billing account", "currencyCode": "USD"}


def list_(call: Call) -> Json:
    """The accounts the caller may see."""
    seen = "billing.accounts.get" in permissions(call.world, caller_of(call))
    return (
        {"billingAccounts": [{"name": NAME, "open": True, "displayName": "Embedded billing account", "currencyCode": "USD"}]}
        if seen
        else {}
    )


def get_policy(call: Call) -> Json:
    """Read the policy."""
    require(call, call.text("resource"), "billing.accounts.getIamPolicy")
    found = policy(call.world)
    return {"version": 1, **found, "etag": fingerprint(found)}


def set_policy(call: Call) -> Json:
    """Replace the policy, guarded by its etag where one is given."""
    require(call, call.text("resource"), "billing.accounts.setIamPolicy")
    given = call.values.get("policy") or {}
    if given.get("etag") and given["etag"] != fingerprint(policy(call.world)):
        raise ApiError(
            409,
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff.",
            status_name="ABORTED",
        )
    call.world.store.put(TAB, NAME, {"bindings": given.get("bindings", [])})
    return {"version": 1, "bindings": given.get("bindings", []), "etag": fingerprint(policy(call.world))}


def test_permissions(call: Call) -> Json:
    """Those of the permissions asked for that the caller has."""
    held = permissions(call.world, caller_of(call)) if call.text("resource") == NAME else frozenset()
    mine = [each for each in call.values.get("permissions") or [] if each in held]
    return {"permissions": mine} if mine else {}


def project_info(call: Call) -> Json:
    """What the project is billed to."""
    settings = call.world.settings
    if call.text("name").removeprefix("projects/") not in {settings.project, settings.project_number}:
        raise ApiError(403, "The caller does not have permission")
    account = (call.world.store.get(LINK, settings.project) or {"account": NAME})["account"]
    linked = {"billingAccountName": account, "billingEnabled": True} if account else {}
    return {"name": f"projects/{settings.project}/billingInfo", "projectId": settings.project, **linked}


def link_project(call: Call) -> Json:
    """Bill the project to the account, or to none."""
    account = (call.values.get("projectBillingInfo") or {}).get("billingAccountName", "")
    project_info(call)
    if account:
        require(call, account, "billing.resourceAssociations.create")
    call.world.store.put(LINK, call.world.settings.project, {"account": account})
    return project_info(call)
