"""Memorystore as Google has it: what is refused, private services access, TLS and AUTH on the data path, failover, the bill."""

import contextlib
import socket
import ssl
import time

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

PROJECT = "test-project"
HEAD = f"/redis.googleapis.com/v1/projects/{PROJECT}/locations/us-central1/instances"
PEERED = "/servicenetworking.googleapis.com/v1/services/servicenetworking.googleapis.com/connections"
ONCE = Retry(NoBackoff(), 0)
WHOLE = {"tier": "STANDARD_HA", "memorySizeGb": 5, "authEnabled": True, "transitEncryptionMode": "SERVER_AUTHENTICATION",
         "redisConfigs": {"maxmemory-policy": "allkeys-lru"}, "labels": {"a": "b"}}  # fmt: skip


@pytest.fixture
def cloud(stepped):
    stepped.enable("redis", "servicenetworking")
    return stepped


def finished(cloud, operation, head):
    """The operation, once it is done."""
    while not operation.get("done"):
        cloud.advance(30)
        operation = cloud.ask("GET", f"/{head}.googleapis.com/v1/{operation['name']}")
    return operation


def make(cloud, name="cache", head="redis", **fields):
    return finished(cloud, cloud.ask("POST", f"{HEAD}?instanceId={name}", {"tier": "BASIC", "memorySizeGb": 1, **fields}), head)


def password(cloud, name="cache"):
    return cloud.ask("GET", f"{HEAD}/{name}/authString")["authString"]


def client(instance, tmp_path, **options):
    reached(instance)
    authority = tmp_path / "ca.pem"
    authority.write_text(instance["serverCaCerts"][0]["cert"])
    tls = {"ssl": True, "ssl_ca_certs": str(authority), "ssl_check_hostname": True}
    return redis.Redis(host=instance["host"], port=instance["port"], socket_timeout=5, **tls, retry=ONCE, **options)


def reached(instance):
    """The data path follows the API within a moment of real time."""
    for _ in range(1_000):
        with contextlib.suppress(OSError):
            socket.create_connection((instance["host"], instance["port"])).close()
            return
        time.sleep(0.01)
    raise AssertionError("nobody listens")


def verb(cloud, name, what, body):
    return finished(cloud, cloud.ask("POST", f"{HEAD}/{name}:{what}", body), "redis")


def ranged(cloud, name="range", network="net", **fields):
    link = f"projects/{PROJECT}/global/networks/{network}"
    body = {"name": name, "purpose": "VPC_PEERING", "addressType": "INTERNAL", "prefixLength": 24, "network": link, **fields}
    cloud.do("POST", "global/addresses", body)
    return cloud.ask("GET", f"global/addresses/{name}")


def connect(cloud, *ranges, network="net"):
    body = {"network": f"projects/{PROJECT}/global/networks/{network}", "reservedPeeringRanges": list(ranges)}
    return finished(cloud, cloud.ask("POST", PEERED, body), "servicenetworking")


def disconnect(cloud, network="net"):
    body = {"consumerNetwork": f"projects/{PROJECT}/global/networks/{network}"}
    return finished(cloud, cloud.ask("POST", f"{PEERED}/servicenetworking-googleapis-com", body), "servicenetworking")


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("a" * 41, {}, "1-40"),
        ("Cache", {}, "1-40"),
        ("cache", {"memorySizeGb": 301}, "301 is not between 1 and 300"),
        ("cache", {"tier": "TIER_UNSPECIFIED"}, "tier"),
        ("cache", {"redisVersion": "REDIS_1_0"}, "REDIS_1_0"),
        ("cache", {"redisConfigs": {"maxmemory-policy": "all"}}, "maxmemory-policy"),
        ("cache", {"redisConfigs": {"bind": "0.0.0.0"}}, "bind"),
        ("cache", {"authorizedNetwork": f"projects/{PROJECT}/global/networks/none"}, "none was not found"),
    ],
)
def test_what_no_instance_can_be_is_refused(cloud, name, fields, says):
    told = cloud.ask("POST", f"{HEAD}?instanceId={name}", {"tier": "BASIC", "memorySizeGb": 1, **fields}, status=400)
    assert says in told["error"]["message"]


