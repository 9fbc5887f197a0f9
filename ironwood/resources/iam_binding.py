"""One role of one service account on the project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ironwood.resources.base import Address, Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class IamBinding(Resource):
    """That the project's policy binds `account` to `role`.

    A binding has no room for a marker: it is ours if the account is. `member` is the policy's own word for the account: the
    binding of an account that was deleted stays behind as `deleted:serviceAccount:EMAIL?uid=ID`.
    """

    kind: ClassVar[str] = "iam_binding"
    marking: ClassVar[Marking] = "member"
    immutable: ClassVar[frozenset[str]] = frozenset({"account", "role"})

    owner: str = field(default="", compare=False)
    account: Address
    role: str
    member: str = observed("")

    @property
    def of_a_deleted_account(self) -> bool:
        """Whether the account it speaks of is gone."""
        return self.member.startswith("deleted:")
