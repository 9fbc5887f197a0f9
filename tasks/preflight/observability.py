"""Can what is recorded and watched be made, and is anybody told?"""

from __future__ import annotations

from collections.abc import Iterator

from cloud.drivers.logs import PENDING_FOR, pending_owner
from ironwood import naming
from tasks.preflight.check import Asked, Check


def observability(asked: Asked) -> Iterator[Check]:
    """The ledger's bucket can be had; somebody is told when an alarm rings."""
    profile = asked.profile
    if not profile.logging.enabled:
        yield Check(subject="ledger's log", found="off: runs are not recorded")
        return
    name = naming.ledger(profile.name_prefix)
    owner = pending_owner(asked.connection, name)
    if owner is None:
        yield Check(subject="ledger's log", found=f"kept for {profile.logging.retention_days} days")
    elif owner == profile.name:
        yield Check(subject="ledger's log", found="waits for its deletion since an earlier teardown, which is taken back")
    else:
        whose = f"profile {owner}" if owner else "somebody else"
        yield Check(
            subject="ledger's log",
            found=f"the log bucket {name} was deleted by {whose} and is kept by Google for {PENDING_FOR.days} days",
            remedy="Undelete it and give it up, wait, or give this profile another name_prefix.",
        )
    if not profile.monitoring.enabled:
        yield Check(subject="alarms", found="off: nobody watches the tiers")
        return
    told = profile.monitoring.notification_email
    yield Check(subject="alarms", found=f"told to {told}" if told else "told to nobody; set monitoring.notification_email")
