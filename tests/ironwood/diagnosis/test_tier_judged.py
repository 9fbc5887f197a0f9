"""What a tier's facts lead to: the story of the on-call engineer, and each cause by itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ironwood.diagnosis import tier
from ironwood.diagnosis.finding import Finding, not_looked, ordered
from ironwood.diagnosis.tier import BackendSeen, Complaint, GroupSeen, Loss, Room, Stuck, TierSeen

NIGHT = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LOST = NIGHT.replace(hour=3, minute=12)
GROUP = GroupSeen(name="g-001", zone="us-central1-c", way="spot in us-central1-c", wanted=64, ordered=64, there=64)
BACKEND = BackendSeen(name="g-001", wanted=64, healthy=64)
WELL = TierSeen(profile="prod", tier="small", key="tiers.small", service="inference-backend-small", health_check="tpu-health-check", groups=(GROUP,), backends=(BACKEND,))  # fmt: skip
NO_STOCK = Complaint(at=LOST + timedelta(minutes=2), code="ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", message="not enough resources")


def judged(seen: TierSeen) -> list[Finding]:
    return ordered(tier.judge(seen, NIGHT))


def with_group(**changed: object) -> TierSeen:
    return replace(WELL, groups=(replace(GROUP, **changed),))  # type: ignore[arg-type]


def test_a_tier_that_is_well_has_no_findings():
    assert judged(WELL) == []


def test_the_story_of_the_night_is_told_with_causes_times_and_remedies():
    lost = tuple(Loss(at=LOST, vm=f"g-001-{number}", preempted=True) for number in range(61))
    room = Room(way="on_demand in us-central1-c", chips=244, free=128, limit=256, request="`gcloud …`")
    seen = replace(
        with_group(there=3, losses=lost, complaints=(NO_STOCK,)),
        backends=(replace(BACKEND, healthy=3),),
        rooms=(room,),
        elsewhere=("us-central1-ai1a",),
    )
    health, preempted, stock, fallback = judged(seen)
    assert health.what == "backend small: 3 of 64 healthy"
    assert (preempted.what, preempted.since) == ("61 VMs preempted, 61 of 64 are not there", LOST)
    assert stock.what == "us-central1-c is out of stock (spot in us-central1-c); 61 of 64 VMs are not there"
    assert stock.since == NO_STOCK.at
    assert fallback.what == "on_demand in us-central1-c would need 244 chips, the quota has 128 of 256 free"
    assert "profile: tiers.small.fallbacks: [{consumption: on_demand, zone: us-central1-ai1a}]" in fallback.remedies
    assert all(each.remedies for each in (health, preempted, stock, fallback))


@pytest.mark.parametrize(
    ("code", "check"),
    [("QUOTA_EXCEEDED", "quota"), ("RESERVATION_CAPACITY_EXCEEDED", "reservation"), ("RESOURCE_NOT_FOUND", "group")],
)
def test_each_thing_a_group_tells_is_a_cause_of_its_own(code: str, check: str):
    complaint = Complaint(at=LOST, code=code, message="said so")
    (found,) = judged(with_group(there=60, complaints=(complaint,)))
    assert (found.check, found.severity, found.since) == (check, "error", LOST)
    assert f"{code}: said so" in found.evidence[0]


def test_an_order_that_was_given_up_is_still_missing():
    (found,) = judged(with_group(there=3, ordered=3))
    assert found.what == "61 of 64 VMs are not there, 3 are ordered and Google tells no reason; the group is doing: nothing"


def test_old_complaints_and_losses_that_were_made_good_are_at_most_notes():
    told = with_group(complaints=(NO_STOCK,), losses=(Loss(at=LOST, vm="g-001-a", preempted=False),))
    (found,) = judged(told)
    assert (found.severity, found.what) == ("note", "1 VM lost with its host and replaced")
    assert judged(with_group(losses=(Loss(at=NIGHT - timedelta(days=1), vm="g-001-a", preempted=True),))) == []


def test_vms_that_have_just_started_are_no_error_and_those_that_should_answer_are():
    behind = (replace(BACKEND, healthy=60),)
    (starting,) = judged(replace(with_group(young=4), backends=behind))
    assert starting.severity == "note"
    late = ordered(tier.judge(replace(with_group(young=3, failing=("g-001-a",)), backends=behind), NIGHT))
    assert [(each.check, each.severity) for each in late] == [("health", "error"), ("unhealthy", "error")]
    assert "get-serial-port-output g-001-a --zone=us-central1-c" in late[1].remedies[0]


def test_vms_on_their_way_for_too_long_are_named():
    stuck = (Stuck(vm="g-001-a", doing="should have been deleted long ago", since=LOST),)
    (found,) = judged(with_group(stuck=stuck))
    assert (found.check, found.what, found.since) == ("stuck", "1 VM: should have been deleted long ago", LOST)


def test_a_fallback_with_room_or_without_a_known_quota_is_a_note():
    rooms = (Room(way="a", chips=4, free=None, limit=0, request=""), Room(way="b", chips=4, free=8, limit=8, request=""))
    found = judged(replace(with_group(there=63, complaints=(NO_STOCK,)), rooms=rooms))
    assert [each.severity for each in found if each.check == "fallback"] == ["note", "note"]
    assert judged(replace(WELL, rooms=rooms)) == []


def test_health_that_could_not_be_read_is_said_and_does_not_count_as_unhealthy():
    (found,) = judged(replace(WELL, backends=(replace(BACKEND, healthy=0, told="403"),)))
    assert (found.severity, found.what) == ("warning", "health could not be read")


def test_the_worst_comes_first_and_the_same_counts_once():
    late = Finding(check="b", severity="error", subject="s", what="w", since=NIGHT)
    early = replace(late, since=LOST)
    note = replace(late, severity="note")
    assert ordered([note, late, early, late]) == [early, late, note]
    assert not_looked("c", "s", "").evidence == ("no reason was told",)
