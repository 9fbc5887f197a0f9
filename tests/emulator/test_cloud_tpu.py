"""Cloud TPU: queued resources through all their states, the nodes they lead to, quota, capacity, preemption, and what gcloud lists."""

import json
import os
import shutil
import subprocess

import grpc
import pytest
from google.cloud import tpu_v2

ZONE = "us-central1-a"
TYPE, RUNTIME = "v5litepod-4", "v2-alpha-tpuv5-lite"
SPOT_QUOTA = "TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI"
SCRIPT = "curl --request PUT http://metadata.google.internal/computeMetadata/v1/instance/guest-attributes/ironwood/serving"


@pytest.fixture
def tpu(stepped):
    stepped.enable("tpu")
    return stepped


def head(tpu, zone=ZONE):
    return f"/v2/projects/{tpu.project}/locations/{zone}"


def order(tpu, name="dev", *, kind=TYPE, until=None, spot=True, status=200, zone=ZONE, **node):
    body = {
        "tpu": {
            "nodeSpec": [
                {
                    "parent": head(tpu, zone).removeprefix("/v2/"),
                    "nodeId": name,
                    "node": {"acceleratorType": kind, "runtimeVersion": RUNTIME, "labels": {"a": "b"}, **node},
                }
            ]
        }
    }
    body |= {"spot": {}} if spot else {}
    body |= {"queueingPolicy": {"validUntilDuration": f"{until}s"}} if until else {}
    return tpu.ask("POST", f"{head(tpu, zone)}/queuedResources?queuedResourceId={name}", body, status)


def queued(tpu, name="dev"):
    return tpu.ask("GET", f"{head(tpu)}/queuedResources/{name}")


def state(tpu, name="dev"):
    return queued(tpu, name)["state"]["state"]


def node(tpu, name="dev", status=200):
    return tpu.ask("GET", f"{head(tpu)}/nodes/{name}", status=status)


def active(tpu, **more):
    order(tpu, **more)
    tpu.advance(300)
    assert state(tpu) == "ACTIVE"


def delete(tpu, name="dev", *, force=False, status=200):
    return tpu.ask("DELETE", f"{head(tpu)}/queuedResources/{name}{'?force=true' if force else ''}", status=status)


