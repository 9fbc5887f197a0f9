"""What exists of IAM: service accounts, those not purged yet included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.services.iam.accounts import PURGE, TAB
from emulator.times import utc

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]


def inventory(world: World) -> Iterator[Json]:
    """One row a thing that exists."""
    now = world.clock.now()
    for _, row in world.store.items(TAB):
        if row["deleted"] is not None and now >= row["deleted"] + PURGE:
            continue
        entry = {
            "kind": "iam.serviceAccounts",
            "scope": "global",
            "name": row["email"],
            "self_link": f"projects/{world.project}/serviceAccounts/{row['email']}",
            "description": row["account"].get("description", ""),
            "labels": {},
            "billing": False,
            "state": "READY" if row["deleted"] is None else "PENDING_DELETION",
        }
        if row["deleted"] is not None:
            entry["purge_at"] = utc(row["deleted"] + PURGE)
            entry["unique_id"] = row["uniqueId"]
        if row.get("origin"):
            entry["origin"] = row["origin"]
        yield entry
