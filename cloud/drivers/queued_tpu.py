"""Driver of development TPUs: queued resources of the Cloud TPU API.

1. Create and update are one thing: look what there is, do what is next, until it is ACTIVE and its node READY. So a killed run's order is waited
for further, on its own clock, by whoever runs next. 2. One that is suspended or failed, or has lost its node, still counts against the quota: it is deleted,
with its node where it has one, and ordered anew. 3. An order that has got nothing by its deadline is deleted and read back until it is gone: that is
a stockout. Google gives it up at the same time, should nobody of ours be there. 4. It is deleted without force where that is allowed, because force
takes nodes with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from google.cloud import tpu_v2

from cloud import progress, tpu_api, tpu_leases
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE
from cloud.drivers.iam import account_address, email
from cloud.drivers.instance_template import SCOPES, STARTUP_SCRIPT
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import tpu_v5e
from ironwood.errors import ConflictError, NotFoundError, RefusedError, StockoutError, TransientError
from ironwood.resources.queued_tpu import ACTIVE, QueuedTpu

POLL = timedelta(seconds=10)
GUEST_ATTRIBUTES = "enable-guest-attributes"
FAILED, DELETING = "FAILED", "DELETING"
WAITING = ("CREATING", "ACCEPTED", "WAITING_FOR_RESOURCES", "PROVISIONING")
GOING = ("SUSPENDING", DELETING)
WITHOUT_FORCE = ("ACCEPTED", "WAITING_FOR_RESOURCES", FAILED, "SUSPENDED")
"""States in which one may be deleted although nothing is said of its nodes (documented)."""
NODE = "NODE_"
COMING = (f"{NODE}CREATING", f"{NODE}RESTARTING", f"{NODE}REIMAGING", f"{NODE}REPAIRING", f"{NODE}STARTING")
"""An active one's node is on its way."""


class QueuedTpuDriver:
    """Queued resources in every zone."""

    resource = QueuedTpu

    def observe(self, connection: Connection) -> Iterator[QueuedTpu]:
        """List them, zone by zone; the nodes too where one of ours is active."""

        def listed(parent: str) -> list[QueuedTpu]:
            zone = parent.rpartition("/")[2]
            client = tpu_api.client(connection)
            found = [each for each in client.list_queued_resources(parent=parent, **ONCE) if each.tpu.node_spec]
            ours = any(_owner(each) for each in found)
            nodes = {each.name.rpartition("/")[2]: each for each in client.list_nodes(parent=parent, **ONCE)} if ours else {}
            return [_read(connection, each, zone, nodes.get(each.tpu.node_spec[0].node_id)) for each in found]

        for _, found in tpu_api.in_zones(connection, listed):
            yield from found

    def create(self, connection: Connection, attempt: Attempt, after: QueuedTpu) -> None:
        """Order it and wait until it is there."""
        self._bring(connection, attempt, after)

    def update(self, connection: Connection, attempt: Attempt, before: QueuedTpu, after: QueuedTpu) -> None:
        """Wait for it where it is on its way; clear it away and order it anew where it is over."""
        del before
        self._bring(connection, attempt, after)

    def delete(self, connection: Connection, attempt: Attempt, before: QueuedTpu) -> None:
        """Delete it with its node, and wait until both are gone."""
        self._clear(connection, attempt, before)

    def live(self, connection: Connection, resource: QueuedTpu) -> QueuedTpu | None:
        """What stands at its address now, None where nothing does."""
        zone, client = _zone(resource), tpu_api.client(connection)
        try:
            with translated(f"reading {resource.address}"):
                found = client.get_queued_resource(name=_name(connection, resource), **ONCE)
        except NotFoundError:
            return None
        node = None
        if found.state.state.name == ACTIVE:
            try:
                with translated(f"reading the node of {resource.address}"):
                    node = client.get_node(name=f"{tpu_api.parent(connection, zone)}/nodes/{found.tpu.node_spec[0].node_id}", **ONCE)
            except NotFoundError:
                node = None
        return _read(connection, found, zone, node)

    def _bring(self, connection: Connection, attempt: Attempt, after: QueuedTpu) -> None:
        vms = tpu_v5e.SLICES[after.accelerator_type].vms
        awaited = False  # whether what is seen next is an order we wait for, rather than what an earlier one left
        while True:
            live = self.live(connection, after)
            if live is None:
                self._order(connection, attempt, after)
                awaited = True
                continue
            _refuse_others(live, after)
            if live.state == ACTIVE:
                progress.tell(vms, vms)
                return
            if live.state in WAITING or live.state in COMING:
                awaited = True
                progress.tell(0, vms, live.state)
                if live.state in WAITING and connection.clock.now() - datetime.fromisoformat(live.created) > after.patience:
                    self._clear(connection, attempt, live)
                    raise StockoutError(
                        f"{after.address} was {live.state} for {after.patience}; the order is cancelled. Run again later, choose another zone, or raise deadline_minutes."
                    )
            elif live.state not in GOING:
                self._over(connection, attempt, live, after, awaited)
                awaited = False
            sleep(connection.clock, POLL)

    def _over(self, connection: Connection, attempt: Attempt, live: QueuedTpu, after: QueuedTpu, awaited: object) -> None:
        """Clear away one that is suspended, failed or without its node; raises what it failed with where it is the order that was waited for."""
        failure = self._failure(connection, after) if awaited else None
        if failure is None and after.lease is not None:
            tpu_leases.clear(connection, attempt, live, after.lease, lambda: self.live(connection, after) is None)
        else:
            self._clear(connection, attempt, live)
        if failure is not None:
            raise failure

    def _failure(self, connection: Connection, resource: QueuedTpu) -> Exception:
        with translated(f"reading {resource.address}"):
            found = tpu_api.client(connection).get_queued_resource(name=_name(connection, resource), **ONCE)
        state = found.state.state.name
        if state != FAILED:
            return TransientError(f"{resource.address} was {state} before it served; it is ordered anew")
        return tpu_api.error_of(f"{resource.address} failed, and was deleted", found.state.failed_data.error)

    def _order(self, connection: Connection, attempt: Attempt, after: QueuedTpu) -> None:
        if after.lease is not None:
            tpu_leases.prove(connection, attempt, after, after.lease)
        doing = f"ordering {after.address}"
        message = _encode(connection, after)
        client = tpu_api.client(connection)
        parent = tpu_api.parent(connection, _zone(after))
        try:
            with attempt.write(doing) as key, translated(doing):
                request = {"parent": parent, "queued_resource_id": after.name, "queued_resource": message, "request_id": key}
                future = client.create_queued_resource(request=request, **ONCE)
            tpu_api.finish(connection, future.operation, doing)
        except ConflictError:
            return  # it is read back next

    def _clear(self, connection: Connection, attempt: Attempt, resource: QueuedTpu) -> None:
        """Delete it and read back until it is gone."""
        forced = False
        while (live := self.live(connection, resource)) is not None:
            if live.state != DELETING:
                force = forced or live.state not in WITHOUT_FORCE
                doing = f"deleting {resource.address}, which is {live.state}"
                try:
                    with attempt.write(doing) as key, translated(doing):
                        request = {"name": _name(connection, resource), "force": force, "request_id": key}
                        future = tpu_api.client(connection).delete_queued_resource(request=request, **ONCE)
                    tpu_api.finish(connection, future.operation, doing)
                except NotFoundError:
                    return
                except RefusedError:
                    if force:
                        raise
                    forced = True  # it has got its node meanwhile
                    continue
                except ConflictError:
                    pass  # somebody deletes it already
            sleep(connection.clock, POLL)


