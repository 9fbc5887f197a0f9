"""A model at Vertex AI lives a whole life: endpoints, a deployment under its own lease, predictions, a ledger that is the bill, and nothing left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from google.cloud import aiplatform_v1

from cloud.connection import Connection, connect
from cloud.observe import observe
from cloud.vertex import endpoints, predictions
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.reconcile import ours
from flows.scale import scale
from flows.teardown import teardown
from ironwood.cost.estimate import cents, estimate
from ironwood.errors import UnfinishedError
from ironwood.lease import read
from ironwood.profile import Profile
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.vertex import DeployedModel
from running import EmbeddedCloud
from tasks.inputs import load_price_book, load_profile
from tasks.meter import look
from tasks.proof import prove_zero

ENDPOINT = "projects/embedded-project/locations/us-central1/endpoints/inference-endpoint-small"
STOPPER = "tpu-stopper-sa@embedded-project.iam.gserviceaccount.com"
DEPLOYED = "vertex: {deployments: {small: {min_replicas: 2, max_replicas: 3}}}\n"


@pytest.fixture
def deployed(whole_profile: Path) -> Path:
    """The first tier, with two replicas at Vertex AI beside it."""
    text = whole_profile.read_text().replace("{chips: 16}", "{enabled: false}").replace("{port: 8080}", "{port: 8080, default_tier: small}")
    whole_profile.write_text(text.replace("vertex: {endpoints: false}\n", DEPLOYED).replace("{hours: 720}", "{hours: 2}"))
    return whole_profile


def there(connection: Connection) -> list[DeployedModel]:
    return [each for each in observe(connection).live if isinstance(each, DeployedModel)]


def billed(cloud: EmbeddedCloud, **interval: str) -> Decimal:
    return sum((Decimal(each["amount_usd"]) for each in cloud.ask("bill", **interval)["lines"]), Decimal(0))


def metered(connection: Connection, profile: Profile) -> Decimal:
    found = look.fn(connection, profile, ours(observe(connection).live, profile), None)
    assert found is not None
    return found.spend.by_tier.get("vertex-small", Decimal(0))


def vertex_bill(cloud: EmbeddedCloud) -> Decimal:
    lines = cloud.ask("bill")["lines"]
    return sum((Decimal(each["amount_usd"]) for each in lines if each["kind"] == "aiplatform.deployedModels"), Decimal(0))


def test_from_nothing_to_a_prediction_and_back_to_nothing(stepped_cloud: EmbeddedCloud, deployed: Path, capsys: pytest.CaptureFixture[str]):
    provision(str(deployed))
    said = capsys.readouterr().out
    assert "Vertex AI deployments are a fleet of their own beside the tiers: $110.40/h of this" in said
    assert "predict through" in said
    profile = load_profile(str(deployed))
    connection = connect(profile)
    answer = predictions(connection, "us-central1").predict(endpoint=ENDPOINT, instances=[{"text": "hello"}])
    assert answer.predictions[0]["text"] == "echo: hello"
    assert detect_drift(str(deployed)) == 0

    start = connection.clock.now()
    stepped_cloud.tell("clock/advance", {"seconds": 1_800})
    end = connection.clock.now()
    mine = estimate(ours(observe(connection).live, profile), load_price_book("list")).hourly_usd / 2
    assert cents(mine) == cents(billed(stepped_cloud, **{"from": start.isoformat(), "until": end.isoformat()}))

    scale(str(deployed), {"small": 0})
    assert [each.replicas for each in there(connection)] == [2], "a deployment is no tier"
    deployed.write_text(deployed.read_text().replace("min_replicas: 2", "min_replicas: 3"))
    assert scale(str(deployed), {"small": 0}) == 1
    assert [each.replicas for each in there(connection)] == [3]
    deployed.write_text(deployed.read_text().replace("vertex: {deployments: {small: {min_replicas: 3, max_replicas: 3}}}\n", ""))
    profile = load_profile(str(deployed))
    scale(str(deployed), {"small": 0})
    assert there(connection) == []
    assert cents(metered(connection, profile)) == cents(vertex_bill(stepped_cloud))
    assert {name for kind, _, name in stepped_cloud.inventory() if kind.startswith("aiplatform.")} == {"inference-endpoint-small"}
    teardown(str(deployed), confirm=profile.name)
    assert stepped_cloud.inventory() == set()
    assert not prove_zero.fn(connection, profile).left


@pytest.mark.long
def test_its_own_lease_undeploys_it_when_nobody_lives_and_the_next_run_repairs_it(stepped_cloud: EmbeddedCloud, deployed: Path):
    provision(str(deployed))
    connection = connect(load_profile(str(deployed)))
    (found,) = there(connection)
    job = next(each for each in observe(connection).live if isinstance(each, SchedulerJob) and each.name == f"{found.name}-lease")
    assert (job.last_code, job.call) == (5, "inference-endpoint-small:undeployModel")
    lease = read(job.schedule, now=connection.clock.now())
    assert lease is not None
    stepped_cloud.tell("clock/advance", {"until": (lease.end - timedelta(minutes=1)).isoformat()})
    assert len(there(connection)) == 1
    stepped_cloud.tell("clock/advance", {"until": (lease.end + timedelta(minutes=5)).isoformat()})
    assert there(connection) == []
    assert scale(str(deployed)) >= 2
    assert len(there(connection)) == 1
    teardown(str(deployed), confirm=load_profile(str(deployed)).name)
    assert stepped_cloud.inventory() == set()


@pytest.mark.long
def test_nothing_is_deployed_under_a_lease_that_may_not_undeploy_it(stepped_cloud: EmbeddedCloud, deployed: Path):
    fault = stepped_cloud.tell("faults", {"type": "deny", "member": STOPPER, "permission": "aiplatform.endpoints.undeploy"})
    with pytest.raises(UnfinishedError, match=r"-lease was answered code 7.*needs aiplatform.endpoints.undeploy"):
        provision(str(deployed))
    connection = connect(load_profile(str(deployed)))
    assert there(connection) == []
    stepped_cloud.tell(f"faults/{fault['id']}", {}, method="DELETE")
    provision(str(deployed))
    assert len(there(connection)) == 1


@pytest.mark.long
def test_a_new_model_is_deployed_before_the_traffic_is_switched_and_the_old_one_undeployed(stepped_cloud: EmbeddedCloud, deployed: Path):
    provision(str(deployed))
    connection = connect(load_profile(str(deployed)))
    (old,) = there(connection)
    deployed.write_text(deployed.read_text() + "model_optimizations: {quantization_level: fp8, batch_size: 64}\n")
    before = len(stepped_cloud.writes())
    provision(str(deployed))
    (new,) = there(connection)
    assert new.model != old.model
    steps = [
        each["method"].rpartition(".")[2]
        for each in stepped_cloud.writes()[before:]
        if each["committed"] and ".endpoints." in each["method"]
    ]
    assert steps == ["deployModel", "patch", "undeployModel"]
    found = endpoints(connection, "us-central1").get_endpoint(name=ENDPOINT)
    assert isinstance(found, aiplatform_v1.Endpoint)
    assert dict(found.traffic_split) == {new.id: 100}
