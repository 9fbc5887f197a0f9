"""The table of Compute kinds. A kind with nothing special is a row; a special one is a row of its own class."""

from __future__ import annotations

from emulator.services.compute.addresses import Address, ForwardingRule
from emulator.services.compute.armor import SECURITY_POLICY
from emulator.services.compute.autoscalers import AUTOSCALER
from emulator.services.compute.groups.kind import GROUP_MANAGER
from emulator.services.compute.https import CERTIFICATE, HTTPS_PROXY
from emulator.services.compute.kinds import Kind, Reference, Scope
from emulator.services.compute.load_balancing import BackendService, HealthCheck, UrlMap
from emulator.services.compute.networks import Network, Subnetwork
from emulator.services.compute.records import register
from emulator.services.compute.routers import Router
from emulator.services.compute.slices import ENDPOINT_GROUP, RESERVATION, RESOURCE_POLICY
from emulator.services.compute.templates import InstanceTemplate

CRUD = ("insert", "get", "list", "delete")
EVERYWHERE = (*CRUD, "aggregatedList")

ROWS: tuple[Kind, ...] = (
    Network(
        service="networks", collection="networks", item="network", scope=Scope.GLOBAL, kind="compute#network", noun="network",
        quota="NETWORKS", verbs=(*CRUD, "patch"), async_in_use=True,
    ),
    Subnetwork(
        service="subnetworks", collection="subnetworks", item="subnetwork", scope=Scope.REGION, kind="compute#subnetwork",
        noun="subnetwork", quota="SUBNETWORKS", verbs=(*EVERYWHERE, "patch"), required=("network", "ipCidrRange"),
        immutable=("network", "ipCidrRange", "purpose"), references=(Reference(path="network"),), fingerprint=True,
        fingerprint_on=("patch",),
    ),
    Kind(
        service="firewalls", collection="firewalls", item="firewall", scope=Scope.GLOBAL, kind="compute#firewall", noun="firewall",
        quota="FIREWALLS", verbs=(*CRUD, "patch", "update"), required=("network",), immutable=("network", "direction"),
        references=(Reference(path="network"),),
        defaults={"direction": "INGRESS", "priority": 1000, "disabled": False, "logConfig": {"enable": False}},
    ),
    Router(
        service="routers", collection="routers", item="router", scope=Scope.REGION, kind="compute#router", noun="router",
        quota="ROUTERS", verbs=(*EVERYWHERE, "patch", "update"), required=("network",), immutable=("network",),
        references=(Reference(path="network"), Reference(path="nats[].subnetworks[].name")), bills=True,
    ),
    Address(
        service="globalAddresses", collection="addresses", item="address", scope=Scope.GLOBAL, kind="compute#address", noun="address",
        quota="STATIC_ADDRESSES", verbs=(*CRUD, "setLabels"), labels=True, bills=True,
        references=(Reference(path="network"), Reference(path="subnetwork")),
    ),
    Address(
        service="addresses", collection="addresses", item="address", scope=Scope.REGION, kind="compute#address", noun="address",
        quota="STATIC_ADDRESSES", verbs=(*EVERYWHERE, "setLabels"), labels=True, bills=True,
        references=(Reference(path="network"), Reference(path="subnetwork")),
    ),
    HealthCheck(
        service="healthChecks", collection="healthChecks", item="health_check", scope=Scope.GLOBAL, kind="compute#healthCheck",
        noun="health_check", quota="HEALTH_CHECKS", verbs=(*EVERYWHERE, "patch", "update"), required=("type",), immutable=("type",),
        defaults={"checkIntervalSec": 5, "timeoutSec": 5, "unhealthyThreshold": 2, "healthyThreshold": 2},
    ),
    InstanceTemplate(
        service="instanceTemplates", collection="instanceTemplates", item="instance_template", scope=Scope.GLOBAL,
        kind="compute#instanceTemplate", noun="instance_template", quota="INSTANCE_TEMPLATES", verbs=EVERYWHERE,
        required=("properties",), insert_type="compute.instanceTemplates.insert",
        references=(
            Reference(path="properties.networkInterfaces[].network", blocks=False, must_exist=False),
            Reference(path="properties.networkInterfaces[].subnetwork", blocks=False, must_exist=False),
        ),
    ),
    RESOURCE_POLICY,
    RESERVATION,
    GROUP_MANAGER,
    AUTOSCALER,
    ENDPOINT_GROUP,
    BackendService(
        service="backendServices", collection="backendServices", item="backend_service", scope=Scope.GLOBAL,
        kind="compute#backendService", noun="backend_service", quota="BACKEND_SERVICES", verbs=(*EVERYWHERE, "patch", "update"),
        references=(
            Reference(path="healthChecks[]"), Reference(path="backends[].group", must_exist=False),
            Reference(path="securityPolicy", must_exist=False),
        ),
        immutable=("loadBalancingScheme",), fingerprint=True, fingerprint_on=("patch", "update"),
        defaults={
            "description": "", "timeoutSec": 30, "port": 80, "protocol": "HTTP", "portName": "http", "sessionAffinity": "NONE",
            "affinityCookieTtlSec": 0, "loadBalancingScheme": "EXTERNAL", "connectionDraining": {"drainingTimeoutSec": 0},
        },
    ),
    UrlMap(
        service="urlMaps", collection="urlMaps", item="url_map", scope=Scope.GLOBAL, kind="compute#urlMap", noun="url_map",
        quota="URL_MAPS", verbs=(*EVERYWHERE, "patch", "update"), fingerprint=True, fingerprint_on=("patch", "update"),
        references=(
            Reference(path="defaultService"), Reference(path="pathMatchers[].defaultService"),
            Reference(path="pathMatchers[].pathRules[].service"),
            Reference(path="pathMatchers[].routeRules[].service"),
            Reference(path="defaultRouteAction.weightedBackendServices[].backendService"),
            Reference(path="pathMatchers[].defaultRouteAction.weightedBackendServices[].backendService"),
            Reference(path="pathMatchers[].pathRules[].routeAction.weightedBackendServices[].backendService"),
            Reference(path="pathMatchers[].routeRules[].routeAction.weightedBackendServices[].backendService"),
        ),
    ),
    Kind(
        service="targetHttpProxies", collection="targetHttpProxies", item="target_http_proxy", scope=Scope.GLOBAL,
        kind="compute#targetHttpProxy", noun="target_http_proxy", quota="TARGET_HTTP_PROXIES", verbs=(*EVERYWHERE, "patch"),
        required=("urlMap",), references=(Reference(path="urlMap"),), fingerprint=True, fingerprint_on=("patch",),
    ),
    SECURITY_POLICY,
    CERTIFICATE,
    HTTPS_PROXY,
    ForwardingRule(
        service="globalForwardingRules", collection="forwardingRules", item="forwarding_rule", scope=Scope.GLOBAL,
        kind="compute#forwardingRule", noun="forwarding_rule", quota="FORWARDING_RULES", verbs=(*CRUD, "patch", "setLabels"),
        required=("target",), immutable=("IPAddress", "IPProtocol", "portRange", "loadBalancingScheme"),
        references=(Reference(path="target"), Reference(path="network"), Reference(path="subnetwork")),
        fingerprint=True, labels=True, bills=True,
    ),
)  # fmt: skip


def register_all() -> None:
    """Put every row into the registry."""
    for kind in ROWS:
        register(kind)
