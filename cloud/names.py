"""What domain names lead to, asked of a name server: the profile's, the embedded cloud's, or this machine's own."""

from __future__ import annotations

import dns.exception
import dns.resolver

from cloud.connection import Connection
from ironwood.errors import UnreachableError

ASK_SECONDS = 3.0
ISSUERS = ("pki.goog", "letsencrypt.org")
"""Who signs managed certificates (documented)."""


def records(connection: Connection, resolver: str, name: str, kind: str) -> list[str]:
    """The `kind` records of `name` as text, sorted; raises UnreachableError when no name server answers.

    `resolver` is host or host:port; "" is the embedded cloud's, else this machine's.
    """
    asked = resolver or (connection.embedded.dns if connection.embedded else "")
    server = dns.resolver.Resolver(configure=not asked)
    if asked:
        host, _, port = asked.partition(":")
        server.nameservers, server.port = [host], int(port or 53)
    try:
        return sorted(each.to_text() for each in server.resolve(name, kind, lifetime=ASK_SECONDS, search=False))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise UnreachableError(
            f"looking {name} up: no name server answers ({type(error).__name__}); check load_balancer.resolver"
        ) from error


def forbidding_caa(connection: Connection, resolver: str, name: str) -> list[str]:
    """The CAA records that keep Google from signing for `name`; empty when it may.

    The nearest name with CAA records decides, from `name` up (RFC 8659).
    """
    labels = name.split(".")
    for start in range(len(labels) - 1):
        found = records(connection, resolver, ".".join(labels[start:]), "CAA")
        if found:
            issuing = [each for each in found if " issue " in each]
            return issuing if issuing and not any(issuer in each for each in issuing for issuer in ISSUERS) else []
    return []
