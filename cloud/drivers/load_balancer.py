"""Drivers of the way of a request: health check, backend service, URL map, proxy, forwarding rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from google.cloud import compute_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, backend_url, url
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.drivers.labels import LabelledDriver
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.load_balancer import Backend, BackendService, ForwardingRule, HealthCheck, HttpProxy, Route, UrlMap

SCHEME = "EXTERNAL_MANAGED"
PORT_NAME = "http"
HOSTS = "*"
MATCHER = "tiers"
MOVED = "MOVED_PERMANENTLY_DEFAULT"


def _health_check(connection: Connection, resource: HealthCheck) -> compute_v1.HealthCheck:
    del connection
    return compute_v1.HealthCheck(
        name=resource.name,
        description=marker.description(resource.owner),
        type_=resource.protocol,
        http_health_check=compute_v1.HTTPHealthCheck(port=resource.port, request_path=resource.request_path),
        check_interval_sec=resource.interval_seconds,
        timeout_sec=resource.timeout_seconds,
        healthy_threshold=resource.healthy_threshold,
        unhealthy_threshold=resource.unhealthy_threshold,
        log_config=compute_v1.HealthCheckLogConfig(enable=True),
    )


def _read_health_check(message: compute_v1.HealthCheck, scope: str) -> HealthCheck:
    return HealthCheck(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        protocol=message.type_,
        port=message.http_health_check.port,
        request_path=message.http_health_check.request_path,
        interval_seconds=message.check_interval_sec,
        timeout_seconds=message.timeout_sec,
        healthy_threshold=message.healthy_threshold,
        unhealthy_threshold=message.unhealthy_threshold,
        created=message.creation_timestamp,
    )


def _backend_service(connection: Connection, resource: BackendService) -> compute_v1.BackendService:
    return compute_v1.BackendService(
        name=resource.name,
        description=marker.description(resource.owner),
        load_balancing_scheme=resource.scheme,
        protocol="HTTP",
        port_name=PORT_NAME,
        health_checks=[url(connection.project, resource.health_check)],
        timeout_sec=resource.timeout_seconds,
        connection_draining=compute_v1.ConnectionDraining(draining_timeout_sec=resource.draining_seconds),
        log_config=compute_v1.BackendServiceLogConfig(enable=True, sample_rate=1.0),
        backends=[_backend(connection, backend) for backend in resource.backends],
    )


def _backend(connection: Connection, backend: Backend) -> compute_v1.Backend:
    message = compute_v1.Backend(group=backend_url(connection.project, backend.group), balancing_mode="RATE", capacity_scaler=1.0)
    if backend.group.kind == "endpoint_group":
        message.max_rate_per_endpoint = float(backend.max_rate_per_vm)
    else:
        message.max_rate_per_instance = float(backend.max_rate_per_vm)
    return message


def _read_backend_service(message: compute_v1.BackendService, scope: str) -> BackendService:
    return BackendService(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        scheme=message.load_balancing_scheme,
        health_check=address_of(next(iter(message.health_checks), "")),
        backends=tuple(
            Backend(group=address_of(each.group), max_rate_per_vm=round(each.max_rate_per_instance or each.max_rate_per_endpoint))
            for each in message.backends
        ),
        timeout_seconds=message.timeout_sec,
        draining_seconds=message.connection_draining.draining_timeout_sec,
        policy=address_of(message.security_policy) if message.security_policy else None,
        created=message.creation_timestamp,
    )


class BackendServiceDriver(ComputeDriver[BackendService]):
    """Letting go of a group drains it: the update is finished when its connections have had their time. Its security policy is set by a call of its own."""

    def create(self, connection: Connection, attempt: Attempt, after: BackendService) -> None:
        """Insert it, then set its policy."""
        super().create(connection, attempt, after)
        if after.policy is not None:
            self._guard(connection, attempt, after)

    def accepts(self, found: BackendService, after: BackendService) -> bool:
        """The policy is set in the second call, whoever made the first."""
        return found.owner == after.owner and not found.differences(after).keys() - {"policy"}

    def update(self, connection: Connection, attempt: Attempt, before: BackendService, after: BackendService) -> None:
        """Replace the service; wait for the draining of every backend it no longer has."""
        if before.differences(after).keys() - {"policy"}:
            super().update(connection, attempt, before, after)
        if before.policy != after.policy:
            self._guard(connection, attempt, after)
        if {each.group for each in before.backends} - {each.group for each in after.backends}:
            sleep(connection.clock, timedelta(seconds=before.draining_seconds))

    def _guard(self, connection: Connection, attempt: Attempt, after: BackendService) -> None:
        """Set its policy, or take it away."""
        client: Any = connection.client(self.client)
        policy = url(connection.project, after.policy) if after.policy is not None else ""
        body = compute_v1.SecurityPolicyReference(security_policy=policy)
        request = self.place(connection, after) | {"security_policy_reference_resource": body}
        doing = f"setting the security policy of {after.address}"
        self.write(connection, attempt, doing, lambda key: client.set_security_policy_unary(request=request | {"request_id": key}, **ONCE))


def _url_map(connection: Connection, resource: UrlMap) -> compute_v1.UrlMap:
    if resource.default_service is None:
        redirect = compute_v1.HttpRedirectAction(https_redirect=True, redirect_response_code=MOVED, strip_query=False)
        return compute_v1.UrlMap(name=resource.name, description=marker.description(resource.owner), default_url_redirect=redirect)
    message = compute_v1.UrlMap(
        name=resource.name,
        description=marker.description(resource.owner),
        default_service=url(connection.project, resource.default_service),
    )
    if not resource.routes:
        return message
    # Below a prefix the model server sees the same paths as at the root.
    rewrite = compute_v1.HttpRouteAction(url_rewrite=compute_v1.UrlRewrite(path_prefix_rewrite="/"))
    message.host_rules = [compute_v1.HostRule(hosts=[HOSTS], path_matcher=MATCHER)]
    message.path_matchers = [
        compute_v1.PathMatcher(
            name=MATCHER,
            default_service=url(connection.project, resource.default_service),
            path_rules=[
                compute_v1.PathRule(
                    paths=[f"/{prefix}/*" for prefix in route.prefixes],
                    service=url(connection.project, route.service),
                    route_action=rewrite,
                )
                for route in resource.routes
            ],
        )
    ]
    return message


def _read_url_map(message: compute_v1.UrlMap, scope: str) -> UrlMap:
    rules = [rule for matcher in message.path_matchers for rule in matcher.path_rules]
    return UrlMap(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        default_service=address_of(message.default_service) if message.default_service else None,
        to_https=message.default_url_redirect.https_redirect and message.default_url_redirect.redirect_response_code == MOVED,
        routes=tuple(
            Route(prefixes=tuple(path.removeprefix("/").removesuffix("/*") for path in rule.paths), service=address_of(rule.service))
            for rule in rules
        ),
        created=message.creation_timestamp,
    )


def _http_proxy(connection: Connection, resource: HttpProxy) -> compute_v1.TargetHttpProxy:
    return compute_v1.TargetHttpProxy(
        name=resource.name, description=marker.description(resource.owner), url_map=url(connection.project, resource.url_map)
    )


def _read_http_proxy(message: compute_v1.TargetHttpProxy, scope: str) -> HttpProxy:
    return HttpProxy(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        url_map=address_of(message.url_map),
        created=message.creation_timestamp,
    )


class HttpProxyDriver(ComputeDriver[HttpProxy]):
    """A proxy's URL map is set by a call of its own."""

    def update(self, connection: Connection, attempt: Attempt, before: HttpProxy, after: HttpProxy) -> None:
        """Set the URL map."""
        del before
        client: Any = connection.client(self.client)
        body = compute_v1.UrlMapReference(url_map=url(connection.project, after.url_map))
        request = self.place(connection, after) | {"url_map_reference_resource": body}
        self.write(
            connection,
            attempt,
            f"updating {after.address}",
            lambda key: client.set_url_map_unary(request=request | {"request_id": key}, **ONCE),
        )


