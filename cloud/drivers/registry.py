"""The driver of every kind; a test holds this table against the kinds of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud.drivers.base import Driver
from cloud.drivers.https import CERTIFICATE, HTTPS_PROXY
from cloud.drivers.iam import SERVICE_ACCOUNT
from cloud.drivers.iam_binding import IAM_BINDING
from cloud.drivers.instance_group import INSTANCE_GROUP
from cloud.drivers.instance_template import INSTANCE_TEMPLATE
from cloud.drivers.load_balancer import BACKEND_SERVICE, FORWARDING_RULE, HEALTH_CHECK, HTTP_PROXY, URL_MAP
from cloud.drivers.network import ADDRESS, FIREWALL, NETWORK, ROUTER, SUBNETWORK
from cloud.drivers.service_set import SERVICE_SET
from cloud.drivers.stray_instance import STRAY_INSTANCE

_ALL: tuple[Driver[Any], ...] = (
    SERVICE_SET,
    SERVICE_ACCOUNT,
    IAM_BINDING,
    NETWORK,
    SUBNETWORK,
    FIREWALL,
    ROUTER,
    ADDRESS,
    HEALTH_CHECK,
    INSTANCE_TEMPLATE,
    INSTANCE_GROUP,
    STRAY_INSTANCE,
    BACKEND_SERVICE,
    URL_MAP,
    HTTP_PROXY,
    CERTIFICATE,
    HTTPS_PROXY,
    FORWARDING_RULE,
)

DRIVERS: Mapping[str, Driver[Any]] = {driver.resource.kind: driver for driver in _ALL}
