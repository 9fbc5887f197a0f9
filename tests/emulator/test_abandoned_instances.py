"""abandonInstances: the named VMs leave their group and live on, unsized, unhealed and billed, until somebody deletes them."""

from decimal import Decimal

import pytest

ZONE = "zones/us-central1-c"
GROUP = f"{ZONE}/instanceGroupManagers/group"


@pytest.fixture
def running(stepped):
    """A group of three running VMs."""
    stepped.network()
    stepped.template()
    stepped.group(3)
    stepped.advance(61)
    return stepped


def vms(emulator):
    return {vm["name"]: vm for vm in emulator.ask("GET", f"{ZONE}/instances").get("items", [])}


def abandon(emulator, *names):
    emulator.do("POST", f"{GROUP}/abandonInstances", {"instances": [f"{ZONE}/instances/{name}" for name in names]})


def billed(emulator):
    return Decimal(emulator.admin("GET", "bill")["total_usd"])


def test_an_abandoned_vm_leaves_its_group_lowers_the_target_size_and_runs_on_unchanged(running):
    before = vms(running)
    gone, *others = sorted(before)
    abandon(running, gone)
    manager = running.ask("GET", GROUP)
    assert (manager["targetSize"], manager["status"]["isStable"]) == (2, True)
    assert sorted(vm["name"] for vm in running.managed(GROUP)) == others
    members = running.ask("POST", f"{ZONE}/instanceGroups/group/listInstances", {})["items"]
    assert sorted(each["instance"].rpartition("/")[2] for each in members) == others
    assert vms(running) == before
    assert before[gone]["labels"] == {"tier": "small"}
    running.advance(3600)
    assert vms(running) == before
    assert len(running.managed(GROUP)) == 2


def test_neither_a_resize_nor_the_groups_end_touches_an_abandoned_vm(running):
    gone = next(iter(vms(running)))
    abandon(running, gone)
    running.do("POST", f"{GROUP}/resize?size=0")
    running.advance(61)
    running.do("DELETE", GROUP)
    running.ask("GET", GROUP, status=404)
    assert {name: vm["status"] for name, vm in vms(running).items()} == {gone: "RUNNING"}
    before = billed(running)
    running.advance(3600)
    assert billed(running) > before


def test_an_abandoned_vm_keeps_its_template_in_use_until_it_is_deleted_and_is_not_made_anew(running):
    gone = next(iter(vms(running)))
    abandon(running, gone)
    running.do("DELETE", GROUP)
    answer = running.ask("DELETE", "global/instanceTemplates/template", status=400)["error"]
    assert answer["errors"][0]["reason"] == "resourceInUseByAnotherResource"
    running.do("DELETE", f"{ZONE}/instances/{gone}")
    running.advance(60)
    assert vms(running) == {}
    before = billed(running)
    running.advance(3600)
    assert billed(running) == before
    running.do("DELETE", "global/instanceTemplates/template")


def test_only_members_can_be_abandoned(running):
    gone = next(iter(vms(running)))
    abandon(running, gone)
    body = {"instances": [f"{ZONE}/instances/{gone}"]}
    assert "is not a member of" in running.ask("POST", f"{GROUP}/abandonInstances", body, status=400)["error"]["message"]
    running.ask("POST", f"{GROUP}/abandonInstances", {}, status=400)
    assert running.ask("GET", GROUP)["targetSize"] == 2


def test_an_abandoned_vm_counts_against_the_quota_of_its_family(running):
    gone = next(iter(vms(running)))
    running.admin("PUT", "quotas", {"us-central1/TPU7X": 12})
    abandon(running, gone)
    running.do("POST", f"{GROUP}/resize?size=3")
    running.advance(61)
    assert {entry["error"]["code"] for entry in running.ask("GET", f"{GROUP}/listErrors")["items"]} == {"QUOTA_EXCEEDED"}
    assert len(vms(running)) == 3
