"""A tier whose size is its autoscaler's: from provision under load to nothing, with a bill that is the ledger's to the cent."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from google.cloud import compute_v1

from cloud.connection import Connection, connect
from cloud.observe import observe
from flows.check_budget import check_budget
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.rollout import rollout
from flows.scale import scale
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import cents
from ironwood.errors import UnfinishedError
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.group import InstanceGroup
from running import EmbeddedCloud
from tasks.inputs import load_profile
from tasks.meter import Metered, look

GROUP = "ironwood-cluster-small-001"
RULE = "ai-inference-forwarding-rule"
STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"


@pytest.fixture
def autoscaled(small_profile: Path) -> Path:
    """One tier of up to three pods of two VMs, each said to take one request a second, under an autoscaler; leased for two hours."""
    text = small_profile.read_text().replace("lease: {enabled: false}", "lease: {hours: 2}").replace("{chips: 16}", "{enabled: false}")
    text = text.replace("logging: {enabled: false}\n", "")
    text = text.replace("{chips: 8}", "{chips: 8, max_replicas: 3, autoscaling: {scale_down_delay_seconds: 300, cooldown_seconds: 60}}")
    small_profile.write_text(text.replace("{port: 8080}", "{port: 8080, default_tier: small, max_rate_per_vm: 1}"))
    return small_profile


def cloud_of(path: Path) -> Connection:
    return connect(load_profile(str(path)))


def group(path: Path) -> InstanceGroup:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, InstanceGroup))
    return found


def scaler(path: Path) -> Autoscaler:
    (found,) = (each for each in observe(cloud_of(path)).live if isinstance(each, Autoscaler))
    return found


def advance(cloud: EmbeddedCloud, by: timedelta) -> datetime:
    cloud.tell("clock/advance", {"seconds": by.total_seconds()})
    return datetime.fromisoformat(cloud.ask("clock")["now"])


def play(cloud: EmbeddedCloud, *per_minute: int) -> None:
    now = datetime.fromisoformat(cloud.ask("clock")["now"])
    since = advance(cloud, timedelta(seconds=60 - now.timestamp() % 60))
    trace = {"since": since.isoformat(), "bin_minutes": 1, "requests": list(per_minute), "requests_per_chip_minute": 1000}
    cloud.tell("traffic", {RULE: trace}, method="PUT")


def billed(cloud: EmbeddedCloud, since: datetime, until: datetime) -> Decimal:
    return cents(Decimal(cloud.ask("bill", **{"from": since.isoformat(), "until": until.isoformat()})["total_usd"]))


def metered(path: Path) -> Metered:
    connection, profile = cloud_of(path), load_profile(str(path))
    found = look.fn(connection, profile, ours(observe(connection).live, profile), None)
    assert found is not None
    return found


def test_from_provision_under_load_to_nothing(stepped_cloud: EmbeddedCloud, autoscaled: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(autoscaled))
    told = " ".join(capsys.readouterr().out.split())
    assert "autoscalers may take it to $" in told
    assert "24 of 16,384" in told, "the quota is asked for the most it may hold"
    found = scaler(autoscaled)
    assert (found.mode, found.least, found.most, group(autoscaled).size) == ("ON", 2, 6, 2)
    play(stepped_cloud, *[180] * 20, *[10] * 600)
    advance(stepped_cloud, timedelta(minutes=15))
    assert group(autoscaled).size == 5, "three a second, seven tenths of one on each VM"
    assert detect_drift(str(autoscaled)) == 0
    assert scale(str(autoscaled)) == 0
    assert scale(str(autoscaled), {"small": 2}) == 1
    assert (scaler(autoscaled).least, scaler(autoscaled).most) == (4, 6)
    assert validate(str(autoscaled), {"small": 2}) > 10
    advance(stepped_cloud, timedelta(minutes=30))
    assert group(autoscaled).size == 4
    spent = metered(autoscaled)
    assert spent.told == (), "what an autoscaler does is nothing to tell"
    assert cents(spent.spent_usd) == billed(stepped_cloud, spent.since, spent.at) > 50
    teardown(str(autoscaled), confirm=load_profile(str(autoscaled)).name)
    assert stepped_cloud.inventory() == set()
    methods = [each["method"] for each in stepped_cloud.writes()]
    stopped = methods.index("compute.instanceGroupManagers.deleteInstances")
    assert "compute.autoscalers.patch" in methods[:stopped], "it is off before its group is emptied"


@pytest.mark.long
def test_nobody_of_ours_lives_and_it_stops_billing_all_the_same(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    provision(str(autoscaled))
    steps = [each["method"].removeprefix("compute.") for each in stepped_cloud.writes() if each["caller"].endswith(STOPPER)]
    assert steps == ["instanceGroupManagers.resize", "autoscalers.patch"], "both calls were seen to arrive"
    play(stepped_cloud, *[600] * 600)
    advance(stepped_cloud, timedelta(hours=1))
    assert group(autoscaled).size == 6
    advance(stepped_cloud, timedelta(hours=3))
    assert (group(autoscaled).size, scaler(autoscaled).mode) == (0, "OFF")
    assert float(stepped_cloud.ask("bill")["usd_per_hour"]) < 1
    assert scale(str(autoscaled)) >= 2
    assert scaler(autoscaled).mode == "ON"
    assert group(autoscaled).size >= 2
    teardown(str(autoscaled), confirm=load_profile(str(autoscaled)).name)
    assert stepped_cloud.inventory() == set()


@pytest.mark.long
def test_it_is_never_on_under_a_lease_that_may_not_switch_it_off(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    fault = stepped_cloud.tell("faults", {"type": "deny", "member": STOPPER, "permission": "compute.autoscalers.update"})
    with pytest.raises(UnfinishedError, match=rf"{GROUP}-lease-off was answered code 7.*needs compute.autoscalers.update"):
        provision(str(autoscaled))
    assert (scaler(autoscaled).mode, group(autoscaled).size) == ("OFF", 2)
    stepped_cloud.tell(f"faults/{fault['id']}", {}, method="DELETE")
    provision(str(autoscaled))
    assert scaler(autoscaled).mode == "ON"


@pytest.mark.long
def test_at_its_time_google_switches_it_off_and_empties_the_tier(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    autoscaled.write_text(autoscaled.read_text().replace("lease: {hours: 2}", "lease: {hours: 72}\nstop_at: {cron: 0 20 * * *}"))
    provision(str(autoscaled))
    now = datetime.fromisoformat(stepped_cloud.ask("clock")["now"])
    advance(stepped_cloud, now.replace(hour=20, minute=10, second=0) - now + timedelta(days=int(now.hour >= 20)))
    assert (group(autoscaled).size, scaler(autoscaled).mode) == (0, "OFF")


@pytest.mark.long
@pytest.mark.usefixtures("stepped_cloud")
def test_windows_bound_it_empty_the_tier_and_fill_it_again(autoscaled: Path):
    provision(str(autoscaled))
    plain = autoscaled.read_text()
    for wanted, mode, least, most, size in (
        ("at_least: {small: 2}", "ON", 4, 6, 4),
        ("sizes: {small: 1}", "ON", 2, 2, 2),
        ("sizes: {small: 0}", "OFF", 2, 6, 0),
        ("at_least: {small: 1}", "ON", 2, 6, 2),
    ):
        autoscaled.write_text(plain + f"windows:\n  - {{name: all-day, from: '00:00', until: '24:00', {wanted}}}\n")
        scale(str(autoscaled))
        found = scaler(autoscaled)
        assert (found.mode, found.least, found.most, group(autoscaled).size) == (mode, least, most, size), wanted
        assert detect_drift(str(autoscaled)) == 0
        validate(str(autoscaled))


@pytest.mark.long
def test_the_budget_caps_it_and_then_shrinks_it(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    text = autoscaled.read_text().replace("lease: {hours: 2}", "lease: {hours: 72}")
    text = text.replace("chips: 8,", "chips: 8, draining_seconds: 30,")
    actions = "actions: [{at: 0.2, do: stop_growth}, {at: 0.5, do: shrink_to_floor}]"
    autoscaled.write_text(f"{text}budget: {{amount_usd: 600, {actions}}}\n")
    provision(str(autoscaled))
    play(stepped_cloud, *[100] * 70, *[900] * 600)
    seen = []
    while len(seen) < 50 and (not seen or seen[-1][0] != 2):
        advance(stepped_cloud, timedelta(minutes=4))
        check_budget(str(autoscaled))
        seen.append((scaler(autoscaled).most, group(autoscaled).size))
    assert [most for most in (6, 4, 2) if most in {most for most, _ in seen}] == [6, 4, 2], seen
    assert max(size for _, size in seen) == 4, f"it was stopped before it was asked for more: {seen}"
    spent = metered(autoscaled)
    assert 120 < spent.spent_usd < 300 + 13, "it is looked at every four minutes, at 192 dollars an hour"
    assert cents(spent.spent_usd) == billed(stepped_cloud, spent.since, spent.at)


@pytest.mark.long
def test_whatever_was_killed_the_next_run_finishes(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    """Off and not on again, on and not off, its job gone: each is brought back."""
    provision(str(autoscaled))
    connection = cloud_of(autoscaled)
    client = connection.client(compute_v1.AutoscalersClient)
    where = {"project": "embedded-project", "zone": "us-central1-c", "autoscaler": f"{GROUP}-scaler"}
    for policy in (
        {"mode": "OFF"},
        {"mode": "ONLY_SCALE_OUT"},
        {"cpu_utilization": {"utilization_target": 0.6}},
        {"max_num_replicas": 500},
    ):
        client.patch_unary(request=where | {"autoscaler_resource": {"autoscaling_policy": policy}})
        advance(stepped_cloud, timedelta(seconds=10))
        assert detect_drift(str(autoscaled)) == 1
        provision(str(autoscaled))
        assert detect_drift(str(autoscaled)) == 0
    client.delete_unary(request=where)
    advance(stepped_cloud, timedelta(seconds=10))
    provision(str(autoscaled))
    assert scaler(autoscaled).mode == "ON"
    autoscaled.write_text(
        autoscaled.read_text().replace(", autoscaling: {scale_down_delay_seconds: 300, cooldown_seconds: 60}", ", replicas: 2")
    )
    provision(str(autoscaled))
    assert group(autoscaled).size == 4
    assert not [each for each in observe(cloud_of(autoscaled)).live if isinstance(each, Autoscaler)]
    assert detect_drift(str(autoscaled)) == 0


@pytest.mark.long
def test_a_new_image_is_rolled_out_while_it_moves(stepped_cloud: EmbeddedCloud, autoscaled: Path):
    provision(str(autoscaled))
    play(stepped_cloud, *[100] * 60, *[10] * 600)
    advance(stepped_cloud, timedelta(minutes=15))
    autoscaled.write_text(autoscaled.read_text() + "serving: {image: example.com/next}\n")
    assert rollout(str(autoscaled)) == 2
    assert detect_drift(str(autoscaled)) == 0
