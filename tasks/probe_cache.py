"""Does the cache do its work? What a validation asks of it, as a client would: TLS under its own authority, AUTH, a key of our own that expires.

The AUTH string is read here, used here, and told to nobody: not to logs, findings, errors, parameters or results.
"""

from __future__ import annotations

import ssl
from datetime import timedelta
from typing import Any
from uuid import uuid4

import redis
from google.cloud import redis_v1
from redis.backoff import NoBackoff
from redis.retry import Retry

from cloud.clock import sleep
from cloud.connection import Connection
from cloud.drivers.base import ONCE
from cloud.drivers.cache import path
from cloud.errors import translated
from ironwood.errors import CloudError
from ironwood.graph import Graph
from ironwood.resources.cache import RedisInstance
from tasks.finding import Finding
from tasks.retries import google_task

PREFIX = "ironwood:validate:"
KEPT = timedelta(seconds=60)
"""How long a key of ours lives if we die before we delete it."""
CALL_SECONDS = 5.0
TRIES = 60
POLL = timedelta(seconds=2)


@google_task(name="cache", run_name="use the cache")
def probe_cache(connection: Connection, live: Graph, wanted: Graph) -> list[Finding]:
    """A finding for each instance that is wanted; none where none is."""
    with connection.clock.participating("cache"):
        return [_finding(connection, each) for each in live if isinstance(each, RedisInstance) and each.address in wanted]


def _finding(connection: Connection, instance: RedisInstance) -> Finding:
    check = f"cache {instance.name}"
    for left in reversed(range(TRIES)):
        try:
            return Finding(check=check, passed=True, found=used(connection, instance))
        except redis.AuthenticationError:
            return Finding(check=check, passed=False, found="refuses the AUTH string Google tells")
        except redis.ConnectionError as error:  # a failover, or an address that is not known yet
            if not left:
                return Finding(
                    check=check, passed=False, found=f"{instance.host}:{instance.port} cannot be reached: {type(error).__name__}"
                )
            sleep(connection.clock, POLL)
        except redis.RedisError as error:
            return Finding(check=check, passed=False, found=f"answers {type(error).__name__}")
        except CloudError as error:
            return Finding(check=check, passed=False, found=str(error).splitlines()[0])
    raise AssertionError("the last try returns")


def used(connection: Connection, instance: RedisInstance) -> str:
    """Set, read and delete a key that expires; answers what was found. Raises redis.RedisError, ValueError never."""
    key, value = f"{PREFIX}{uuid4()}", uuid4().hex
    with client(connection, instance) as cache:
        cache.set(key, value, ex=KEPT)
        read, left = cache.get(key), cache.ttl(key)
        gone = cache.delete(key)
    if read != value.encode() or not 0 < left <= KEPT.total_seconds() or gone != 1:
        raise redis.DataError("a key set was not read back, does not expire, or cannot be deleted")
    guard = " and ".join(word for word, on in (("TLS", instance.transit_encryption), ("AUTH", instance.auth)) if on) or "nothing"
    return f"keeps, tells and forgets behind {guard} at {instance.host}:{instance.port}; {instance.maxmemory_policy} in {instance.memory_gib} GiB"


def client(connection: Connection, instance: RedisInstance) -> Any:
    """A client of the instance: its address, the authority it is signed by, the AUTH string."""
    options: dict[str, Any] = {"socket_timeout": CALL_SECONDS, "socket_connect_timeout": CALL_SECONDS, "retry": Retry(NoBackoff(), 0)}
    if instance.auth:
        options["password"] = _auth(connection, instance)
    if instance.transit_encryption:
        options |= {"ssl": True, "ssl_ca_data": instance.authority, "ssl_cert_reqs": "required", "ssl_check_hostname": True}
        options["ssl_min_version"] = ssl.TLSVersion.TLSv1_2
    return redis.Redis(host=instance.host, port=instance.port, **options)


def _auth(connection: Connection, instance: RedisInstance) -> str:
    google: Any = connection.client(redis_v1.CloudRedisClient)
    with translated(f"reading the AUTH string of {instance.address}"):
        return str(google.get_instance_auth_string(name=path(connection, instance), **ONCE).auth_string)
