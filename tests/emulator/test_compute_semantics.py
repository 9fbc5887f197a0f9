"""What Compute Engine enforces on every kind, request by request."""

import uuid


def error(emulator, method, path, body=None, status=400):
    answer = emulator.ask(method, path, body, status)["error"]
    assert answer["code"] == status
    assert answer["errors"][0]["message"] == answer["message"]
    return answer["errors"][0]["reason"], answer["message"]


def check_body(name="check", **fields):
    return {"name": name, "type": "HTTP", **fields}


def test_an_insert_answers_a_running_operation_and_the_resource_is_ready_when_it_is_done(stepped):
    operation = stepped.ask("POST", "global/healthChecks", check_body())
    assert (operation["status"], operation["progress"], operation["operationType"]) == ("RUNNING", 0, "insert")
    assert "endTime" not in operation
    done = stepped.done(operation)
    assert (done["status"], done["progress"]) == ("DONE", 100)
    check = stepped.ask("GET", "global/healthChecks/check")
    assert check["id"] == operation["targetId"]
    assert check["checkIntervalSec"] == 5
    assert check["selfLink"] == operation["targetLink"]


def test_a_missing_resource_is_not_found_in_computes_envelope(stepped):
    link = f"projects/{stepped.project}/global/firewalls/test"
    assert error(stepped, "GET", "global/firewalls/test", status=404) == ("notFound", f"The resource '{link}' was not found")


def test_a_duplicate_name_is_refused_at_once(stepped):
    stepped.do("POST", "global/healthChecks", check_body())
    assert error(stepped, "POST", "global/healthChecks", check_body(), status=409)[0] == "alreadyExists"


def test_a_resource_whose_insert_runs_is_not_ready_to_be_used_or_deleted(stepped):
    stepped.ask("POST", "global/healthChecks", check_body())
    link = f"projects/{stepped.project}/global/healthChecks/check"
    body = {"name": "b", "healthChecks": [link]}
    assert error(stepped, "POST", "global/backendServices", body) == ("resourceNotReady", f"The resource '{link}' is not ready")
    assert error(stepped, "DELETE", "global/healthChecks/check")[0] == "resourceNotReady"


def test_names_are_checked_against_googles_expression(stepped):
    reason, message = error(stepped, "POST", "global/healthChecks", check_body("Bad_Name"))
    assert reason == "invalid"
    assert message == (
        "Invalid value for field 'resource.name': 'Bad_Name'. Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
    )


def test_an_unknown_field_and_a_wrong_type_are_refused_in_googles_words(stepped):
    reason, message = error(stepped, "POST", "global/healthChecks", check_body(colour="red"))
    assert message == 'Invalid JSON payload received. Unknown name "colour": Cannot find field.'
    _, message = error(stepped, "POST", "global/healthChecks", check_body(timeoutSec="soon"))
    assert message == "Invalid JSON payload received. Invalid value at 'timeout_sec' (TYPE_INT32), \"soon\""
    assert reason == "invalid"


def test_naming_what_does_not_exist_is_not_found(stepped):
    assert (
        error(stepped, "POST", "global/urlMaps", {"name": "m", "defaultService": "global/backendServices/none"}, status=404)[0]
        == "notFound"
    )


def test_any_host_and_version_in_a_reference_means_the_same_resource(stepped):
    stepped.do("POST", "global/healthChecks", check_body())
    reference = f"{stepped.url}/compute/beta/projects/123456789012/global/healthChecks/check"
    stepped.do("POST", "global/backendServices", {"name": "b", "healthChecks": [reference]})
    expected = f"https://www.googleapis.com/compute/v1/projects/{stepped.project}/global/healthChecks/check"
    assert stepped.ask("GET", "global/backendServices/b")["healthChecks"] == [expected]


def test_a_delete_in_use_is_refused_until_the_users_own_delete_is_done(stepped):
    stepped.do("POST", "global/healthChecks", check_body())
    link = f"projects/{stepped.project}/global/healthChecks/check"
    stepped.do("POST", "global/backendServices", {"name": "b", "healthChecks": [link]})
    user = f"projects/{stepped.project}/global/backendServices/b"
    expected = ("resourceInUseByAnotherResource", f"The health_check resource '{link}' is already being used by '{user}'")
    assert error(stepped, "DELETE", "global/healthChecks/check") == expected
    deleting = stepped.ask("DELETE", "global/backendServices/b")
    assert error(stepped, "DELETE", "global/healthChecks/check") == expected
    stepped.done(deleting)
    stepped.do("DELETE", "global/healthChecks/check")
    assert error(stepped, "GET", "global/healthChecks/check", status=404)[0] == "notFound"


