"""Driver of the project's policy, one role of one account at a time.

1. A policy is one object: it is read, changed and written back whole, guarded by its etag; who was slower is told "concurrent policy
changes", a TransientError, and `tasks/retries.py` begins again at the reading. 2. Within this process writers take turns. 3. Nothing is
touched but the one member of the one role; bindings under a condition are somebody else's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from threading import Lock

from google.cloud import resourcemanager_v3
from google.iam.v1 import iam_policy_pb2, options_pb2, policy_pb2

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.drivers.iam import SERVICE_ACCOUNT, account_address, email
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import naming
from ironwood.resources.iam_binding import IamBinding

WITH_CONDITIONS = 3
"""The policy version that shows conditions; an older one would lose them when written back (documented)."""
_OURS = re.compile(r"(?:deleted:)?serviceAccount:([^@?]+)@([^.]+)\.iam\.gserviceaccount\.com(?:\?uid=(\d+))?")


class IamBindingDriver:
    """Roles of service accounts on the project."""

    resource = IamBinding

    def __init__(self) -> None:
        """Writers of one process take turns."""
        self._turn = Lock()

    def observe(self, connection: Connection) -> Iterator[IamBinding]:
        """Every role of every service account of the project, deleted ones too; other members are none of our business."""
        owners = {account.name: account.owner for account in SERVICE_ACCOUNT.observe(connection)}
        for binding in self._policy(connection).bindings:
            if binding.condition.expression:
                continue
            for member in binding.members:
                match = _OURS.fullmatch(member)
                if match is None or match[2] != connection.project:
                    continue
                gone = member.startswith("deleted:")
                yield IamBinding(
                    name=naming.iam_binding(match[1], binding.role) + (f"--deleted-{match[3]}" if gone else ""),
                    owner="" if gone else owners.get(match[1], ""),
                    account=account_address(f"{match[1]}@"),
                    role=binding.role,
                    member=member,
                )

    def create(self, connection: Connection, attempt: Attempt, after: IamBinding) -> None:
        """Add the account to the role's members."""
        member = f"serviceAccount:{email(connection.project, after.account.name)}"

        def add(policy: policy_pb2.Policy) -> bool:
            binding = next((each for each in policy.bindings if each.role == after.role and not each.condition.expression), None)
            if binding is None:
                policy.bindings.add(role=after.role, members=[member])
                return True
            if member in binding.members:
                return False
            binding.members.append(member)
            return True

        self._change(connection, attempt, f"creating {after.address}", add)

    def update(self, connection: Connection, attempt: Attempt, before: IamBinding, after: IamBinding) -> None:
        """Nothing of a binding can differ but what makes it another one."""

    def delete(self, connection: Connection, attempt: Attempt, before: IamBinding) -> None:
        """Take the account out of the role's members."""
        member = before.member or f"serviceAccount:{email(connection.project, before.account.name)}"

        def remove(policy: policy_pb2.Policy) -> bool:
            found = [
                each for each in policy.bindings if each.role == before.role and not each.condition.expression and member in each.members
            ]
            for binding in found:
                binding.members.remove(member)
                if not binding.members:
                    policy.bindings.remove(binding)
            return bool(found)

        self._change(connection, attempt, f"deleting {before.address}", remove)

    def _policy(self, connection: Connection) -> policy_pb2.Policy:
        client = connection.client(resourcemanager_v3.ProjectsClient)
        options = options_pb2.GetPolicyOptions(requested_policy_version=WITH_CONDITIONS)
        request = iam_policy_pb2.GetIamPolicyRequest(resource=f"projects/{connection.project}", options=options)
        with translated("reading the project's policy"):
            return client.get_iam_policy(request=request, **ONCE)

    def _change(self, connection: Connection, attempt: Attempt, doing: str, change: Callable[[policy_pb2.Policy], bool]) -> None:
        client = connection.client(resourcemanager_v3.ProjectsClient)
        with self._turn:
            policy = self._policy(connection)
            if not change(policy):
                return
            if any(binding.condition.expression for binding in policy.bindings):
                policy.version = WITH_CONDITIONS
            request = iam_policy_pb2.SetIamPolicyRequest(resource=f"projects/{connection.project}", policy=policy)
            with attempt.write(doing), translated(doing):
                client.set_iam_policy(request=request, **ONCE)


IAM_BINDING = IamBindingDriver()