def _forwarding_rule(connection: Connection, resource: ForwardingRule) -> compute_v1.ForwardingRule:
    return compute_v1.ForwardingRule(
        name=resource.name,
        description=marker.description(resource.owner),
        load_balancing_scheme=SCHEME,
        I_p_protocol="TCP",
        I_p_address=url(connection.project, resource.ip_address),
        port_range=f"{resource.port}-{resource.port}",
        target=url(connection.project, resource.target),
        labels=dict(resource.labels),
    )


def _read_forwarding_rule(message: compute_v1.ForwardingRule, scope: str) -> ForwardingRule:
    return ForwardingRule(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_labels(message.labels) or marker.owner_in_text(message.description),
        # Compute tells the number, not the address it was taken from: `observe` puts the name back.
        ip_address=address_of(f"projects/-/global/addresses/{message.I_p_address}"),
        target=address_of(message.target),
        port=int(message.port_range.partition("-")[0]) if message.port_range else 0,
        labels=tuple(sorted(message.labels.items())),
        ip=message.I_p_address,
        created=message.creation_timestamp,
    )


class ForwardingRuleDriver(LabelledDriver[ForwardingRule]):
    """A forwarding rule's target is set by a call of its own, and it tells the number of its address, not the name."""

    def observe(self, connection: Connection) -> Iterator[ForwardingRule]:
        """List the rules, each with the name of the address whose number it has."""
        names = self._names(connection)
        return (_named(rule, names) for rule in super().observe(connection))

    def live(self, connection: Connection, resource: ForwardingRule) -> ForwardingRule:
        """The live rule, with the name of its address."""
        return _named(super().live(connection, resource), self._names(connection))

    def _names(self, connection: Connection) -> dict[str, Address]:
        client = connection.client(compute_v1.GlobalAddressesClient)
        with translated("listing address"):
            found = client.list(project=connection.project, **ONCE)
            return {each.address: Address(kind="address", scope=GLOBAL, name=each.name) for each in found}

    def update(self, connection: Connection, attempt: Attempt, before: ForwardingRule, after: ForwardingRule) -> None:
        """Set the labels, then the target."""
        super().update(connection, attempt, before, after)
        if before.target == after.target:
            return
        client: Any = connection.client(self.client)
        request = self.place(connection, after) | {
            "target_reference_resource": compute_v1.TargetReference(target=url(connection.project, after.target))
        }
        self.write(
            connection,
            attempt,
            f"updating the target of {after.address}",
            lambda key: client.set_target_unary(request=request | {"request_id": key}, **ONCE),
        )


