"""TLS in front of the routes: managed certificates and the proxy that serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed

ACTIVE = "ACTIVE"
PENDING = "PROVISIONING"
FAILED_FOR_GOOD = "PROVISIONING_FAILED_PERMANENTLY"


@dataclass(frozen=True, kw_only=True)
class Certificate(Resource):
    """A certificate that Google obtains and renews for `domains`. Immutable: its name carries the hash of its domains.

    Marked in its description. `status` and `domain_status` (domain, status) are Google's words: PROVISIONING is pending, not
    failed; PROVISIONING_FAILED_PERMANENTLY wants another certificate, under another name (`ironwood/renewal.py`).
    """

    kind: ClassVar[str] = "certificate"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner", "domains"})

    domains: tuple[str, ...]
    status: str = observed("")
    domain_status: tuple[tuple[str, str], ...] = observed(())
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class HttpsProxy(Resource):
    """The proxy that terminates TLS and reads a request's path. Marked in its description, fixed at creation."""

    kind: ClassVar[str] = "https_proxy"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner"})

    url_map: Address
    certificates: tuple[Address, ...]
    created: str = observed("")
