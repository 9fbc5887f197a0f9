"""The probe of a cloud, against the embedded one: its price first, its life in small, nothing left, and a recording that says so."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from cloud import recording
from flows.probe_cloud import probe_cloud
from ironwood.conformance import compared
from ironwood.errors import InputError
from running import HTTP, EmbeddedCloud, wait_until

MINE = "name: mine\ncloud: embedded\nproject_id: embedded-project\nload_balancer: {port: 8080}\n"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(MINE)
    return path


def test_without_confirmation_the_price_is_shown_and_nothing_is_made(
    flows_here: EmbeddedCloud, mine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="--confirm mine"):
        probe_cloud(profile=str(mine))
    shown = capsys.readouterr().out
    assert "2 e2-micro VMs" in shown
    assert "at most $0." in shown
    assert not flows_here.writes()


def test_a_file_that_is_no_recording_is_told_by_its_line(flows_here: EmbeddedCloud, mine: Path, tmp_path: Path) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"n": 0}\n')
    with pytest.raises(InputError, match=r"broken\.jsonl:1 is no exchange"):
        probe_cloud(profile=str(mine), confirm="mine", recorded=str(file))
    assert not flows_here.writes()


def test_a_probe_lives_is_recorded_and_leaves_nothing(
    flows_here: EmbeddedCloud, mine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    somebodys_network(flows_here)
    before = flows_here.inventory()
    file = tmp_path / "probe.jsonl"
    probe_cloud(profile=str(mine), confirm="mine", write=str(file))
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.index("at most $0.") < shown.index("create network"), "the price comes first"
    for told in (
        "small-001 2 → 1 0 of",
        "Please remove the autoscaler",
        "lease was fired once: probe-ironwood-cluster-small-001 went from 1 VMs to none",
        "log bucket probe-ironwood-ledger is DELETE_REQUESTED",
        "account probe-tpu-inference-sa: Account deleted",
        "0 ours, $0.00/h",
    ):
        assert told in shown
    assert flows_here.inventory() == before
    assert Decimal(flows_here.ask("bill")["total_usd"]) < Decimal("0.21")
    text = file.read_text()
    for nobodys_business in ("embedded-project", "owner@example.com", "somebodys"):
        assert nobodys_business not in text
    exchanges = recording.read(file)
    found = compared(exchanges, exchanges)
    assert f"{found.total} / {found.total} exchanges matched" in shown
    assert found.matched == found.total == len(exchanges)
    assert {each.status for each in exchanges} >= {200, 412}
    writes = {each.method for each in exchanges if "compute.googleapis.com" in each.url}
    assert writes >= {"GET", "POST", "DELETE"}
    refused = next(each for each in exchanges if each.status == 412)
    doctored = tuple(replace(each, status=200) if each is refused else each for each in exchanges)
    assert compared(doctored, exchanges).matched == found.total - 1
    assert list(compared(doctored, exchanges).differences) == [refused.call.replace("412", "200")]


def somebodys_network(cloud: EmbeddedCloud) -> None:
    """What else a project holds: it is neither touched nor recorded."""
    base = f"http://{cloud.rest}"
    HTTP.post(f"{base}/v1/projects/embedded-project/services:batchEnable", json={"serviceIds": ["compute.googleapis.com"]})
    networks = f"{base}/compute/v1/projects/embedded-project/global/networks"
    wait_until(lambda: HTTP.post(networks, json={"name": "somebodys", "autoCreateSubnetworks": False}).is_success, "Compute to be on")
    wait_until(lambda: any(name == "somebodys" for _, _, name in cloud.inventory()), "the network")
