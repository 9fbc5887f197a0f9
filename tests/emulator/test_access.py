"""Who may do what: identities, permissions by method, roles, policies; and what organisation policies refuse."""

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import iam_admin_v1, orgpolicy_v2, resourcemanager_v3
from google.iam.v1 import iam_policy_pb2, policy_pb2

from emulator import app
from emulator.access import needs, roles
from emulator.settings import Settings, address_pool

PROJECT = "projects/test-project"
VM = {"machineType": "tpu7x-standard-4t", "scheduling": {"onHostMaintenance": "TERMINATE"}}
HYPERDISK = {"diskType": "hyperdisk-balanced"}
ALICE = {"Authorization": "Bearer embedded-alice@example.com"}


@pytest.fixture
def cloud(scaled):
    """The scaled project with everything access needs enabled."""
    scaled.enable("cloudresourcemanager", "orgpolicy")
    return scaled


def as_alice(cloud, method, path, body=None, project=True):
    url = f"/compute/v1/{PROJECT}/{path}" if project else path
    return cloud.http.request(method, url, json=body, headers=ALICE)


def grant(cloud, *permissions, member="user:alice@example.com", role_id="narrow"):
    """Bind a member to a custom role of exactly these permissions."""
    body = {"roleId": role_id, "role": {"title": role_id, "includedPermissions": list(permissions)}}
    made = cloud.http.post(f"/v1/{PROJECT}/roles", json=body)
    if made.status_code == 409:
        cloud.ask("PATCH", f"/v1/{PROJECT}/roles/{role_id}?updateMask=includedPermissions", body["role"])
    policy = cloud.ask("POST", f"/v3/{PROJECT}:getIamPolicy", {})
    bindings = [*policy["bindings"], {"role": f"{PROJECT}/roles/{role_id}", "members": [member]}]
    cloud.ask("POST", f"/v3/{PROJECT}:setIamPolicy", {"policy": {**policy, "bindings": bindings}})


def test_every_served_method_says_what_it_needs_and_nothing_else_does():
    world, methods = app.build(Settings(address_pool=address_pool("127.1.0.0/24")))
    assert set(methods.names()) == set(needs.table())
    world.store.close()


def test_every_permission_looks_like_one_and_every_predefined_role_holds_some():
    assert all(permission.count(".") >= 2 for permission in needs.known())
    served = {name.split("/")[1].split(".")[0] for name in roles.predefined()} & {
        "compute",
        "iam",
        "serviceusage",
        "cloudquotas",
        "orgpolicy",
    }
    rows = {name: row for name, row in roles.predefined().items() if name.split("/")[1].split(".")[0] in served}
    assert all(row["permissions"] for row in rows.values())


def test_a_stranger_is_refused_in_computes_words_and_a_granted_one_is_not(cloud):
    answer = as_alice(cloud, "POST", "global/networks", {"name": "net", "autoCreateSubnetworks": False})
    assert answer.status_code == 403
    error = answer.json()["error"]
    words = f"Required 'compute.networks.create' permission for '{PROJECT}/global/networks/net'"
    assert error["message"] == words
    assert error["errors"][0] == {"message": words, "domain": "global", "reason": "forbidden"}
    grant(cloud, "compute.networks.create")
    assert as_alice(cloud, "POST", "global/networks", {"name": "net", "autoCreateSubnetworks": False}).status_code == 200
    listing = as_alice(cloud, "GET", "global/networks")
    assert listing.json()["error"]["message"] == f"Required 'compute.networks.list' permission for '{PROJECT}'"


def test_a_second_permission_is_told_on_the_resource_it_is_missing_on(cloud):
    cloud.network()
    grant(cloud, "compute.firewalls.create")
    body = {"name": "wall", "network": f"{PROJECT}/global/networks/net", "allowed": [{"IPProtocol": "tcp"}]}
    answer = as_alice(cloud, "POST", "global/firewalls", body)
    assert answer.json()["error"]["message"] == f"Required 'compute.networks.updatePolicy' permission for '{PROJECT}/global/networks/net'"


