"""Where a profile remembers what the cloud cannot hold: one bucket with one small object."""

from __future__ import annotations

from collections.abc import Iterator

from ironwood import naming
from ironwood.desired.marks import labels
from ironwood.graph import Graph
from ironwood.profile import Profile
from ironwood.resources.base import Resource
from ironwood.resources.bucket import Bucket


def memory(profile: Profile) -> Iterator[Resource]:
    """The state object's bucket. Its prevention of public access is enforced: it holds prices and plans."""
    yield Bucket(
        name=naming.bucket(profile.name_prefix, profile.project_id),
        owner=profile.name,
        location=profile.region.upper(),
        labels=labels(profile),
    )


def remembered(live: Graph) -> Graph:
    """Of `live`, what a teardown lets go last."""
    return Graph.of(each for each in live if isinstance(each, Bucket))
