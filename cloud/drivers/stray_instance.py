"""Driver of stray VMs: those with our label that no existing group made. Found so that they can be deleted, never made."""

from __future__ import annotations

from collections.abc import Iterator

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.errors import translated
from ironwood.desired import LABEL_KEY
from ironwood.errors import RefusedError
from ironwood.resources.group import StrayInstance

CREATED_BY = "created-by"
"""The metadata key in which Compute tells the group that made a VM."""


def _instance(connection: Connection, resource: StrayInstance) -> compute_v1.Instance:
    del connection
    raise RefusedError(f"{resource.address} is a stray VM; strays are deleted, never made")


def _read_instance(message: compute_v1.Instance, scope: str) -> StrayInstance:
    return StrayInstance(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_labels(message.labels),
        machine_type=message.machine_type.rpartition("/")[2],
        created=message.creation_timestamp,
    )


class StrayInstanceDriver(ComputeDriver[StrayInstance]):
    """Labelled VMs outside any group."""

    def observe(self, connection: Connection) -> Iterator[StrayInstance]:
        """List VMs that carry our label and whose group, if any, is gone."""
        groups = self._groups(connection)
        client = connection.client(compute_v1.InstancesClient)
        request = compute_v1.AggregatedListInstancesRequest(project=connection.project, filter=f"labels.{LABEL_KEY}:*")
        with translated("listing stray_instance"):
            for scope, scoped in client.aggregated_list(request=request, **ONCE):
                for message in scoped.instances:
                    maker = next((item.value for item in message.metadata.items if item.key == CREATED_BY), "")
                    if f"{scope}/{maker.rpartition('/')[2]}" not in groups:
                        yield _read_instance(message, scope)

    def _groups(self, connection: Connection) -> frozenset[str]:
        client = connection.client(compute_v1.InstanceGroupManagersClient)
        with translated("listing instance_group"):
            pages = client.aggregated_list(project=connection.project, **ONCE)
            return frozenset(f"{scope}/{group.name}" for scope, scoped in pages for group in scoped.instance_group_managers)


STRAY_INSTANCE = StrayInstanceDriver(
    resource=StrayInstance,
    client=compute_v1.InstancesClient,
    item="instance",
    body="instance_resource",
    encode=_instance,
    decode=_read_instance,
    level="zones",
)
