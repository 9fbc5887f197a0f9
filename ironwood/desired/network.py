"""Where the VMs stand: a VPC of our own with a subnet and a NAT in each region and firewall rules, or one that is there already.

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
        prefix, existing = profile.name_prefix, profile.network.existing
        further = {region: each.subnetwork for region, each in profile.regions.items()}
        self.cidrs = {profile.region: profile.network.subnet_cidr} | {region: each.subnet_cidr for region, each in profile.regions.items()}
        if existing is None:
            self.network = Network(name=naming.network(prefix), owner=profile.name, mtu=profile.network.mtu).address
            self._subnetworks = {region: _subnet(region, naming.subnetwork(prefix)) for region in self.cidrs}
            self.given: tuple[Address, ...] = ()
            self.shared = False
        else:
            host = "" if existing.project in {None, profile.project_id} else str(existing.project)
            self.network = Address(kind=Network.kind, scope=GLOBAL, name=existing.network, project=host)
            names = {profile.region: existing.subnetwork} | {region: str(name) for region, name in further.items()}
            self._subnetworks = {region: _subnet(region, name, host) for region, name in names.items()}
            self.given = (self.network, *self._subnetworks.values())
            self.shared = bool(host)
        self.subnetwork = self._subnetworks[profile.region]
        self.resources: tuple[Resource, ...] = tuple(self._resources(profile))

    def subnetwork_in(self, region: str) -> Address:
        """The subnet of a region that has tiers."""
        return self._subnetworks[region]

    def _resources(self, profile: Profile) -> Iterator[Resource]:
        prefix, owner = profile.name_prefix, profile.name
        if not self.given:
            yield Network(name=naming.network(prefix), owner=owner, mtu=profile.network.mtu)
            for region, cidr in self.cidrs.items():
                yield Subnetwork(
                    name=naming.subnetwork(prefix),
                    scope=f"regions/{region}",
                    owner=owner,
                    network=self.network,
                    cidr=cidr,
                    private_google_access=True,
                    flow_logs=True,
                )
                router = naming.router(prefix)
                yield Router(name=router, scope=f"regions/{region}", owner=owner, network=self.network, nat_name=f"{router}-nat")
        if not self.shared:
            yield from self._firewalls(profile)

    def _firewalls(self, profile: Profile) -> Iterator[Firewall]:
        port = str(profile.serving.port)
        yield Firewall(
            name=naming.firewall(profile.name_prefix, "internal"),
            owner=profile.name,
            network=self.network,
            allowed=(Allow(protocol="icmp"), Allow(protocol="tcp", ports=("22", port, "8888"))),
            source_ranges=tuple(self.cidrs.values()),
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


def _subnet(region: str, name: str, project: str = "") -> Address:
    return Address(kind=Subnetwork.kind, scope=f"regions/{region}", name=name, project=project)
