"""Vertex AI in the emulator: what it enforces, over the real clients and over plain HTTP."""

import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import aiplatform_v1 as vertex

PARENT = "projects/test-project/locations/us-central1"
ENDPOINT, MODEL = f"{PARENT}/endpoints/small", f"{PARENT}/models/llama"
HOST = "aiplatform.googleapis.com"


class Vertex:
    """The real clients, and a stepped cloud whose operations are waited for by advancing time."""

    def __init__(self, emulator):
        self.emulator = emulator
        self.endpoints = self._client(vertex.EndpointServiceClient)
        self.models = self._client(vertex.ModelServiceClient)
        self.predictions = self._client(vertex.PredictionServiceClient)

    def _client(self, kind):
        transport = kind.get_transport_class("rest")
        host = f"127.0.0.1:{self.emulator.port}/{HOST}"
        return kind(transport=transport(host=host, url_scheme="http", credentials=AnonymousCredentials()))

    def done(self, future, seconds=5):
        operation = future.operation
        while not operation.done:
            self.emulator.advance(seconds)
            operation = self.endpoints.get_operation(request={"name": operation.name})
        return operation

    def stand(self):
        self.done(self.endpoints.create_endpoint(parent=PARENT, endpoint={"display_name": "small"}, endpoint_id="small"))
        container = {"image_uri": "vllm:1", "deployment_timeout": {"seconds": 5400}}
        request = {"parent": PARENT, "model": {"display_name": "llama", "container_spec": container}, "model_id": "llama"}
        self.done(self.models.upload_model(request=request))

    def deployed(self, identifier="1", least=1, most=1, **more):
        machine = {"machine_type": "tpu7x-standard-4t", "tpu_topology": "2x2x1", **more}
        resources = {"machine_spec": machine, "min_replica_count": least, "max_replica_count": most}
        return {"id": identifier, "model": MODEL, "dedicated_resources": resources}

    def deploy(self, identifier="1", split=None, **more):
        return self.endpoints.deploy_model(endpoint=ENDPOINT, deployed_model=self.deployed(identifier, **more), traffic_split=split or {})


@pytest.fixture
def cloud(stepped):
    stepped.enable("aiplatform")
    found = Vertex(stepped)
    found.stand()
    return found


def per_hour(cloud):
    return float(cloud.emulator.admin("GET", "bill")["usd_per_hour"])


def test_a_deployment_takes_its_time_serves_and_bills_its_chips_until_it_is_undeployed(cloud):
    cloud.emulator.admin("PUT", "durations", {"aiplatform.projects.locations.endpoints.deployModel": 3600})
    future = cloud.deploy(split={"0": 100}, least=2, most=3)
    cloud.emulator.advance(3500)
    operation = cloud.endpoints.get_operation(request={"name": future.operation.name})
    assert not operation.done
    metadata = vertex.DeployModelOperationMetadata.pb()()
    assert operation.metadata.Unpack(metadata)
    assert metadata.deployment_stage == vertex.DeploymentStage.FINISHING_UP
    assert not cloud.endpoints.get_endpoint(name=ENDPOINT).deployed_models
    assert per_hour(cloud) == 0
    assert [each.name for each in cloud.endpoints.list_operations(request={"name": ENDPOINT}).operations][-1] == operation.name
    cloud.emulator.advance(100)
    found = cloud.endpoints.get_endpoint(name=ENDPOINT)
    assert [each.id for each in found.deployed_models] == ["1"]
    assert dict(found.traffic_split) == {"1": 100}
    assert found.name.startswith("projects/123456789012/")
    assert per_hour(cloud) == pytest.approx(2 * 4 * 13.8)
    undeployed = cloud.endpoints.undeploy_model(endpoint=ENDPOINT, deployed_model_id="1")
    assert not cloud.done(undeployed).HasField("error")
    assert per_hour(cloud) == 0
    assert not cloud.endpoints.get_endpoint(name=ENDPOINT).traffic_split


def test_what_is_in_use_is_not_deleted_and_an_empty_endpoint_is_gone_at_once(cloud):
    future = cloud.deploy()
    for delete in (lambda: cloud.endpoints.delete_endpoint(name=ENDPOINT), lambda: cloud.models.delete_model(name=MODEL)):
        with pytest.raises(exceptions.BadRequest, match=r"being.deployed"):
            delete()
    cloud.done(future)
    with pytest.raises(exceptions.BadRequest, match=r"has deployed or being-deployed DeployedModel\(s\): 1"):
        cloud.endpoints.delete_endpoint(name=ENDPOINT)
    cloud.done(cloud.endpoints.undeploy_model(endpoint=ENDPOINT, deployed_model_id="1"))
    assert cloud.endpoints.delete_endpoint(name=ENDPOINT).operation.done
    cloud.done(cloud.models.delete_model(name=MODEL))
    assert not list(cloud.models.list_models(parent=PARENT))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"machine_type": "n1-standard-4"}, "not supported"),
        ({"tpu_topology": "4x4x4"}, "2x2x1"),
        ({"least": 0}, "at least 1"),
        ({"least": 2, "most": 1}, "less than"),
        ({"identifier": "one"}, "1 to 10 digits"),
    ],
)
def test_a_deployment_that_cannot_be_is_refused_at_once(cloud, more, words):
    with pytest.raises(exceptions.BadRequest, match=words):
        cloud.deploy(**more)