def test_a_networks_delete_in_use_fails_in_its_operation_and_that_operations_get_is_a_200(stepped):
    network = stepped.network()
    operation = stepped.done(stepped.ask("DELETE", "global/networks/net"))
    user = f"projects/{stepped.project}/regions/us-central1/subnetworks/net-sub"
    assert operation["httpErrorStatusCode"] == 400
    assert operation["error"]["errors"] == [
        {"code": "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", "message": f"The network resource '{network}' is already being used by '{user}'"}
    ]
    assert stepped.ask("GET", "global/networks/net")["name"] == "net"


def test_a_missing_fingerprint_is_a_400_and_a_stale_one_a_412(stepped):
    stepped.do("POST", "global/healthChecks", check_body())
    stepped.do("POST", "global/backendServices", {"name": "b", "healthChecks": ["global/healthChecks/check"]})
    first = stepped.ask("GET", "global/backendServices/b")
    without = {"timeoutSec": 10}
    assert error(stepped, "PATCH", "global/backendServices/b", without)[1] == "Required field 'resource.fingerprint' not specified"
    stepped.do("PATCH", "global/backendServices/b", {"timeoutSec": 10, "fingerprint": first["fingerprint"]})
    stale = {"timeoutSec": 20, "fingerprint": first["fingerprint"]}
    assert error(stepped, "PATCH", "global/backendServices/b", stale, 412) == ("conditionNotMet", "Invalid fingerprint.")
    second = stepped.ask("GET", "global/backendServices/b")
    assert second["timeoutSec"] == 10
    assert second["fingerprint"] != first["fingerprint"]


def test_a_patch_merges_and_an_update_replaces(stepped):
    stepped.do("POST", "global/healthChecks", check_body(description="mine", checkIntervalSec=20))
    stepped.do("PATCH", "global/healthChecks/check", {"checkIntervalSec": 30})
    patched = stepped.ask("GET", "global/healthChecks/check")
    assert (patched["description"], patched["checkIntervalSec"]) == ("mine", 30)
    stepped.do("PUT", "global/healthChecks/check", check_body(timeoutSec=3))
    updated = stepped.ask("GET", "global/healthChecks/check")
    assert "description" not in updated
    assert (updated["checkIntervalSec"], updated["timeoutSec"], updated["id"]) == (5, 3, patched["id"])


def test_a_repeated_request_id_is_answered_with_the_same_operation_and_done_once(stepped):
    path = f"global/healthChecks?requestId={uuid.uuid4()}"
    first = stepped.ask("POST", path, check_body())
    assert stepped.ask("POST", path, check_body())["name"] == first["name"]
    stepped.done(first)
    assert stepped.ask("POST", path, check_body())["status"] == "DONE"
    assert error(stepped, "POST", f"global/healthChecks?requestId={uuid.UUID(int=0)}", check_body("other"))[0] == "invalid"


def test_a_port_range_reads_back_as_a_range_and_an_address_and_port_serve_one_rule(stepped):
    stepped.health_check()
    service = stepped.backend_service()
    stepped.front(service, port=80)
    rule = stepped.ask("GET", "global/forwardingRules/rule")
    assert rule["portRange"] == "80-80"
    assert stepped.ask("GET", "global/addresses/ip")["status"] == "IN_USE"
    body = {key: rule[key] for key in ("IPAddress", "target", "portRange", "loadBalancingScheme")}
    _, message = error(stepped, "POST", "global/forwardingRules", {"name": "second", **body})
    assert message == "Specified IP address is in-use and would result in a conflict."
    assert error(stepped, "DELETE", "global/addresses/ip")[0] == "resourceInUseByAnotherResource"


def test_labels_of_a_forwarding_rule_are_set_after_its_insert_with_their_fingerprint(stepped):
    stepped.health_check()
    stepped.front(stepped.backend_service())
    rule = stepped.ask("GET", "global/forwardingRules/rule")
    stale = {"labels": {"a": "b"}, "labelFingerprint": "AAAAAAAAAAA="}
    assert error(stepped, "POST", "global/forwardingRules/rule/setLabels", stale, 412)[0] == "conditionNotMet"
    stepped.do("POST", "global/forwardingRules/rule/setLabels", {"labels": {"a": "b"}, "labelFingerprint": rule["labelFingerprint"]})
    assert stepped.ask("GET", "global/forwardingRules/rule")["labels"] == {"a": "b"}


