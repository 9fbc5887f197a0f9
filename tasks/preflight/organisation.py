"""Would an organisation policy refuse what is desired? Each constraint that could is read; the others are not our business.

Never in the way, by how things are made: compute.vmExternalIpAccess (no VM has an external address), compute.requireShieldedVm (every
template is shielded), compute.skipDefaultNetworkCreation (the network is our own), iam.allowedPolicyMemberDomains (only accounts of the
project itself are bound).
"""

from __future__ import annotations

from collections.abc import Iterator

from cloud import constraints
from cloud.drivers.instance_template import IMAGE_PROJECT
from ironwood.errors import PermissionDeniedError
from ironwood.resources.group import InstanceTemplate
from ironwood.resources.load_balancer import ForwardingRule
from tasks.preflight.check import Asked, Check

SUBJECT = "organisation policies"
BALANCERS = ("GLOBAL_EXTERNAL_MANAGED_HTTP_HTTPS", "in:GLOBAL_EXTERNAL", "in:EXTERNAL")
"""What our load balancer goes by in compute.restrictLoadBalancerCreationForTypes (documented)."""


def organisation(asked: Asked) -> Iterator[Check]:
    """Account creation, image project, places and load balancer, each only where the plan makes such a thing."""
    try:
        found = [each for look in (_accounts, _images, _places, _balancer) for each in look(asked)]
    except PermissionDeniedError as error:
        yield Check(subject=SUBJECT, found=f"could not be read: {error}")
        return
    yield from found or [Check(subject=SUBJECT, found="none refuses this plan")]


def _makes(asked: Asked, kind: str) -> bool:
    return any(change.action == "create" and change.address.kind == kind for change in asked.plan)


def _accounts(asked: Asked) -> Iterator[Check]:
    if _makes(asked, "service_account") and _of(asked, "iam.disableServiceAccountCreation").enforced:
        accounts = ", ".join(
            change.address.name for change in asked.plan if change.action == "create" and change.address.kind == "service_account"
        )
        remedy = f"Have it lifted for this project, or have {accounts} made by who may and add `adopt: [service_account/global/…]` to the profile."
        yield _refused("iam.disableServiceAccountCreation", f"lets nobody make {accounts}", remedy)


def _images(asked: Asked) -> Iterator[Check]:
    name = "compute.trustedImageProjects"
    if any(isinstance(each, InstanceTemplate) for each in asked.wanted) and not _of(asked, name).allows(f"projects/{IMAGE_PROJECT}"):
        remedy = f"Have projects/{IMAGE_PROJECT} allowed: TPU images come from there."
        yield _refused(name, f"does not allow images of {IMAGE_PROJECT}", remedy)


def _places(asked: Asked) -> Iterator[Check]:
    name = "gcp.resourceLocations"
    scopes = {each.scope.partition("/")[2] for each in asked.wanted if "/" in each.scope}
    places = sorted(scopes)
    constraint = _of(asked, name)
    barred = [place for place in places if not constraint.allows(*constraints.location_names(place))]
    if barred:
        remedy = f"Have {', '.join(barred)} allowed, or choose `region` and `zone` in the profile among {_listed(constraint)}."
        yield _refused(name, f"does not allow {', '.join(barred)}", remedy)


def _balancer(asked: Asked) -> Iterator[Check]:
    name = "compute.restrictLoadBalancerCreationForTypes"
    if any(isinstance(each, ForwardingRule) for each in asked.wanted) and not _of(asked, name).allows(*BALANCERS):
        yield _refused(name, f"does not allow {BALANCERS[0]}", f"Have {BALANCERS[0]} allowed for this project.")


def _of(asked: Asked, name: str) -> constraints.Constraint:
    return constraints.effective(asked.connection, name)


def _listed(constraint: constraints.Constraint) -> str:
    return ", ".join(constraint.allowed) if constraint.allowed else "the others"


def _refused(name: str, found: str, remedy: str) -> Check:
    show = f"(`gcloud org-policies describe {name} --effective --project=…` shows it)"
    return Check(subject=f"organisation policy {name}", found=found, remedy=f"{remedy} {show}")
