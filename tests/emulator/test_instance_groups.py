"""What zonal managed instance groups do with their VMs."""

from collections import Counter

import pytest

GROUP = "zones/us-central1-c/instanceGroupManagers/group"


@pytest.fixture
def ready(stepped):
    """A network and a TPU7x template."""
    stepped.network()
    stepped.template()
    return stepped


def actions(emulator):
    return Counter(vm["currentAction"] for vm in emulator.managed(GROUP))


def stable(emulator):
    return emulator.ask("GET", GROUP)["status"]["isStable"]


def test_vms_boot_and_the_group_is_stable_when_none_is_in_an_action(ready):
    ready.group(3)
    assert actions(ready) == {"CREATING": 3}
    assert not stable(ready)
    assert {vm["instanceStatus"] for vm in ready.managed(GROUP)} == {"PROVISIONING"}
    ready.advance(30)
    assert {vm["instanceStatus"] for vm in ready.managed(GROUP)} == {"STAGING"}
    ready.advance(31)
    assert {vm["instanceStatus"] for vm in ready.managed(GROUP)} == {"RUNNING"}
    assert actions(ready) == {"NONE": 3}
    assert stable(ready)
    instances = ready.ask("GET", "zones/us-central1-c/instances")["items"]
    assert {vm["status"] for vm in instances} == {"RUNNING"}
    assert all(vm["lastStartTimestamp"] > vm["creationTimestamp"] for vm in instances)
    assert ready.ask("GET", "zones/us-central1-c/instanceGroups/group")["size"] == 3


def test_a_group_holds_at_most_a_thousand_vms(ready):
    body = {"name": "group", "targetSize": 1001, "instanceTemplate": "global/instanceTemplates/template"}
    answer = ready.ask("POST", "zones/us-central1-c/instanceGroupManagers", body, status=400)["error"]
    assert answer["message"] == "Invalid value for field 'resource.targetSize': '1001'. Value must be between 0 and 1000."
    ready.group(0)
    ready.ask("POST", f"{GROUP}/resize?size=1001", status=400)


def test_a_group_in_a_zone_without_its_machine_type_is_refused(ready):
    body = {"name": "group", "targetSize": 1, "instanceTemplate": "global/instanceTemplates/template"}
    answer = ready.ask("POST", "zones/us-central1-a/instanceGroupManagers", body, status=400)["error"]
    assert "does not exist in zone 'us-central1-a'" in answer["message"]


def test_a_resize_is_done_before_its_vms_are_there_and_picks_its_own_victims(ready):
    ready.group(2)
    ready.advance(61)
    ready.do("POST", f"{GROUP}/resize?size=4")
    assert actions(ready) == {"NONE": 2, "CREATING": 2}
    young = {vm["name"] for vm in ready.managed(GROUP) if vm["currentAction"] == "CREATING"}
    ready.do("POST", f"{GROUP}/resize?size=2")
    assert {vm["name"] for vm in ready.managed(GROUP) if vm["currentAction"] == "DELETING"} == young
    ready.advance(61)
    assert actions(ready) == {"NONE": 2}
    assert stable(ready)


def test_delete_instances_lowers_the_target_size_by_the_vms_named(ready):
    ready.group(3)
    ready.advance(61)
    victim, *others = [vm["name"] for vm in ready.managed(GROUP)]
    body = {"instances": [f"zones/us-central1-c/instances/{victim}"]}
    ready.do("POST", f"{GROUP}/deleteInstances", body)
    manager = ready.ask("GET", GROUP)
    assert manager["targetSize"] == 2
    assert manager["currentActions"]["deleting"] == 1
    ready.do("POST", f"{GROUP}/deleteInstances", body)
    assert ready.ask("GET", GROUP)["targetSize"] == 2
    ready.advance(61)
    assert [vm["name"] for vm in ready.managed(GROUP)] == others
    answer = ready.ask("POST", f"{GROUP}/deleteInstances", body, status=400)["error"]
    assert "is not a member of" in answer["message"]


