"""Autoscalers size their groups: by the load balancer's rate and by metrics, within bounds, and no faster than they may shrink."""

from datetime import datetime

import httpx
import pytest

ZONE = "zones/us-central1-c"
SCALERS = f"{ZONE}/autoscalers"


def whole_minute(emulator):
    """The next whole minute, and that it is now."""
    emulator.advance(-datetime.fromisoformat(emulator.now()).timestamp() % 60)
    return emulator.now()


@pytest.fixture
def balanced(stepped):
    """One group of two VMs that serve, each said to take one request a second, behind a forwarding rule; it is a whole minute."""
    stepped.network()
    stepped.template()
    stepped.health_check()
    group = stepped.group(2)
    backend = {"group": f"projects/test-project/{group.replace('Managers', 's')}", "balancingMode": "RATE", "maxRatePerInstance": 1}
    stepped.front(stepped.backend_service(backends=[backend]))
    stepped.advance(60 * 20)
    whole_minute(stepped)
    return stepped, group


def scaler(emulator, group, **policy):
    """An autoscaler of the group: two to ten VMs at half of their rate, shrinking after five minutes, unless `policy` says otherwise."""
    given = {
        "minNumReplicas": 2,
        "maxNumReplicas": 10,
        "coolDownPeriodSec": 60,
        "stabilizationPeriodSec": 300,
        "loadBalancingUtilization": {"utilizationTarget": 0.5},
        **policy,
    }
    body = {"name": "scaler", "target": f"projects/test-project/{group}", "autoscalingPolicy": {k: v for k, v in given.items() if v}}
    emulator.do("POST", SCALERS, body)
    whole_minute(emulator)


def change(emulator, **policy):
    emulator.do("PATCH", f"{SCALERS}?autoscaler=scaler", {"autoscalingPolicy": policy})


def found(emulator):
    return emulator.ask("GET", f"{SCALERS}/scaler")


def details(emulator):
    return {each["type"] for each in found(emulator).get("statusDetails", [])}


def size(emulator, group):
    return emulator.ask("GET", group)["targetSize"]


def play(emulator, *per_minute):
    """Requests of the minutes to come."""
    trace = {"since": whole_minute(emulator), "bin_minutes": 1, "requests": list(per_minute), "requests_per_chip_minute": 1000}
    emulator.admin("PUT", "traffic", {"rule": trace})


def minutes(emulator, count):
    emulator.advance(60 * count)


def test_it_grows_with_the_load_and_shrinks_after_the_stabilization_period(balanced):
    emulator, group = balanced
    scaler(emulator, group)
    assert size(emulator, group) == 2
    play(emulator, 150, *[60] * 30)
    minutes(emulator, 1)
    assert size(emulator, group) == 5, "150 a minute are 2.5 a second: five VMs at half a request a second each"
    minutes(emulator, 5)
    assert size(emulator, group) == 5, "the peak is less than five minutes ago"
    minutes(emulator, 2)
    assert size(emulator, group) == 2, "sixty a minute are one a second"
    assert found(emulator)["recommendedSize"] == 2
    assert float(emulator.admin("GET", "bill")["usd_per_hour"]) > 0


def test_the_bounds_hold_whatever_is_called_for(balanced):
    emulator, group = balanced
    scaler(emulator, group)
    play(emulator, *[900] * 60)
    minutes(emulator, 1)
    assert (size(emulator, group), details(emulator)) == (10, {"CAPPED_AT_MAX_NUM_REPLICAS"})
    change(emulator, maxNumReplicas=4)
    minutes(emulator, 1)
    assert size(emulator, group) == 4, "at the next look, whatever the stabilization period"
    change(emulator, minNumReplicas=4)
    assert "MIN_EQUALS_MAX" in details(emulator)


def test_requests_over_the_wire_count(balanced):
    emulator, group = balanced
    scaler(emulator, group, minNumReplicas=1)
    minutes(emulator, 10)
    assert (size(emulator, group), details(emulator)) == (1, {"MISSING_LOAD_BALANCING_DATA_POINTS"}), "no requests are no load"
    (listener,) = emulator.admin("GET", "listeners")["listeners"]
    for _ in range(45):  # a GET takes no emulated time, so all of them are of this minute
        assert httpx.get(f"{listener['url']}/health").status_code == 200
    minutes(emulator, 1)
    assert size(emulator, group) == 2


