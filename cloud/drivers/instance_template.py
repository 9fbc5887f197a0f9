"""Driver of instance templates: made, read, deleted; never changed, because Google has no call for it."""

from __future__ import annotations

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ComputeDriver
from cloud.drivers.iam import account_address, email
from ironwood import naming
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.group import InstanceTemplate
from ironwood.resources.secret import SecretAccess, SecretUse
from ironwood.serving import VARIABLES
from ironwood.tpu import BY_MACHINE_TYPE

STARTUP_SCRIPT = "startup-script"
IMAGE_PROJECT = "ubuntu-os-accelerator-images"
DEBIAN_PROJECT = "debian-cloud"
RESERVATION_KEY = "compute.googleapis.com/reservation-name"
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def _template(connection: Connection, resource: InstanceTemplate) -> compute_v1.InstanceTemplate:
    disk = compute_v1.AttachedDisk(
        boot=True,
        auto_delete=True,
        initialize_params=compute_v1.AttachedDiskInitializeParams(
            # TPU VMs refuse plain persistent disks, E2 VMs take nothing else; ten GiB, the default, hold no model.
            disk_type="hyperdisk-balanced" if resource.machine_type in BY_MACHINE_TYPE else "pd-standard",
            disk_size_gb=resource.boot_disk_gib,
            source_image=f"projects/{DEBIAN_PROJECT if resource.image_family.startswith('debian-') else IMAGE_PROJECT}/global/images/family/{resource.image_family}",
        ),
    )
    properties = compute_v1.InstanceProperties(
        machine_type=resource.machine_type,
        disks=[disk],
        labels=dict(resource.labels),
        tags=compute_v1.Tags(items=list(resource.tags)),
        metadata=compute_v1.Metadata(items=_metadata(connection, resource)),
        # No access config: the VMs have no external address.
        network_interfaces=[
            compute_v1.NetworkInterface(
                network=url(connection.project, resource.network), subnetwork=url(connection.project, resource.subnetwork)
            )
        ],
        scheduling=_scheduling(resource),
        service_accounts=[compute_v1.ServiceAccount(email=email(connection.project, resource.service_account.name), scopes=list(SCOPES))],
        shielded_instance_config=compute_v1.ShieldedInstanceConfig(
            enable_secure_boot=True, enable_vtpm=True, enable_integrity_monitoring=True
        ),
    )
    if resource.reservation:
        properties.reservation_affinity = compute_v1.ReservationAffinity(
            consume_reservation_type="SPECIFIC_RESERVATION", key=RESERVATION_KEY, values=[resource.reservation]
        )
    return compute_v1.InstanceTemplate(name=resource.name, description=marker.description(resource.owner), properties=properties)


def _metadata(connection: Connection, resource: InstanceTemplate) -> list[compute_v1.Items]:
    """The startup script, and the names of the secrets it reads; never a value of theirs."""
    account = naming.secret_access("", resource.service_account.name)
    secrets = {each.key: f"projects/{connection.project}/secrets/{each.access.name.removesuffix(account)}" for each in resource.secrets}
    return [compute_v1.Items(key=key, value=value) for key, value in {STARTUP_SCRIPT: resource.startup_script, **secrets}.items()]


def _read_secrets(metadata: compute_v1.Metadata, account: str) -> tuple[SecretUse, ...]:
    secrets = {item.key: item.value.rpartition("/")[2] for item in metadata.items}
    return tuple(
        SecretUse(key=key, access=Address(kind=SecretAccess.kind, scope=GLOBAL, name=naming.secret_access(secrets[key], account)))
        for key in VARIABLES
        if key in secrets
    )


def _scheduling(resource: InstanceTemplate) -> compute_v1.Scheduling:
    scheduling = compute_v1.Scheduling(
        provisioning_model=resource.provisioning_model,
        on_host_maintenance="TERMINATE",
        automatic_restart=resource.provisioning_model == "STANDARD",
    )
    if resource.longest_run_hours:
        scheduling.max_run_duration = compute_v1.Duration(seconds=resource.longest_run_hours * 3600)
        scheduling.instance_termination_action = "DELETE"
    return scheduling


def _read_template(message: compute_v1.InstanceTemplate, scope: str) -> InstanceTemplate:
    properties = message.properties
    interface = properties.network_interfaces[0] if properties.network_interfaces else compute_v1.NetworkInterface()
    disk = properties.disks[0].initialize_params if properties.disks else compute_v1.AttachedDiskInitializeParams()
    account = properties.service_accounts[0].email if properties.service_accounts else ""
    return InstanceTemplate(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        machine_type=properties.machine_type.rpartition("/")[2],
        image_family=disk.source_image.rpartition("/")[2],
        boot_disk_gib=disk.disk_size_gb,
        # Google leaves the model out where it was not given (recorded).
        provisioning_model=properties.scheduling.provisioning_model or ("SPOT" if properties.scheduling.preemptible else "STANDARD"),
        network=address_of(interface.network, beside=message.self_link),
        subnetwork=address_of(interface.subnetwork, beside=message.self_link),
        service_account=account_address(account),
        tags=tuple(properties.tags.items),
        labels=tuple(sorted(properties.labels.items())),
        startup_script=next((item.value for item in properties.metadata.items if item.key == STARTUP_SCRIPT), ""),
        reservation=next(iter(properties.reservation_affinity.values), ""),
        longest_run_hours=properties.scheduling.max_run_duration.seconds // 3600,
        secrets=_read_secrets(properties.metadata, account_address(account).name),
        created=message.creation_timestamp,
    )


INSTANCE_TEMPLATE = ComputeDriver(
    resource=InstanceTemplate,
    client=compute_v1.InstanceTemplatesClient,
    item="instance_template",
    body="instance_template_resource",
    encode=_template,
    decode=_read_template,
)
