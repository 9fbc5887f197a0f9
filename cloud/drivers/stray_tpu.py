"""Driver of stray TPU VMs: those with our label that no queued resource holds. Found so that they can be deleted, never made."""

from __future__ import annotations

from collections.abc import Iterator

from google.cloud import tpu_v2

from cloud import tpu_api
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of
from cloud.drivers.base import ONCE
from cloud.drivers.iam import account_address
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import NotFoundError, RefusedError
from ironwood.resources.queued_tpu import StrayTpu


class StrayTpuDriver:
    """Labelled TPU VMs outside any queued resource."""

    resource = StrayTpu

    def observe(self, connection: Connection) -> Iterator[StrayTpu]:
        """List TPU VMs that carry our label and name no queued resource, or one that is gone."""

        def listed(parent: str) -> list[tpu_v2.Node]:
            client = tpu_api.client(connection)
            labelled = [each for each in client.list_nodes(parent=parent, **ONCE) if marker.owner_in_labels(each.labels)]
            held = {each.name.rpartition("/")[2] for each in client.list_queued_resources(parent=parent, **ONCE)} if labelled else set()
            return [each for each in labelled if each.queued_resource.rpartition("/")[2] not in held]

        for zone, found in tpu_api.in_zones(connection, listed):
            for each in found:
                yield _read(each, zone)

    def create(self, connection: Connection, attempt: Attempt, after: StrayTpu) -> None:
        """Never."""
        del connection, attempt
        raise RefusedError(f"{after.address} is a stray TPU VM; strays are deleted, never made")

    def update(self, connection: Connection, attempt: Attempt, before: StrayTpu, after: StrayTpu) -> None:
        """Never."""
        del connection, attempt, before
        raise RefusedError(f"{after.address} is a stray TPU VM; strays are deleted, never changed")

    def delete(self, connection: Connection, attempt: Attempt, before: StrayTpu) -> None:
        """Delete it and wait until it is gone."""
        doing = f"deleting {before.address}"
        name = f"{tpu_api.parent(connection, before.scope.partition('/')[2])}/nodes/{before.name}"
        try:
            with attempt.write(doing), translated(doing):
                future = tpu_api.client(connection).delete_node(name=name, **ONCE)
            tpu_api.finish(connection, future.operation, doing)
        except NotFoundError:
            return


def _read(found: tpu_v2.Node, zone: str) -> StrayTpu:
    links = (found.network_config.network, found.network_config.subnetwork)
    account = (account_address(found.service_account.email),) if found.service_account.email else ()
    return StrayTpu(
        name=found.name.rpartition("/")[2],
        scope=f"zones/{zone}",
        owner=marker.owner_in_labels(found.labels),
        accelerator_type=found.accelerator_type,
        state=found.state.name,
        holds=(*(address_of(link) for link in links if link), *account),
        created=found.create_time.isoformat() if found.create_time else "",
    )


STRAY_TPU = StrayTpuDriver()
