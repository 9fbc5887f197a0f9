"""The lines of the validation table about HTTPS: certificate, names, redirect. PROVISIONING is pending, not failed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx

from cloud import names
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.https import CERTIFICATE
from ironwood.errors import UnreachableError
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.https import ACTIVE, FAILED_FOR_GOOD, PENDING, Certificate, HttpsProxy
from ironwood.resources.load_balancer import ForwardingRule
from tasks.finding import Finding

WAITED = timedelta(minutes=3)
"""How long validation waits for a certificate whose domains lead here already; Google may take an hour."""
POLL = timedelta(seconds=5)
MOVED = 301


def settled(connection: Connection, live: Graph, wanted: Graph, profile: Profile) -> Graph:
    """`live` with the state of each certificate after a short wait for those that are about to be signed."""
    ours = [each for each in live if isinstance(each, Certificate) and each.address in wanted]
    deadline = connection.clock.now() + WAITED
    fresh = {}
    for certificate in ours:
        found = certificate
        while found.status == PENDING and _leads_here(connection, live, wanted, profile) and connection.clock.now() < deadline:
            sleep(connection.clock, POLL)
            found = CERTIFICATE.live(connection, certificate)
        fresh[certificate.address] = found
    return Graph.of(fresh.get(each.address, each) for each in live)


def findings(connection: Connection, live: Graph, wanted: Graph, profile: Profile) -> Iterator[Finding]:
    """Certificate, names and redirect of a profile with domains; nothing for one without."""
    for certificate in live:
        if isinstance(certificate, Certificate) and certificate.address in wanted:
            yield _certificate(certificate)
            for domain in certificate.domains:
                yield _name(connection, profile, domain, _ip(live, wanted), active=certificate.status == ACTIVE)
    for rule in live:
        if (
            isinstance(rule, ForwardingRule)
            and rule.address in wanted
            and not isinstance(live.get(rule.target), HttpsProxy)
            and _ip(live, wanted)
        ):
            yield _redirected(rule, profile.load_balancer.domains[0])


def _certificate(certificate: Certificate) -> Finding:
    told = ", ".join(f"{domain} {status}" for domain, status in certificate.domain_status)
    check = f"certificate {certificate.name}"
    if certificate.status == FAILED_FOR_GOOD:
        return Finding(check=check, passed=False, found=f"{certificate.status} ({told}); provision replaces it under a new name")
    if certificate.status == ACTIVE:
        return Finding(check=check, passed=True, found=f"ACTIVE for {', '.join(certificate.domains)}")
    return Finding(
        check=check, passed=True, found=f"pending: {certificate.status} ({told}); HTTPS answers once it is ACTIVE, within an hour or so"
    )


def _name(connection: Connection, profile: Profile, domain: str, ip: str, *, active: bool) -> Finding:
    check = f"domain {domain}"
    try:
        caa = names.forbidding_caa(connection, profile.load_balancer.resolver, domain)
        leads = [record for kind in ("A", "AAAA") for record in names.records(connection, profile.load_balancer.resolver, domain, kind)]
    except UnreachableError as error:
        return Finding(check=check, passed=True, found=str(error))
    if caa:
        return Finding(check=check, passed=False, found=f'CAA lets only others sign ({"; ".join(caa)}); add `0 issue "{names.ISSUERS[0]}"`')
    if leads == [ip]:
        return Finding(check=check, passed=True, found=f"leads to {ip}")
    # Before it is signed for, a name that leads elsewhere is the owner's next step; afterwards it is an outage.
    words = f"leads to {', '.join(leads) or 'nothing'}; set its A record to {ip}, and no AAAA"
    return Finding(check=check, passed=not active, found=words if active else f"pending: {words}")


def _redirected(rule: ForwardingRule, domain: str) -> Finding:
    check = "HTTP -> HTTPS"
    try:
        answer = httpx.get(f"http://{rule.ip}:{rule.port}/v1/predict?a=1", headers={"Host": domain}, timeout=10.0)
    except httpx.HTTPError as error:
        return Finding(check=check, passed=False, found=f"{type(error).__name__} at http://{rule.ip}:{rule.port}")
    to = answer.headers.get("location", "")
    right = answer.status_code == MOVED and to == f"https://{domain}/v1/predict?a=1"
    return Finding(check=check, passed=right, found=f"{answer.status_code} to {to or 'nowhere'}")


def _ip(live: Graph, wanted: Graph) -> str:
    """The address HTTPS is served on; "" where it is not."""
    secure = (each for each in live if isinstance(each, ForwardingRule) and each.address in wanted)
    return next((each.ip for each in secure if isinstance(live.get(each.target), HttpsProxy)), "")


def _leads_here(connection: Connection, live: Graph, wanted: Graph, profile: Profile) -> bool:
    resolver = profile.load_balancer.resolver
    try:
        return all(names.records(connection, resolver, each, "A") == [_ip(live, wanted)] for each in profile.load_balancer.domains)
    except UnreachableError:
        return False
