"""Drivers of what makes a slice out of VMs: the workload policy that places them, the endpoint group that leads to worker 0.

1. Only worker 0 of a slice serves; its number stands in the VM's metadata as `agent-worker-number`, else the first by name is taken.
2. A repaired slice has other VMs: the endpoint group is attached anew to worker 0 of the group as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import NotFoundError
from ironwood.resources.base import Address
from ironwood.resources.group import EndpointGroup, WorkloadPolicy

WORKLOAD = "HIGH_THROUGHPUT"
ENDPOINT_TYPE = "GCE_VM_IP_PORT"
GROUP = "ironwood-group"
"""The annotation in which an endpoint group names the group it leads to."""
WORKER_NUMBER = "agent-worker-number"


def _policy(connection: Connection, resource: WorkloadPolicy) -> compute_v1.ResourcePolicy:
    del connection
    return compute_v1.ResourcePolicy(
        name=resource.name,
        description=marker.description(resource.owner),
        workload_policy=compute_v1.ResourcePolicyWorkloadPolicy(type_=WORKLOAD, accelerator_topology=resource.topology),
    )


def _read_policy(message: compute_v1.ResourcePolicy, scope: str) -> WorkloadPolicy:
    return WorkloadPolicy(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        topology=message.workload_policy.accelerator_topology,
        created=message.creation_timestamp,
    )


def _endpoint_group(connection: Connection, resource: EndpointGroup) -> compute_v1.NetworkEndpointGroup:
    return compute_v1.NetworkEndpointGroup(
        name=resource.name,
        description=marker.description(resource.owner),
        network_endpoint_type=ENDPOINT_TYPE,
        network=url(connection.project, resource.network),
        subnetwork=url(connection.project, resource.subnetwork),
        default_port=resource.port,
        annotations={GROUP: resource.group.name},
    )


def _read_endpoint_group(message: compute_v1.NetworkEndpointGroup, scope: str) -> EndpointGroup:
    return EndpointGroup(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        network=address_of(message.network, beside=message.self_link),
        subnetwork=address_of(message.subnetwork, beside=message.self_link),
        group=Address(kind="instance_group", scope=scope, name=message.annotations.get(GROUP, "")),
        port=message.default_port,
        created=message.creation_timestamp,
    )


class WorkloadPolicyDriver(ComputeDriver[WorkloadPolicy]):
    """Resource policies of other sorts (snapshots, schedules) are not ours to see."""

    def observe(self, connection: Connection) -> Iterator[WorkloadPolicy]:
        """Every workload policy."""
        return (each for each in super().observe(connection) if each.topology)


class EndpointGroupDriver(ComputeDriver[EndpointGroup]):
    """Zonal endpoint groups with worker 0 of a slice."""

    def observe(self, connection: Connection) -> Iterator[EndpointGroup]:
        """List them, each with whether its endpoint is worker 0 of its group."""
        for each in super().observe(connection):
            yield self._seen(connection, each) if each.owner else each

    def live(self, connection: Connection, resource: EndpointGroup) -> EndpointGroup:
        """The live one, with whether its endpoint is worker 0 of its group."""
        return self._seen(connection, super().live(connection, resource))

    def accepts(self, found: EndpointGroup, after: EndpointGroup) -> bool:
        """One that only misses its endpoint is what a killed run left: it is attached next."""
        return found.owner == after.owner and not {*found.differences(after)} - {"attached"}

    def create(self, connection: Connection, attempt: Attempt, after: EndpointGroup) -> None:
        """Insert it and attach worker 0."""
        super().create(connection, attempt, after)
        self._attach(connection, attempt, after)

    def update(self, connection: Connection, attempt: Attempt, before: EndpointGroup, after: EndpointGroup) -> None:
        """Attach worker 0, detach whoever else is there."""
        del before
        self._attach(connection, attempt, after)

    def _attach(self, connection: Connection, attempt: Attempt, after: EndpointGroup) -> None:
        client: Any = connection.client(self.client)
        here, wanted = self._endpoints(connection, after), self._wanted(connection, after)
        attach = compute_v1.NetworkEndpointGroupsAttachEndpointsRequest
        detach = compute_v1.NetworkEndpointGroupsDetachEndpointsRequest
        place = self.place(connection, after)
        if missing := wanted - here:
            body = attach(network_endpoints=[compute_v1.NetworkEndpoint(instance=each, port=after.port) for each in sorted(missing)])
            request = place | {"network_endpoint_groups_attach_endpoints_request_resource": body}
            doing = f"attaching {', '.join(sorted(missing))} to {after.address}"
            self.write(
                connection, attempt, doing, lambda key: client.attach_network_endpoints_unary(request=request | {"request_id": key}, **ONCE)
            )
        if stale := here - wanted:
            old = detach(network_endpoints=[compute_v1.NetworkEndpoint(instance=each, port=after.port) for each in sorted(stale)])
            leave = place | {"network_endpoint_groups_detach_endpoints_request_resource": old}
            doing = f"detaching {', '.join(sorted(stale))} from {after.address}"
            self.write(
                connection, attempt, doing, lambda key: client.detach_network_endpoints_unary(request=leave | {"request_id": key}, **ONCE)
            )

    def _seen(self, connection: Connection, group: EndpointGroup) -> EndpointGroup:
        return replace(group, attached=self._endpoints(connection, group) == self._wanted(connection, group))

    def _endpoints(self, connection: Connection, group: EndpointGroup) -> set[str]:
        client: Any = connection.client(self.client)
        body = compute_v1.NetworkEndpointGroupsListEndpointsRequest(health_status="SKIP")
        request = self.place(connection, group) | {"network_endpoint_groups_list_endpoints_request_resource": body}
        with translated(f"listing the endpoints of {group.address}"):
            found = list(client.list_network_endpoints(request=request, **ONCE))
        return {_name(each.network_endpoint.instance) for each in found}

    def _wanted(self, connection: Connection, group: EndpointGroup) -> set[str]:
        """The name of worker 0 of the group, in a set; empty while the group has no VMs."""
        if not group.group.name:  # made by somebody else: it leads to no group of ours
            return set()
        zone = group.scope.removeprefix("zones/")
        managers = connection.client(compute_v1.InstanceGroupManagersClient)
        try:
            with translated(f"listing the VMs of {group.group}"):
                managed = list(
                    managers.list_managed_instances(project=connection.project, zone=zone, instance_group_manager=group.group.name, **ONCE)
                )
        except NotFoundError:
            return set()
        workers = [_name(each.instance) for each in managed if each.instance_status and each.current_action not in GOING]
        if not workers:
            return set()
        return {min(workers, key=lambda each: (self._number(connection, zone, each), each))}

    def _number(self, connection: Connection, zone: str, name: str) -> int:
        client = connection.client(compute_v1.InstancesClient)
        with translated(f"reading VM {name}"):
            instance = client.get(project=connection.project, zone=zone, instance=name, **ONCE)
        return next((int(item.value) for item in instance.metadata.items if item.key == WORKER_NUMBER), 0)


GOING = ("DELETING", "ABANDONING")


def _name(link: str) -> str:
    """The VM's name: endpoint groups tell it where groups tell its URL."""
    return link.rpartition("/")[2]


WORKLOAD_POLICY = WorkloadPolicyDriver(
    resource=WorkloadPolicy,
    client=compute_v1.ResourcePoliciesClient,
    item="resource_policy",
    body="resource_policy_resource",
    encode=_policy,
    decode=_read_policy,
    level="regions",
)
ENDPOINT_GROUP = EndpointGroupDriver(
    resource=EndpointGroup,
    client=compute_v1.NetworkEndpointGroupsClient,
    item="network_endpoint_group",
    body="network_endpoint_group_resource",
    encode=_endpoint_group,
    decode=_read_endpoint_group,
    level="zones",
)
