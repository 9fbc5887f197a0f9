"""The identity of the VMs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class ServiceAccount(Resource):
    """An IAM service account; `name` is its id. Marked in its description."""

    kind: ClassVar[str] = "service_account"
    marking: ClassVar[Marking] = "description"

    display_name: str
    email: str = observed("")