def test_a_vm_of_a_backend_drains_for_the_whole_timeout_before_it_goes(ready):
    ready.health_check()
    group = ready.group(2)
    ready.backend_service(group, drain=300)
    ready.advance(60 + 420)
    name = ready.managed(GROUP)[0]["name"]
    ready.ask("POST", f"{GROUP}/deleteInstances", {"instances": [f"zones/us-central1-c/instances/{name}"]})
    ready.advance(359)
    assert actions(ready) == {"DELETING": 1, "NONE": 1}
    ready.advance(2)
    assert actions(ready) == {"NONE": 1}


def test_a_recreated_vm_keeps_its_name_and_gets_a_new_id(ready):
    ready.group(1)
    ready.advance(61)
    (before,) = ready.managed(GROUP)
    ready.do("POST", f"{GROUP}/recreateInstances", {"instances": [before["instance"]]})
    assert actions(ready) == {"RECREATING": 1}
    ready.advance(61 + 61)
    (after,) = ready.managed(GROUP)
    assert (after["name"], after["currentAction"]) == (before["name"], "NONE")
    assert after["id"] != before["id"]


def test_a_vm_deleted_by_hand_comes_back_under_its_name(ready):
    ready.group(1)
    ready.advance(61)
    (before,) = ready.managed(GROUP)
    ready.do("DELETE", f"zones/us-central1-c/instances/{before['name']}")
    ready.advance(121)
    (after,) = ready.managed(GROUP)
    assert after["name"] == before["name"]
    assert after["id"] != before["id"]


def test_the_quota_in_chips_does_not_refuse_the_group_and_shows_in_list_errors(ready):
    ready.admin("PUT", "quotas", {"us-central1/TPU7X": 8})
    ready.group(3)
    ready.advance(61)
    assert actions(ready) == {"NONE": 2, "CREATING": 1}
    errors = ready.ask("GET", f"{GROUP}/listErrors")["items"]
    assert {entry["error"]["code"] for entry in errors} == {"QUOTA_EXCEEDED"}
    assert "Limit: 8.0 in region us-central1." in errors[0]["error"]["message"]
    ready.admin("PUT", "quotas", {"us-central1/TPU7X": 12})
    ready.advance(121)
    assert actions(ready) == {"NONE": 3}
    metrics = {quota["metric"] for quota in ready.ask("GET", "regions/us-central1")["quotas"]}
    assert not any("TPU" in metric for metric in metrics)


def test_a_stockout_shows_in_list_errors_and_the_group_keeps_trying(ready):
    fault = ready.admin("POST", "faults", {"type": "stock", "zone": "us-central1-c", "machine_type": "tpu7x-standard-4t", "available": 1})
    ready.group(2)
    ready.advance(61)
    assert actions(ready) == {"NONE": 1, "CREATING": 1}
    codes = {entry["error"]["code"] for entry in ready.ask("GET", f"{GROUP}/listErrors")["items"]}
    assert codes == {"ZONE_RESOURCE_POOL_EXHAUSTED"}
    assert len(ready.ask("GET", "zones/us-central1-c/instances")["items"]) == 1
    ready.admin("DELETE", f"faults/{fault['id']}")
    ready.advance(121)
    assert stable(ready)


def test_autohealing_recreates_a_vm_that_is_not_healthy_after_the_initial_delay(ready):
    check = ready.health_check()
    ready.group(2, autoHealingPolicies=[{"healthCheck": check, "initialDelaySec": 600}])
    ready.advance(61)
    assert actions(ready) == {"VERIFYING": 2}
    ready.advance(60 + 420)
    assert actions(ready) == {"NONE": 2}
    assert {vm["instanceHealth"][0]["detailedHealthState"] for vm in ready.managed(GROUP)} == {"HEALTHY"}
    ready.advance(300)
    sick, well = ready.managed(GROUP)
    ready.admin("POST", "faults", {"type": "unhealthy", "instance": sick["name"]})
    ready.advance(19)
    assert actions(ready) == {"NONE": 2}
    ready.advance(2)
    assert {vm["name"]: vm["currentAction"] for vm in ready.managed(GROUP)} == {sick["name"]: "RECREATING", well["name"]: "NONE"}


