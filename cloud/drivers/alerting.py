"""Drivers of what tells people: notification channels, alert policies, uptime checks.

A policy may be refused for a while after a metric it names was made ("Cannot find metric(s)", documented: up to ten minutes): that is waited out.
A channel is deleted without force, so that one a policy of somebody else's uses stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from google.api.monitored_resource_pb2 import MonitoredResource
from google.cloud import compute_v1, monitoring_v3

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import NOWHERE, address_of
from cloud.drivers.base import ONCE
from cloud.drivers.metrics import POLL, VISIBLE_WITHIN
from cloud.drivers.server_named import ServerNamedDriver, told_apart
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.desired.marks import LABEL_KEY
from ironwood.errors import NotFoundError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.monitoring import AlertPolicy, Condition, NotificationChannel, Query, UptimeCheck

_Threshold = monitoring_v3.AlertPolicy.Condition.MetricThreshold
# proto enums are indexable, which their types do not say
_ALIGNER: Any = monitoring_v3.Aggregation.Aligner
_REDUCER: Any = monitoring_v3.Aggregation.Reducer
_SEVERITY: Any = monitoring_v3.AlertPolicy.Severity
_Missing = monitoring_v3.AlertPolicy.Condition.EvaluationMissingData
_COMPARISONS = {"above": monitoring_v3.ComparisonType.COMPARISON_GT, "below": monitoring_v3.ComparisonType.COMPARISON_LT}
_MISSING = {"inactive": _Missing.EVALUATION_MISSING_DATA_INACTIVE, "keep": _Missing.EVALUATION_MISSING_DATA_NO_OP}


# -- channels ----------------------------------------------------------------------------------------------------------


def _channels(connection: Connection) -> list[NotificationChannel]:
    client = connection.client(monitoring_v3.NotificationChannelServiceClient)
    found = list(client.list_notification_channels(request={"name": f"projects/{connection.project}"}, **ONCE))
    found.sort(key=lambda message: (message.creation_record.mutate_time.timestamp(), message.name))
    return [
        NotificationChannel(
            name=message.display_name,
            owner=marker.owner_in_labels(message.user_labels),
            email=message.labels.get("email_address", ""),
            id=message.name,
        )
        for message in found
    ]


def _channel(resource: NotificationChannel, name: str = "") -> monitoring_v3.NotificationChannel:
    return monitoring_v3.NotificationChannel(
        name=name,
        type_="email",
        display_name=resource.name,
        labels={"email_address": resource.email},
        user_labels={LABEL_KEY: resource.owner},
    )


def _make_channel(connection: Connection, after: NotificationChannel) -> None:
    client = connection.client(monitoring_v3.NotificationChannelServiceClient)
    client.create_notification_channel(request={"name": f"projects/{connection.project}", "notification_channel": _channel(after)}, **ONCE)


def _change_channel(connection: Connection, name: str, after: NotificationChannel) -> None:
    client = connection.client(monitoring_v3.NotificationChannelServiceClient)
    mask = {"paths": ["display_name", "labels", "user_labels"]}
    client.update_notification_channel(request={"notification_channel": _channel(after, name), "update_mask": mask}, **ONCE)


def _remove_channel(connection: Connection, name: str) -> None:
    client = connection.client(monitoring_v3.NotificationChannelServiceClient)
    client.delete_notification_channel(request={"name": name, "force": False}, **ONCE)


# -- policies ----------------------------------------------------------------------------------------------------------


def _policies(connection: Connection) -> Iterator[AlertPolicy]:
    client = connection.client(monitoring_v3.AlertPolicyServiceClient)
    found = list(client.list_alert_policies(request={"name": f"projects/{connection.project}"}, **ONCE))
    found.sort(key=lambda message: (message.creation_record.mutate_time.timestamp(), message.name))
    channels = {each.id: each.address for each in told_apart(_channels(connection))} if found else {}
    for message in found:
        yield AlertPolicy(
            name=message.display_name,
            owner=marker.owner_in_labels(message.user_labels),
            condition=_read_condition(message.conditions[0]) if len(message.conditions) == 1 else None,
            channels=tuple(channels.get(each, NOWHERE) for each in message.notification_channels),
            documentation=message.documentation.content,
            severity=monitoring_v3.AlertPolicy.Severity(message.severity).name,
            id=message.name,
            created=message.creation_record.mutate_time.isoformat(),
        )


def _read_condition(message: monitoring_v3.AlertPolicy.Condition) -> Condition | None:
    """Our condition; None for one of another kind."""
    threshold = message.condition_threshold
    if "condition_threshold" not in message or len(threshold.aggregations) != 1:
        return None
    below = threshold.denominator_aggregations
    return Condition(
        query=_read_query(threshold.filter, threshold.aggregations[0]),
        denominator=_read_query(threshold.denominator_filter, below[0]) if threshold.denominator_filter and below else None,
        comparison="below" if threshold.comparison == _COMPARISONS["below"] else "above",
        threshold=threshold.threshold_value,
        for_seconds=int(threshold.duration.total_seconds()),
        missing="inactive" if threshold.evaluation_missing_data == _MISSING["inactive"] else "keep",
    )


def _read_query(text: str, how: monitoring_v3.Aggregation) -> Query:
    return Query(
        filter=text,
        aligner=monitoring_v3.Aggregation.Aligner(how.per_series_aligner).name,
        period_seconds=int(how.alignment_period.total_seconds()),
        reducer=monitoring_v3.Aggregation.Reducer(how.cross_series_reducer).name,
        group_by=tuple(how.group_by_fields),
    )


def _aggregation(query: Query) -> monitoring_v3.Aggregation:
    return monitoring_v3.Aggregation(
        alignment_period=timedelta(seconds=query.period_seconds),
        per_series_aligner=_ALIGNER[query.aligner],
        cross_series_reducer=_REDUCER[query.reducer],
        group_by_fields=list(query.group_by),
    )


def _condition(resource: AlertPolicy) -> monitoring_v3.AlertPolicy.Condition:
    wanted = resource.condition
    assert wanted is not None  # what is desired has one; None is what somebody else's hand left
    threshold = _Threshold(
        filter=wanted.query.filter,
        aggregations=[_aggregation(wanted.query)],
        comparison=_COMPARISONS[wanted.comparison],
        threshold_value=wanted.threshold,
        duration=timedelta(seconds=wanted.for_seconds),
        trigger=monitoring_v3.AlertPolicy.Condition.Trigger(count=1),
        evaluation_missing_data=_MISSING[wanted.missing],
    )
    if wanted.denominator is not None:
        threshold.denominator_filter = wanted.denominator.filter
        threshold.denominator_aggregations = [_aggregation(wanted.denominator)]
    return monitoring_v3.AlertPolicy.Condition(display_name=resource.name, condition_threshold=threshold)


def _policy(connection: Connection, resource: AlertPolicy, name: str = "") -> monitoring_v3.AlertPolicy:
    channels = {each.address: each.id for each in told_apart(_channels(connection))} if resource.channels else {}
    return monitoring_v3.AlertPolicy(
        name=name,
        display_name=resource.name,
        user_labels={LABEL_KEY: resource.owner},
        documentation=monitoring_v3.AlertPolicy.Documentation(content=resource.documentation, mime_type="text/markdown"),
        conditions=[_condition(resource)],
        combiner=monitoring_v3.AlertPolicy.ConditionCombinerType.OR,
        notification_channels=[channels[each] for each in resource.channels],
        severity=_SEVERITY[resource.severity],
    )


def _make_policy(connection: Connection, after: AlertPolicy) -> None:
    client = connection.client(monitoring_v3.AlertPolicyServiceClient)
    client.create_alert_policy(request={"name": f"projects/{connection.project}", "alert_policy": _policy(connection, after)}, **ONCE)


def _change_policy(connection: Connection, name: str, after: AlertPolicy) -> None:
    client = connection.client(monitoring_v3.AlertPolicyServiceClient)
    paths = ["display_name", "user_labels", "documentation", "conditions", "combiner", "notification_channels", "severity"]
    request: dict[str, Any] = {"alert_policy": _policy(connection, after, name), "update_mask": {"paths": paths}}
    client.update_alert_policy(request=request, **ONCE)


def _remove_policy(connection: Connection, name: str) -> None:
    connection.client(monitoring_v3.AlertPolicyServiceClient).delete_alert_policy(request={"name": name}, **ONCE)


class AlertPolicyDriver(ServerNamedDriver[AlertPolicy]):
    """Alert policies, whose metrics may not be known yet."""

    def create(self, connection: Connection, attempt: Attempt, after: AlertPolicy) -> None:
        """Make it as soon as its metrics are known."""
        deadline = connection.clock.now() + VISIBLE_WITHIN
        while True:
            try:
                super().create(connection, attempt, after)
            except NotFoundError:
                if connection.clock.now() > deadline:
                    raise
                sleep(connection.clock, POLL)
            else:
                return


TARGET_KEY = "ironwood-target"
"""The label that tells which address a check by a domain is of."""

# -- uptime checks -----------------------------------------------------------------------------------------------------


def _checks(connection: Connection) -> Iterator[UptimeCheck]:
    client = connection.client(monitoring_v3.UptimeCheckServiceClient)
    found = list(client.list_uptime_check_configs(request={"parent": f"projects/{connection.project}"}, **ONCE))
    addresses = {ip: address for address, ip in _ips(connection)} if found else {}
    for message in sorted(found, key=lambda each: each.name):  # Google does not tell when a check was made
        yield UptimeCheck(
            name=message.display_name,
            owner=marker.owner_in_labels(message.user_labels),
            target=_target(message, addresses),
            domain=message.monitored_resource.labels["host"] if message.http_check.use_ssl else "",
            port=message.http_check.port,
            path=message.http_check.path,
            period_seconds=int(message.period.total_seconds()),
            timeout_seconds=int(message.timeout.total_seconds()),
            id=message.name,
        )


def _target(message: monitoring_v3.UptimeCheckConfig, addresses: Mapping[str, Address]) -> Address:
    """The address a check is of: the one whose number it asks, else the one it was made for, as its label tells."""
    asked = addresses.get(message.monitored_resource.labels["host"])
    name = message.user_labels.get(TARGET_KEY, "")
    return asked or (Address(kind="address", scope=GLOBAL, name=name) if name else NOWHERE)


def _ips(connection: Connection) -> Iterator[tuple[Address, str]]:
    client = connection.client(compute_v1.GlobalAddressesClient)
    with translated("listing address"):
        for message in client.list(project=connection.project, **ONCE):
            yield address_of(f"projects/{connection.project}/{GLOBAL}/addresses/{message.name}"), message.address


def _check(resource: UptimeCheck, name: str = "") -> monitoring_v3.UptimeCheckConfig:
    return monitoring_v3.UptimeCheckConfig(
        name=name,
        display_name=resource.name,
        user_labels={LABEL_KEY: resource.owner, TARGET_KEY: resource.target.name},
        http_check=monitoring_v3.UptimeCheckConfig.HttpCheck(
            path=resource.path,
            port=resource.port,
            request_method=monitoring_v3.UptimeCheckConfig.HttpCheck.RequestMethod.GET,
            use_ssl=bool(resource.domain),
            validate_ssl=bool(resource.domain),
        ),
        period=timedelta(seconds=resource.period_seconds),
        timeout=timedelta(seconds=resource.timeout_seconds),
    )


def _make_check(connection: Connection, after: UptimeCheck) -> None:
    host = dict(_ips(connection)).get(after.target)
    if host is None:
        raise NotFoundError(f"{after.address}: {after.target}, which it is to ask, is not there")
    message = _check(after)
    message.monitored_resource = MonitoredResource(
        type="uptime_url", labels={"host": after.domain or host, "project_id": connection.project}
    )
    client = connection.client(monitoring_v3.UptimeCheckServiceClient)
    client.create_uptime_check_config(request={"parent": f"projects/{connection.project}", "uptime_check_config": message}, **ONCE)


def _change_check(connection: Connection, name: str, after: UptimeCheck) -> None:
    client = connection.client(monitoring_v3.UptimeCheckServiceClient)
    mask = {"paths": ["display_name", "user_labels", "http_check", "period", "timeout"]}
    client.update_uptime_check_config(request={"uptime_check_config": _check(after, name), "update_mask": mask}, **ONCE)


def _remove_check(connection: Connection, name: str) -> None:
    connection.client(monitoring_v3.UptimeCheckServiceClient).delete_uptime_check_config(request={"name": name}, **ONCE)


NOTIFICATION_CHANNEL = ServerNamedDriver(
    resource=NotificationChannel, listing=_channels, make=_make_channel, change=_change_channel, remove=_remove_channel
)
ALERT_POLICY = AlertPolicyDriver(resource=AlertPolicy, listing=_policies, make=_make_policy, change=_change_policy, remove=_remove_policy)
UPTIME_CHECK = ServerNamedDriver(resource=UptimeCheck, listing=_checks, make=_make_check, change=_change_check, remove=_remove_check)
