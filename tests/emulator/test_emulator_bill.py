"""The embedded cloud's bill, to the cent."""

from decimal import Decimal

GROUP = "zones/us-central1-c/instanceGroupManagers/group"


def lines(bill, sku):
    return [line for line in bill["lines"] if line["sku"] == sku]


def cents(lines):
    return sum((Decimal(line["amount_usd"]) for line in lines), Decimal(0)).quantize(Decimal("0.01"))


def fleet(emulator, size, **properties):
    emulator.network()
    emulator.template(**properties)
    return emulator.group(size)


def test_a_vm_bills_its_chips_from_running_until_it_is_gone(stepped):
    fleet(stepped, 2)
    stepped.advance(59)
    assert lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand") == []
    stepped.advance(1 + 3600)
    chips = lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand")
    assert [(line["quantity"], line["seconds"], line["unit_price_usd"], line["end"]) for line in chips] == [("4", 3600, "12.00", None)] * 2
    assert cents(chips) == Decimal("96.00")
    stepped.do("POST", f"{GROUP}/resize?size=0")
    stepped.advance(7200)
    chips = lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand")
    assert {line["seconds"] for line in chips} == {3600 + 60}
    assert all(line["end"] for line in chips)
    assert cents(chips) == (Decimal("8") * 12 * 3660 / 3600).quantize(Decimal("0.01"))


def test_a_vm_that_lived_for_seconds_bills_a_minute(stepped):
    stepped.admin("PUT", "durations", {"vm.remove": 5})
    fleet(stepped, 1)
    stepped.advance(61)
    stepped.do("POST", f"{GROUP}/resize?size=0")
    stepped.advance(60)
    (line,) = lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand")
    assert line["seconds"] == 60
    assert line["amount_usd"] == "0.800000"


def test_spot_bills_the_spot_price_and_a_boot_disk_its_gib(stepped):
    fleet(stepped, 1, scheduling={"provisioningModel": "SPOT", "onHostMaintenance": "TERMINATE"})
    stepped.advance(60 + 36_000)
    bill = stepped.admin("GET", "bill")
    assert cents(lines(bill, "tpu7x.us-central1.spot")) == (4 * Decimal("4.332") * 10).quantize(Decimal("0.01"))
    (disk,) = lines(bill, "disk.hyperdisk-balanced")
    assert (disk["quantity"], disk["kind"]) == ("200", "compute.disks")
    assert cents([disk]) == (200 * Decimal("0.08") / 730 * 10).quantize(Decimal("0.01"))


def test_the_first_five_forwarding_rules_cost_one_price_and_an_unused_address_bills(stepped):
    stepped.health_check()
    service = stepped.backend_service()
    stepped.do("POST", "global/addresses", {"name": "spare"})
    stepped.front(service)
    rule = {"loadBalancingScheme": "EXTERNAL_MANAGED", "target": "global/targetHttpProxies/proxy", "portRange": "8080"}
    for number in range(5):
        stepped.do("POST", "global/forwardingRules", {"name": f"more-{number}", **rule})
    before = stepped.admin("GET", "bill")
    stepped.advance(36_000)
    bill = stepped.admin("GET", "bill")
    grown = cents(bill["lines"]) - cents(before["lines"])
    assert grown == Decimal("0.025") * 10 + Decimal("0.01") * 10 + Decimal("0.01") * 10
    assert Decimal(bill["usd_per_hour"]) == Decimal("0.045")
    assert {line["resource"].rpartition("/")[2] for line in lines(bill, "address.unused") if line["end"] is None} == {"spare"}


def test_a_nat_gateway_bills_by_its_vms_up_to_32(stepped):
    network = stepped.network()
    nat = {"name": "nat", "natIpAllocateOption": "AUTO_ONLY", "sourceSubnetworkIpRangesToNat": "ALL_SUBNETWORKS_ALL_IP_RANGES"}
    stepped.do("POST", "regions/us-central1/routers", {"name": "router", "network": network, "nats": [nat]})
    stepped.template()
    stepped.group(2)
    stepped.advance(60 + 36_000)
    assert cents(lines(stepped.admin("GET", "bill"), "nat.gateway-vm")) == (2 * Decimal("0.0014") * 10).quantize(Decimal("0.01"))
    stepped.do("POST", f"{GROUP}/resize?size=40")
    stepped.advance(60 + 36_000)
    assert cents(lines(stepped.admin("GET", "bill"), "nat.gateway-max")) == Decimal("0.44")


def test_a_change_of_price_counts_from_the_instant_it_was_made(stepped):
    fleet(stepped, 1)
    stepped.advance(60 + 3600)
    fault = stepped.admin("POST", "faults", {"type": "price", "sku": "tpu7x.us-central1.on_demand", "factor": 0.5})
    stepped.advance(3600)
    chips = lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand")
    assert cents(chips) == Decimal("48.00") + Decimal("24.00")
    stepped.admin("DELETE", f"faults/{fault['id']}")
    stepped.advance(3600)
    assert cents(lines(stepped.admin("GET", "bill"), "tpu7x.us-central1.on_demand")) == Decimal("120.00")


def test_the_total_is_the_sum_of_the_lines_and_nothing_bills_in_an_empty_project(stepped):
    assert stepped.admin("GET", "bill") == {"as_of": stepped.now(), "total_usd": "0", "usd_per_hour": "0", "lines": []}
    fleet(stepped, 3)
    stepped.advance(5000)
    bill = stepped.admin("GET", "bill")
    assert Decimal(bill["total_usd"]) == sum(Decimal(line["amount_usd"]) for line in bill["lines"])
    assert Decimal(bill["usd_per_hour"]).quantize(Decimal("0.01")) == (3 * (48 + 200 * Decimal("0.08") / 730)).quantize(Decimal("0.01"))
