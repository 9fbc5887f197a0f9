"""Drivers of Pub/Sub topics and subscriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from google.pubsub_v1 import PublisherClient, SubscriberClient, types

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.bigquery import table_address, writer_address
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.budget import Subscription, Topic


def topic_path(project: str, topic: Address) -> str:
    """`projects/P/topics/T`."""
    return f"projects/{project}/topics/{topic.name}"


def topic_address(path: str) -> Address:
    """Our address of a topic."""
    return Address(kind=Topic.kind, scope=GLOBAL, name=path.rpartition("/")[2])


class TopicDriver:
    """The project's topics."""

    resource = Topic

    def observe(self, connection: Connection) -> Iterator[Topic]:
        """List them."""
        client = connection.client(PublisherClient)
        with translated("listing topic"):
            for found in client.list_topics(project=f"projects/{connection.project}", **ONCE):
                yield _read_topic(found)

    def create(self, connection: Connection, attempt: Attempt, after: Topic) -> None:
        """Make it; one of ours that is there already and equal is what we wanted."""
        client = connection.client(PublisherClient)
        topic = types.Topic(name=topic_path(connection.project, after.address), labels=dict(after.labels))
        doing = f"creating {after.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.create_topic(request=topic, **ONCE)
        except ConflictError:
            found = _read_topic(client.get_topic(topic=topic.name, **ONCE))
            if found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: Topic, after: Topic) -> None:
        """Set its labels."""
        del before
        topic = types.Topic(name=topic_path(connection.project, after.address), labels=dict(after.labels))
        request = types.UpdateTopicRequest(topic=topic, update_mask={"paths": ["labels"]})
        doing = f"updating {after.address}"
        with attempt.write(doing), translated(doing):
            connection.client(PublisherClient).update_topic(request=request, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: Topic) -> None:
        """Delete it."""
        client = connection.client(PublisherClient)
        path = topic_path(connection.project, before.address)
        _delete(attempt, f"deleting {before.address}", lambda: client.delete_topic(topic=path, **ONCE))


class SubscriptionDriver:
    """The project's subscriptions."""

    resource = Subscription

    def observe(self, connection: Connection) -> Iterator[Subscription]:
        """List them."""
        client = connection.client(SubscriberClient)
        with translated("listing subscription"):
            for found in client.list_subscriptions(project=f"projects/{connection.project}", **ONCE):
                yield _read_subscription(found)

    def create(self, connection: Connection, attempt: Attempt, after: Subscription) -> None:
        """Make it; one of ours that is there already and equal is what we wanted."""
        client = connection.client(SubscriberClient)
        wanted = _encode(connection, after)
        doing = f"creating {after.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.create_subscription(request=wanted, **ONCE)
        except ConflictError:
            found = _read_subscription(client.get_subscription(subscription=wanted.name, **ONCE))
            if found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: Subscription, after: Subscription) -> None:
        """Set what differs."""
        del before
        mask = {"paths": ["labels", "ack_deadline_seconds", "message_retention_duration"]}
        request = types.UpdateSubscriptionRequest(subscription=_encode(connection, after), update_mask=mask)
        doing = f"updating {after.address}"
        with attempt.write(doing), translated(doing):
            connection.client(SubscriberClient).update_subscription(request=request, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: Subscription) -> None:
        """Delete it with what it holds."""
        client = connection.client(SubscriberClient)
        path = _subscription_path(connection.project, before.name)
        _delete(attempt, f"deleting {before.address}", lambda: client.delete_subscription(subscription=path, **ONCE))


def _delete(attempt: Attempt, doing: str, send: Callable[[], None]) -> None:
    try:
        with attempt.write(doing), translated(doing):
            send()
    except NotFoundError:
        return


def _subscription_path(project: str, name: str) -> str:
    return f"projects/{project}/subscriptions/{name}"


def _encode(connection: Connection, after: Subscription) -> types.Subscription:
    return types.Subscription(
        name=_subscription_path(connection.project, after.name),
        topic=topic_path(connection.project, after.topic),
        labels=dict(after.labels),
        ack_deadline_seconds=after.ack_deadline_seconds,
        message_retention_duration=timedelta(seconds=after.retention_seconds),
        bigquery_config=_writing(connection, after),
    )


def _writing(connection: Connection, after: Subscription) -> types.BigQueryConfig | None:
    """How messages are written by column; a field the table has no column for is dropped rather than the message."""
    if after.table is None:
        return None
    return types.BigQueryConfig(table=f"{connection.project}.{after.table.name}", use_table_schema=True, drop_unknown_fields=True)


def _read_topic(found: types.Topic) -> Topic:
    labels = dict(found.labels)
    return Topic(name=found.name.rpartition("/")[2], owner=marker.owner_in_labels(labels), labels=tuple(sorted(labels.items())))


def _read_subscription(found: types.Subscription) -> Subscription:
    labels = dict(found.labels)
    table = found.bigquery_config.table
    return Subscription(
        name=found.name.rpartition("/")[2],
        owner=marker.owner_in_labels(labels),
        topic=topic_address(found.topic),
        labels=tuple(sorted(labels.items())),
        ack_deadline_seconds=found.ack_deadline_seconds,
        retention_seconds=int(found.message_retention_duration.total_seconds()),
        table=table_address(table) if table else None,
        writer=writer_address(table.split(".")[1], "pubsub") if table else None,
        state=found.bigquery_config.state.name if table else found.state.name,
    )


ACTIVE = "ACTIVE"
"""The state of a subscription that writes, when it can."""
TOPIC, SUBSCRIPTION = TopicDriver(), SubscriptionDriver()
