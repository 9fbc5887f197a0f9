"""The way of a request: forwarding rule -> proxy -> URL map -> backend service -> group; and the health check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class HealthCheck(Resource):
    """An HTTP health check; times in seconds. Marked in its description. A check of another `protocol` is a stranger's and cannot become one."""

    kind: ClassVar[str] = "health_check"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"protocol"})

    protocol: str = "HTTP"

    port: int
    request_path: str
    interval_seconds: int
    timeout_seconds: int
    healthy_threshold: int
    unhealthy_threshold: int
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Backend:
    """One group behind a service, of VMs or with the endpoint of a slice, and the requests a second each VM or endpoint takes."""

    group: Address
    max_rate_per_vm: int


@dataclass(frozen=True, kw_only=True)
class SecurityPolicy(Resource):
    """What Cloud Armor does before a backend service: `rate_per_minute` requests of one client address pass, the others are answered 429.

    Marked in its description. Rules beside ours are somebody's and left alone; `rules` counts all but the default one.
    """

    kind: ClassVar[str] = "security_policy"
    marking: ClassVar[Marking] = "description"

    rate_per_minute: int
    rules: int = observed(1)
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class BackendService(Resource):
    """The VMs of one tier behind the load balancer, and the security policy before them; times in seconds. Marked in its description.

    A service of another load balancing `scheme` is a stranger's and cannot become one of ours.
    """

    kind: ClassVar[str] = "backend_service"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"scheme"})

    scheme: str = "EXTERNAL_MANAGED"

    health_check: Address
    backends: tuple[Backend, ...]
    timeout_seconds: int
    draining_seconds: int
    policy: Address | None = None
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class Route:
    """Requests whose path begins with one of `prefixes` (without slashes) go to `service`, the prefix taken off."""

    prefixes: tuple[str, ...]
    service: Address


@dataclass(frozen=True, kw_only=True)
class UrlMap(Resource):
    """Which path leads to which tier; or, `to_https`, that every request is sent to HTTPS for good. Marked in its description."""

    kind: ClassVar[str] = "url_map"
    marking: ClassVar[Marking] = "description"

    default_service: Address | None = None
    routes: tuple[Route, ...] = ()
    to_https: bool = False
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class HttpProxy(Resource):
    """The proxy that reads a request's path. Marked in its description, fixed at creation."""

    kind: ClassVar[str] = "http_proxy"
    marking: ClassVar[Marking] = "description"
    immutable: ClassVar[frozenset[str]] = frozenset({"owner"})

    url_map: Address
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class ForwardingRule(Resource):
    """The rule that opens an address and port. Marked in its labels, and in its description until they are set."""

    kind: ClassVar[str] = "forwarding_rule"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"ip_address", "port"})

    ip_address: Address
    target: Address
    port: int
    labels: tuple[tuple[str, str], ...] = ()
    ip: str = observed("")
    created: str = observed("")
