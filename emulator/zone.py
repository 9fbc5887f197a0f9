"""The emulated DNS: what names lead to, and a small server that says so over UDP on loopback.

1. Records are set through ``/_emulator/dns``. 2. A name below ``.test`` (reserved, RFC 6761) that has none leads to the address of the forwarding
rule whose proxy bears a certificate for it: as if its owner had done what is asked of him. 3. Other names do not exist.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from emulator import certificates
from emulator.rules import assumed

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
TAB = "dns"
TYPES = ("A", "AAAA", "CAA")
TTL = 60
assumed("test-names", "Names below .test lead to the load balancer that bears their certificate, unless /_emulator/dns says otherwise.")


def records(world: World, name: str, kind: str) -> list[str]:
    """The records of a name, as text."""
    name = name.rstrip(".").lower()
    row = world.store.get(TAB, name)
    if row is not None:
        found: list[str] = row.get(kind, [])
        return found
    return sorted(_by_itself(world, name)) if kind == "A" and name.endswith(".test") else []


def exists(world: World, name: str) -> bool:
    """Whether there is anything under a name."""
    return any(records(world, name, kind) for kind in TYPES)


def _by_itself(world: World, name: str) -> set[str]:
    found: set[str] = set()
    for link, record in world.store.items("compute"):
        if record["service"] == "sslCertificates":
            domains = [domain.rstrip(".").lower() for domain in record["resource"]["managed"]["domains"]]
            if name in domains:
                found |= set(certificates.bearers(world, link))
    return found


class NameServer(asyncio.DatagramProtocol):
    """Answers A, AAAA and CAA queries."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to answer."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Answer one query; what is no query is passed over."""
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if self._transport is None or not query.question:
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        if not exists(self._world, name):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif kind in TYPES and (texts := records(self._world, name, kind)):
            answer.answer.append(dns.rrset.from_text_list(question.name, TTL, "IN", kind, texts))
        self._transport.sendto(answer.to_wire(), addr)