def test_a_template_that_names_an_account_needs_act_as_on_it(cloud):
    cloud.network()
    cloud.ask("POST", f"/v1/{PROJECT}/serviceAccounts", {"accountId": "worker-account"})
    email = "worker-account@test-project.iam.gserviceaccount.com"
    grant(cloud, "compute.instanceTemplates.create")
    properties = {
        **VM, "disks": [{"boot": True, "initializeParams": HYPERDISK}], "serviceAccounts": [{"email": email}],
        "networkInterfaces": [{"subnetwork": f"{PROJECT}/regions/us-central1/subnetworks/net-sub"}],
    }  # fmt: skip
    answer = as_alice(cloud, "POST", "global/instanceTemplates", {"name": "named", "properties": properties})
    assert answer.status_code == 403
    assert answer.json()["error"]["message"] == f"Required 'iam.serviceAccounts.actAs' permission for '{email}'"
    path = f"/v1/{PROJECT}/serviceAccounts/{email}"
    for _ in range(100):  # it cannot be bound before it can be read
        if cloud.http.get(path).status_code == 200:
            break
    policy = {"bindings": [{"role": "roles/iam.serviceAccountUser", "members": ["user:alice@example.com"]}]}
    cloud.ask("POST", f"{path}:setIamPolicy", {"policy": policy})
    held = cloud.http.post(f"{path}:testIamPermissions", json={"permissions": ["iam.serviceAccounts.actAs"]}, headers=ALICE).json()
    assert held == {"permissions": ["iam.serviceAccounts.actAs"]}
    assert as_alice(cloud, "POST", "global/instanceTemplates", {"name": "named", "properties": properties}).status_code == 200


def test_newer_apis_answer_permission_denied_with_an_error_info_over_rest_and_grpc(cloud):
    answer = as_alice(cloud, "GET", f"/v1/{PROJECT}/serviceAccounts", project=False)
    error = answer.json()["error"]
    assert (answer.status_code, error["status"]) == (403, "PERMISSION_DENIED")
    assert error["details"][0]["reason"] == "IAM_PERMISSION_DENIED"
    assert error["details"][0]["metadata"] == {"permission": "iam.serviceAccounts.list", "resource": PROJECT}
    with grpc.insecure_channel(f"127.0.0.1:{cloud.grpc_port}") as channel:
        client = iam_admin_v1.IAMClient(transport=iam_admin_v1.IAMClient.get_transport_class("grpc")(channel=channel))
        metadata = [("authorization", "Bearer embedded-alice@example.com")]
        with pytest.raises(exceptions.PermissionDenied, match=r"Permission 'iam.serviceAccounts.list' denied"):
            list(client.list_service_accounts(name=PROJECT, metadata=metadata, retry=None))
        assert list(client.list_service_accounts(name=PROJECT)) is not None


def test_another_token_and_that_of_a_deleted_account_are_401(cloud):
    for token in ("ya29.real", "embedded-nobody@test-project.iam.gserviceaccount.com"):
        answer = cloud.http.get(f"/compute/v1/{PROJECT}/global/networks", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["error"]["errors"][0]["reason"]) == (401, "authError")


def test_the_log_tells_what_each_call_needed_and_nothing_of_the_token(cloud):
    cloud.ask("GET", "global/networks")
    entries = cloud.admin("GET", "requests")["requests"]
    assert entries[-1]["permissions"] == ["compute.networks.list"]
    assert cloud.admin("GET", "permissions")["permissions"]["compute.networks.list"] == ["compute.networks.list"]
    as_alice(cloud, "GET", "global/networks")
    assert "Bearer" not in str(cloud.admin("GET", "requests"))


def test_a_stale_etag_is_a_conflict_and_an_unknown_member_or_role_is_named(cloud):
    policy = cloud.ask("POST", f"/v3/{PROJECT}:getIamPolicy", {})
    more = {**policy, "bindings": [*policy["bindings"], {"role": "roles/compute.viewer", "members": ["user:bob@example.com"]}]}
    cloud.ask("POST", f"/v3/{PROJECT}:setIamPolicy", {"policy": more})
    error = cloud.ask("POST", f"/v3/{PROJECT}:setIamPolicy", {"policy": more}, status=409)["error"]
    assert (error["status"], error["message"].split(".")[0]) == ("ABORTED", "There were concurrent policy changes")
    nobody = "serviceAccount:nobody@test-project.iam.gserviceaccount.com"
    for binding, words in (
        (
            {"role": "roles/compute.viewer", "members": [nobody]},
            "Service account nobody@test-project.iam.gserviceaccount.com does not exist",
        ),
        ({"role": "roles/no.such", "members": ["user:bob@example.com"]}, "Role roles/no.such is not supported"),
        ({"role": "roles/compute.viewer", "members": ["bob"]}, "of an unknown type"),
    ):
        error = cloud.ask("POST", f"/v3/{PROJECT}:setIamPolicy", {"policy": {"bindings": [binding]}}, status=400)["error"]
        assert words in error["message"]


