"""Is the name of the state object's bucket still to be had? Bucket names belong to the whole world."""

from __future__ import annotations

from collections.abc import Iterator

from cloud import facts
from ironwood.resources.bucket import Bucket
from tasks.preflight.check import Asked, Check


def memory(asked: Asked) -> Iterator[Check]:
    """A bucket to be made must not be somebody else's."""
    for change in asked.plan:
        if change.address.kind == Bucket.kind and change.action == "create":
            name = change.address.name
            if facts.bucket_is_somebody_elses(asked.connection, name):
                remedy = "Give the profile another name_prefix: it stands in front of the bucket's name."
                yield Check(
                    subject=f"bucket {name}", found="belongs to somebody else; bucket names belong to the whole world", remedy=remedy
                )
            else:
                yield Check(subject=f"bucket {name}", found="is free")
