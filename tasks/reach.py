"""How a client reaches the front end: over HTTPS by its domain, at the load balancer's address whatever the name leads to today.

The embedded cloud's certificates are signed by its own test authority, which is trusted there and nowhere else.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from types import MappingProxyType

import httpx

from cloud import secrets
from cloud.connection import Connection
from ironwood.graph import Graph
from ironwood.resources.https import ACTIVE, Certificate, HttpsProxy
from ironwood.resources.load_balancer import ForwardingRule, UrlMap
from ironwood.resources.secret import Secret

CALL_SECONDS = 30.0
NONE: Mapping[str, str] = MappingProxyType({})


def base(live: Graph, wanted: Graph) -> str:
    """`https://DOMAIN:PORT` or `http://IP:PORT` of our front end; "" when there is none, or its certificate is not there yet."""
    rules = [each for each in live if isinstance(each, ForwardingRule) and each.address in wanted]
    secure = next((each for each in rules if isinstance(live.get(each.target), HttpsProxy)), None)
    if secure is None:
        plain = None if any(isinstance(each, HttpsProxy) for each in wanted) else next(iter(rules), None)
        return f"http://{plain.ip}:{plain.port}" if plain else ""
    domains = _domains(live, secure)
    return f"https://{domains[0]}:{secure.port}" if domains else ""


def routing_map(live: Graph, wanted: Graph) -> UrlMap | None:
    """Our URL map that leads to tiers, as it is live."""
    return next((each for each in live if isinstance(each, UrlMap) and each.address in wanted and not each.to_https), None)


def clients(connection: Connection, live: Graph, wanted: Graph) -> Callable[[], httpx.Client]:
    """What makes clients that reach every domain of `live` where it is served, and have the key that `wanted` asks for."""
    key = next((secrets.value(connection, each.name) for each in wanted if isinstance(each, Secret)), "")
    return keyless(connection, live, {"x-api-key": key} if key else {})


def keyless(connection: Connection, live: Graph, headers: Mapping[str, str] = NONE) -> Callable[[], httpx.Client]:
    """The same with these headers instead of a key."""
    secure = [each for each in live if isinstance(each, ForwardingRule) and isinstance(live.get(each.target), HttpsProxy)]
    ips = {domain: rule.ip for rule in secure for domain in _domains(live, rule)}
    if not ips:
        trust = httpx.create_ssl_context()  # once for all of them: reading the authorities takes longer than a question
        return lambda: httpx.Client(timeout=CALL_SECONDS, verify=trust, headers=headers)
    trust = ssl.create_default_context(cadata=_authority(connection))
    return lambda: httpx.Client(timeout=CALL_SECONDS, transport=_ByAddress(ips, trust), headers=headers)


class _ByAddress(httpx.HTTPTransport):
    """Connects to the address a domain is served on, and asks for the domain in TLS and in `Host`."""

    def __init__(self, ips: Mapping[str, str], trust: ssl.SSLContext) -> None:
        super().__init__(verify=trust)
        self._ips = ips

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the `Host` header was made from the domain already."""
        domain = request.url.host
        if domain in self._ips:
            request.extensions = {**request.extensions, "sni_hostname": domain}
            request.url = request.url.copy_with(host=self._ips[domain])
        return super().handle_request(request)


def _domains(live: Graph, rule: ForwardingRule) -> list[str]:
    """The domains a rule's proxy has a certificate for by now."""
    proxy = live.get(rule.target)
    certificates = [live.get(each) for each in proxy.certificates] if isinstance(proxy, HttpsProxy) else []
    return [domain for each in certificates if isinstance(each, Certificate) and each.status == ACTIVE for domain in each.domains]


def _authority(connection: Connection) -> str | None:
    """The embedded cloud's test authority; None elsewhere: the usual ones."""
    return connection.admin.get("/_emulator/ca.pem").raise_for_status().text if connection.admin else None
