"""Drivers of private services access: ranges reserved for Google's services, and the private connection of a VPC.

1. A connection cannot be marked: it is ours if the state object of one of our buckets says so, which is written before it is made. 2. One that has
ranges besides ours is shared: it is not removed. 3. Google's services may use a connection for hours after the last instance is gone: its removal
is asked for again for a while, then HeldError says so, and a later run goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

from google.cloud import compute_v1

from cloud import facts, service_networking
from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE
from cloud.drivers.labels import LabelledDriver
from cloud.drivers.network import NETWORK
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.state import owners_in, update_at
from ironwood.errors import HeldError, HiddenError, InUseError, NotFoundError, PermissionDeniedError, RefusedError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.cache import PeeringRange, PrivateConnection

PURPOSE = "VPC_PEERING"
PEERING = "servicenetworking-googleapis-com"
PATIENCE = timedelta(minutes=20)
"""How long a run waits for Google's services to let a connection go."""
AGAIN = timedelta(minutes=1)
"""The first pause before it is asked again; each is twice the one before."""
log = logging.getLogger("ironwood.journal")


def _range(connection: Connection, resource: PeeringRange) -> compute_v1.Address:
    return compute_v1.Address(
        name=resource.name,
        description=marker.description(resource.owner),
        address_type="INTERNAL",
        purpose=PURPOSE,
        network=url(connection.project, resource.network),
        prefix_length=resource.prefix_length,
        address=resource.cidr.partition("/")[0] or None,
        labels=dict(resource.labels),
    )


def _read_range(message: compute_v1.Address, scope: str) -> PeeringRange:
    return PeeringRange(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_labels(message.labels) or marker.owner_in_text(message.description),
        network=address_of(message.network),
        prefix_length=message.prefix_length,
        cidr=f"{message.address}/{message.prefix_length}",
        labels=tuple(sorted(message.labels.items())),
        created=message.creation_timestamp,
    )


class PeeringRangeDriver(LabelledDriver[PeeringRange]):
    """Those of the global addresses that are ranges for Google's services."""

    def observe(self, connection: Connection) -> Iterator[PeeringRange]:
        """List them."""
        client = connection.client(compute_v1.GlobalAddressesClient)
        with translated("listing peering_range"):
            for message in client.list(project=connection.project, **ONCE):
                if message.purpose == PURPOSE:
                    yield _read_range(message, GLOBAL)


