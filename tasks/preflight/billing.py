"""May we watch the spending on the billing account, and is it the one the project is billed to?"""

from __future__ import annotations

from collections.abc import Iterator

from cloud import facts
from ironwood.errors import PermissionDeniedError
from tasks.preflight.check import Asked, Check

BUDGETS = tuple(f"billing.budgets.{verb}" for verb in ("create", "delete", "get", "list", "update"))


def billing(asked: Asked) -> Iterator[Check]:
    """The permissions a budget needs stand on the billing account, not on the project."""
    account = asked.profile.billing_account
    if account is None:
        yield Check(subject="budget", found="no billing_account in the profile: Google watches no budget, plans still say what they cost")
        return
    subject = f"billing account {account}"
    try:
        linked = facts.billing_account(asked.connection)
        missing = facts.missing_on_billing_account(asked.connection, account, BUDGETS)
    except PermissionDeniedError as error:
        yield Check(subject=subject, found=str(error), remedy=_grant(account))
        return
    if linked != account:
        told = f"is billed to {linked}" if linked else "has no billing"
        remedy = f"Write `billing_account: {linked}` in the profile." if linked else "Link a billing account to the project."
        yield Check(subject=subject, found=f"the project {told}", remedy=remedy)
    elif missing:
        yield Check(subject=subject, found=f"lacks {', '.join(missing)}", remedy=_grant(account))
    else:
        yield Check(subject=subject, found="the project is billed to it, budgets may be made")


def _grant(account: str) -> str:
    return (
        f"Grant roles/billing.costsManager on it (`gcloud billing accounts add-iam-policy-binding {account} --member=… "
        "--role=roles/billing.costsManager`), or take `billing_account` out of the profile."
    )
