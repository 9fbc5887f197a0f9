"""The driver of every kind; a test holds this table against the kinds of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cloud.drivers.alerting import ALERT_POLICY, NOTIFICATION_CHANNEL, UPTIME_CHECK
from cloud.drivers.autoscaler import AUTOSCALER
from cloud.drivers.base import Driver
from cloud.drivers.bigquery import DATASET, DATASET_WRITER, TABLE
from cloud.drivers.bucket import BUCKET
from cloud.drivers.budget import BUDGET
from cloud.drivers.cache import REDIS_INSTANCE
from cloud.drivers.dashboard import DASHBOARD
from cloud.drivers.https import CERTIFICATE, HTTPS_PROXY
from cloud.drivers.iam import SERVICE_ACCOUNT
from cloud.drivers.iam_binding import IAM_BINDING
from cloud.drivers.instance_group import INSTANCE_GROUP
from cloud.drivers.instance_template import INSTANCE_TEMPLATE
from cloud.drivers.load_balancer import BACKEND_SERVICE, FORWARDING_RULE, HEALTH_CHECK, HTTP_PROXY, URL_MAP
from cloud.drivers.logs import LOG_BUCKET, LOG_METRIC, LOG_SINK
from cloud.drivers.metrics import METRIC_DESCRIPTOR
from cloud.drivers.network import ADDRESS, FIREWALL, NETWORK, ROUTER, SUBNETWORK
from cloud.drivers.private_access import PEERING_RANGE, PRIVATE_CONNECTION
from cloud.drivers.pubsub import SUBSCRIPTION, TOPIC
from cloud.drivers.queued_tpu import QUEUED_TPU
from cloud.drivers.scheduler_job import SCHEDULER_JOB
from cloud.drivers.secret import SECRET, SECRET_ACCESS
from cloud.drivers.security_policy import SECURITY_POLICY
from cloud.drivers.service_set import SERVICE_SET
from cloud.drivers.slices import ENDPOINT_GROUP, WORKLOAD_POLICY
from cloud.drivers.stray_instance import STRAY_INSTANCE
from cloud.drivers.stray_tpu import STRAY_TPU
from cloud.drivers.vertex import DEPLOYED_MODEL, ENDPOINT_TRAFFIC, VERTEX_ENDPOINT, VERTEX_MODEL

_ALL: tuple[Driver[Any], ...] = (
    SERVICE_SET,
    SERVICE_ACCOUNT,
    BUCKET,
    IAM_BINDING,
    SECRET,
    SECRET_ACCESS,
    DATASET,
    DATASET_WRITER,
    TABLE,
    TOPIC,
    SUBSCRIPTION,
    BUDGET,
    SCHEDULER_JOB,
    NETWORK,
    SUBNETWORK,
    FIREWALL,
    ROUTER,
    ADDRESS,
    PEERING_RANGE,
    PRIVATE_CONNECTION,
    REDIS_INSTANCE,
    HEALTH_CHECK,
    INSTANCE_TEMPLATE,
    WORKLOAD_POLICY,
    INSTANCE_GROUP,
    ENDPOINT_GROUP,
    AUTOSCALER,
    STRAY_INSTANCE,
    QUEUED_TPU,
    STRAY_TPU,
    SECURITY_POLICY,
    BACKEND_SERVICE,
    URL_MAP,
    HTTP_PROXY,
    CERTIFICATE,
    HTTPS_PROXY,
    FORWARDING_RULE,
    LOG_BUCKET,
    LOG_SINK,
    LOG_METRIC,
    METRIC_DESCRIPTOR,
    DASHBOARD,
    NOTIFICATION_CHANNEL,
    ALERT_POLICY,
    UPTIME_CHECK,
    VERTEX_MODEL,
    VERTEX_ENDPOINT,
    DEPLOYED_MODEL,
    ENDPOINT_TRAFFIC,
)

DRIVERS: Mapping[str, Driver[Any]] = {driver.resource.kind: driver for driver in _ALL}
