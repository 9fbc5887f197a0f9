"""From sizes wanted to a decision."""

from __future__ import annotations

from collections.abc import Sequence

from ironwood.capacity.replay import Decision, Moment


def toward(after_lead: Sequence[int], now: Sequence[int], moment: Moment) -> Decision:
    """Order what is missing to `after_lead` pods once a tier's lead has passed; stop what exceeds both it and `now`."""
    committed = moment.committed
    return Decision(
        starts=tuple(max(0, int(want - have)) for want, have in zip(after_lead, committed, strict=True)),
        stops=tuple(max(0, int(have - max(want, later))) for want, later, have in zip(now, after_lead, committed, strict=True)),
    )
