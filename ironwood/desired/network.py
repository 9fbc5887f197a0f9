"""Where the VMs stand: a VPC of our own with subnet, firewall rules and NAT, or one that is there already.

In an existing VPC of the project only our firewall rules are made. In a shared one nothing is: its rules belong to the host project.
"""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import naming
from ironwood.profile import Profile
from ironwood.resources.base import GLOBAL, Address, Resource
from ironwood.resources.network import Allow, Firewall, Network, Router, Subnetwork

TARGET_TAG = "tpu-inference"
HEALTH_CHECK_RANGES = ("130.211.0.0/22", "35.191.0.0/16")
"""Where Google's health checks and load balancers come from (documented)."""


class Ground:
    """The network of a profile. `given` are the addresses in it that are not ours to make."""

    def __init__(self, profile: Profile) -> None:
        prefix, region, existing = profile.name_prefix, f"regions/{profile.region}", profile.network.existing
        if existing is None:
            self.network = Network(name=naming.network(prefix), owner=profile.name, mtu=profile.network.mtu).address
            self.subnetwork = Address(kind=Subnetwork.kind, scope=region, name=naming.subnetwork(prefix))
            self.given: tuple[Address, ...] = ()
            self.shared = False
        else:
            host = "" if existing.project in {None, profile.project_id} else str(existing.project)
            self.network = Address(kind=Network.kind, scope=GLOBAL, name=existing.network, project=host)
            self.subnetwork = Address(kind=Subnetwork.kind, scope=region, name=existing.subnetwork, project=host)
            self.given = (self.network, self.subnetwork)
            self.shared = bool(host)
        self.resources: tuple[Resource, ...] = tuple(self._resources(profile))

    def _resources(self, profile: Profile) -> Iterator[Resource]:
        prefix, owner, region = profile.name_prefix, profile.name, f"regions/{profile.region}"
        if not self.given:
            yield Network(name=naming.network(prefix), owner=owner, mtu=profile.network.mtu)
            yield Subnetwork(
                name=naming.subnetwork(prefix),
                scope=region,
                owner=owner,
                network=self.network,
                cidr=profile.network.subnet_cidr,
                private_google_access=True,
                flow_logs=True,
            )
            router = naming.router(prefix)
            yield Router(name=router, scope=region, owner=owner, network=self.network, nat_name=f"{router}-nat")
        if not self.shared:
            yield from self._firewalls(profile)

    def _firewalls(self, profile: Profile) -> Iterator[Firewall]:
        port = str(profile.serving.port)
        yield Firewall(
            name=naming.firewall(profile.name_prefix, "internal"),
            owner=profile.name,
            network=self.network,
            allowed=(Allow(protocol="icmp"), Allow(protocol="tcp", ports=("22", port, "8888"))),
            source_ranges=(profile.network.subnet_cidr,),
            target_tag=TARGET_TAG,
        )
        yield Firewall(
            name=naming.firewall(profile.name_prefix, "health-checks"),
            owner=profile.name,
            network=self.network,
            allowed=(Allow(protocol="tcp", ports=(port,)),),
            source_ranges=HEALTH_CHECK_RANGES,
            target_tag=TARGET_TAG,
        )
