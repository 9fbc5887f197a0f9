"""Orders and stops of pods, as the ledger tells them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from ironwood.capacity.live import Step
from ironwood.capacity.ordered import steps_of
from ironwood.cost.ledger import Change, Make, Phase

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def change(run: UUID, group: str, before: int, after: int, *, phase: Phase = "intent", attempt: int = 1, minutes: int = 0) -> Change:
    make = Make(group=group, tier="small", zone="z", consumption="spot", family="tpu7x", pod_chips=8, chips=4, disk_gib=100)
    at = NOON + timedelta(minutes=minutes)
    return Change(phase=phase, at=at, run=run, step=f"update {group}", attempt=attempt, make=make, before=before, after=after)


def test_growth_and_shrinking_are_told_in_whole_pods_at_the_instant_they_were_meant():
    one, other = uuid4(), uuid4()
    written = [change(one, "a", 2, 6), change(one, "a", 2, 6, phase="outcome", minutes=9), change(other, "a", 6, 4, minutes=30)]
    assert steps_of(written) == (
        Step(at=NOON, tier="small", pods=2),
        Step(at=NOON + timedelta(minutes=30), tier="small", pods=-1),
    )


def test_a_step_tried_again_counts_once():
    run = uuid4()
    assert steps_of([change(run, "a", 0, 2, attempt=2, minutes=3), change(run, "a", 0, 2)]) == (Step(at=NOON, tier="small", pods=1),)


def test_what_one_run_moves_between_groups_is_neither_ordered_nor_stopped():
    run = uuid4()
    assert steps_of([change(run, "a", 4, 0), change(run, "b", 0, 4)]) == ()
