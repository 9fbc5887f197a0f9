"""What our accounts may do: project-wide roles, no wider than what runs as them needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ironwood import naming
from ironwood.resources.iam_binding import IamBinding
from ironwood.resources.service_account import ServiceAccount

VM_ROLES = (
    "roles/artifactregistry.reader",  # pulls the serving image
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
    "roles/storage.objectViewer",  # reads the model
)
"""What a VM of any tier does as its account."""


def bindings(account: ServiceAccount, roles: Iterable[str]) -> Iterator[IamBinding]:
    """`account` bound to each of `roles`."""
    for role in roles:
        yield IamBinding(name=naming.iam_binding(account.name, role), owner=account.owner, account=account.address, role=role)
