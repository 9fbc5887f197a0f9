"""Is the VPC that is to be used there, and as it has to be?"""

from __future__ import annotations

from collections.abc import Iterator

from cloud import facts
from ironwood.desired.network import HEALTH_CHECK_RANGES, TARGET_TAG, Ground
from tasks.preflight.check import Asked, Check


def network(asked: Asked) -> Iterator[Check]:
    """The existing subnet of each region: there, of the VPC named, with the range told and private access; none where the VPC is ours to make."""
    profile = asked.profile
    existing, ground = profile.network.existing, Ground(profile)
    if existing is None:
        return
    project = ground.subnetwork.project or profile.project_id
    for region, cidr in ground.cidrs.items():
        yield from _subnet(asked, project, existing.network, ground.subnetwork_in(region).name, region, cidr)
    if ground.shared:
        rule = f"tcp:{profile.serving.port} from {', '.join(HEALTH_CHECK_RANGES)} to VMs tagged {TARGET_TAG}"
        yield Check(subject=f"firewall of project {project}", found=f"is its owner's: it has to allow {rule}")


def _subnet(asked: Asked, project: str, network: str, name: str, region: str, cidr: str) -> Iterator[Check]:
    subject = f"subnet {name} in {region} of project {project}"
    found = facts.subnet(asked.connection, project=project, region=region, name=name)
    if found is None:
        yield Check(
            subject=subject,
            found="does not exist or may not be used",
            remedy="Ask its owner for compute.subnetworks.use, or correct network.existing in the profile.",
        )
        return
    wrong = []
    if found.network != network:
        wrong.append((f"is of network {found.network}, not {network}", "Correct network.existing.network."))
    if found.cidr != cidr:
        wrong.append((f"has the range {found.cidr}, not {cidr}", f"Write subnet_cidr: {found.cidr} in the profile."))
    if not found.private_google_access:
        wrong.append(("has no private Google access, which VMs without external addresses need", "Have it turned on."))
    for told, remedy in wrong:
        yield Check(subject=subject, found=told, remedy=remedy)
    if not wrong:
        yield Check(subject=subject, found=f"{found.cidr} of {found.network}")