def test_a_queued_resource_passes_through_its_states_to_a_node_that_bills(tpu):
    operation = order(tpu)
    assert operation["metadata"]["@type"] == "type.googleapis.com/google.cloud.common.OperationMetadata"
    seen = [state(tpu)]
    for _ in range(300):
        tpu.advance(1)
        if state(tpu) != seen[-1]:
            seen.append(state(tpu))
    assert seen == ["CREATING", "ACCEPTED", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE"]
    assert tpu.ask("GET", f"/v2/{operation['name']}")["response"]["name"].endswith("/queuedResources/dev")
    found = node(tpu)
    assert (found["state"], found["health"], found["labels"]) == ("READY", "HEALTHY", {"a": "b"})
    assert int(found["id"]) > 0
    assert found["queuedResource"].endswith("/queuedResources/dev")
    (line,) = [each for each in tpu.admin("GET", "bill")["lines"] if each["kind"] == "tpu.nodes"]
    assert (line["quantity"], line["unit_price_usd"], line["end"]) == ("4", "0.607", None)
    told = [each["metadata"] for each in tpu.ask("GET", f"{head(tpu)}/operations")["operations"]]
    (made,) = [each for each in told if each["target"].endswith("/nodes/dev")]
    assert (made["verb"], made["createTime"], made["endTime"]) == ("create", found["createTime"], line["start"])


def test_one_is_deleted_without_force_only_where_it_holds_no_node(tpu):
    active(tpu)
    refused = delete(tpu, status=400)["error"]
    assert refused["status"] == "FAILED_PRECONDITION"
    delete(tpu, force=True)
    assert state(tpu) == "DELETING"
    assert float(tpu.admin("GET", "bill")["usd_per_hour"]) == 0, "what is being deleted bills no more"
    delete(tpu, force=True, status=409)
    tpu.advance(60)
    tpu.ask("GET", f"{head(tpu)}/queuedResources/dev", status=404)
    node(tpu, status=404)
    order(tpu)
    tpu.advance(20)
    assert state(tpu) == "WAITING_FOR_RESOURCES"
    delete(tpu)
    delete(tpu, "nobody", force=True, status=404)


def test_quota_is_refused_at_once_and_what_is_suspended_counts_until_it_is_deleted(tpu):
    tpu.admin("PUT", "quotas", {f"{ZONE}/{SPOT_QUOTA}": 4})
    active(tpu)
    error = order(tpu, "more", status=429)["error"]
    assert (error["status"], error["message"]) == (
        "RESOURCE_EXHAUSTED",
        f"Quota limit '{SPOT_QUOTA}' has been exceeded. Limit: 4 in zone {ZONE}.",
    )
    order(tpu, "other-quota", spot=False)
    tpu.admin("POST", "faults", {"type": "tpu_preemption", "queued_resource": "dev"})
    assert (state(tpu), node(tpu)["state"]) == ("SUSPENDING", "PREEMPTED")
    tpu.advance(120)
    assert state(tpu) == "SUSPENDED"
    node(tpu, status=404)
    order(tpu, "more", status=429)
    delete(tpu)
    tpu.advance(60)
    order(tpu, "more")
    tpu.admin("POST", "faults", {"type": "tpu_preemption", "queued_resource": "other-quota"}, status=400)


def test_without_capacity_a_queued_resource_waits_until_its_time_is_up_and_a_node_fails_in_its_operation(tpu):
    fault = tpu.admin("POST", "faults", {"type": "stock", "zone": ZONE, "machine_type": TYPE, "available": 0})
    order(tpu, until=600)
    order(tpu, "patient")
    tpu.advance(500)
    assert state(tpu) == "WAITING_FOR_RESOURCES"
    tpu.advance(101)
    failed = queued(tpu)["state"]
    assert (failed["state"], failed["failedData"]["error"]["code"]) == ("FAILED", 8)
    body = {"acceleratorType": TYPE, "runtimeVersion": RUNTIME}
    operation = tpu.ask("POST", f"{head(tpu)}/nodes?nodeId=alone", body)
    assert "health" not in node(tpu, "alone")
    tpu.advance(200)
    error = tpu.ask("GET", f"/v2/{operation['name']}")["error"]
    assert error["code"] == 8
    assert error["message"].startswith(f'There is no more capacity in the zone "{ZONE}"')
    node(tpu, "alone", status=404)
    tpu.admin("DELETE", f"faults/{fault['id']}")
    tpu.advance(300)
    assert state(tpu, "patient") == "ACTIVE"


def test_deleting_or_stopping_its_node_ends_what_it_bills(tpu):
    active(tpu)
    tpu.ask("DELETE", f"{head(tpu)}/nodes/dev")
    assert state(tpu) == "SUSPENDING"
    tpu.advance(100)
    assert state(tpu) == "SUSPENDED"
    delete(tpu)
    tpu.advance(60)
    active(tpu)
    tpu.ask("POST", f"{head(tpu)}/nodes/dev:stop", {})
    tpu.advance(100)
    assert (state(tpu), node(tpu)["state"]) == ("ACTIVE", "STOPPED")
    assert float(tpu.admin("GET", "bill")["usd_per_hour"]) == 0
    tpu.ask("POST", f"{head(tpu)}/nodes/dev:start", {})
    tpu.advance(200)
    assert node(tpu)["state"] == "READY"
    assert float(tpu.admin("GET", "bill")["usd_per_hour"]) == pytest.approx(4 * 0.607)


def test_guest_attributes_tell_what_the_startup_script_writes_worker_by_worker(tpu):
    metadata = {"startup-script": SCRIPT, "enable-guest-attributes": "TRUE"}
    active(tpu, kind="v5litepod-16", metadata=metadata)
    path = f"{head(tpu)}/nodes/dev:getGuestAttributes"

    def said():
        workers = tpu.ask("POST", path, {"queryPath": "ironwood/serving"})["guestAttributes"]
        assert len(workers) == 4
        return {each["queryValue"]["items"][0]["value"].rpartition(" ")[0] for each in workers}

    assert said() == {"000 000"}
    tpu.advance(600)
    assert said() == {"200 200"}
    fault = tpu.admin("POST", "faults", {"type": "unhealthy", "instance": "dev"})
    tpu.advance(60)
    assert said() == {"503 503"}
    tpu.admin("DELETE", f"faults/{fault['id']}")


def test_what_a_zone_has_is_listed_and_what_it_has_not_is_refused_in_googles_words(tpu):
    types = {each["type"] for each in tpu.ask("GET", f"{head(tpu)}/acceleratorTypes")["acceleratorTypes"]}
    assert {TYPE, "v5litepod-256", "v5p-8"} <= types
    assert not any(each.startswith("tpu7x") for each in types)
    assert tpu.ask("GET", f"{head(tpu, 'us-central1-f')}/acceleratorTypes") == {}
    assert RUNTIME in {each["version"] for each in tpu.ask("GET", f"{head(tpu)}/runtimeVersions")["runtimeVersions"]}
    for kind in ("tpu7x-8", "v5litepod-3"):
        message = order(tpu, kind=kind, status=400)["error"]["message"]
        assert message.startswith(f"Cloud TPU received a bad request. the accelerator {kind} was not found in zone {ZONE} [EID: 0x")
    assert ZONE in {each["locationId"] for each in tpu.ask("GET", f"/v2/projects/{tpu.project}/locations")["locations"]}


def test_grpc_answers_with_a_metadata_type_no_client_knows(tpu):
    channel = grpc.insecure_channel(f"127.0.0.1:{tpu.grpc_port}")
    client = tpu_v2.TpuClient(transport=tpu_v2.TpuClient.get_transport_class("grpc")(channel=channel))
    parent = head(tpu).removeprefix("/v2/")
    spec = {"parent": parent, "node_id": "dev", "node": {"accelerator_type": TYPE, "runtime_version": RUNTIME}}
    request = {"parent": parent, "queued_resource_id": "dev", "queued_resource": {"tpu": {"node_spec": [spec]}, "spot": {}}}
    future = client.create_queued_resource(request=request)
    assert future.operation.metadata.type_url == "type.googleapis.com/google.cloud.common.OperationMetadata"
    with pytest.raises(TypeError):
        assert future.metadata
    (found,) = client.list_queued_resources(parent=parent)
    assert found.tpu.node_spec[0].node.accelerator_type == TYPE


def test_a_subnetwork_with_a_tpu_vm_in_it_is_in_use(tpu):
    tpu.network()
    names = [name for name in tpu.ask("GET", "regions/us-central1/subnetworks").get("items", []) if name["name"] != "default"]
    link = names[0]["selfLink"].partition("/v1/")[2]
    active(tpu, networkConfig={"network": names[0]["network"].partition("/v1/")[2], "subnetwork": link})
    refused = tpu.ask("DELETE", f"/compute/v1/{link}", status=400)["error"]["message"]
    assert "is already being used by" in refused
    assert refused.endswith("/nodes/dev'")


@pytest.fixture
def gcloud(scaled, tmp_path):
    program = shutil.which("gcloud")
    if program is None:
        pytest.skip("gcloud is not installed")
    scaled.enable("tpu")
    environment = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_CORE_PROJECT": scaled.project,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_TPU": f"{scaled.url}/",
    }

    def run(command):
        done = subprocess.run([program, *command.split(), "--format=json"], env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    return run


def test_gcloud_lists_the_tpu_vms_and_the_queue(gcloud, scaled):
    order(scaled)
    while state(scaled) != "ACTIVE":
        pass
    (found,) = gcloud(f"compute tpus tpu-vm list --zone={ZONE}")
    assert (found["name"].rpartition("/")[2], found["state"], found["acceleratorType"]) == ("dev", "READY", TYPE)
    (waiting,) = gcloud(f"compute tpus queued-resources list --zone={ZONE}")
    assert waiting["state"]["state"] == "ACTIVE"
    assert gcloud(f"compute tpus tpu-vm describe dev --zone={ZONE}")["health"] == "HEALTHY"
