"""Between plans the policy decides from what Cloud Monitoring tells: once a slot, within windows and overrides, and where it cannot it says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

from cloud import audit, state
from cloud.connection import Connection, connect
from flows.grade import grade
from flows.provision import provision
from flows.scale import scale
from ironwood import naming
from ironwood.capacity.live import slot_of
from ironwood.decided import Anchor
from ironwood.decision import KIND
from ironwood.desired.observability import ledger_log
from ironwood.grade import KIND as KIND_OF_GRADES
from ironwood.profile import Profile
from ironwood.profile_windows import HolidaySettings
from running import EmbeddedCloud
from tasks.demand_seen import learn
from tasks.inputs import load_profile
from tasks.target import sizes_foreseen, sizes_to_find

# 60 tokens a second are 12 requests of 300 tokens a minute, so a pod of 8 chips serves 96 a minute.
POLICY = """policy:
  between_plans: optimized
  history_days: 3
  least_history_days: 1
  told_after_minutes: 0
  tokens_per_chip_second: 60
"""
POD_A_MINUTE = 96


@pytest.fixture
def one_tier(whole_profile: Path) -> Path:
    text = whole_profile.read_text().replace("{chips: 16}", "{enabled: false}").replace("8080}", "8080, default_tier: small}")
    whole_profile.write_text(text.replace("{chips: 8}", "{chips: 8, max_replicas: 6, lead_minutes: 10}") + POLICY)
    return whole_profile


def played(cloud: EmbeddedCloud, now: datetime, *pods: float) -> None:
    """As many pods' worth of requests as given, the first for two days until `now`, each further one for an hour after it."""
    lengths = [2 * 24 * 60, *([60] * (len(pods) - 1))]
    requests = [round(level * POD_A_MINUTE) for level, minutes in zip(pods, lengths, strict=True) for _ in range(minutes)]
    since = now.replace(second=0, microsecond=0) - timedelta(days=2)
    rules = [each["name"] for each in cloud.ask("inventory")["resources"] if each["kind"] == "compute.globalForwardingRules"]
    body = {
        rules[0]: {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "bin_minutes": 1, "requests": requests, "requests_per_chip_minute": 12}
    }
    cloud.tell("traffic", body, method="PUT")
    cloud.tell("clock/advance", {"seconds": 61})  # what serves is looked at at the next whole minute


def at_the_next_slot(cloud: EmbeddedCloud, connection: Connection, minutes: int = 15) -> None:
    """A minute into the slot that begins so long after this one."""
    now = connection.clock.now()
    cloud.tell("clock/advance", {"seconds": (minutes * 60) - now.timestamp() % (15 * 60) + 60})


def kept(connection: Connection, profile: Profile, kind: str) -> list[dict[str, Any]]:
    bucket = naming.ledger(profile.name_prefix)
    found = audit.read(connection, bucket=bucket, log=ledger_log(profile), since=datetime(2020, 1, 1, tzinfo=UTC), kind=kind)
    return [dict(each.content) for each in found]


def pods(connection: Connection, profile: Profile) -> int:
    return sizes_to_find(connection, profile, None).sizes["small"]


def test_it_follows_demand_holds_on_for_an_hour_when_it_sees_none_and_is_graded_afterwards(
    stepped_cloud: EmbeddedCloud, one_tier: Path, capsys: pytest.CaptureFixture[str]
):
    provision(str(one_tier))
    assert "was asked for nothing in the last 3 days; the windows in force decide" in capsys.readouterr().out
    profile = load_profile(str(one_tier))
    connection = connect(profile)
    played(stepped_cloud, connection.clock.now(), 3.7, 3.7, 1.7, 1.7, 1.7)
    at_the_next_slot(stepped_cloud, connection)

    scale(str(one_tier))
    out = capsys.readouterr().out
    assert "policy optimized at" in out
    decided = state.read(connection, profile).state.decided
    assert decided is not None
    assert dict(decided.sizes) == {"small": 4}
    assert pods(connection, profile) == 4

    before = len(stepped_cloud.requests())
    assert sizes_foreseen(connection, profile, None).sizes == {"small": 4}  # a second look in the slot finds the decision
    assert not any("timeSeries" in str(each) for each in stepped_cloud.requests()[before:])

    stepped_cloud.tell("clock/advance", {"seconds": 120})  # the log tells late what was just written
    decision = kept(connection, profile, KIND)[-1]
    assert decision["in_force"] == "policy optimized"
    assert decision["demand"]["told"] == pytest.approx(3.7 * 8, rel=0.01)  # pods' worth of 8 chips
    assert decision["demand"]["next_hour"] == pytest.approx(3.7 * 8, rel=0.05)
    choices = {each["name"]: each for each in decision["choices"]}
    assert choices["taken"]["sizes"] == {"small": 4}
    assert choices["the windows in force"]["sizes"] == choices["as it was"]["sizes"] == {"small": 1}
    # Until the pods ordered serve, ten minutes of the hour, 2.7 of 3.7 pods' worth goes unserved either way.
    assert choices["taken"]["expected"]["short_share"] == pytest.approx(2.7 / 3.7 / 6, abs=0.02)
    assert choices["as it was"]["expected"]["short_share"] == pytest.approx(2.7 / 3.7, abs=0.02)
    assert float(choices["taken"]["expected"]["usd"]) < float(choices["as it was"]["expected"]["usd"])

    for minutes in (75, 45):  # the demand falls after an hour, and then the pods are free to go
        at_the_next_slot(stepped_cloud, connection, minutes=minutes)
        scale(str(one_tier))
    assert pods(connection, profile) == 2

    refused = {"type": "error", "method": "monitoring.projects.timeSeries.list", "status": 403, "reason": "forbidden"}
    stepped_cloud.tell("faults", refused)
    at_the_next_slot(stepped_cloud, connection)
    capsys.readouterr()
    assert sizes_foreseen(connection, profile, None).sizes == {"small": 2}
    assert "cannot decide, what was decided at" in capsys.readouterr().out
    at_the_next_slot(stepped_cloud, connection, minutes=60)
    assert sizes_foreseen(connection, profile, None).sizes == {"small": 1}
    assert "cannot decide, the windows in force do" in capsys.readouterr().out
    see_it_graded(stepped_cloud, connection, one_tier)


