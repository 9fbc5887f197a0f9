"""Probe who is let in: nobody without the key where there is one, and nobody past the load balancer."""

from __future__ import annotations

from collections.abc import Iterable

import httpx

from cloud import hardening
from cloud.connection import Connection
from ironwood.graph import Graph
from ironwood.resources.secret import Secret
from tasks import reach
from tasks.finding import Finding

QUESTION = {"instances": [{"text": "Hello"}]}
REFUSED = 401
WRONG = {"authorization": "Bearer wrong"}


def standing(connection: Connection, owner: str) -> list[Finding]:
    """Whether every VM of `owner` is shielded, and none has an external address."""
    vms = hardening.standing(connection, owner)
    bare = [f"{each.name} lacks {', '.join(each.lacks)}" for each in vms if each.lacks]
    reached = [f"{each.name} has {', '.join(each.addresses)}" for each in vms if each.addresses]
    return [
        Finding(check="VMs are shielded", passed=not bare, found="; ".join(bare) or f"all {len(vms)}"),
        Finding(check="VMs have no external address", passed=not reached, found="; ".join(reached) or f"none of {len(vms)}"),
    ]


def findings(connection: Connection, live: Graph, wanted: Graph, urls: Iterable[str]) -> list[Finding]:
    """A prediction through each of `urls` (routes with VMs behind them) without a key and with a wrong one; none where none is asked for."""
    if not any(isinstance(each, Secret) for each in wanted):
        return []
    found = []
    for told, headers in (("without a key", {}), ("with a wrong key", WRONG)):
        clients = reach.keyless(connection, live, headers)
        found += [_refused(url, told, clients()) for url in urls]
    return found


def _refused(url: str, told: str, client: httpx.Client) -> Finding:
    check = f"POST {httpx.URL(url).path} {told}"
    try:
        with client:
            status = client.post(url, json=QUESTION).status_code
    except httpx.HTTPError as error:
        return Finding(check=check, passed=False, found=f"{type(error).__name__} at {url}")
    return Finding(check=check, passed=status == REFUSED, found=f"{status}, {'refused' if status == REFUSED else '401 was wanted'}")
