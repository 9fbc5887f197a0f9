"""May the caller do what this run will do? Asked of Google before anything else; every missing permission is named at once.

What each operation needs is `permissions.yaml` beside this file, made from what a run used (`python -m bench.permissions`).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from cloud import access
from cloud.connection import Connection
from cloud.drivers.service_set import SERVICE_SET
from ironwood.apis import KNOWN_APIS, REQUIRED_APIS
from ironwood.errors import ApiDisabledError, PermissionDeniedError
from ironwood.graph import Graph
from ironwood.resources.base import SERVICES
from ironwood.resources.service_account import ServiceAccount
from ironwood.resources.service_set import ServiceSet
from tasks.preflight.check import Check
from tasks.retries import google_task

Operation = Literal["provision", "scale", "teardown"]
BOOK = Path(__file__).with_name("permissions.yaml")
ACT_AS = "iam.serviceAccounts.actAs"
ELSEWHERE = ("billing.",)
"""Permissions on something above the project; they are asked about there."""


@cache
def needed(operation: Operation) -> tuple[str, ...]:
    """The permissions `operation` uses, by name."""
    book: dict[str, dict[str, list[str]]] = YAML(typ="safe").load(BOOK.read_text(encoding="utf-8"))
    return tuple(sorted(book[operation]))


@google_task(name="permissions", run_name="permissions for {operation}")
def permissions(connection: Connection, operation: Operation, wanted: Graph) -> list[Check]:
    """What of `operation`'s permissions the caller lacks on the project, and which accounts of `wanted` it may not act as."""
    asked = [permission for permission in needed(operation) if not permission.startswith(ELSEWHERE)]
    try:
        with connection.clock.participating("permissions"):
            unused = _unused(connection, wanted)
            asked = [permission for permission in asked if not permission.startswith(unused)]
            held = access.held(connection, asked)
            barred = [] if ACT_AS in held or ACT_AS not in asked else _barred(connection, wanted)
    except ApiDisabledError:
        return [Check(subject="permissions", found="can be asked about once their API is enabled, which is the first step")]
    missing = [permission for permission in asked if permission not in held and permission != ACT_AS]
    checks = []
    if missing:
        remedy = f"Grant {'it' if len(missing) == 1 else 'them'}: {_role(connection.project, operation, missing)}"
        checks.append(Check(subject="permissions", found=f"{operation} also needs {', '.join(missing)}", remedy=remedy))
    if barred:
        remedy = f"Grant it: {_binding(connection.project, 'roles/iam.serviceAccountUser')}"
        checks.append(Check(subject="permissions", found=f"{operation} needs {ACT_AS} on {', '.join(barred)}", remedy=remedy))
    return checks or [Check(subject="permissions", found=f"all {len(asked)} that {operation} uses")]


def _unused(connection: Connection, wanted: Graph) -> tuple[str, ...]:
    """What permissions of APIs begin with that only some profiles use: this one does not, and they are off, so nothing of them can be there."""
    mine = wanted.get(SERVICES)
    used = set(mine.enabled) if isinstance(mine, ServiceSet) else set()
    optional = [api for api in KNOWN_APIS if api not in REQUIRED_APIS]
    if used.issuperset(optional):
        return ()
    with suppress(PermissionDeniedError):  # the permission to look is named with the others
        used |= {api for each in SERVICE_SET.observe(connection) for api in each.enabled}
    return tuple(f"{api.partition('.')[0]}." for api in optional if api not in used)


def _barred(connection: Connection, wanted: Graph) -> list[str]:
    accounts = [each.name for each in wanted if isinstance(each, ServiceAccount)]
    return [account for account in accounts if not access.may_act_as(connection, account)]


def _role(project: str, operation: Operation, missing: list[str]) -> str:
    role = f"ironwood_{operation}_more"
    create = f"gcloud iam roles create {role} --project={project} --permissions={','.join(missing)}"
    return f"`{create}`, then {_binding(project, f'projects/{project}/roles/{role}')}"


def _binding(project: str, role: str) -> str:
    return f'`gcloud projects add-iam-policy-binding {project} --member="user:$(gcloud config get account)" --role={role}`'
