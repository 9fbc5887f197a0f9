"""The state object: no update is lost however many write at once, and a lost answer does no harm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from google.cloud import storage

from builders import a_profile
from cloud import state
from cloud.connection import Connection, connect
from cloud.drivers.bucket import BUCKET
from cloud.journal import Attempt
from ironwood.desired import desired
from ironwood.errors import NotFoundError, StateError, TransientError
from ironwood.resources.bucket import Bucket
from ironwood.state import Reservation
from running import EmbeddedCloud

PROFILE = a_profile("cloud: embedded\n").model_copy(update={"project_id": "embedded-project"})
HELD = Reservation(usd=Decimal(1), reason="test", until=datetime(2100, 1, 1, tzinfo=UTC))


@pytest.fixture
def connection(in_the_cloud: EmbeddedCloud) -> Connection:
    assert in_the_cloud
    return connect(PROFILE)


@pytest.fixture
def bucket(connection: Connection) -> Bucket:
    (wanted,) = (each for each in desired(PROFILE, PROFILE.baseline) if isinstance(each, Bucket))
    BUCKET.create(connection, Attempt(run=uuid4(), step="create", number=1), wanted)
    return wanted


@pytest.mark.usefixtures("bucket")
def test_nothing_written_yet_is_an_empty_state(connection: Connection):
    found = state.read(connection, PROFILE)
    assert (found.state.profile, found.state.owners, found.generation) == (PROFILE.name, {}, state.NONE_YET)


def test_without_its_bucket_the_state_is_not_found(connection: Connection):
    with pytest.raises(NotFoundError, match="bucket does not exist"):
        state.read(connection, PROFILE)


@pytest.mark.usefixtures("bucket")
def test_twelve_writers_at_once_lose_nothing(connection: Connection):
    def reserve(number: int) -> None:
        state.update(connection, PROFILE, uuid4(), "reserve", lambda now: now.reserving(f"run-{number}", HELD))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(reserve, range(12)))
    assert sorted(state.read(connection, PROFILE).state.reservations) == sorted(f"run-{number}" for number in range(12))


@pytest.mark.usefixtures("bucket")
def test_a_lost_answer_is_repeated_without_harm(connection: Connection, in_the_cloud: EmbeddedCloud):
    in_the_cloud.tell("faults", {"type": "lost_response", "method": "storage.objects.insert", "times": 1})
    with pytest.raises(TransientError):
        state.update(connection, PROFILE, uuid4(), "own", lambda now: now.owning("a/b/c"))
    written = state.update(connection, PROFILE, uuid4(), "own", lambda now: now.owning("a/b/c"))
    assert written == state.read(connection, PROFILE).state
    assert dict(written.owners) == {"a/b/c": PROFILE.name}


def test_a_damaged_state_is_told_and_left_alone(connection: Connection, bucket: Bucket):
    blob = connection.client(storage.Client).bucket(bucket.name).blob(state.OBJECT)
    blob.upload_from_string("{")
    with pytest.raises(StateError, match=rf"gs://{bucket.name}/state.json is no state object"):
        state.update(connection, PROFILE, uuid4(), "own", lambda now: now.owning("a/b/c"))
    assert blob.download_as_text() == "{"


def test_the_bucket_is_made_once_read_back_changed_and_deleted_with_what_it_holds(connection: Connection, bucket: Bucket):
    attempt = Attempt(run=uuid4(), step="again", number=1)
    BUCKET.create(connection, attempt, bucket)
    state.update(connection, PROFILE, uuid4(), "own", lambda now: now.owning("a/b/c"))
    (live,) = BUCKET.observe(connection)
    assert not live.differences(bucket)
    assert live.size_bytes > 0
    client = connection.client(storage.Client).bucket(bucket.name)
    client.labels = {"ironwood-profile": PROFILE.name, "stray": "x"}
    client.update()
    (changed,) = BUCKET.observe(connection)
    BUCKET.update(connection, attempt, changed, bucket)
    (mended,) = BUCKET.observe(connection)
    assert not mended.differences(bucket)
    BUCKET.delete(connection, attempt, mended)
    BUCKET.delete(connection, attempt, mended)
    assert list(BUCKET.observe(connection)) == []
