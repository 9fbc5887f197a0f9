"""What the caller may do, asked of Google rather than tried out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from google.cloud import iam_admin_v1, resourcemanager_v3
from google.iam.v1 import iam_policy_pb2

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.drivers.iam import email
from cloud.errors import translated
from ironwood.errors import NotFoundError, RefusedError

AT_ONCE = 100
"""Permissions one request may ask about (documented)."""
_NOT_HERE = re.compile(r"Permission (\S+) is not valid")


def held(connection: Connection, permissions: Iterable[str]) -> frozenset[str]:
    """Those of `permissions` the caller has on the project; one that cannot be asked about there counts as held."""
    asked = list(permissions)
    found: set[str] = set()
    client = connection.client(resourcemanager_v3.ProjectsClient)
    while asked:
        some = asked[:AT_ONCE]
        try:
            with translated("asking what the caller may do"):
                request = iam_policy_pb2.TestIamPermissionsRequest(resource=f"projects/{connection.project}", permissions=some)
                found.update(client.test_iam_permissions(request=request, **ONCE).permissions)
        except RefusedError as error:
            wrong = _NOT_HERE.search(str(error))
            if wrong is None or wrong[1] not in asked:
                raise
            found.add(wrong[1])
            asked.remove(wrong[1])
            continue
        asked = asked[AT_ONCE:]
    return frozenset(found)


def may_act_as(connection: Connection, account_id: str) -> bool:
    """Whether the caller may use the account by a policy of the account's own; False when it is not there."""
    client = connection.client(iam_admin_v1.IAMClient)
    resource = f"projects/{connection.project}/serviceAccounts/{email(connection.project, account_id)}"
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=resource, permissions=["iam.serviceAccounts.actAs"])
    try:
        with translated(f"asking whether the caller may act as {account_id}"):
            return bool(client.test_iam_permissions(request=request, **ONCE).permissions)
    except NotFoundError:
        return False
