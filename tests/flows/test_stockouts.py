"""No stock is no disaster: the order is cancelled, read back and placed elsewhere; nobody ever pays for two fleets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.scale import scale
from flows.teardown import teardown
from ironwood.errors import PreflightError, StockoutError
from running import HTTP, EmbeddedCloud, wait_until
from tasks.inputs import load_profile

MACHINE = "tpu7x-standard-4t"
FIRST, OTHER = "us-central1-c", "us-central1-ai1a"


@pytest.fixture
def profile(tmp_path: Path, small_profile: Path) -> Path:
    """One tier of two VMs: Spot in one zone, else on demand in another."""
    name = load_profile(str(small_profile)).name
    path = tmp_path / "fallback.yaml"
    path.write_text(
        f"name: {name}\ncloud: embedded\nproject_id: embedded-project\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\nload_balancer: {{port: 8080, default_tier: small}}\n"
        "tiers:\n  medium: {enabled: false}\n"
        f"  small:\n    chips: 8\n    consumption: spot\n    deadline_minutes: 5\n    fallbacks:\n      - {{consumption: on_demand, zone: {OTHER}}}\n"
    )
    return path


def stock(cloud: EmbeddedCloud, zone: str, available: int) -> str:
    return str(cloud.tell("faults", {"type": "stock", "zone": zone, "machine_type": MACHINE, "available": available})["id"])


def targets(cloud: EmbeddedCloud) -> dict[str, int]:
    """Target size of every group by name and zone."""
    url = f"http://{cloud.rest}/compute/v1/projects/embedded-project/aggregated/instanceGroupManagers"
    items: dict[str, Any] = HTTP.get(url).raise_for_status().json()["items"]
    return {each["name"]: each["targetSize"] for scoped in items.values() for each in scoped.get("instanceGroupManagers", [])}


def most_at_once(cloud: EmbeddedCloud) -> int:
    """The most TPU VMs that ever billed at the same instant."""
    edges: list[tuple[datetime, int]] = []
    for line in cloud.ask("bill")["lines"]:
        if line["kind"] == "compute.instances":
            edges.append((datetime.fromisoformat(line["start"]), 1))
            if line["end"]:
                edges.append((datetime.fromisoformat(line["end"]), -1))
    most = now = 0
    for _, change in sorted(edges):
        now += change
        most = max(most, now)
    return most


def test_what_one_way_cannot_give_is_ordered_the_next_way(flows_here: EmbeddedCloud, profile: Path, capsys: pytest.CaptureFixture[str]):
    stock(flows_here, FIRST, 1)
    provision(str(profile))
    assert targets(flows_here) == {"ironwood-cluster-small-001": 1, "ironwood-cluster-small-on-demand-ai1a-001": 1}
    assert "small: spot in us-central1-c gave 1 of 2 VMs by its deadline; the rest of the order is cancelled" in capsys.readouterr().out
    assert most_at_once(flows_here) == 2
    assert provision(str(profile)) == 0
    assert detect_drift(str(profile)) == 0


def test_stock_that_returns_in_the_middle_of_a_fallback_makes_no_second_fleet(flows_here: EmbeddedCloud, profile: Path):
    fault = stock(flows_here, FIRST, 0)

    def cancelled() -> bool:
        return any(each["method"] == "compute.instanceGroupManagers.resize" for each in flows_here.writes())

    def give_back() -> None:
        wait_until(cancelled, "the cancellation")
        flows_here.tell(f"faults/{fault}", None, method="DELETE")

    returning = threading.Thread(target=give_back)
    returning.start()
    provision(str(profile))
    returning.join()
    assert targets(flows_here) == {"ironwood-cluster-small-001": 0, "ironwood-cluster-small-on-demand-ai1a-001": 2}
    assert most_at_once(flows_here) == 2


def test_where_nothing_is_left_to_try_every_order_is_cancelled_and_told(flows_here: EmbeddedCloud, profile: Path):
    stock(flows_here, FIRST, 1)
    fault = stock(flows_here, OTHER, 0)
    tried = r"tier small: 1 of 2 VMs could not be had from spot in us-central1-c, on_demand in us-central1-ai1a\. What was had stays"
    with pytest.raises(StockoutError, match=tried):
        provision(str(profile))
    assert targets(flows_here) == {"ironwood-cluster-small-001": 1, "ironwood-cluster-small-on-demand-ai1a-001": 0}
    flows_here.tell(f"faults/{fault}", None, method="DELETE")
    provision(str(profile))
    assert sum(targets(flows_here).values()) == 2
    assert most_at_once(flows_here) == 2


def test_a_preempted_vm_is_replaced_and_what_cannot_be_replaced_moves_on(flows_here: EmbeddedCloud, profile: Path):
    provision(str(profile))
    group = "ironwood-cluster-small-001"
    flows_here.tell("faults", {"type": "preemption", "group": group})
    provision(str(profile))
    assert targets(flows_here) == {group: 2, "ironwood-cluster-small-on-demand-ai1a-001": 0}
    stock(flows_here, FIRST, 0)
    flows_here.tell("faults", {"type": "preemption", "group": group})
    wait_until(lambda: detect_drift(str(profile)), "the drift")
    provision(str(profile))
    assert targets(flows_here) == {group: 1, "ironwood-cluster-small-on-demand-ai1a-001": 1}
    assert most_at_once(flows_here) == 2


def test_shrinking_gives_back_the_last_resort_first(flows_here: EmbeddedCloud, profile: Path):
    stock(flows_here, FIRST, 3)
    provision(str(profile), {"small": 2})
    assert targets(flows_here) == {"ironwood-cluster-small-001": 3, "ironwood-cluster-small-on-demand-ai1a-001": 1}
    scale(str(profile), {"small": 1})
    assert targets(flows_here) == {"ironwood-cluster-small-001": 2, "ironwood-cluster-small-on-demand-ai1a-001": 0}


@pytest.fixture
def reserved(tmp_path: Path, small_profile: Path, flows_here: EmbeddedCloud) -> Iterator[Path]:
    name = load_profile(str(small_profile)).name
    book = tmp_path / "ours.yaml"
    book.write_text(
        'name: ours\nchip_hour:\n  v6e:\n    reserved: {usd: "1.89", source: "our contract", date: 2026-11-01}\n'
        '    on_demand: {usd: "2.70", source: "our contract", date: 2026-11-01}\n'
    )
    path = tmp_path / "reserved.yaml"
    path.write_text(
        f"name: {name}\ncloud: embedded\nproject_id: embedded-project\nlogging: {{enabled: false}}\nmonitoring: {{enabled: false}}\nlease: {{enabled: false}}\nzone: us-central1-b\nprice_book: {book}\n"
        "load_balancer: {port: 8080, default_tier: small}\ntiers:\n  medium: {enabled: false}\n"
        "  small: {generation: v6e, chips: 8, consumption: reserved, reservation: ours}\n"
    )
    yield path
    flows_here.reset()


def reserve(cloud: EmbeddedCloud, count: int) -> None:
    """Somebody's reservation of `count` VMs."""
    enabled = HTTP.post(f"http://{cloud.rest}/v1/projects/embedded-project/services/compute.googleapis.com:enable")
    enabled.raise_for_status()
    url = f"http://{cloud.rest}/compute/v1/projects/embedded-project/zones/us-central1-b/reservations"
    body = {"name": "ours", "specificReservation": {"count": str(count), "instanceProperties": {"machineType": "ct6e-standard-4t"}}}
    deadline = time.monotonic() + 30
    while (answer := HTTP.post(url, json=body)).status_code == 403 and time.monotonic() < deadline:
        time.sleep(0.05)  # the API is being enabled
    answer.raise_for_status()


def test_a_reservation_is_asked_for_before_anything_is_written(flows_here: EmbeddedCloud, reserved: Path):
    with pytest.raises(PreflightError, match="reservation ours in us-central1-b: does not exist"):
        provision(str(reserved))
    assert targets(flows_here) == {}


def test_reserved_capacity_costs_nothing_more_and_says_that_shrinking_saves_nothing(
    flows_here: EmbeddedCloud, reserved: Path, capsys: pytest.CaptureFixture[str]
):
    reserve(flows_here, 4)
    provision(str(reserved), {"small": 2})
    told = capsys.readouterr().out
    assert "reservations: $30.24/h of them in use; they are paid whether used or not, so shrinking them saves nothing" in told
    with pytest.raises(PreflightError, match=r"reservation ours in us-central1-b: 2 more VMs needed, 0 of 4 free\. Ask for 2 more"):
        scale(str(reserved), {"small": 3})
    teardown(str(reserved), confirm=load_profile(str(reserved)).name)
    lines = flows_here.ask("bill")["lines"]
    assert {line["kind"] for line in lines if line["sku"].startswith("ct6e")} == {"compute.reservations"}
