"""The front end: address, routes, proxy and forwarding rule before the tiers' backend services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ironwood import naming
from ironwood.desired.https import https_front, redirect
from ironwood.desired.marks import labels
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.load_balancer import BackendService, ForwardingRule, HttpProxy, Route, UrlMap
from ironwood.resources.network import GlobalAddress


def front_end(profile: Profile, services: Mapping[str, BackendService]) -> Iterator[Resource]:
    """Address, routes, proxy and forwarding rule in front of the tiers' backend services."""
    prefix, owner = profile.name_prefix, profile.name
    address = GlobalAddress(name=naming.address(prefix), owner=owner, labels=labels(profile))
    url_map = UrlMap(
        name=naming.url_map(prefix),
        owner=owner,
        default_service=services[profile.load_balancer.default_tier].address,
        routes=tuple(Route(prefixes=tier.paths, service=services[name].address) for name, tier in profile.home_tiers.items() if tier.paths),
    )
    leads_to = redirect(profile) if profile.load_balancer.domains else url_map
    proxy = HttpProxy(name=naming.http_proxy(prefix), owner=owner, url_map=leads_to.address)
    rule = ForwardingRule(
        name=naming.forwarding_rule(prefix),
        owner=owner,
        ip_address=address.address,
        target=proxy.address,
        port=profile.load_balancer.port,
        labels=labels(profile),
    )
    yield from (address, url_map, proxy, rule)
    yield from https_front(profile, address, url_map)
