"""The front end over TLS, where the profile names domains: HTTPS serves the routes, HTTP only redirects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.https import Certificate, HttpsProxy
from ironwood.resources.load_balancer import ForwardingRule, UrlMap
from ironwood.resources.network import GlobalAddress


def redirect(profile: Profile) -> UrlMap:
    """What the HTTP proxy leads to when there is HTTPS."""
    return UrlMap(name=naming.redirect(profile.name_prefix), owner=profile.name, to_https=True)


def https_front(profile: Profile, address: GlobalAddress, url_map: UrlMap) -> Iterator[Resource]:
    """Redirect, certificate, proxy and rule before `url_map`; nothing where the profile names no domain."""
    prefix, owner, domains = profile.name_prefix, profile.name, profile.load_balancer.domains
    if not domains:
        return
    content = hashlib.sha256(repr(domains).encode()).hexdigest()[:8]
    certificate = Certificate(name=naming.certificate(prefix, content), owner=owner, domains=domains)
    proxy = HttpsProxy(name=naming.https_proxy(prefix), owner=owner, url_map=url_map.address, certificates=(certificate.address,))
    rule = ForwardingRule(
        name=naming.https_forwarding_rule(prefix),
        owner=owner,
        ip_address=address.address,
        target=proxy.address,
        port=profile.load_balancer.https_port,
        labels=labels(profile),
    )
    yield from (redirect(profile), certificate, proxy, rule)