def test_a_count_quota_is_a_403_and_shows_in_the_project(stepped):
    stepped.admin("PUT", "quotas", {"global/BACKEND_SERVICES": 0})
    stepped.health_check()
    reason, message = error(stepped, "POST", "global/backendServices", {"name": "b"}, 403)
    assert (reason, message) == ("quotaExceeded", "Quota 'BACKEND_SERVICES' exceeded.  Limit: 0.0 globally.")
    quotas = stepped.ask("GET", f"/compute/v1/projects/{stepped.project}")["quotas"]
    assert {"metric": "BACKEND_SERVICES", "limit": 0.0, "usage": 0.0} in quotas


def test_operations_wait_answers_at_once_on_the_stepped_clock(stepped):
    operation = stepped.ask("POST", "global/healthChecks", check_body())
    assert stepped.ask("POST", f"global/operations/{operation['name']}/wait")["status"] == "RUNNING"


def test_lists_come_in_pages_and_filters_leave_what_they_name(stepped):
    for number in range(3):
        stepped.do("POST", "global/healthChecks", check_body(f"check-{number}"))
    first = stepped.ask("GET", "global/healthChecks?maxResults=2")
    assert [item["name"] for item in first["items"]] == ["check-0", "check-1"]
    rest = stepped.ask("GET", f"global/healthChecks?maxResults=2&pageToken={first['nextPageToken']}")
    assert [item["name"] for item in rest["items"]] == ["check-2"]
    assert "nextPageToken" not in rest
    named = stepped.ask("GET", "global/healthChecks?filter=name eq check-[12]")
    assert [item["name"] for item in named["items"]] == ["check-1", "check-2"]
    assert error(stepped, "GET", "global/healthChecks?filter=name ~~ x")[0] == "invalid"


def test_a_disabled_api_is_a_403_that_says_how_to_enable_it(stepped):
    stepped.admin("POST", "reset")
    answer = stepped.ask("GET", "global/networks", status=403)["error"]
    assert answer["message"].startswith(
        "Compute Engine API has not been used in project 123456789012 before or it is disabled. Enable it by"
    )
    assert answer["details"][0]["reason"] == "SERVICE_DISABLED"
    assert answer["status"] == "PERMISSION_DENIED"


def test_two_activations_at_a_time_are_refused(stepped):
    path = f"/v1/projects/{stepped.project}/services"
    stepped.ask("POST", f"{path}/redis.googleapis.com:enable", {})
    answer = stepped.ask("POST", f"{path}/tpu.googleapis.com:enable", {}, status=400)["error"]
    assert answer["message"] == "Another activation or deactivation is in progress."
    assert set(answer) == {"code", "message", "status"}


def test_enabling_compute_leaves_the_default_network_and_account(stepped):
    default = stepped.ask("GET", "global/networks/default")
    assert default["autoCreateSubnetworks"]
    assert len(default["subnetworks"]) == 5
    origins = {row["origin"] for row in stepped.admin("GET", "inventory")["resources"]}
    assert origins == {"google"}


def test_the_tpu7x_machine_type_is_in_its_two_zones_only(stepped):
    items = stepped.ask("GET", "aggregated/machineTypes?filter=name=tpu7x-standard-4t")["items"]
    assert {scope for scope, found in items.items() if found.get("machineTypes")} == {"zones/us-central1-c", "zones/us-central1-ai1a"}
    assert error(stepped, "GET", "zones/us-central1-a/machineTypes/tpu7x-standard-4t", status=404)[0] == "notFound"


def test_a_template_needs_a_hyperdisk_and_terminate_on_tpu7x(stepped):
    stepped.network()
    nic = [{"subnetwork": "regions/us-central1/subnetworks/net-sub"}]
    plain = {"machineType": "tpu7x-standard-4t", "disks": [{"boot": True}], "networkInterfaces": nic}
    body = {"name": "t", "properties": {**plain, "scheduling": {"onHostMaintenance": "TERMINATE"}}}
    assert "pd-standard" in error(stepped, "POST", "global/instanceTemplates", body)[1]
    hyper = [{"boot": True, "initializeParams": {"diskType": "hyperdisk-balanced"}}]
    body = {"name": "t", "properties": {**plain, "disks": hyper}}
    assert "onHostMaintenance" in error(stepped, "POST", "global/instanceTemplates", body)[1]


def test_an_image_family_answers_its_newest_image(stepped):
    family = "ubuntu-accel-2404-amd64-tpu-tpu7x"
    image = stepped.ask("GET", f"/compute/v1/projects/ubuntu-os-accelerator-images/global/images/family/{family}")
    assert image["family"] == family


def test_a_method_the_emulator_has_not_is_named(stepped):
    answer = stepped.ask("POST", "global/networks/default/addPeering", {}, status=501)["error"]
    assert answer["message"] == "compute.networks.addPeering is not emulated"
