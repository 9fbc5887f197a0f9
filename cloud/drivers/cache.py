"""Driver of Memorystore instances, through google-cloud-redis. Operations are waited for by name; one under way is found again.

The AUTH string is read where it is used (`tasks/probe_cache.py`) and passes no log, plan or state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.cloud import redis_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from cloud.redis_operations import finish, settle
from ironwood.errors import ConflictError, HiddenError, NotFoundError, PermissionDeniedError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.cache import PrivateConnection, RedisInstance

POLICY = "maxmemory-policy"
PRIVATE = redis_v1.Instance.ConnectMode.PRIVATE_SERVICE_ACCESS
ENCRYPTED = redis_v1.Instance.TransitEncryptionMode.SERVER_AUTHENTICATION
_FIELDS = {
    "memory_gib": "memory_size_gb",
    "labels": "labels",
    "maxmemory_policy": "redis_configs",
    "auth": "auth_enabled",
    "owner": "labels",
}


class RedisDriver:
    """The project's instances."""

    resource = RedisInstance

    def observe(self, connection: Connection) -> Iterator[RedisInstance]:
        """List them, in every region."""
        client: Any = connection.client(redis_v1.CloudRedisClient)
        try:
            with translated("listing redis_instance"):
                for found in client.list_instances(parent=f"projects/{connection.project}/locations/-", **ONCE):
                    yield _read(found)
        except PermissionDeniedError as error:
            raise HiddenError(str(error)) from error

    def create(self, connection: Connection, attempt: Attempt, after: RedisInstance) -> None:
        """Make it; one of ours that is there already and equal, or on its way, is what we wanted."""
        client: Any = connection.client(redis_v1.CloudRedisClient)
        parent = f"projects/{connection.project}/locations/{after.scope.partition('/')[2]}"
        request = redis_v1.CreateInstanceRequest(parent=parent, instance_id=after.name, instance=_encode(connection, after))
        try:
            self._write(connection, attempt, f"creating {after.address}", lambda: client.create_instance(request=request, **ONCE))
        except ConflictError:
            settle(connection, [after.name])
            with translated(f"reading {after.address}"):
                found = _read(client.get_instance(name=path(connection, after), **ONCE))
            if found.owner != after.owner or found.differences(after):
                raise

    def update(self, connection: Connection, attempt: Attempt, before: RedisInstance, after: RedisInstance) -> None:
        """Change what differs: one patch for what a patch can, an upgrade for the version."""
        client: Any = connection.client(redis_v1.CloudRedisClient)
        changed = before.differences(after)
        mask = sorted({_FIELDS[name] for name in changed if name in _FIELDS})
        if mask:
            request = redis_v1.UpdateInstanceRequest(instance=_encode(connection, after), update_mask={"paths": mask})
            self._write(connection, attempt, f"updating {after.address}", lambda: client.update_instance(request=request, **ONCE))
        if "version" in changed:
            request = redis_v1.UpgradeInstanceRequest(name=path(connection, after), redis_version=after.version)
            self._write(connection, attempt, f"upgrading {after.address}", lambda: client.upgrade_instance(request=request, **ONCE))

    def delete(self, connection: Connection, attempt: Attempt, before: RedisInstance) -> None:
        """Delete it with what it holds."""
        client: Any = connection.client(redis_v1.CloudRedisClient)
        try:
            self._write(
                connection,
                attempt,
                f"deleting {before.address}",
                lambda: client.delete_instance(name=path(connection, before), **ONCE),
            )
        except NotFoundError:
            return

    def failover(self, connection: Connection, attempt: Attempt, instance: RedisInstance) -> None:
        """Make the replica the primary, losing nothing the replica lacks too much of (LIMITED_DATA_LOSS)."""
        client: Any = connection.client(redis_v1.CloudRedisClient)
        mode = redis_v1.FailoverInstanceRequest.DataProtectionMode.LIMITED_DATA_LOSS
        request = redis_v1.FailoverInstanceRequest(name=path(connection, instance), data_protection_mode=mode)
        self._write(connection, attempt, f"failing {instance.address} over", lambda: client.failover_instance(request=request, **ONCE))

    def _write(self, connection: Connection, attempt: Attempt, doing: str, send: Callable[[], Any]) -> None:
        with attempt.write(doing), translated(doing):
            operation = send()
        # The future's own waiting would ask another endpoint, and its metadata is of a type it cannot read.
        finish(connection, operation.operation.name, doing)


def path(connection: Connection, instance: RedisInstance) -> str:
    """`projects/P/locations/R/instances/N`."""
    return f"projects/{connection.project}/locations/{instance.scope.partition('/')[2]}/instances/{instance.name}"


def _encode(connection: Connection, resource: RedisInstance) -> redis_v1.Instance:
    return redis_v1.Instance(
        name=path(connection, resource),
        labels=dict(resource.labels),
        tier=resource.tier,
        memory_size_gb=resource.memory_gib,
        redis_version=resource.version,
        redis_configs={POLICY: resource.maxmemory_policy},
        authorized_network=url(connection.project, resource.network),
        connect_mode=PRIVATE if resource.connection is not None else redis_v1.Instance.ConnectMode.DIRECT_PEERING,
        reserved_ip_range=resource.range,
        auth_enabled=resource.auth,
        transit_encryption_mode=ENCRYPTED if resource.transit_encryption else redis_v1.Instance.TransitEncryptionMode.DISABLED,
    )


def _read(found: redis_v1.Instance) -> RedisInstance:
    _, project, _, region, _, name = found.name.split("/")
    network = address_of(found.authorized_network, beside=f"projects/{project}/")
    private = Address(kind=PrivateConnection.kind, scope=GLOBAL, name=network.name, project=network.project)
    return RedisInstance(
        name=name,
        scope=f"regions/{region}",
        owner=marker.owner_in_labels(found.labels),
        network=network,
        connection=private if found.connect_mode == PRIVATE else None,
        memory_gib=found.memory_size_gb,
        tier=found.tier.name,
        version=found.redis_version,
        auth=found.auth_enabled,
        transit_encryption=found.transit_encryption_mode == ENCRYPTED,
        maxmemory_policy=dict(found.redis_configs).get(POLICY, ""),
        labels=tuple(sorted(found.labels.items())),
        range=found.reserved_ip_range,
        host=found.host,
        port=found.port,
        zone=found.current_location_id,
        state=found.state.name,
        authority="".join(each.cert for each in found.server_ca_certs),
        created=found.create_time.isoformat() if found.create_time else "",
    )


REDIS_INSTANCE = RedisDriver()
