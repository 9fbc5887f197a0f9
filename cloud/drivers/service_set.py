"""Driver of the set of enabled APIs. It only ever grows: an API may be used by others, and being enabled costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from google.cloud import service_usage_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.apis import KNOWN_APIS
from ironwood.resources.base import SERVICES
from ironwood.resources.service_set import ServiceSet

AT_ONCE = 20
"""APIs one batch may enable (documented)."""
POLL = timedelta(seconds=2)


class ServiceSetDriver:
    """The APIs we use, as the project has them."""

    resource = ServiceSet

    def observe(self, connection: Connection) -> Iterator[ServiceSet]:
        """One set: those of the APIs we use that are enabled. It always exists."""
        yield ServiceSet(name=SERVICES.name, enabled=self._enabled(connection))

    def create(self, connection: Connection, attempt: Attempt, after: ServiceSet) -> None:
        """Enable what is missing."""
        self.update(connection, attempt, ServiceSet(name=SERVICES.name, enabled=()), after)

    def update(self, connection: Connection, attempt: Attempt, before: ServiceSet, after: ServiceSet) -> None:
        """Enable what `after` has and the project has not."""
        del before
        client = connection.client(service_usage_v1.ServiceUsageClient)
        while missing := [api for api in after.enabled if api not in self._enabled(connection)]:
            doing = f"enabling {', '.join(missing[:AT_ONCE])}"
            request = service_usage_v1.BatchEnableServicesRequest(parent=f"projects/{connection.project}", service_ids=missing[:AT_ONCE])
            with attempt.write(doing), translated(doing):
                client.batch_enable_services(request=request, **ONCE)
            # The operation's future would poll an endpoint of its own choosing; the state itself says when it is done.
            while any(api not in self._enabled(connection) for api in missing[:AT_ONCE]):
                sleep(connection.clock, POLL)

    def delete(self, connection: Connection, attempt: Attempt, before: ServiceSet) -> None:
        """Nothing: an enabled API is kept."""

    def _enabled(self, connection: Connection) -> tuple[str, ...]:
        client = connection.client(service_usage_v1.ServiceUsageClient)
        names = [f"projects/{connection.project}/services/{api}" for api in KNOWN_APIS]
        request = service_usage_v1.BatchGetServicesRequest(parent=f"projects/{connection.project}", names=names)
        with translated("reading which APIs are enabled"):
            services = client.batch_get_services(request=request, **ONCE).services
        enabled = {service.name.rpartition("/")[2] for service in services if service.state == service_usage_v1.State.ENABLED}
        return tuple(api for api in KNOWN_APIS if api in enabled)


SERVICE_SET = ServiceSetDriver()
