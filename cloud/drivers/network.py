"""Drivers of the VPC: network, subnet, firewall, router and address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.drivers.labels import LabelledDriver
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.resources.base import GLOBAL
from ironwood.resources.network import Allow, Firewall, GlobalAddress, Network, Router, Subnetwork


def _network(connection: Connection, resource: Network) -> compute_v1.Network:
    del connection
    return compute_v1.Network(
        name=resource.name,
        description=marker.description(resource.owner),
        auto_create_subnetworks=False,
        mtu=resource.mtu,
        routing_config=compute_v1.NetworkRoutingConfig(routing_mode="REGIONAL"),
    )


def _read_network(message: compute_v1.Network, scope: str) -> Network:
    return Network(
        name=message.name, scope=scope, owner=marker.owner_in_text(message.description), mtu=message.mtu, created=message.creation_timestamp
    )


def _subnetwork(connection: Connection, resource: Subnetwork) -> compute_v1.Subnetwork:
    return compute_v1.Subnetwork(
        name=resource.name,
        description=marker.description(resource.owner),
        network=url(connection.project, resource.network),
        ip_cidr_range=resource.cidr,
        private_ip_google_access=resource.private_google_access,
        log_config=compute_v1.SubnetworkLogConfig(enable=resource.flow_logs),
    )


def _read_subnetwork(message: compute_v1.Subnetwork, scope: str) -> Subnetwork:
    return Subnetwork(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        network=address_of(message.network),
        cidr=message.ip_cidr_range,
        private_google_access=message.private_ip_google_access,
        flow_logs=message.log_config.enable,
        created=message.creation_timestamp,
    )


class SubnetworkDriver(ComputeDriver[Subnetwork]):
    """Subnets have no PUT, and Google wants their private access set by a call of its own."""

    def update(self, connection: Connection, attempt: Attempt, before: Subnetwork, after: Subnetwork) -> None:
        """Patch flow logs; set private Google access."""
        client: Any = connection.client(self.client)
        place = self.place(connection, after)
        if before.flow_logs != after.flow_logs:
            patch = compute_v1.Subnetwork(
                fingerprint=self.read(connection, after).fingerprint, log_config=compute_v1.SubnetworkLogConfig(enable=after.flow_logs)
            )
            self.write(
                connection,
                attempt,
                f"updating flow logs of {after.address}",
                lambda key: client.patch_unary(request=place | {self.body: patch, "request_id": key}, **ONCE),
            )
        if before.private_google_access != after.private_google_access:
            access = {
                "subnetworks_set_private_ip_google_access_request_resource": compute_v1.SubnetworksSetPrivateIpGoogleAccessRequest(
                    private_ip_google_access=after.private_google_access
                )
            }
            self.write(
                connection,
                attempt,
                f"updating private Google access of {after.address}",
                lambda key: client.set_private_ip_google_access_unary(request=place | access | {"request_id": key}, **ONCE),
            )


def _firewall(connection: Connection, resource: Firewall) -> compute_v1.Firewall:
    return compute_v1.Firewall(
        name=resource.name,
        description=marker.description(resource.owner),
        network=url(connection.project, resource.network),
        direction="INGRESS",
        allowed=[compute_v1.Allowed(I_p_protocol=each.protocol, ports=list(each.ports)) for each in resource.allowed],
        source_ranges=list(resource.source_ranges),
        target_tags=[resource.target_tag],
    )


def _read_firewall(message: compute_v1.Firewall, scope: str) -> Firewall:
    return Firewall(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        network=address_of(message.network),
        allowed=tuple(
            sorted(
                (Allow(protocol=each.I_p_protocol, ports=tuple(each.ports)) for each in message.allowed), key=lambda allow: allow.protocol
            )
        ),
        source_ranges=tuple(message.source_ranges),
        target_tag=",".join(message.target_tags),
        created=message.creation_timestamp,
    )


def _router(connection: Connection, resource: Router) -> compute_v1.Router:
    nat = compute_v1.RouterNat(
        name=resource.nat_name, nat_ip_allocate_option="AUTO_ONLY", source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES"
    )
    return compute_v1.Router(
        name=resource.name, description=marker.description(resource.owner), network=url(connection.project, resource.network), nats=[nat]
    )


def _read_router(message: compute_v1.Router, scope: str) -> Router:
    return Router(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        network=address_of(message.network),
        nat_name=",".join(nat.name for nat in message.nats),
        created=message.creation_timestamp,
    )


def _address(connection: Connection, resource: GlobalAddress) -> compute_v1.Address:
    del connection
    return compute_v1.Address(
        name=resource.name,
        address_type="EXTERNAL",
        ip_version="IPV4",
        description=marker.description(resource.owner),
        labels=dict(resource.labels),
    )


def _read_address(message: compute_v1.Address, scope: str) -> GlobalAddress:
    return GlobalAddress(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_labels(message.labels) or marker.owner_in_text(message.description),
        labels=tuple(sorted(message.labels.items())),
        ip=message.address,
        created=message.creation_timestamp,
    )


class AddressDriver(LabelledDriver[GlobalAddress]):
    """Those of the global addresses that reach the world; ranges for Google's services are another kind."""

    def observe(self, connection: Connection) -> Iterator[GlobalAddress]:
        """List them."""
        client = connection.client(compute_v1.GlobalAddressesClient)
        with translated("listing address"):
            for message in client.list(project=connection.project, **ONCE):
                if message.purpose != "VPC_PEERING":
                    yield _read_address(message, GLOBAL)


NETWORK = ComputeDriver(
    resource=Network, client=compute_v1.NetworksClient, item="network", body="network_resource", encode=_network, decode=_read_network
)
SUBNETWORK = SubnetworkDriver(
    resource=Subnetwork,
    client=compute_v1.SubnetworksClient,
    item="subnetwork",
    body="subnetwork_resource",
    encode=_subnetwork,
    decode=_read_subnetwork,
    level="regions",
)
FIREWALL = ComputeDriver(
    resource=Firewall, client=compute_v1.FirewallsClient, item="firewall", body="firewall_resource", encode=_firewall, decode=_read_firewall
)
ROUTER = ComputeDriver(
    resource=Router,
    client=compute_v1.RoutersClient,
    item="router",
    body="router_resource",
    encode=_router,
    decode=_read_router,
    level="regions",
)
ADDRESS = AddressDriver(
    resource=GlobalAddress,
    client=compute_v1.GlobalAddressesClient,
    item="address",
    body="address_resource",
    encode=_address,
    decode=_read_address,
)