def _named(rule: ForwardingRule, names: dict[str, Address]) -> ForwardingRule:
    return replace(rule, ip_address=names.get(rule.ip, rule.ip_address))


HEALTH_CHECK = ComputeDriver(
    resource=HealthCheck,
    client=compute_v1.HealthChecksClient,
    item="health_check",
    body="health_check_resource",
    encode=_health_check,
    decode=_read_health_check,
)
BACKEND_SERVICE = BackendServiceDriver(
    resource=BackendService,
    client=compute_v1.BackendServicesClient,
    item="backend_service",
    body="backend_service_resource",
    encode=_backend_service,
    decode=_read_backend_service,
)
URL_MAP = ComputeDriver(
    resource=UrlMap, client=compute_v1.UrlMapsClient, item="url_map", body="url_map_resource", encode=_url_map, decode=_read_url_map
)
HTTP_PROXY = HttpProxyDriver(
    resource=HttpProxy,
    client=compute_v1.TargetHttpProxiesClient,
    item="target_http_proxy",
    body="target_http_proxy_resource",
    encode=_http_proxy,
    decode=_read_http_proxy,
)
FORWARDING_RULE = ForwardingRuleDriver(
    resource=ForwardingRule,
    client=compute_v1.GlobalForwardingRulesClient,
    item="forwarding_rule",
    body="forwarding_rule_resource",
    encode=_forwarding_rule,
    decode=_read_forwarding_rule,
)