def see_it_graded(cloud: EmbeddedCloud, connection: Connection, one_tier: Path) -> None:
    """The three decisions of the drive are graded, each once."""
    profile = load_profile(str(one_tier))
    for fault in cloud.ask("faults")["faults"]:
        cloud.tell(f"faults/{fault['id']}", {}, method="DELETE")
    assert grade(str(one_tier)) == 3
    cloud.tell("clock/advance", {"seconds": 120})
    assert grade(str(one_tier)) == 0
    first, *others = kept(connection, profile, KIND_OF_GRADES)
    assert len(others) == 2  # each once
    assert first["choices"]["taken"]["short_share"] == pytest.approx(2.7 / 3.7 / 6, abs=0.03)
    assert 0.05 < first["refused_share"] < 0.2  # the pods ordered came when they were reckoned to come
    assert first["best"] == "taken"
    assert first["choices"]["as it was"]["usd"] > first["choices"]["taken"]["usd"]
    with get_client(sync_client=True) as client:
        keys = ArtifactFilterKey(any_=[f"decisions-{profile.name}-graded", f"decisions-{profile.name}-graded-plot"])
        pages = client.read_artifacts(artifact_filter=ArtifactFilter(key=keys))
    assert {each.type for each in pages} == {"markdown", "image"}


def test_what_bounds_it_and_what_it_lacks_is_said(stepped_cloud: EmbeddedCloud, one_tier: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(one_tier))
    text = one_tier.read_text()
    connection = connect(load_profile(str(one_tier)))
    played(stepped_cloud, connection.clock.now(), 3.7)

    def foreseen(more: str, *, instead: str = "") -> tuple[dict[str, int], str]:
        one_tier.write_text(text.replace("least_history_days: 1", instead or "least_history_days: 1") + more)
        capsys.readouterr()
        return dict(sizes_foreseen(connection, load_profile(str(one_tier)), None).sizes), capsys.readouterr().out

    sizes, said = foreseen("", instead="least_history_days: 3")
    assert sizes == {"small": 1}
    assert "requests are known of 2.0 days, it wants 3 (policy.least_history_days)" in said
    begin, until = (f"{connection.clock.now() + timedelta(days=each):%Y-%m-%d}" for each in (-1, 2))
    times = f"from: {begin}, until: {until}, expires: {until}, owner: ann, reason: freeze"
    sizes, said = foreseen(f"overrides:\n  - {{name: more, {times}, at_least: {{small: 5}}}}\n")
    assert sizes == {"small": 5}
    assert "leaves the policy 5 to 6 pods" in said
    sizes, said = foreseen(f"overrides:\n  - {{name: less, {times}, sizes: {{small: 2}}}}\n")
    assert sizes == {"small": 2}
    assert "override less of ann: freeze leaves the policy no choice but 2" in said

    see_it_learnt_once(stepped_cloud, connection, one_tier)


def see_it_learnt_once(cloud: EmbeddedCloud, connection: Connection, one_tier: Path) -> None:
    """What was learnt is learnt on; a process that starts forecasts the same; a past that has changed is learnt anew."""
    profile = load_profile(str(one_tier))
    slot = slot_of(connection.clock.now(), profile.policy.decide_every)
    anchor = Anchor(learns_from=slot - timedelta(days=1), begun=slot)
    first = learn(connection, profile, anchor, slot)
    at_the_next_slot(cloud, connection)
    later = slot + profile.policy.decide_every
    second = learn(connection, profile, anchor, later)
    assert second.forecaster is first.forecaster
    assert (first.units.size, second.units.size) == (288, 291)
    longer = profile.model_copy(update={"holidays": HolidaySettings(dates=(date(2001, 1, 1),))})  # another calendar: learnt from the start
    started = learn(connection, longer, anchor, later)
    assert started.forecaster is not second.forecaster
    assert np.array_equal(started.forecaster.paths(291), second.forecaster.paths(291))
    played(cloud, connection.clock.now(), 1.2)
    changed = learn(connection, longer, anchor, later)
    assert changed.forecaster is not started.forecaster
    assert changed.units.max() < started.units.max()
