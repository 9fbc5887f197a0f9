"""What is a profile's though nothing marks it: the bindings an account of its left behind when it was deleted.

Two profiles never share an account's id (the second is refused while the first's account is there), so the id tells whose it was.
"""

from __future__ import annotations

from dataclasses import replace

from ironwood.desired import desired
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.service_account import ServiceAccount


def claimed(live: Graph, profile: Profile) -> Graph:
    """`live` with the bindings of `profile`'s deleted accounts marked as its own."""
    accounts = {each.address for each in desired(profile, profile.baseline) if isinstance(each, ServiceAccount)}
    return Graph.of(
        replace(each, owner=profile.name)
        if isinstance(each, IamBinding) and each.of_a_deleted_account and each.account in accounts
        else each
        for each in live
    )
