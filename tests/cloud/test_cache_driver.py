"""The cache's drivers: what a lost answer or a killed run left on its way is waited for and taken; an older version is told as what it is."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest
from google.cloud import redis_v1

from builders import a_profile
from cloud.connection import Connection, connect
from cloud.drivers.cache import REDIS_INSTANCE, path
from cloud.journal import Attempt
from cloud.observe import settle
from ironwood.desired import desired
from ironwood.errors import ApiDisabledError, RefusedError, TransientError
from ironwood.resources.base import Address
from ironwood.resources.cache import RedisInstance
from running import HTTP, EmbeddedCloud, wait_until

TEXT = "cloud: embedded\nredis: {enabled: true, memory_size_gb: 1, connect_mode: direct_peering}\n"
DEFAULT = Address(kind="network", scope="global", name="default")


@pytest.fixture
def connection(in_the_cloud: EmbeddedCloud) -> Connection:
    url = f"http://{in_the_cloud.rest}/v1/projects/embedded-project/services"
    HTTP.post(f"{url}:batchEnable", json={"serviceIds": ["compute.googleapis.com", "redis.googleapis.com"]}).raise_for_status()
    wait_until(lambda: HTTP.get(f"{url}/redis.googleapis.com").json()["state"] == "ENABLED", "the API")
    return connect(a_profile(TEXT).model_copy(update={"project_id": "embedded-project"}))


def wanted() -> RedisInstance:
    profile = a_profile(TEXT)
    (found,) = (each for each in desired(profile, profile.baseline) if isinstance(each, RedisInstance))
    return replace(found, network=DEFAULT)


def attempt() -> Attempt:
    return Attempt(run=uuid4(), step="create", number=1)


def test_an_instance_on_its_way_is_waited_for(connection: Connection):
    resource = wanted()
    client = connection.client(redis_v1.CloudRedisClient)
    body = redis_v1.Instance(tier="BASIC", memory_size_gb=1)
    client.create_instance(parent=path(connection, resource).rpartition("/instances")[0], instance_id=resource.name, instance=body)
    (told,) = settle(connection, [resource.name])
    assert told == f"creating of {resource.name}, left in flight by an earlier run"
    (found,) = REDIS_INSTANCE.observe(connection)
    assert found.state == "READY"


def test_a_create_whose_answer_was_lost_takes_what_it_made(connection: Connection, in_the_cloud: EmbeddedCloud):
    resource = wanted()
    in_the_cloud.tell("faults", {"type": "lost_response", "method": "redis.projects.locations.instances.create", "times": 1})
    with pytest.raises(TransientError):
        REDIS_INSTANCE.create(connection, attempt(), resource)
    REDIS_INSTANCE.create(connection, attempt(), resource)
    (found,) = REDIS_INSTANCE.observe(connection)
    assert (found.state, found.differences(resource)) == ("READY", {})
    with pytest.raises(RefusedError, match="REDIS_6_X"):
        REDIS_INSTANCE.update(connection, attempt(), found, replace(resource, version="REDIS_6_X"))
    REDIS_INSTANCE.update(connection, attempt(), found, replace(resource, version="REDIS_7_2", memory_gib=2))
    (found,) = REDIS_INSTANCE.observe(connection)
    assert (found.version, found.memory_gib) == ("REDIS_7_2", 2)
    REDIS_INSTANCE.delete(connection, attempt(), found)
    REDIS_INSTANCE.delete(connection, attempt(), found)
    assert not list(REDIS_INSTANCE.observe(connection))


@pytest.mark.usefixtures("in_the_cloud")
def test_where_the_api_is_off_there_is_nothing_to_wait_for():
    connection = connect(a_profile(TEXT).model_copy(update={"project_id": "embedded-project"}))
    assert settle(connection, ["any"]) == []
    with pytest.raises(ApiDisabledError):
        list(REDIS_INSTANCE.observe(connection))
