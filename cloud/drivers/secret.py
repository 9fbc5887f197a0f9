"""Drivers of secrets and of who may read them, through google-cloud-secret-manager.

1. A value is drawn here, sent once, and kept nowhere; `cloud/secrets.py` reads one where it is used. 2. A secret that has no enabled version gets one:
a run killed between the two calls is finished by the next. 3. A policy is read, changed and written back whole, guarded by its etag.
"""

from __future__ import annotations

import re
import secrets as randomness
from collections.abc import Callable, Iterator
from threading import Lock

from google.cloud.secretmanager_v1 import SecretManagerServiceClient, types
from google.iam.v1 import iam_policy_pb2, options_pb2, policy_pb2

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.drivers.iam import SERVICE_ACCOUNT, account_address, email
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import naming
from ironwood.errors import ConflictError, HiddenError, NotFoundError, PermissionDeniedError
from ironwood.resources.base import GLOBAL, Address
from ironwood.resources.secret import Secret, SecretAccess

ROLE = "roles/secretmanager.secretAccessor"
KEY_BYTES = 32
WITH_CONDITIONS = 3
_OURS = re.compile(r"(?:deleted:)?serviceAccount:([^@?]+)@([^.]+)\.iam\.gserviceaccount\.com(?:\?uid=(\d+))?")


def path(connection: Connection, secret: Address) -> str:
    """`projects/P/secrets/S`."""
    return f"projects/{connection.project}/secrets/{secret.name}"


class SecretDriver:
    """The project's secrets."""

    resource = Secret

    def observe(self, connection: Connection) -> Iterator[Secret]:
        """List them; whether one has a value is asked of those that bear a marker."""
        for found in _listed(connection):
            yield _read(connection, found)

    def create(self, connection: Connection, attempt: Attempt, after: Secret) -> None:
        """Make it with a random value; one of ours that is there already gets a value where it has none."""
        client = connection.client(SecretManagerServiceClient)
        automatic = types.Replication(automatic=types.Replication.Automatic())
        secret = types.Secret(labels=dict(after.labels), replication=automatic)
        request = types.CreateSecretRequest(parent=f"projects/{connection.project}", secret_id=after.name, secret=secret)
        doing = f"creating {after.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.create_secret(request=request, **ONCE)
        except ConflictError:
            with translated(f"reading {after.address}"):
                found = _read(connection, client.get_secret(name=path(connection, after.address), **ONCE))
            if found.owner != after.owner or found.differences(after).keys() - {"filled"}:
                raise
            if found.filled:
                return
        self._fill(connection, attempt, after)

    def update(self, connection: Connection, attempt: Attempt, before: Secret, after: Secret) -> None:
        """Set its labels; give it a value where it has none."""
        if before.labels != after.labels or before.owner != after.owner:
            secret = types.Secret(name=path(connection, after.address), labels=dict(after.labels))
            request = types.UpdateSecretRequest(secret=secret, update_mask={"paths": ["labels"]})
            doing = f"updating {after.address}"
            with attempt.write(doing), translated(doing):
                connection.client(SecretManagerServiceClient).update_secret(request=request, **ONCE)
        if not before.filled:
            self._fill(connection, attempt, after)

    def delete(self, connection: Connection, attempt: Attempt, before: Secret) -> None:
        """Delete it with its versions."""
        client = connection.client(SecretManagerServiceClient)
        doing = f"deleting {before.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.delete_secret(name=path(connection, before.address), **ONCE)
        except NotFoundError:
            return

    def _fill(self, connection: Connection, attempt: Attempt, secret: Secret) -> None:
        payload = types.SecretPayload(data=randomness.token_urlsafe(KEY_BYTES).encode())
        request = types.AddSecretVersionRequest(parent=path(connection, secret.address), payload=payload)
        doing = f"adding a version of {secret.address}"
        with attempt.write(doing), translated(doing):
            connection.client(SecretManagerServiceClient).add_secret_version(request=request, **ONCE)