def test_without_an_initial_delay_autohealing_never_lets_a_slow_vm_live(ready):
    check = ready.health_check()
    ready.group(1, autoHealingPolicies=[{"healthCheck": check}])
    (first,) = ready.managed(GROUP)
    ready.advance(85)
    assert actions(ready) == {"RECREATING": 1}
    ready.advance(130)
    assert ready.managed(GROUP)[0]["id"] != first["id"]


@pytest.mark.parametrize(("policy", "outdated_after"), [("OPPORTUNISTIC", 3), ("PROACTIVE", 0)])
def test_a_new_template_rolls_out_as_the_update_policy_says(ready, policy, outdated_after):
    ready.group(3, updatePolicy={"type": policy, "maxSurge": {"fixed": 1}, "maxUnavailable": {"fixed": 0}})
    ready.advance(61)
    ready.template("second", labels={"tier": "other"})
    body = {"instanceTemplate": "global/instanceTemplates/second"}
    ready.do("POST", f"{GROUP}/setInstanceTemplate", body)
    least = 3
    for _ in range(60):
        ready.advance(10)
        vms = ready.managed(GROUP)
        least = min(least, sum(vm["currentAction"] == "NONE" for vm in vms))
    outdated = sum(vm["version"]["instanceTemplate"].endswith("/template") for vm in ready.managed(GROUP))
    assert outdated == outdated_after
    assert least == 3
    assert ready.ask("GET", GROUP)["status"]["versionTarget"]["isReached"] == (outdated_after == 0)
    if policy == "PROACTIVE":
        ready.do("DELETE", "global/instanceTemplates/template")
    else:
        ready.ask("DELETE", "global/instanceTemplates/template", status=400)


def test_a_group_that_is_a_backend_cannot_be_deleted_and_one_that_is_not_goes_with_its_vms(ready):
    ready.health_check()
    group = ready.group(2)
    ready.backend_service(group)
    ready.advance(61)
    answer = ready.ask("DELETE", GROUP, status=400)["error"]
    assert answer["errors"][0]["reason"] == "resourceInUseByAnotherResource"
    ready.do("DELETE", "global/backendServices/backend")
    operation = ready.ask("DELETE", GROUP)
    assert operation["status"] == "RUNNING"
    ready.ask("DELETE", "global/instanceTemplates/template", status=400)
    ready.done(operation)
    ready.ask("GET", GROUP, status=404)
    assert "items" not in ready.ask("GET", "zones/us-central1-c/instances")
    ready.do("DELETE", "global/instanceTemplates/template")


def test_capacity_scaler_cannot_be_zero_on_the_only_backend(ready):
    ready.health_check()
    group = ready.group(1)
    ready.group(1, name="other")
    ready.backend_service(group)
    service = ready.ask("GET", "global/backendServices/backend")
    backend = service["backends"][0]
    other = {**backend, "group": backend["group"].replace("/group", "/other")}
    alone = {"fingerprint": service["fingerprint"], "backends": [{**backend, "capacityScaler": 0}]}
    assert "capacityScaler" in ready.ask("PATCH", "global/backendServices/backend", alone, status=400)["error"]["message"]
    both = {"fingerprint": service["fingerprint"], "backends": [{**backend, "capacityScaler": 0}, other]}
    ready.do("PATCH", "global/backendServices/backend", both)


def test_a_tier_of_2304_vms_in_three_groups_is_listed_whole(ready):
    for name, size in (("a", 768), ("b", 768), ("c", 768)):
        ready.group(size, name=name)
    ready.advance(61)
    names, token = [], ""
    while token is not None:
        page = ready.ask("GET", f"zones/us-central1-c/instances?maxResults=500&pageToken={token}")
        names += [vm["name"] for vm in page["items"]]
        token = page.get("nextPageToken")
    assert len(set(names)) == 2304
    assert len(ready.managed("zones/us-central1-c/instanceGroupManagers/a")) == 768
