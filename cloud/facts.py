"""Facts about a project that preflight asks for before anything is written: machine types, quotas."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.cloud import billing_v1, cloudquotas_v1, compute_v1, service_usage_v1, storage, tpu_v2
from google.iam.v1 import iam_policy_pb2

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from ironwood.errors import ApiDisabledError, NotFoundError, PermissionDeniedError
from ironwood.tpu import Generation

DOWN = "DOWN"
"""What Compute says of a region that is not UP (documented)."""


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One quota: `metric` as Compute names it, where it holds, what is used of what is allowed."""

    metric: str
    scope: str
    limit: float
    usage: float

    @property
    def free(self) -> float:
        """How much is left."""
        return self.limit - self.usage


def machine_type_exists(connection: Connection, *, zone: str, machine_type: str) -> bool:
    """Whether `zone` offers `machine_type`."""
    client = connection.client(compute_v1.MachineTypesClient)
    try:
        with translated(f"looking for {machine_type} in {zone}"):
            client.get(project=connection.project, zone=zone, machine_type=machine_type, **ONCE)
    except NotFoundError:
        return False
    return True


def zones_with(connection: Connection, machine_types: Iterable[str]) -> dict[str, list[str]]:
    """The zones that offer each of `machine_types`."""
    client = connection.client(compute_v1.MachineTypesClient)
    found: dict[str, list[str]] = {each: [] for each in machine_types}
    request = compute_v1.AggregatedListMachineTypesRequest(project=connection.project, filter=f'name eq "{"|".join(found)}"')
    with translated(f"looking for zones with {', '.join(found)}"):
        for scope, scoped in client.aggregated_list(request, **ONCE):
            for each in scoped.machine_types:
                if each.name in found:
                    found[each.name].append(scope.removeprefix("zones/"))
    return {name: sorted(zones) for name, zones in found.items()}


def quotas(connection: Connection, regions: Iterable[str]) -> list[Quota]:
    """The project's global quotas and those of each of `regions`, as Compute reports them."""
    with translated("reading the project's quotas"):
        project = connection.client(compute_v1.ProjectsClient).get(project=connection.project, **ONCE)
    found = [Quota(metric=each.metric, scope="global", limit=each.limit, usage=each.usage) for each in project.quotas]
    for region in regions:
        with translated(f"reading the quotas of {region}"):
            regional = connection.client(compute_v1.RegionsClient).get(project=connection.project, region=region, **ONCE)
        found += [Quota(metric=each.metric, scope=region, limit=each.limit, usage=each.usage) for each in regional.quotas]
    return found


def regions_down(connection: Connection) -> frozenset[str]:
    """The regions that Google says are down; none where the account may not ask."""
    client = connection.client(compute_v1.RegionsClient)
    try:
        with translated("listing regions"):
            return frozenset(each.name for each in client.list(project=connection.project, **ONCE) if each.status == DOWN)
    except (ApiDisabledError, PermissionDeniedError):
        return frozenset()


def chip_limit(connection: Connection, *, generation: Generation, region: str, spot: bool) -> int | None:
    """How many chips of `generation` the project may hold in `region`, on demand or Spot; None where Google does not say.

    Compute does not report this quota; Cloud Quotas does (documented: TPUS-PER-TPU-FAMILY-per-project-region).
    """
    quota = generation.spot_quota if spot else "TPUS-PER-TPU-FAMILY"
    doing = f"reading the quota of {generation.name} chips in {region}"
    info = _quota_info(connection, "compute.googleapis.com", f"{quota}-per-project-region", doing)
    family = generation.quota_family
    for entry in info:
        dimensions = {key: value.casefold() for key, value in entry.dimensions.items()}
        if dimensions.get("region") == region and dimensions.get("tpu_family", family) == family:
            return int(entry.details.value)
    return None


def vertex_chip_limit(connection: Connection, *, region: str, spot: bool) -> int | None:
    """How many TPU7x chips Vertex AI may serve on in `region`; None where Google does not say.

    The quota's name follows those of the generations before it (assumed): where it is another, nothing is known.
    """
    quota = f"CustomModelServing{'Preemptible' if spot else ''}TPU7xPerProjectPerRegion"
    info = _quota_info(connection, "aiplatform.googleapis.com", quota, f"reading Vertex AI's quota of chips in {region}")
    return next((int(entry.details.value) for entry in info if entry.dimensions.get("region") == region), None)


def tpu_api_limit(connection: Connection, *, quota: str, zone: str) -> int | None:
    """How many chips a quota of the Cloud TPU API allows in `zone`; None where Google does not say."""
    info = _quota_info(connection, "tpu.googleapis.com", quota, f"reading the quota {quota}")
    return next((int(each.details.value) for each in info if each.dimensions.get("zone") == zone and each.details.value), None)