def _refuse_others(live: QueuedTpu, after: QueuedTpu) -> None:
    """Raise ConflictError where what stands at the address is not what was ordered."""
    different = live.differences(after).keys() - {"state"}
    if live.owner != after.owner or different:
        whose = f"belongs to profile {live.owner or '?'}" if live.owner != after.owner else f"differs in {', '.join(sorted(different))}"
        raise ConflictError(f"{after.address} was made by somebody else meanwhile and {whose}; run again")


def _zone(resource: QueuedTpu) -> str:
    return resource.scope.partition("/")[2]


def _name(connection: Connection, resource: QueuedTpu) -> str:
    return f"{tpu_api.parent(connection, _zone(resource))}/queuedResources/{resource.name}"


def _encode(connection: Connection, after: QueuedTpu) -> tpu_v2.QueuedResource:
    node = tpu_v2.Node(
        accelerator_type=after.accelerator_type,
        runtime_version=after.runtime_version,
        # No external address: the VMs are reached from inside the network only.
        network_config=tpu_v2.NetworkConfig(
            network=url(connection.project, after.network), subnetwork=url(connection.project, after.subnetwork), enable_external_ips=False
        ),
        service_account=tpu_v2.ServiceAccount(email=email(connection.project, after.service_account.name), scope=list(SCOPES)),
        shielded_instance_config=tpu_v2.ShieldedInstanceConfig(enable_secure_boot=True),
        labels=dict(after.labels),
        tags=list(after.tags),
        metadata={STARTUP_SCRIPT: after.startup_script, GUEST_ATTRIBUTES: "TRUE"},
    )
    spec = tpu_v2.QueuedResource.Tpu.NodeSpec(parent=tpu_api.parent(connection, _zone(after)), node_id=after.name, node=node)
    order = tpu_v2.QueuedResource(
        tpu=tpu_v2.QueuedResource.Tpu(node_spec=[spec]),
        queueing_policy=tpu_v2.QueuedResource.QueueingPolicy(valid_until_duration=after.patience),
    )
    if after.consumption == "spot":
        order.spot = tpu_v2.QueuedResource.Spot()
    return order


def _owner(found: tpu_v2.QueuedResource) -> str:
    return marker.owner_in_labels(found.tpu.node_spec[0].node.labels)


def _read(connection: Connection, found: tpu_v2.QueuedResource, zone: str, node: tpu_v2.Node | None) -> QueuedTpu:
    spec = found.tpu.node_spec[0].node
    state = found.state.state.name
    if state == ACTIVE:
        state = f"{NODE}GONE" if node is None else ACTIVE if node.state.name == "READY" else f"{NODE}{node.state.name}"
    beside = f"projects/{connection.project}/"
    return QueuedTpu(
        name=found.name.rpartition("/")[2],
        scope=f"zones/{zone}",
        owner=_owner(found),
        accelerator_type=spec.accelerator_type,
        runtime_version=spec.runtime_version,
        consumption="spot" if "spot" in found else "on_demand",
        network=address_of(spec.network_config.network, beside=beside),
        subnetwork=address_of(spec.network_config.subnetwork, beside=beside),
        service_account=account_address(spec.service_account.email),
        tags=tuple(spec.tags),
        labels=tuple(sorted(spec.labels.items())),
        startup_script=spec.metadata.get(STARTUP_SCRIPT, ""),
        state=state,
        created=found.create_time.isoformat() if found.create_time else "",
    )


QUEUED_TPU = QueuedTpuDriver()
