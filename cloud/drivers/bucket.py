"""Driver of buckets. Changes are guarded by the metageneration. google-cloud-storage ships no types: what it gives is Any here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.cloud import storage

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood.errors import ConflictError, NotFoundError
from ironwood.resources.bucket import Bucket


class BucketDriver:
    """The project's buckets."""

    resource = Bucket

    def observe(self, connection: Connection) -> Iterator[Bucket]:
        """List them; what ours hold is counted, because it bills."""
        client: Any = connection.client(storage.Client)
        with translated("listing bucket"):
            for found in client.list_buckets(project=connection.project, **ONCE):
                ours = marker.owner_in_labels(found.labels)
                size = sum(blob.size or 0 for blob in client.list_blobs(found.name, **ONCE)) if ours else 0
                yield _read(found, size)

    def create(self, connection: Connection, attempt: Attempt, after: Bucket) -> None:
        """Make it; one of ours that is there already and equal is what we wanted."""
        client: Any = connection.client(storage.Client)
        doing = f"creating {after.address}"
        try:
            with attempt.write(doing), translated(doing):
                client.create_bucket(_filled(client.bucket(after.name), after), project=connection.project, location=after.location, **ONCE)
        except ConflictError as error:
            self._ours(client, after, error)

    def update(self, connection: Connection, attempt: Attempt, before: Bucket, after: Bucket) -> None:
        """Replace all that can be set, guarded by the metageneration just read."""
        del before
        client: Any = connection.client(storage.Client)
        doing = f"updating {after.address}"
        with translated(doing):
            live = client.get_bucket(after.name, **ONCE)
        with attempt.write(doing), translated(doing):
            _filled(live, after).update(if_metageneration_match=live.metageneration, **ONCE)

    def delete(self, connection: Connection, attempt: Attempt, before: Bucket) -> None:
        """Delete what is in it, then the bucket; that either is gone already is success."""
        client: Any = connection.client(storage.Client)
        try:
            with translated(f"listing what is in {before.address}"):
                names = [blob.name for blob in client.list_blobs(before.name, **ONCE)]
            for name in names:
                doing = f"deleting {name} of {before.address}"
                try:
                    with attempt.write(doing), translated(doing):
                        client.bucket(before.name).delete_blob(name, **ONCE)
                except NotFoundError:
                    continue
            doing = f"deleting {before.address}"
            with attempt.write(doing), translated(doing):
                client.bucket(before.name).delete(**ONCE)
        except NotFoundError:
            return

    def _ours(self, client: Any, after: Bucket, error: ConflictError) -> None:
        with translated(f"reading {after.address}"):
            found = _read(client.get_bucket(after.name, **ONCE), 0)
        if found.owner != after.owner or found.differences(after):
            raise error


def _filled(bucket: Any, after: Bucket) -> Any:
    bucket.labels = dict(after.labels)
    bucket.soft_delete_policy.retention_duration_seconds = after.soft_delete_seconds
    bucket.iam_configuration.uniform_bucket_level_access_enabled = after.uniform_access
    bucket.iam_configuration.public_access_prevention = after.public_access
    return bucket


def _read(found: Any, size: int) -> Bucket:
    access = found.iam_configuration
    return Bucket(
        name=found.name,
        owner=marker.owner_in_labels(found.labels),
        location=found.location,
        labels=tuple(sorted(found.labels.items())),
        soft_delete_seconds=found.soft_delete_policy.retention_duration_seconds or 0,
        uniform_access=bool(access.uniform_bucket_level_access_enabled),
        public_access=str(access.public_access_prevention or "inherited"),
        size_bytes=size,
        created=found.time_created.isoformat() if found.time_created else "",
    )


BUCKET = BucketDriver()
