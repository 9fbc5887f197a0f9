"""The state object in Cloud Storage: read, change, write back, guarded by its generation.

A write that meets another's fails with a conflict; then the state is read again and the change applied to what is there now, so no update is
lost. Changes may be applied twice (a lost answer repeats them): see `ironwood/state.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from google.cloud import storage

from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.errors import translated
from cloud.journal import Attempt
from ironwood import naming
from ironwood.errors import ConflictError, NotFoundError
from ironwood.profile import Profile
from ironwood.state import State

OBJECT = "state.json"
NONE_YET = 0
"""The generation of an object that does not exist."""
TRIES = 20
"""Writers that meet: each round lets one of them through, so this many may meet at once."""


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """A state and the generation it was read at."""

    state: State
    generation: int


def read(connection: Connection, profile: Profile) -> Remembered:
    """The state of `profile`, empty where none was written yet; raises StateError, or NotFoundError without its bucket."""
    return read_at(connection, _bucket_name(profile), profile.name)


def read_at(connection: Connection, bucket_name: str, owner: str) -> Remembered:
    """The state of the profile `owner`, kept in the bucket `bucket_name`; raises as `read` does."""
    bucket = _bucket(connection, bucket_name)
    where = f"gs://{bucket.name}/{OBJECT}"
    with translated(f"reading {where}"):
        blob = bucket.get_blob(OBJECT, **ONCE)
        if blob is None:
            bucket.reload(**ONCE)  # get_blob answers None for a missing bucket too
            return Remembered(state=State(profile=owner), generation=NONE_YET)
    try:
        with translated(f"reading {where}"):
            text = blob.download_as_text(if_generation_match=blob.generation, **ONCE)
    except (ConflictError, NotFoundError):  # replaced or deleted between the two requests
        return read_at(connection, bucket_name, owner)
    return Remembered(state=State.from_json(text, where=where), generation=blob.generation)


def update(connection: Connection, profile: Profile, run: UUID, doing: str, change: Callable[[State], State]) -> State:
    """Apply `change` to the state of `profile` and write it; answers what was written.

    Raises ConflictError when somebody else was faster 20 times in a row.
    """
    return update_at(connection, _bucket_name(profile), profile.name, run, doing, change)


def update_at(connection: Connection, bucket_name: str, owner: str, run: UUID, doing: str, change: Callable[[State], State]) -> State:
    """The same of the profile `owner`, whose state is kept in the bucket `bucket_name`."""
    for number in range(1, TRIES + 1):
        found = read_at(connection, bucket_name, owner)
        wanted = change(found.state)
        if wanted == found.state and found.generation != NONE_YET:
            return wanted
        try:
            _write(connection, bucket_name, Attempt(run=run, step=f"state: {doing}", number=number), wanted, found.generation)
        except ConflictError:
            if number == TRIES:
                raise
            continue
        return wanted
    raise AssertionError("the last try returns or raises")


def _write(connection: Connection, bucket_name: str, attempt: Attempt, state: State, generation: int) -> None:
    bucket = _bucket(connection, bucket_name)
    doing = f"writing gs://{bucket.name}/{OBJECT}"
    with attempt.write(doing), translated(doing):
        bucket.blob(OBJECT).upload_from_string(
            state.to_json(), content_type="application/json", if_generation_match=generation, checksum="crc32c", **ONCE
        )


def _bucket_name(profile: Profile) -> str:
    return naming.bucket(profile.name_prefix, profile.project_id)


def _bucket(connection: Connection, name: str) -> Any:
    client: Any = connection.client(storage.Client)  # it ships no types
    return client.bucket(name)


def owners_in(connection: Connection) -> dict[str, str]:
    """What state objects say of things that cannot be marked: address (as text) -> `BUCKET OWNER`. Only a bucket with its owner's own marker counts."""
    client: Any = connection.client(storage.Client)  # it ships no types
    found: dict[str, str] = {}
    with translated("listing buckets with a state object"):
        buckets = [each for each in client.list_buckets(project=connection.project, **ONCE) if each.labels.get(naming.MARKER)]
    for bucket in buckets:
        owner = bucket.labels[naming.MARKER]
        with translated(f"reading gs://{bucket.name}/{OBJECT}"):
            blob = bucket.get_blob(OBJECT, **ONCE)
            text = None if blob is None else blob.download_as_text(**ONCE)
        if text is not None:
            state = State.from_json(text, where=f"gs://{bucket.name}/{OBJECT}")
            found |= {address: f"{bucket.name} {owner}" for address, whose in state.owners.items() if whose == owner}
    return found