def test_one_operation_at_a_time_and_only_some_fields_change(cloud):
    make(cloud)
    operation = cloud.ask("PATCH", f"{HEAD}/cache?updateMask=memorySizeGb", {"memorySizeGb": 2})
    busy = cloud.ask("GET", f"{HEAD}/cache")
    assert (busy["state"], busy["memorySizeGb"]) == ("UPDATING", 1)
    assert "one operation at a time" in cloud.ask("DELETE", f"{HEAD}/cache", status=400)["error"]["message"]
    assert finished(cloud, operation, "redis")["response"]["memorySizeGb"] == 2
    assert "tier" in cloud.ask("PATCH", f"{HEAD}/cache?updateMask=tier", {"tier": "STANDARD_HA"}, status=400)["error"]["message"]
    assert "above REDIS_7_0" in cloud.ask("POST", f"{HEAD}/cache:upgrade", {"redisVersion": "REDIS_6_X"}, status=400)["error"]["message"]
    assert verb(cloud, "cache", "upgrade", {"redisVersion": "REDIS_7_2"})["response"]["redisVersion"] == "REDIS_7_2"
    done = verb(cloud, "cache", "rescheduleMaintenance", {"rescheduleType": "IMMEDIATE"})
    assert done["metadata"]["verb"] == "rescheduleMaintenance"
    cloud.ask("POST", f"{HEAD}?instanceId=cache", {"tier": "BASIC", "memorySizeGb": 1}, status=409)


def test_only_tls_with_auth_gets_in(cloud, tmp_path):
    instance = make(cloud, **WHOLE)["response"]
    assert instance["port"] == 6378
    assert [each["id"] for each in instance["nodes"]] == ["node-0", "node-1"]
    assert "authString" not in instance
    reached(instance)
    with pytest.raises(redis.ConnectionError):
        redis.Redis(host=instance["host"], port=6378, socket_timeout=2, retry=ONCE).ping()
    stranger = redis.Redis(host=instance["host"], port=6378, ssl=True, ssl_ca_certs=ssl.get_default_verify_paths().cafile, retry=ONCE)
    with pytest.raises(redis.ConnectionError, match="certificate verify failed"):
        stranger.ping()
    for wrong in ({}, {"password": "wrong"}):
        with pytest.raises(redis.AuthenticationError):
            client(instance, tmp_path, **wrong).get("a")
    known = client(instance, tmp_path, password=password(cloud))
    known.set("a", "1", ex=100)
    assert known.get("a") == b"1"
    assert 0 < known.ttl("a") <= 100
    with pytest.raises(redis.ResponseError, match="unknown command"):
        known.config_get("maxmemory-policy")
    known.pipeline(transaction=False).set("b", "2").get("b").delete("a", "b").execute()
    assert known.dbsize() == 0


def test_after_a_failover_the_data_are_there_and_clients_come_back(cloud, tmp_path):
    instance = make(cloud, **WHOLE)["response"]
    known = client(instance, tmp_path, password=password(cloud))
    known.mset({"a": "1", "b": "2"})
    known.expire("b", 1_000)
    known.rpush("list", "x", "y")
    operation = cloud.ask("POST", f"{HEAD}/cache:failover", {"dataProtectionMode": "LIMITED_DATA_LOSS"})
    assert cloud.ask("GET", f"{HEAD}/cache")["state"] == "FAILING_OVER"
    after = finished(cloud, operation, "redis")["response"]
    assert (after["currentLocationId"], after["state"]) == (instance["alternativeLocationId"], "READY")
    assert come_back(known, b"1")
    assert known.lrange("list", 0, -1) == [b"x", b"y"]
    assert 0 < known.ttl("b") <= 1_000
    cloud.admin("POST", "faults", {"type": "redis_primary_lost", "instance": "cache"})
    for _ in range(100):
        cloud.advance(10)
        if cloud.ask("GET", f"{HEAD}/cache")["currentLocationId"] == instance["locationId"]:
            break
    assert come_back(known, b"1")