def test_quota_is_charged_at_the_most_replicas(cloud):
    cloud.emulator.admin("PUT", "quotas", {"us-central1/VERTEX-TPU7X": 8})
    with pytest.raises(exceptions.TooManyRequests, match="custom_model_serving_tpu7x"):
        cloud.deploy(least=1, most=3)
    cloud.done(cloud.deploy(least=1, most=2))
    mask = {"paths": ["dedicated_resources.max_replica_count"]}
    with pytest.raises(exceptions.TooManyRequests):
        cloud.endpoints.mutate_deployed_model(endpoint=ENDPOINT, deployed_model=cloud.deployed(most=3), update_mask=mask)


def test_without_stock_the_operation_fails_and_the_endpoint_has_no_model(cloud):
    for zone in ("us-central1-c", "us-central1-ai1a"):
        cloud.emulator.admin("POST", "faults", {"type": "stock", "zone": zone, "machine_type": "tpu7x-standard-4t", "available": 0})
    operation = cloud.done(cloud.deploy())
    assert (operation.error.code, "temporarily unavailable" in operation.error.message) == (8, True)
    assert not cloud.endpoints.get_endpoint(name=ENDPOINT).deployed_models


def test_an_image_that_never_answers_fails_the_deployment_at_its_timeout(cloud):
    cloud.emulator.admin("POST", "faults", {"type": "bad_image", "image": "vllm:1"})
    began = cloud.emulator.now()
    operation = cloud.done(cloud.deploy(), seconds=600)
    assert "never became ready" in operation.error.message
    assert cloud.emulator.now() > began
    assert per_hour(cloud) == 0
    cloud.emulator.admin("POST", "clock/advance", {"seconds": 60})
    asked = {"resourceNames": [f"projects/{cloud.emulator.project}"], "filter": 'resource.type="aiplatform.googleapis.com/Endpoint"'}
    (logged,) = cloud.emulator.ask("POST", "/v2/entries:list", asked)["entries"]
    assert (logged["severity"], logged["textPayload"]) == ("ERROR", operation.error.message)
    assert logged["resource"]["labels"]["endpoint_id"] == ENDPOINT.rpartition("/")[2]


def test_traffic_is_split_as_asked_and_taken_away_before_an_undeployment(cloud):
    cloud.done(cloud.deploy("1", {"0": 100}))
    cloud.done(cloud.deploy("2", {"1": 75, "0": 25}))
    mask = {"paths": ["traffic_split"]}
    with pytest.raises(exceptions.BadRequest, match="add up to 100"):
        cloud.endpoints.update_endpoint(endpoint={"name": ENDPOINT, "traffic_split": {"1": 90}}, update_mask=mask)
    cloud.emulator.admin("PUT", "durations", {"dataplane.first_token": 0})
    asked = {"instances": [{"text": "hello"}], "parameters": {"max_tokens": 1}}
    ids = [predicted(cloud, asked)["deployedModelId"] for _ in range(100)]
    assert (ids.count("1"), ids.count("2")) == (75, 25)
    with pytest.raises(exceptions.BadRequest, match="25% of the traffic"):
        cloud.endpoints.undeploy_model(endpoint=ENDPOINT, deployed_model_id="2")
    cloud.done(cloud.endpoints.undeploy_model(endpoint=ENDPOINT, deployed_model_id="2", traffic_split={"1": 100}))
    with pytest.raises(exceptions.NotFound):
        cloud.endpoints.undeploy_model(endpoint=ENDPOINT, deployed_model_id="2")


def predicted(cloud, asked):
    """A prediction; stepped time passes while nobody but the request waits."""
    return cloud.emulator.ask("POST", f"/v1/{ENDPOINT}:predict", asked)


def test_predictions_need_traffic_and_have_the_models_form(cloud):
    with pytest.raises(exceptions.BadRequest, match="no traffic_split"):
        cloud.predictions.predict(endpoint=ENDPOINT, instances=[{"text": "hello"}])
    cloud.done(cloud.deploy(split={"0": 100}))
    answer = cloud.predictions.predict(endpoint=ENDPOINT, instances=[{"text": "hello"}], parameters={"max_tokens": 7})
    assert answer.deployed_model_id == "1"
    assert [(each["text"], each["tokens"]) for each in answer.predictions] == [("echo: hello", 7)]
    with pytest.raises(exceptions.BadRequest, match="The model server answered 400"):
        cloud.predictions.predict(endpoint=ENDPOINT, instances=[{"words": "hello"}])


def test_a_job_of_cloud_scheduler_reaches_the_host_of_a_region(cloud):
    cloud.emulator.enable("cloudscheduler")
    cloud.done(cloud.deploy(split={"0": 100}))
    uri = f"https://us-central1-{HOST}/v1/{ENDPOINT}:undeployModel"
    target = {"uri": uri, "httpMethod": "POST", "body": "eyJkZXBsb3llZE1vZGVsSWQiOiAiMSJ9", "headers": {"Content-Type": "application/json"}}
    job = {"name": f"{PARENT}/jobs/lease", "schedule": "0 0 1 1 *", "httpTarget": target}
    cloud.emulator.ask("POST", f"/v1/{PARENT}/jobs", job)
    cloud.emulator.ask("POST", f"/v1/{PARENT}/jobs/lease:run")
    cloud.emulator.advance(120)
    assert not cloud.endpoints.get_endpoint(name=ENDPOINT).deployed_models
    assert cloud.emulator.ask("GET", f"/v1/{PARENT}/jobs/lease")["status"] == {}
    cloud.emulator.ask("POST", f"/v1/{PARENT}/jobs/lease:run")
    cloud.emulator.advance(1)
    assert cloud.emulator.ask("GET", f"/v1/{PARENT}/jobs/lease")["status"]["code"] == 5
