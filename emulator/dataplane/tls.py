"""TLS as a target HTTPS proxy terminates it: by the name the client asks for, the certificate that has it.

1. Only ACTIVE certificates serve; a name none of them has gets the first. 2. Where none is ACTIVE the handshake fails, as with Google.
"""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.certificates import TAB
from emulator.rules import documented
from emulator.services.compute import records

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("certificate-by-name", "The proxy serves the certificate that has the name asked for (SNI), else its first.")


def context(world: World, rule: str) -> ssl.SSLContext:
    """What the listener of a forwarding rule begins every connection with; the proxy's certificates are looked up at each handshake."""
    outer = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made: dict[str, ssl.SSLContext] = {}

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        row = certificate(world, rule, name or "")
        if row is None:
            return int(ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)
        connection.context = made.setdefault(row["pem"], loaded(row))
        return None

    outer.sni_callback = choose
    return outer


def certificate(world: World, rule: str, name: str) -> Json | None:
    """The ACTIVE certificate a rule's proxy serves for a name; None where it has none."""
    proxy = records.resource(world, (records.resource(world, rule) or {}).get("target", "")) or {}
    rows = [(link, world.store.get(TAB, link)) for link in proxy.get("sslCertificates", [])]
    active = [(link, row) for link, row in rows if row is not None and row["status"] == "ACTIVE"]
    for link, row in active:
        domains = (records.resource(world, link) or {})["managed"]["domains"]
        if name.lower() in [domain.rstrip(".").lower() for domain in domains]:
            return row
    return active[0][1] if active else None


def loaded(row: Json) -> ssl.SSLContext:
    """What a listener with this key and certificate begins connections with."""
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:  # Python's ssl reads keys from files only
        path = Path(folder) / "pair.pem"
        path.write_text(row["key"] + row["pem"], encoding="utf-8")
        found.load_cert_chain(path)
    return found