class SecretAccessDriver:
    """Which service accounts of the project read which of its secrets."""

    resource = SecretAccess

    def __init__(self) -> None:
        """Writers of one process take turns."""
        self._turn = Lock()

    def observe(self, connection: Connection) -> Iterator[SecretAccess]:
        """Every service account of the project, deleted ones too, in the policy of every secret; other members are none of our business."""
        found = [each.name.rpartition("/")[2] for each in _listed(connection)]
        if not found:
            return
        owners = {account.name: account.owner for account in SERVICE_ACCOUNT.observe(connection)}
        for name in found:
            secret = Address(kind=Secret.kind, scope=GLOBAL, name=name)
            for binding in self._policy(connection, secret).bindings:
                for member in binding.members if binding.role == ROLE and not binding.condition.expression else ():
                    match = _OURS.fullmatch(member)
                    if match is None or match[2] != connection.project:
                        continue
                    gone = member.startswith("deleted:")
                    yield SecretAccess(
                        name=naming.secret_access(name, match[1]) + (f"--deleted-{match[3]}" if gone else ""),
                        owner="" if gone else owners.get(match[1], ""),
                        secret=secret,
                        account=account_address(f"{match[1]}@"),
                        member=member,
                    )

    def create(self, connection: Connection, attempt: Attempt, after: SecretAccess) -> None:
        """Add the account to those that may read the secret."""
        member = f"serviceAccount:{email(connection.project, after.account.name)}"

        def add(policy: policy_pb2.Policy) -> bool:
            binding = next((each for each in policy.bindings if each.role == ROLE and not each.condition.expression), None)
            if binding is None:
                policy.bindings.add(role=ROLE, members=[member])
                return True
            if member in binding.members:
                return False
            binding.members.append(member)
            return True

        self._change(connection, attempt, f"creating {after.address}", after.secret, add)

    def update(self, connection: Connection, attempt: Attempt, before: SecretAccess, after: SecretAccess) -> None:
        """Nothing of it can differ but what makes it another one."""

    def delete(self, connection: Connection, attempt: Attempt, before: SecretAccess) -> None:
        """Take the account out; a secret that is gone has no policy."""
        member = before.member or f"serviceAccount:{email(connection.project, before.account.name)}"

        def remove(policy: policy_pb2.Policy) -> bool:
            found = [each for each in policy.bindings if each.role == ROLE and not each.condition.expression and member in each.members]
            for binding in found:
                binding.members.remove(member)
                if not binding.members:
                    policy.bindings.remove(binding)
            return bool(found)

        try:
            self._change(connection, attempt, f"deleting {before.address}", before.secret, remove)
        except NotFoundError:
            return

    def _policy(self, connection: Connection, secret: Address) -> policy_pb2.Policy:
        options = options_pb2.GetPolicyOptions(requested_policy_version=WITH_CONDITIONS)
        request = iam_policy_pb2.GetIamPolicyRequest(resource=path(connection, secret), options=options)
        with translated(f"reading who may read {secret}"):
            return connection.client(SecretManagerServiceClient).get_iam_policy(request=request, **ONCE)

    def _change(
        self, connection: Connection, attempt: Attempt, doing: str, secret: Address, change: Callable[[policy_pb2.Policy], bool]
    ) -> None:
        with self._turn:
            policy = self._policy(connection, secret)
            if not change(policy):
                return
            if any(binding.condition.expression for binding in policy.bindings):
                policy.version = WITH_CONDITIONS
            request = iam_policy_pb2.SetIamPolicyRequest(resource=path(connection, secret), policy=policy)
            with attempt.write(doing), translated(doing):
                connection.client(SecretManagerServiceClient).set_iam_policy(request=request, **ONCE)


def _listed(connection: Connection) -> list[types.Secret]:
    client = connection.client(SecretManagerServiceClient)
    try:
        with translated("listing secret"):
            return list(client.list_secrets(parent=f"projects/{connection.project}", **ONCE))
    except PermissionDeniedError as error:
        raise HiddenError(str(error)) from error


def _read(connection: Connection, found: types.Secret) -> Secret:
    labels = dict(found.labels)
    owner = marker.owner_in_labels(labels)
    name = found.name.rpartition("/")[2]
    return Secret(
        name=name,
        owner=owner,
        labels=tuple(sorted(labels.items())),
        filled=_filled(connection, name) if owner else True,
        created=found.create_time.isoformat() if found.create_time else "",
    )


def _filled(connection: Connection, name: str) -> bool:
    request = types.ListSecretVersionsRequest(parent=f"projects/{connection.project}/secrets/{name}", filter="state:ENABLED", page_size=1)
    with translated(f"listing the versions of secret {name}"):
        return any(connection.client(SecretManagerServiceClient).list_secret_versions(request=request, **ONCE))


SECRET, SECRET_ACCESS = SecretDriver(), SecretAccessDriver()