def test_off_only_recommends_and_lets_others_resize_and_only_scale_out_never_shrinks(balanced):
    emulator, group = balanced
    scaler(emulator, group)
    play(emulator, 150, *[60] * 60)
    change(emulator, mode="OFF")
    minutes(emulator, 1)
    assert (size(emulator, group), found(emulator)["recommendedSize"], details(emulator)) == (2, 5, {"MODE_OFF"})
    emulator.do("POST", f"{group}/resize?size=3")
    minutes(emulator, 10)
    change(emulator, mode="ON")
    emulator.ask("POST", f"{group}/resize?size=2", status=412)
    minutes(emulator, 4)
    assert size(emulator, group) == 3, "what it finds as it comes on is the peak so far"
    change(emulator, mode="ONLY_SCALE_OUT")
    minutes(emulator, 20)
    assert (size(emulator, group), details(emulator)) == (3, {"MODE_ONLY_UP"})
    change(emulator, mode="ON")
    minutes(emulator, 1)
    assert size(emulator, group) == 2


def test_scale_in_control_limits_what_goes_at_once(balanced):
    emulator, group = balanced
    scaler(emulator, group, stabilizationPeriodSec=60, scaleInControl={"maxScaledInReplicas": {"fixed": 2}, "timeWindowSec": 600})
    play(emulator, 240, *[30] * 60)
    minutes(emulator, 5)
    assert size(emulator, group) == 6, "two below the peak of eight"
    minutes(emulator, 8)
    assert size(emulator, group) == 2


def test_what_stands_in_its_way_is_told(balanced):
    emulator, group = balanced
    scaler(emulator, group)
    service = "global/backendServices/backend"
    live = emulator.ask("GET", service)
    whole = {
        "backends": [{"group": live["backends"][0]["group"], "balancingMode": "RATE", "maxRate": 5}],
        "fingerprint": live["fingerprint"],
    }
    emulator.do("PATCH", service, whole)
    assert details(emulator) == {"UNSUPPORTED_MAX_RATE_LOAD_BALANCING_CONFIGURATION"}
    assert found(emulator)["status"] == "ERROR"
    emulator.do("PATCH", service, {"backends": [], "fingerprint": emulator.ask("GET", service)["fingerprint"]})
    assert details(emulator) == {"BACKEND_SERVICE_DOES_NOT_EXIST"}
    emulator.admin("POST", "faults", {"type": "stock", "zone": "us-central1-c", "machine_type": "tpu7x-standard-4t", "available": 0})
    change(emulator, minNumReplicas=3)
    minutes(emulator, 2)
    assert "ZONE_RESOURCE_STOCKOUT" in details(emulator)


def write(emulator, value, resource="global", **labels):
    point = {"interval": {"endTime": emulator.now()}, "value": {"doubleValue": value}}
    series = {"metric": {"type": "custom.googleapis.com/queue"}, "resource": {"type": resource, "labels": labels}, "points": [point]}
    emulator.ask("POST", "/v3/projects/test-project/timeSeries", {"timeSeries": [series]})


def test_a_metric_of_the_group_is_shared_out_and_one_of_each_vm_averaged(balanced):
    emulator, group = balanced
    emulator.enable("monitoring")
    queue = {"metric": "custom.googleapis.com/queue", "filter": 'resource.type = "global"', "singleInstanceAssignment": 10}
    scaler(emulator, group, loadBalancingUtilization=None, customMetricUtilizations=[queue])
    assert details(emulator) == {"CUSTOM_METRIC_INVALID"}, "nobody has written it"
    write(emulator, 55)
    minutes(emulator, 1)
    assert size(emulator, group) == 6
    minutes(emulator, 10)
    assert (size(emulator, group), details(emulator)) == (6, {"MISSING_CUSTOM_METRIC_DATA_POINTS"}), "no data leaves it as it is"
    change(emulator, customMetricUtilizations=[{"metric": "custom.googleapis.com/queue", "utilizationTarget": 10}])
    for each in emulator.managed(group)[:6]:
        write(emulator, 14, "gce_instance", instance_id=each["id"], zone="us-central1-c")
    minutes(emulator, 1)
    assert size(emulator, group) == 9, "six VMs at 14 are 84: nine at ten"


def test_vms_in_their_initialization_period_are_not_measured(balanced):
    emulator, group = balanced
    scaler(emulator, group, coolDownPeriodSec=3600)
    play(emulator, *[300] * 10)
    minutes(emulator, 3)
    assert size(emulator, group) == 2, "both began less than an hour ago"


def test_a_bulk_group_has_none(stepped):
    stepped.network()
    stepped.template()
    stepped.do(
        "POST",
        "regions/us-central1/resourcePolicies",
        {"name": "cube", "workloadPolicy": {"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x2"}},
    )
    policy = {"workloadPolicy": "projects/test-project/regions/us-central1/resourcePolicies/cube"}
    repair = {"defaultActionOnFailure": "DO_NOTHING"}
    group = stepped.group(0, targetSizePolicy={"mode": "BULK"}, resourcePolicies=policy, instanceLifecyclePolicy=repair)
    body = {"name": "scaler", "target": f"projects/test-project/{group}", "autoscalingPolicy": {"maxNumReplicas": 2}}
    assert "cannot be autoscaled" in stepped.ask("POST", SCALERS, body, status=400)["error"]["message"]
