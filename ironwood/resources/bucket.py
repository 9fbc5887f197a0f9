"""The bucket of the state object: what the cloud itself cannot hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ironwood.resources.base import Marking, Resource, observed


@dataclass(frozen=True, kw_only=True)
class Bucket(Resource):
    """A Cloud Storage bucket. Marked in its labels; its name belongs to the whole world, so it carries the project's id.

    Deleted objects are not kept (`soft_delete_seconds` 0): what a teardown deletes is gone and bills nothing. Deleting the bucket
    deletes what is in it first.
    """

    kind: ClassVar[str] = "bucket"
    marking: ClassVar[Marking] = "labels"
    immutable: ClassVar[frozenset[str]] = frozenset({"location"})

    location: str
    labels: tuple[tuple[str, str], ...]
    soft_delete_seconds: int = 0
    uniform_access: bool = True
    public_access: str = "enforced"
    size_bytes: int = observed(0)
    created: str = observed("")