def come_back(known, value):
    """A client that asks again after its connection was cut."""
    for _ in range(200):
        try:
            return known.get("a") == value
        except redis.ConnectionError:
            continue
    return False


def test_a_basic_instance_has_nobody_to_fail_over_to_and_is_empty_after_a_resize(cloud):
    instance = make(cloud)["response"]
    assert "Failover is not supported" in cloud.ask("POST", f"{HEAD}/cache:failover", {}, status=400)["error"]["message"]
    reached(instance)
    plain = redis.Redis(host=instance["host"], port=6379, socket_timeout=5, retry=ONCE)
    plain.set("a", "1")
    finished(cloud, cloud.ask("PATCH", f"{HEAD}/cache?updateMask=memorySizeGb", {"memorySizeGb": 2}), "redis")
    assert come_back(plain, None)
    assert cloud.ask("GET", f"{HEAD}/cache/authString", status=400)["error"]["status"] == "FAILED_PRECONDITION"


def test_private_access_needs_a_connection_which_stays_while_it_is_used_and_for_a_while_after(cloud):
    net = cloud.network()
    private = {"connectMode": "PRIVATE_SERVICE_ACCESS", "authorizedNetwork": net}
    refused = make(cloud, **private)
    assert refused["error"]["code"] == 9
    assert "private service access is not enabled" in refused["error"]["message"]
    cloud.ask("GET", f"{HEAD}/cache", status=404)
    chosen = ranged(cloud)
    assert chosen["addressType"] == "INTERNAL"
    assert not chosen["address"].startswith("10.0.")
    overlapping = {"name": "other", "purpose": "VPC_PEERING", "prefixLength": 24, "network": net, "address": "10.0.3.0"}
    assert "conflicts with 10.0.0.0/16" in cloud.ask("POST", "global/addresses", overlapping, status=400)["error"]["message"]
    assert connect(cloud, "range")["response"]["peering"] == "servicenetworking-googleapis-com"
    assert connect(cloud, "range")["error"]["code"] == 9
    instance = make(cloud, **private)["response"]
    assert instance["reservedIpRange"].startswith(chosen["address"].rpartition(".")[0])
    assert "still using this connection" in disconnect(cloud)["error"]["message"]
    cloud.admin("PUT", "durations", {"servicenetworking.release": 7_200})
    finished(cloud, cloud.ask("DELETE", f"{HEAD}/cache"), "redis")
    assert "still using this connection" in disconnect(cloud)["error"]["message"]
    for held in ("regions/us-central1/subnetworks/net-sub", "global/firewalls/net-probes"):
        cloud.do("DELETE", held)
    failed = cloud.done(cloud.ask("DELETE", "global/networks/net"))
    assert failed["error"]["errors"][0]["code"] == "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"
    cloud.advance(7_200)
    assert "error" not in disconnect(cloud)
    assert "peerings" not in cloud.ask("GET", "global/networks/net")
    cloud.do("DELETE", "global/addresses/range")
    cloud.do("DELETE", "global/networks/net")


def test_a_peering_can_be_taken_out_of_the_network_by_itself(cloud):
    cloud.network()
    ranged(cloud)
    connect(cloud, "range")
    cloud.do("POST", "global/networks/net/removePeering", {"name": "servicenetworking-googleapis-com"})
    assert "peerings" not in cloud.ask("GET", "global/networks/net")
    cloud.ask("POST", "global/networks/net/removePeering", {"name": "servicenetworking-googleapis-com"}, status=400)


def test_it_bills_by_tier_and_size_from_the_creation_until_it_is_gone(cloud):
    start = cloud.now()
    make(cloud, tier="STANDARD_HA", memorySizeGb=100)
    finished(cloud, cloud.ask("DELETE", f"{HEAD}/cache"), "redis")
    cloud.advance(3_600)
    (line,) = [each for each in cloud.admin("GET", f"bill?from={start}")["lines"] if each["kind"] == "redis.instances"]
    assert (line["sku"], line["quantity"], line["unit_price_usd"]) == ("memorystore.standard.m4", "100", "0.038")
    assert 297 + 158 <= line["seconds"] <= 297 + 158 + 60
