"""What watches the spending at Google: the month's budget, the topic it publishes on, the inbox."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.budget import Budget, Subscription, Topic


def spending(profile: Profile) -> Iterator[Resource]:
    """Nothing without a billing account: a budget belongs to one."""
    if profile.billing_account is None:
        return
    prefix, owner = profile.name_prefix, profile.name
    topic = Topic(name=naming.budget_topic(prefix), owner=owner, labels=labels(profile))
    yield topic
    yield Subscription(name=naming.budget_inbox(prefix), owner=owner, topic=topic.address, labels=labels(profile))
    yield Budget(
        name=naming.budget(prefix),
        scope=f"billingAccounts/{profile.billing_account}",
        owner=owner,
        amount_usd=Decimal(profile.budget.amount_usd),
        thresholds=profile.budget.thresholds,
        projects=(profile.project_id,),
        topic=topic.address,
    )