def _quota_info(connection: Connection, api: str, quota: str, doing: str) -> tuple[cloudquotas_v1.DimensionsInfo, ...]:
    """What `quota` of `api` allows where; nothing where there is no such quota."""
    client = connection.client(cloudquotas_v1.CloudQuotasClient)
    name = f"projects/{connection.project}/locations/global/services/{api}/quotaInfos/{quota}"
    try:
        with translated(doing):
            return tuple(client.get_quota_info(name=name, **ONCE).dimensions_infos)
    except NotFoundError:
        return ()


@dataclass(frozen=True, kw_only=True)
class TpusOffered:
    """What the Cloud TPU API offers in a zone, by name."""

    types: frozenset[str]
    runtimes: frozenset[str]


def tpus_offered(connection: Connection, *, zone: str) -> TpusOffered:
    """Accelerator types and runtime versions of `zone`."""
    client = connection.client(tpu_v2.TpuClient)
    parent = f"projects/{connection.project}/locations/{zone}"
    with translated(f"listing what TPUs there are in {zone}"):
        types = frozenset(each.type_ for each in client.list_accelerator_types(parent=parent, **ONCE))
        runtimes = frozenset(each.version for each in client.list_runtime_versions(parent=parent, **ONCE))
    return TpusOffered(types=types, runtimes=runtimes)


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """A reservation: VMs it is made for, and how many of them nobody uses."""

    count: int
    free: int


def reservation(connection: Connection, *, zone: str, name: str) -> Reserved | None:
    """The reservation `name` in `zone`, or None where there is none."""
    client = connection.client(compute_v1.ReservationsClient)
    try:
        with translated(f"reading reservation {name} in {zone}"):
            found = client.get(project=connection.project, zone=zone, reservation=name, **ONCE)
    except NotFoundError:
        return None
    specific = found.specific_reservation
    return Reserved(count=specific.count, free=max(0, specific.count - specific.in_use_count))


@dataclass(frozen=True, kw_only=True)
class Subnet:
    """A subnet that is there: its network's name, its range, and whether VMs without external addresses reach Google's APIs from it."""

    network: str
    cidr: str
    private_google_access: bool


def subnet(connection: Connection, *, project: str, region: str, name: str) -> Subnet | None:
    """The subnet `name` of any project, or None where there is none or it may not be read."""
    client = connection.client(compute_v1.SubnetworksClient)
    try:
        with translated(f"reading subnet {name} of project {project}"):
            found = client.get(project=project, region=region, subnetwork=name, **ONCE)
    except (NotFoundError, PermissionDeniedError):
        return None
    return Subnet(network=found.network.rpartition("/")[2], cidr=found.ip_cidr_range, private_google_access=found.private_ip_google_access)


def health(connection: Connection, service: str, group: str) -> dict[str, int]:
    """How many VMs of `group` (a URL) the backend service sees in each health state."""
    client = connection.client(compute_v1.BackendServicesClient)
    reference = compute_v1.ResourceGroupReference(group=group)
    with translated(f"reading the health of {service}"):
        answer = client.get_health(project=connection.project, backend_service=service, resource_group_reference_resource=reference, **ONCE)
    counts: dict[str, int] = {}
    for status in answer.health_status:
        counts[status.health_state] = counts.get(status.health_state, 0) + 1
    return counts


def project_number(connection: Connection) -> str:
    """The project's number: Service Usage names a project by it (documented)."""
    client = connection.client(service_usage_v1.ServiceUsageClient)
    with translated("reading the project's number"):
        name = f"projects/{connection.project}/services/serviceusage.googleapis.com"
        service = client.get_service(request=service_usage_v1.GetServiceRequest(name=name), **ONCE)
    return str(service.parent.partition("/")[2])


def billing_account(connection: Connection) -> str:
    """The id of the billing account the project is billed to, or "" where it is billed to none."""
    client = connection.client(billing_v1.CloudBillingClient)
    with translated("reading which billing account the project is billed to"):
        info = client.get_project_billing_info(name=f"projects/{connection.project}", **ONCE)
    return str(info.billing_account_name.partition("/")[2]) if info.billing_enabled else ""


def missing_on_billing_account(connection: Connection, account: str, permissions: tuple[str, ...]) -> list[str]:
    """Those of `permissions` the caller lacks on the billing account."""
    client = connection.client(billing_v1.CloudBillingClient)
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=f"billingAccounts/{account}", permissions=permissions)
    with translated(f"asking what this account may do on billing account {account}"):
        held = client.test_iam_permissions(request=request, **ONCE).permissions
    return [each for each in permissions if each not in held]


def bucket_is_somebody_elses(connection: Connection, name: str) -> bool:
    """Whether another project holds the bucket `name`: one that is there and may not be read (documented: 403)."""
    client: Any = connection.client(storage.Client)  # it ships no types
    try:
        with translated(f"looking for bucket {name}"):
            client.get_bucket(name, **ONCE)
    except NotFoundError:
        return False
    except PermissionDeniedError:
        return True
    return False