def test_googles_own_client_reads_and_writes_the_policy_and_the_roles(cloud):
    transport = resourcemanager_v3.ProjectsClient.get_transport_class("rest")
    client = resourcemanager_v3.ProjectsClient(
        transport=transport(host=f"127.0.0.1:{cloud.port}", url_scheme="http", credentials=AnonymousCredentials())
    )
    assert client.get_project(name=PROJECT).project_id == "test-project"
    policy = client.get_iam_policy(resource=PROJECT)
    policy.bindings.append(policy_pb2.Binding(role="roles/compute.viewer", members=["user:bob@example.com"]))
    written = client.set_iam_policy(request=iam_policy_pb2.SetIamPolicyRequest(resource=PROJECT, policy=policy))
    assert [binding.role for binding in written.bindings] == ["roles/compute.viewer", "roles/owner"]
    with pytest.raises(exceptions.Conflict, match="concurrent policy changes"):
        client.set_iam_policy(request=iam_policy_pb2.SetIamPolicyRequest(resource=PROJECT, policy=policy))
    asked = ["compute.networks.create", "resourcemanager.projects.get"]
    assert list(client.test_iam_permissions(resource=PROJECT, permissions=asked).permissions) == asked
    with grpc.insecure_channel(f"127.0.0.1:{cloud.grpc_port}") as channel:
        iam = iam_admin_v1.IAMClient(transport=iam_admin_v1.IAMClient.get_transport_class("grpc")(channel=channel))
        role = iam_admin_v1.Role(title="t", included_permissions=["compute.networks.get"])
        made = iam.create_role(request=iam_admin_v1.CreateRoleRequest(parent=PROJECT, role_id="made", role=role))
        assert list(iam.get_role(request={"name": made.name}).included_permissions) == ["compute.networks.get"]
        assert iam.delete_role(request={"name": made.name, "etag": made.etag}).deleted
        with pytest.raises(exceptions.FailedPrecondition, match="deleted state"):
            iam.create_role(request=iam_admin_v1.CreateRoleRequest(parent=PROJECT, role_id="made", role=role))
        assert not iam.undelete_role(request={"name": made.name}).deleted


def test_a_deleted_accounts_bindings_stay_under_another_name_and_come_back_with_it(cloud):
    made = cloud.ask("POST", f"/v1/{PROJECT}/serviceAccounts", {"accountId": "going-account"})
    path = f"/v1/{PROJECT}/serviceAccounts/{made['email']}"
    for _ in range(100):
        if cloud.http.get(path).status_code == 200:
            break
    grant(cloud, "compute.networks.list", member=f"serviceAccount:{made['email']}")
    cloud.ask("DELETE", path)

    def members():
        return {member for each in cloud.ask("POST", f"/v3/{PROJECT}:getIamPolicy", {})["bindings"] for member in each["members"]}

    assert f"deleted:serviceAccount:{made['email']}?uid={made['uniqueId']}" in members()
    cloud.ask("POST", f"/v1/{PROJECT}/serviceAccounts/{made['uniqueId']}:undelete", {})
    assert f"serviceAccount:{made['email']}" in members()


def test_a_deleted_custom_role_grants_nothing(cloud):
    grant(cloud, "compute.networks.list")
    assert as_alice(cloud, "GET", "global/networks").status_code == 200
    cloud.ask("DELETE", f"/v1/{PROJECT}/roles/narrow")
    assert as_alice(cloud, "GET", "global/networks").status_code == 403


def constrain(cloud, **rules):
    cloud.admin("PUT", "orgpolicies", {name.replace("__", "."): value for name, value in rules.items()})


