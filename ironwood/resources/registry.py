"""Every kind of resource, in one list. A kind that is not here does not exist; one that is must have a driver and a test."""

from __future__ import annotations

from ironwood.resources.analytics import Dataset, DatasetWriter, Table
from ironwood.resources.autoscaler import Autoscaler
from ironwood.resources.base import Resource
from ironwood.resources.bucket import Bucket
from ironwood.resources.budget import Budget, Subscription, Topic
from ironwood.resources.cache import PeeringRange, PrivateConnection, RedisInstance
from ironwood.resources.group import EndpointGroup, InstanceGroup, InstanceTemplate, StrayInstance, WorkloadPolicy
from ironwood.resources.https import Certificate, HttpsProxy
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.load_balancer import BackendService, ForwardingRule, HealthCheck, HttpProxy, SecurityPolicy, UrlMap
from ironwood.resources.logs import LogBucket, LogMetric, LogSink
from ironwood.resources.monitoring import AlertPolicy, Dashboard, MetricDescriptor, NotificationChannel, UptimeCheck
from ironwood.resources.network import Firewall, GlobalAddress, Network, Router, Subnetwork
from ironwood.resources.queued_tpu import QueuedTpu, StrayTpu
from ironwood.resources.scheduler_job import SchedulerJob
from ironwood.resources.secret import Secret, SecretAccess
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.service_set import ServiceSet
from ironwood.resources.vertex import DeployedModel, EndpointTraffic, VertexEndpoint, VertexModel

KINDS: dict[str, type[Resource]] = {
    each.kind: each
    for each in (
        ServiceSet,
        ServiceAccount,
        Bucket,
        IamBinding,
        Secret,
        SecretAccess,
        Dataset,
        DatasetWriter,
        Table,
        Topic,
        Subscription,
        Budget,
        SchedulerJob,
        Network,
        Subnetwork,
        Firewall,
        Router,
        GlobalAddress,
        PeeringRange,
        PrivateConnection,
        RedisInstance,
        HealthCheck,
        InstanceTemplate,
        WorkloadPolicy,
        InstanceGroup,
        EndpointGroup,
        Autoscaler,
        StrayInstance,
        QueuedTpu,
        StrayTpu,
        SecurityPolicy,
        BackendService,
        UrlMap,
        HttpProxy,
        Certificate,
        HttpsProxy,
        ForwardingRule,
        LogBucket,
        LogSink,
        LogMetric,
        MetricDescriptor,
        Dashboard,
        NotificationChannel,
        AlertPolicy,
        UptimeCheck,
        VertexModel,
        VertexEndpoint,
        DeployedModel,
        EndpointTraffic,
    )
}
