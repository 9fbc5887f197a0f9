"""Secrets in Secret Manager, and who may read them. No value is part of either: who needs one reads it, and nobody writes it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class Secret(Resource):
    """A secret with a random value, made where it is missing. Marked in its labels. `filled`: that one of its versions is enabled."""

    kind: ClassVar[str] = "secret"
    marking: ClassVar[Marking] = "labels"

    labels: tuple[tuple[str, str], ...]
    filled: bool = True
    created: str = observed("")


@dataclass(frozen=True, kw_only=True)
class SecretAccess(Resource):
    """That the policy of `secret` lets `account` read it; the secret need not be ours.

    It has no room for a marker: it is ours if the account is. `member` is the policy's own word for the account, as in an `IamBinding`.
    """

    kind: ClassVar[str] = "secret_access"
    marking: ClassVar[Marking] = "member"
    immutable: ClassVar[frozenset[str]] = frozenset({"secret", "account"})

    owner: str = field(default="", compare=False)
    secret: Address
    account: Address
    member: str = observed("")

    @property
    def of_a_deleted_account(self) -> bool:
        """Whether the account it speaks of is gone."""
        return self.member.startswith("deleted:")


@dataclass(frozen=True, kw_only=True)
class SecretUse:
    """That VMs read a secret, which their account may by `access`, and find its name in their metadata below `key`."""

    key: str
    access: Address
