"""Whether the firewall lets health check probes in to a VM.

1. Google's probes come from two ranges; both have to be let in, or the VM never counts as healthy however well it serves. 2. Of the rules that
fit the first by priority counts, a denying one before an allowing one; where none fits, incoming traffic is denied. 3. What was worked out is kept
until something changes.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from emulator.rules import assumed, documented
from emulator.services.compute import records

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
SOURCES = tuple(ip_network(each) for each in ("130.211.0.0/22", "35.191.0.0/16"))
documented(
    "probe-firewall",
    "Health check probes come from 130.211.0.0/22 and 35.191.0.0/16; a VM whose firewall rules do not let both in is unhealthy.",
)
assumed(
    "probe-firewall-at-once",
    "A firewall rule that goes or comes counts for probes at once; the rules of another project's network and firewall policies let them in.",
)
_KEPT: WeakKeyDictionary[World, tuple[int, dict[tuple[str, frozenset[int]], bool]]] = WeakKeyDictionary()


def let_in(world: World, template: str, ports: frozenset[int]) -> bool:
    """Whether probes reach a VM of this template on one of these ports (any port, if there are none)."""
    generation, answers = _KEPT.get(world, (-1, {}))
    if generation != world.generation:
        answers = {}
        _KEPT[world] = (world.generation, answers)
    key = (template, ports)
    if key not in answers:
        answers[key] = _decide(world, template, ports)
    return answers[key]


def _decide(world: World, template: str, ports: frozenset[int]) -> bool:
    properties = (records.resource(world, template) or {}).get("properties", {})
    network = _network(world, properties)
    if network is None:
        return True
    rules = [
        rule
        for _, rule in ((link, record["resource"]) for link, record in records.of_service(world, "firewalls"))
        if rule.get("network") == network
        and rule.get("direction", "INGRESS") == "INGRESS"
        and not rule.get("disabled")
        and _meant(rule, properties)
    ]
    rules.sort(key=lambda rule: (int(rule.get("priority", 1000)), "denied" not in rule))
    return all(any(_allows(rules, source, port) for port in ports or {None}) for source in SOURCES)


def _network(world: World, properties: Json) -> str | None:
    """The network of a template's first interface, if it is one of this project's."""
    nic = (properties.get("networkInterfaces") or [{}])[0]
    subnetwork = records.resource(world, nic.get("subnetwork", ""))
    link = subnetwork["network"] if subnetwork else nic.get("network", "")
    return link if link.startswith(f"projects/{world.project}/") and records.find(world, link) else None


def _meant(rule: Json, properties: Json) -> bool:
    tags, accounts = rule.get("targetTags"), rule.get("targetServiceAccounts")
    if tags:
        return bool(set(tags) & set(properties.get("tags", {}).get("items", [])))
    if accounts:
        return bool(set(accounts) & {each.get("email") for each in properties.get("serviceAccounts", [])})
    return True


def _allows(rules: list[Json], source: Any, port: int | None) -> bool:
    for rule in rules:
        ranges = rule.get("sourceRanges") or ([] if rule.get("sourceTags") or rule.get("sourceServiceAccounts") else ["0.0.0.0/0"])
        inside = any(each.version == source.version and source.subnet_of(each) for each in map(ip_network, ranges))
        if inside and any(_covers(each, port) for each in rule.get("denied") or rule.get("allowed") or []):
            return "denied" not in rule
    return False


def _covers(entry: Json, port: int | None) -> bool:
    if entry.get("IPProtocol") not in {"all", "tcp", "6"}:
        return False
    spans = [each.partition("-") for each in entry.get("ports", [])]
    return not spans or port is None or any(int(first) <= port <= int(last or first) for first, _, last in spans)