def template_of(**properties):
    interface = {"subnetwork": f"{PROJECT}/regions/us-central1/subnetworks/net-sub"}
    image = {**HYPERDISK, "sourceImage": "projects/debian-cloud/global/images/family/debian-12"}
    disks = [{"boot": True, "initializeParams": image}]
    return {"name": "held", "properties": {**VM, "disks": disks, "networkInterfaces": [interface], **properties}}


def test_each_constraint_is_a_412_in_googles_words(cloud):
    cloud.network()
    external = [{"subnetwork": f"{PROJECT}/regions/us-central1/subnetworks/net-sub", "accessConfigs": [{}]}]
    cases = (
        ("compute__requireShieldedVm", [{"enforce": True}], "global/instanceTemplates", template_of()),
        ("compute__vmExternalIpAccess", [{"denyAll": True}], "global/instanceTemplates", template_of(networkInterfaces=external)),
        ("compute__trustedImageProjects", [{"values": {"allowedValues": ["projects/ours"]}}], "global/instanceTemplates", template_of()),
        ("gcp__resourceLocations", [{"values": {"allowedValues": ["in:us-east5-locations"]}}], "regions/us-central1/routers", {"name": "r"}),
        (
            "compute__restrictLoadBalancerCreationForTypes", [{"values": {"deniedValues": ["in:EXTERNAL"]}}], "global/forwardingRules",
            {"name": "f", "loadBalancingScheme": "EXTERNAL_MANAGED"},
        ),
    )  # fmt: skip
    for constraint, rules, path, body in cases:
        constrain(cloud, **{constraint: rules})
        error = cloud.ask("POST", path, body, status=412)["error"]
        assert error["message"].startswith(f"Constraint constraints/{constraint.replace('__', '.')} violated for project ")
        assert error["errors"][0]["reason"] == "conditionNotMet"
        constrain(cloud, **{constraint: None})
    cloud.do("POST", "global/instanceTemplates", template_of())


def test_accounts_members_and_the_default_network_are_constrained_too(start_emulator):
    cloud = start_emulator("--time-scale", "600")
    constrain(cloud, compute__skipDefaultNetworkCreation=[{"enforce": True}], iam__disableServiceAccountCreation=[{"enforce": True}])
    constrain(cloud, iam__allowedPolicyMemberDomains=[{"values": {"allowedValues": ["example.com"]}}])
    cloud.enable("compute", "iam", "cloudresourcemanager")
    assert "items" not in cloud.ask("GET", "global/networks")
    error = cloud.ask("POST", f"/v1/{PROJECT}/serviceAccounts", {"accountId": "some-account"}, status=400)["error"]
    assert error["status"] == "FAILED_PRECONDITION"
    binding = {"role": "roles/compute.viewer", "members": ["user:eve@elsewhere.org"]}
    error = cloud.ask("POST", f"/v3/{PROJECT}:setIamPolicy", {"policy": {"bindings": [binding]}}, status=400)["error"]
    assert "permitted customer" in error["message"]


def test_the_client_sets_and_reads_policies_and_the_default_is_effective_without_one(cloud):
    transport = orgpolicy_v2.OrgPolicyClient.get_transport_class("rest")
    client = orgpolicy_v2.OrgPolicyClient(
        transport=transport(host=f"127.0.0.1:{cloud.port}", url_scheme="http", credentials=AnonymousCredentials())
    )
    name = f"{PROJECT}/policies/compute.requireShieldedVm"
    assert not client.get_effective_policy(name=name).spec.rules[0].enforce
    spec = orgpolicy_v2.PolicySpec(rules=[orgpolicy_v2.PolicySpec.PolicyRule(enforce=True)])
    client.create_policy(parent=PROJECT, policy=orgpolicy_v2.Policy(name=name, spec=spec))
    assert client.get_effective_policy(name=name).spec.rules[0].enforce
    assert [each.name.rpartition("/")[2] for each in client.list_policies(parent=PROJECT)] == ["compute.requireShieldedVm"]
    changed = orgpolicy_v2.Policy(name=name, spec=orgpolicy_v2.PolicySpec(rules=[orgpolicy_v2.PolicySpec.PolicyRule(enforce=False)]))
    assert not client.update_policy(policy=changed).spec.rules[0].enforce
    client.delete_policy(name=name)
    with pytest.raises(exceptions.NotFound):
        client.get_policy(name=name)
    assert client.list_constraints(parent=PROJECT)
