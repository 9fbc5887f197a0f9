"""Driver of stray VMs: those with our label that no group holds. Found so that they can be deleted, never made."""

from __future__ import annotations

from collections.abc import Iterator

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.errors import translated
from ironwood.desired.marks import LABEL_KEY
from ironwood.errors import NotFoundError, RefusedError
from ironwood.resources.group import StrayInstance

CREATED_BY = "created-by"
"""The metadata key in which Compute tells the group that made a VM."""
TEMPLATE = "instance-template"
"""The metadata key in which Compute tells the template a VM was made from."""


def _instance(connection: Connection, resource: StrayInstance) -> compute_v1.Instance:
    del connection
    raise RefusedError(f"{resource.address} is a stray VM; strays are deleted, never made")


def _read_instance(message: compute_v1.Instance, scope: str) -> StrayInstance:
    metadata = {item.key: item.value for item in message.metadata.items}
    holds = [metadata.get(TEMPLATE, ""), *(url for nic in message.network_interfaces for url in (nic.network, nic.subnetwork))]
    return StrayInstance(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_labels(message.labels),
        machine_type=message.machine_type.rpartition("/")[2],
        holds=tuple(address_of(url) for url in holds if url),
        created=message.creation_timestamp,
    )


class StrayInstanceDriver(ComputeDriver[StrayInstance]):
    """Labelled VMs outside any group."""

    def observe(self, connection: Connection) -> Iterator[StrayInstance]:
        """List VMs that carry our label and that no group holds: its group is gone, or has abandoned them."""
        client = connection.client(compute_v1.InstancesClient)
        request = compute_v1.AggregatedListInstancesRequest(project=connection.project, filter=f"labels.{LABEL_KEY}:*")
        with translated("listing stray_instance"):
            labelled = [
                (scope, message) for scope, scoped in client.aggregated_list(request=request, **ONCE) for message in scoped.instances
            ]
        held = self._held(connection, {_maker(scope, message) for scope, message in labelled})
        return (_read_instance(message, scope) for scope, message in labelled if (scope, message.name) not in held)

    def _held(self, connection: Connection, groups: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """The scope and name of every VM that one of `groups` (scope, name) holds."""
        client = connection.client(compute_v1.InstanceGroupManagersClient)
        found = set()
        for scope, group in sorted(groups):
            zone = scope.removeprefix("zones/")
            try:
                with translated(f"listing the VMs of {group}"):
                    managed = client.list_managed_instances(project=connection.project, zone=zone, instance_group_manager=group, **ONCE)
                    found |= {(scope, each.instance.rpartition("/")[2]) for each in managed}
            except NotFoundError:
                continue
        return found


def _maker(scope: str, message: compute_v1.Instance) -> tuple[str, str]:
    """Scope and name of the group that made a VM; the name is "-" where none did."""
    url = next((item.value for item in message.metadata.items if item.key == CREATED_BY), "-")
    return scope, url.rpartition("/")[2]


STRAY_INSTANCE = StrayInstanceDriver(
    resource=StrayInstance,
    client=compute_v1.InstancesClient,
    item="instance",
    body="instance_resource",
    encode=_instance,
    decode=_read_instance,
    level="zones",
)
