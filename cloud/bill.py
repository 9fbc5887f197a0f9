"""What the cloud itself bills for our VMs, beside the ledger.

The embedded cloud tells it at once. Google's own bill is its billing export in BigQuery, hours late; until that is read here, a real project has None.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cloud.connection import Connection
from ironwood import naming
from ironwood.cost.pricebook import HOURS_A_MONTH

KINDS = ("compute.instances", "compute.disks", "tpu.nodes")
DEPLOYED = "aiplatform.deployedModels"


@dataclass(frozen=True, kw_only=True)
class Billed:
    """US dollars the cloud billed for VMs until an instant, and what those that run cost an hour at its prices."""

    until: datetime
    vms_usd: Decimal
    hourly_usd: Decimal


def billed(connection: Connection, *, heads: tuple[str, ...], since: datetime, until: datetime) -> Billed | None:
    """The bill of [since, until) for VMs whose names begin with one of `heads`; None where the cloud has none to read yet."""
    if connection.admin is None:
        return None
    interval = {"from": since.isoformat(), "until": until.isoformat()}
    lines = connection.admin.get("/_emulator/bill", params=interval).raise_for_status().json()["lines"]
    ours = [each for each in lines if each["kind"] in KINDS and each["resource"].rpartition("/")[2].startswith(heads)]
    endpoints = heads[0].removesuffix(naming.group_head("")) + naming.vertex_endpoint("", "")
    ours += [each for each in lines if each["kind"] == DEPLOYED and f"/endpoints/{endpoints}" in each["resource"]]
    hourly = Decimal(0)
    for each in ours:
        if each["end"] is None:
            rate = Decimal(each["quantity"]) * Decimal(each["unit_price_usd"])
            hourly += rate / HOURS_A_MONTH if each["unit"].endswith("-month") else rate
    return Billed(until=until, vms_usd=sum((Decimal(each["amount_usd"]) for each in ours), Decimal(0)), hourly_usd=hourly)
