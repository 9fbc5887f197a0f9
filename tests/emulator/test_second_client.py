"""A second client, independent of the first: googleapiclient from its shipped discovery documents writes and reads the main kinds."""

import json
from urllib.parse import urlsplit

import httplib2
import pytest
from discovery_schemas import check, document
from googleapiclient import discovery
from googleapiclient.errors import HttpError

ZONE, REGION = "us-central1-c", "us-central1"


class CheckedHttp(httplib2.Http):
    """Without credentials; its answers are checked against the discovery documents too."""

    def request(self, uri, method="GET", **options):
        response, content = super().request(uri, method=method, **options)
        check(method, urlsplit(uri).path, response.status, content.decode())
        return response, content


@pytest.fixture
def client(stepped):
    """Makes a service object: ``client("compute", "v1")``."""
    opened = []

    def build(name, version):
        content = {**document(name, version), "rootUrl": f"{stepped.url}/"}
        opened.append(discovery.build_from_document(json.dumps(content), http=CheckedHttp()))
        return opened[-1]

    yield build
    for service in opened:
        service.close()


class Compute:
    """Writes that are waited for."""

    def __init__(self, emulator, service):
        self.emulator = emulator
        self.service = service
        self.project = emulator.project

    def collection(self, name):
        return getattr(self.service, name)()

    def done(self, request):
        operation = request.execute()
        places = {key: operation[key].rpartition("/")[2] for key in ("zone", "region") if key in operation}
        kind = next((f"{key}Operations" for key in places), "globalOperations")
        for _ in range(60):
            if operation["status"] == "DONE":
                assert "error" not in operation, operation
                return operation
            self.emulator.advance(1)
            operation = self.collection(kind).get(project=self.project, operation=operation["name"], **places).execute()
        raise AssertionError(f"{operation['name']} did not end")

    def insert(self, kind, body, **place):
        return self.done(self.collection(kind).insert(project=self.project, body=body, **place))


@pytest.fixture
def compute(stepped, client):
    return Compute(stepped, client("compute", "v1"))


def link(compute, path):
    return f"https://www.googleapis.com/compute/v1/projects/{compute.project}/{path}"


def make_network(compute):
    compute.insert("networks", {"name": "net", "autoCreateSubnetworks": False})
    body = {"name": "sub", "network": link(compute, "global/networks/net"), "ipCidrRange": "10.0.0.0/16"}
    compute.insert("subnetworks", body, region=REGION)


def make_group(compute, size):
    disk = {"boot": True, "autoDelete": True, "initializeParams": {"diskType": "hyperdisk-balanced", "diskSizeGb": "200"}}
    properties = {
        "machineType": "tpu7x-standard-4t",
        "scheduling": {"onHostMaintenance": "TERMINATE"},
        "disks": [disk],
        "networkInterfaces": [{"subnetwork": link(compute, f"regions/{REGION}/subnetworks/sub")}],
    }
    compute.insert("instanceTemplates", {"name": "template", "properties": properties})
    body = {"name": "group", "targetSize": size, "instanceTemplate": link(compute, "global/instanceTemplates/template")}
    compute.insert("instanceGroupManagers", body, zone=ZONE)


def test_a_network_with_its_subnetwork_and_firewall_is_made_changed_and_deleted(compute):
    make_network(compute)
    network = compute.collection("networks").get(project=compute.project, network="net").execute()
    assert network["subnetworks"] == [link(compute, f"regions/{REGION}/subnetworks/sub")]
    rule = {"name": "allow", "network": network["selfLink"], "allowed": [{"IPProtocol": "tcp", "ports": ["8080"]}]}
    compute.insert("firewalls", rule)
    firewalls = compute.collection("firewalls")
    compute.done(firewalls.patch(project=compute.project, firewall="allow", body={"priority": 900}))
    found = firewalls.get(project=compute.project, firewall="allow").execute()
    assert (found["priority"], found["allowed"]) == (900, rule["allowed"])
    compute.done(firewalls.delete(project=compute.project, firewall="allow"))
    compute.done(compute.collection("subnetworks").delete(project=compute.project, region=REGION, subnetwork="sub"))
    compute.done(compute.collection("networks").delete(project=compute.project, network="net"))
    with pytest.raises(HttpError, match="was not found") as refused:
        compute.collection("networks").get(project=compute.project, network="net").execute()
    assert refused.value.status_code == 404


