"""Driver of service accounts.

IAM is eventually consistent: a create may answer "already exists" while a read still answers "not found" (recorded), so
both are waited out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from google.cloud import iam_admin_v1

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import ConflictError, NotFoundError, TransientError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.service_account import ServiceAccount

VISIBLE_WITHIN = timedelta(minutes=5)
POLL = timedelta(seconds=2)


def email(project: str, account_id: str) -> str:
    """The account's address in `project`."""
    return f"{account_id}@{project}.iam.gserviceaccount.com"


def account_address(email_address: str) -> Address:
    """Our address of the account with that e-mail."""
    return Address(kind="service_account", scope=GLOBAL, name=email_address.partition("@")[0])


class ServiceAccountDriver:
    """Service accounts of the project."""

    resource = ServiceAccount

    def observe(self, connection: Connection) -> Iterator[ServiceAccount]:
        """List the project's accounts."""
        client = connection.client(iam_admin_v1.IAMClient)
        request = iam_admin_v1.ListServiceAccountsRequest(name=f"projects/{connection.project}", page_size=100)
        with translated("listing service_account"):
            found = list(client.list_service_accounts(request=request, **ONCE))
        for account in found:
            yield _read(account)

    def create(self, connection: Connection, attempt: Attempt, after: ServiceAccount) -> None:
        """Create it and wait until it can be read."""
        client = connection.client(iam_admin_v1.IAMClient)
        request = iam_admin_v1.CreateServiceAccountRequest(
            name=f"projects/{connection.project}",
            account_id=after.name,
            service_account=iam_admin_v1.ServiceAccount(display_name=after.display_name, description=marker.description(after.owner)),
        )
        doing = f"creating {after.address}"
        already: ConflictError | None = None
        try:
            with attempt.write(doing), translated(doing):
                client.create_service_account(request=request, **ONCE)
        except ConflictError as error:
            already = error
        found = self._visible(connection, after)
        if already is not None and (found.owner != after.owner or found.differences(after)):
            raise already

    def update(self, connection: Connection, attempt: Attempt, before: ServiceAccount, after: ServiceAccount) -> None:
        """Patch display name and marker."""
        del before
        client = connection.client(iam_admin_v1.IAMClient)
        request = iam_admin_v1.PatchServiceAccountRequest(
            service_account=iam_admin_v1.ServiceAccount(
                name=_name(connection, after), display_name=after.display_name, description=marker.description(after.owner)
            ),
            update_mask={"paths": ["display_name", "description"]},
        )
        doing = f"updating {after.address}"
        with attempt.write(doing), translated(doing):
            client.patch_service_account(request=request, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: ServiceAccount) -> None:
        """Delete it; Google keeps it for 30 days, unseen, before it purges it."""
        client = connection.client(iam_admin_v1.IAMClient)
        doing = f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.delete_service_account(name=_name(connection, before), **ONCE)
        except NotFoundError:
            return

    def _visible(self, connection: Connection, account: ServiceAccount) -> ServiceAccount:
        client = connection.client(iam_admin_v1.IAMClient)
        deadline = connection.clock.now() + VISIBLE_WITHIN
        while True:
            try:
                with translated(f"reading {account.address}"):
                    return _read(client.get_service_account(name=_name(connection, account), **ONCE))
            except NotFoundError as error:
                if connection.clock.now() > deadline:
                    raise TransientError(f"{account.address} was created but cannot be read after {VISIBLE_WITHIN}") from error
                sleep(connection.clock, POLL)


def _name(connection: Connection, account: ServiceAccount) -> str:
    return f"projects/{connection.project}/serviceAccounts/{email(connection.project, account.name)}"


def _read(message: iam_admin_v1.ServiceAccount) -> ServiceAccount:
    return ServiceAccount(
        name=message.email.partition("@")[0],
        owner=marker.owner_in_text(message.description),
        display_name=message.display_name,
        email=message.email,
    )


SERVICE_ACCOUNT = ServiceAccountDriver()