class PrivateConnectionDriver:
    """The private connections of the project's VPCs."""

    resource = PrivateConnection

    def observe(self, connection: Connection) -> Iterator[PrivateConnection]:
        """Every network's connection, and a peering that stayed without one."""
        number = facts.project_number(connection)
        listed(connection, f"projects/{number}/global/networks/default")  # says whether the API is on at all
        with translated("listing networks"):
            networks = list(connection.client(compute_v1.NetworksClient).list(project=connection.project, **ONCE))
        answers = [(each, listed(connection, f"projects/{number}/global/networks/{each.name}")) for each in networks]
        found = [(each, answer or {}) for each, answer in answers if answer or any(peer.name == PEERING for peer in each.peerings)]
        owners = owners_in(connection) if found else {}
        for message, answer in found:
            resource = PrivateConnection(
                name=message.name,
                network=Address(kind="network", scope=GLOBAL, name=message.name),
                ranges=tuple(_range_address(name) for name in answer.get("reservedPeeringRanges", [])),
            )
            bucket, _, owner = owners.get(str(resource.address), "").partition(" ")
            yield replace(resource, owner=owner, memory=Address(kind="bucket", scope=GLOBAL, name=bucket) if bucket else None)

    def create(self, connection: Connection, attempt: Attempt, after: PrivateConnection) -> None:
        """Write down that it is ours, then make it; one that is there already is brought into shape if it is ours."""
        if self._listed(connection, after.network.name) is not None:
            self.update(connection, attempt, after, after)
            return
        self._own(connection, attempt, after)
        doing = f"creating {after.address}"
        body = self._body(connection, after)
        with attempt.write(doing):
            operation = service_networking.call(
                connection, doing, lambda service: service.services().connections().create(parent=service_networking.SERVICE, body=body)
            )
            service_networking.finish(connection, operation, doing)

    def update(self, connection: Connection, attempt: Attempt, before: PrivateConnection, after: PrivateConnection) -> None:
        """Give it our ranges besides those of others; of an adopted one note that it is ours."""
        self._own(connection, attempt, after)
        live = self._listed(connection, after.network.name) or {}
        ours = {each.name for each in (*before.ranges, *after.ranges)}
        others = [name for name in live.get("reservedPeeringRanges", []) if name not in ours]
        body = self._body(connection, after)
        body["reservedPeeringRanges"] = [*others, *body["reservedPeeringRanges"]]
        if sorted(live.get("reservedPeeringRanges", [])) == sorted(body["reservedPeeringRanges"]):
            return
        doing = f"updating {after.address}"
        name = f"{service_networking.SERVICE}/connections/{PEERING}"
        with attempt.write(doing):
            operation = service_networking.call(
                connection,
                doing,
                lambda service: (
                    service.services().connections().patch(name=name, updateMask="reservedPeeringRanges", force=True, body=body)
                ),
            )
            service_networking.finish(connection, operation, doing)

    def delete(self, connection: Connection, attempt: Attempt, before: PrivateConnection) -> None:
        """Remove it, then what is left of its peering, then the note that it is ours."""
        self._refuse_shared(connection, before)
        doing = f"deleting {before.address}"
        with attempt.write(doing):
            self._removed(connection, before, doing)
        self._unpeer(connection, attempt, before)
        if before.memory is not None:
            with suppress(NotFoundError):
                address = str(before.address)
                update_at(
                    connection, before.memory.name, before.owner, attempt.run, f"disown {address}", lambda kept: kept.disowning(address)
                )

    def _removed(self, connection: Connection, before: PrivateConnection, doing: str) -> None:
        name = f"{service_networking.SERVICE}/connections/{PEERING}"
        body = {"consumerNetwork": self._network(connection, before.network)}
        began, pause = connection.clock.now(), AGAIN
        while self._listed(connection, before.network.name) is not None:
            try:
                operation = service_networking.call(
                    connection, doing, lambda service: service.services().connections().deleteConnection(name=name, body=body)
                )
                service_networking.finish(connection, operation, doing)
            except NotFoundError:
                return
            except HeldError as error:
                waited = connection.clock.now() - began
                if waited >= PATIENCE:
                    raise HeldError(
                        f"{before.address} waits: Google's services still use it {_minutes(waited)} after the last instance was deleted, and let it "
                        "go by themselves within hours; it costs nothing meanwhile. Run teardown again later"
                    ) from error
                log.info("waiting %s: Google's services still use it, for %s so far", before.address, _minutes(waited))
                sleep(connection.clock, min(pause, began + PATIENCE - connection.clock.now()))
                pause *= 2

    def _unpeer(self, connection: Connection, attempt: Attempt, before: PrivateConnection) -> None:
        """Take the peering out of the network where it outlives the connection."""
        client: Any = connection.client(compute_v1.NetworksClient)
        doing = f"removing the peering of {before.address}"
        try:
            with translated(doing):
                network = client.get(project=connection.project, network=before.network.name, **ONCE)
        except NotFoundError:
            return
        if any(each.name == PEERING for each in network.peerings):
            body = compute_v1.NetworksRemovePeeringRequest(name=PEERING)
            request = {"project": connection.project, "network": before.network.name, "networks_remove_peering_request_resource": body}
            NETWORK.write(
                connection, attempt, doing, lambda key: client.remove_peering_unary(request=request | {"request_id": key}, **ONCE)
            )

    def _refuse_shared(self, connection: Connection, before: PrivateConnection) -> None:
        there = {each.name: each.owner for each in PEERING_RANGE.observe(connection)}
        others = [each.name for each in before.ranges if there.get(each.name, before.owner) != before.owner]
        if others:
            raise InUseError(
                f"{before.address} has ranges of others, {', '.join(others)}: it is shared and was left alone; whoever uses them has to let go first"
            )

    def _own(self, connection: Connection, attempt: Attempt, after: PrivateConnection) -> None:
        if after.memory is None:
            raise RefusedError(f"{after.address}: there is no bucket to note in whose it is")
        address = str(after.address)
        update_at(connection, after.memory.name, after.owner, attempt.run, f"own {address}", lambda kept: kept.owning(address))

    def _body(self, connection: Connection, after: PrivateConnection) -> dict[str, Any]:
        return {"network": self._network(connection, after.network), "reservedPeeringRanges": [each.name for each in after.ranges]}

    def _network(self, connection: Connection, network: Address) -> str:
        return f"projects/{facts.project_number(connection)}/global/networks/{network.name}"

    def _listed(self, connection: Connection, network: str) -> dict[str, Any] | None:
        return listed(connection, f"projects/{facts.project_number(connection)}/global/networks/{network}")


def listed(connection: Connection, network: str) -> dict[str, Any] | None:
    """The private connection of `network` (`projects/NUMBER/global/networks/N`); None where it has none. Raises HiddenError."""
    doing = f"listing private connections of {network.rpartition('/')[2]}"
    try:
        answer = service_networking.call(
            connection, doing, lambda service: service.services().connections().list(parent=service_networking.SERVICE, network=network)
        )
    except PermissionDeniedError as error:
        raise HiddenError(str(error)) from error
    except (NotFoundError, RefusedError):  # no such network
        return None
    return next(iter(answer.get("connections", [])), None)


def _range_address(name: str) -> Address:
    return Address(kind=PeeringRange.kind, scope=GLOBAL, name=name)


def _minutes(waited: timedelta) -> str:
    return f"{waited.total_seconds() / 60:.0f} min"


PEERING_RANGE = PeeringRangeDriver(
    resource=PeeringRange,
    client=compute_v1.GlobalAddressesClient,
    item="address",
    body="address_resource",
    encode=_range,
    decode=_read_range,
)
PRIVATE_CONNECTION = PrivateConnectionDriver()