def test_the_load_balancers_parts_refer_to_each_other(compute):
    compute.insert("healthChecks", {"name": "check", "type": "HTTP", "httpHealthCheck": {"port": 8080, "requestPath": "/health"}})
    check_link = link(compute, "global/healthChecks/check")
    compute.insert("backendServices", {"name": "backend", "healthChecks": [check_link], "loadBalancingScheme": "EXTERNAL_MANAGED"})
    compute.insert("urlMaps", {"name": "map", "defaultService": link(compute, "global/backendServices/backend")})
    services = compute.collection("backendServices")
    found = services.get(project=compute.project, backendService="backend").execute()
    assert found["healthChecks"] == [check_link]
    assert found["usedBy"] == [{"reference": link(compute, "global/urlMaps/map")}]
    change = {"timeoutSec": 99, "fingerprint": found["fingerprint"]}
    compute.done(services.patch(project=compute.project, backendService="backend", body=change))
    listed = services.list(project=compute.project).execute()["items"]
    assert [(each["name"], each["timeoutSec"]) for each in listed] == [("backend", 99)]
    url_map = compute.collection("urlMaps").get(project=compute.project, urlMap="map").execute()
    assert url_map["defaultService"] == found["selfLink"]
    with pytest.raises(HttpError, match="already being used by"):
        compute.collection("healthChecks").delete(project=compute.project, healthCheck="check").execute()


def test_a_group_is_resized_and_its_vms_are_listed(compute):
    make_network(compute)
    make_group(compute, 1)
    groups = compute.collection("instanceGroupManagers")
    where = {"project": compute.project, "zone": ZONE, "instanceGroupManager": "group"}
    template = compute.collection("instanceTemplates").get(project=compute.project, instanceTemplate="template").execute()
    assert template["properties"]["machineType"] == "tpu7x-standard-4t"
    compute.done(groups.resize(**where, size=3))
    compute.emulator.advance(61)
    assert groups.get(**where).execute()["targetSize"] == 3
    managed = groups.listManagedInstances(**where).execute()["managedInstances"]
    assert [vm["instanceStatus"] for vm in managed] == ["RUNNING"] * 3
    vms = compute.collection("instances").list(project=compute.project, zone=ZONE).execute()["items"]
    assert {vm["selfLink"] for vm in vms} == {vm["instance"] for vm in managed}


def test_a_service_account_is_made_changed_and_deleted(stepped, client):
    accounts = client("iam", "v1").projects().serviceAccounts()
    parent = f"projects/{stepped.project}"
    made = accounts.create(name=parent, body={"accountId": "inference", "serviceAccount": {"displayName": "A"}}).execute()
    stepped.advance(10)
    assert accounts.get(name=made["name"]).execute() == made
    body = {"serviceAccount": {"displayName": "B"}, "updateMask": "displayName"}
    assert accounts.patch(name=made["name"], body=body).execute()["displayName"] == "B"
    assert made["email"] in [account["email"] for account in accounts.list(name=parent).execute()["accounts"]]
    accounts.delete(name=made["name"]).execute()
    with pytest.raises(HttpError, match="Unknown service account"):
        accounts.get(name=made["name"]).execute()


def test_a_service_is_enabled_and_disabled(stepped, client):
    usage = client("serviceusage", "v1")
    name = f"projects/{stepped.project}/services/redis.googleapis.com"
    for verb, body, state in (("enable", {}, "ENABLED"), ("disable", {"disableDependentServices": True}, "DISABLED")):
        operation = getattr(usage.services(), verb)(name=name, body=body).execute()
        assert "done" not in operation
        stepped.advance(60)
        assert usage.operations().get(name=operation["name"]).execute()["done"]
        assert usage.services().get(name=name).execute()["state"] == state
    enabled = usage.services().list(parent=f"projects/{stepped.project}", filter="state:ENABLED").execute()["services"]
    assert name.rpartition("/")[2] not in [each["config"]["name"] for each in enabled]


def test_a_disabled_api_is_told_to_this_client_too(stepped, client):
    stepped.admin("POST", "reset")
    with pytest.raises(HttpError, match="has not been used in project") as refused:
        client("compute", "v1").networks().list(project=stepped.project).execute()
    assert refused.value.error_details[0]["reason"] == "SERVICE_DISABLED"
