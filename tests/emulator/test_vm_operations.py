"""What a group does to its VMs is told by operations on them, with the instants the bill is made of."""

from datetime import UTC, datetime

GROUP = "zones/us-central1-c/instanceGroupManagers/group"
OPERATIONS = "zones/us-central1-c/operations"


def of_vms(emulator, kind):
    found = emulator.ask("GET", f"{OPERATIONS}?orderBy=creationTimestamp%20desc")["items"]
    return [each for each in found if "/instances/" in each["targetLink"] and each["operationType"] == kind]


def test_the_end_of_a_vm_is_the_end_of_its_delete_operation_as_billed(stepped):
    stepped.network()
    stepped.template()
    stepped.group(2)
    assert [each["status"] for each in of_vms(stepped, "insert")] == ["RUNNING", "RUNNING"]
    stepped.advance(3600)
    vms = stepped.ask("GET", "zones/us-central1-c/instances")["items"]
    made = {each["targetId"]: each for each in of_vms(stepped, "insert")}
    assert {each["id"]: each["lastStartTimestamp"] for each in vms} == {number: each["endTime"] for number, each in made.items()}
    stepped.do("POST", f"{GROUP}/resize?size=1")
    stepped.advance(600)
    (gone,) = of_vms(stepped, "delete")
    assert stepped.ask("GET", f"{OPERATIONS}/{gone['name']}") == gone
    (line,) = [each for each in stepped.admin("GET", "bill")["lines"] if each["kind"] == "compute.instances" and each["end"]]
    assert line["end"][:19] == stepped_utc(gone["endTime"])
    stepped.advance(15 * 86_400)
    assert of_vms(stepped, "delete") == []


def test_a_host_that_fails_ends_the_bill_where_its_vm_stopped(stepped):
    stepped.network()
    stepped.template()
    stepped.group(1, instanceLifecyclePolicy={"defaultActionOnFailure": "DO_NOTHING"})
    stepped.advance(600)
    stepped.admin("POST", "faults", {"type": "host_failure", "group": "group"})
    stepped.advance(60)
    (vm,) = stepped.ask("GET", "zones/us-central1-c/instances")["items"]
    (failed,) = of_vms(stepped, "compute.instances.hostError")
    assert (vm["status"], vm["lastStopTimestamp"]) == ("TERMINATED", failed["endTime"])


def stepped_utc(text):
    return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
