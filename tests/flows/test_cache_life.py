"""A cache's whole life: provisioned with its private connection, used, failed over, torn down; also when Google holds the connection for hours."""

from __future__ import annotations

import gzip
import logging
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from google.cloud import redis_v1

from cloud.connection import Connection, connect
from cloud.drivers.cache import REDIS_INSTANCE, path
from cloud.journal import Attempt
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from flows.validate import validate
from ironwood.errors import UnfinishedError, WaitingError
from ironwood.resources.cache import RedisInstance
from running import HTTP, EmbeddedCloud, PrefectServer
from tasks.inputs import load_profile
from tasks.probe_cache import client
from tasks.proof import prove_zero

CACHE = "redis: {enabled: true, memory_size_gb: 5}\n"


def with_cache(small_profile: Path, text: str = CACHE) -> Path:
    """One tier of one pod beside the cache, so that a test takes seconds."""
    lean = small_profile.read_text().replace("  medium: {chips: 16}\n", "  medium: {enabled: false}\n")
    small_profile.write_text(lean.replace("load_balancer: {port: 8080}", "load_balancer: {port: 8080, default_tier: small}") + text)
    return small_profile


def instance_of(connection: Connection) -> RedisInstance:
    (found,) = REDIS_INSTANCE.observe(connection)
    return found


def secret_of(connection: Connection, instance: RedisInstance) -> str:
    google = connection.client(redis_v1.CloudRedisClient)
    return google.get_instance_auth_string(name=path(connection, instance)).auth_string


def told_in(folder: Path) -> Iterator[Path]:
    """Every file a run leaves in `folder`, but the embedded cloud's own store."""
    return (each for each in folder.rglob("*") if each.is_file() and not each.name.startswith("emulator.sqlite"))


def packed(content: bytes) -> Iterator[bytes]:
    yield content
    for unpack in (gzip.decompress, zlib.decompress):
        try:
            yield unpack(content)
        except (OSError, zlib.error, EOFError):
            continue


def test_a_cache_lives_fails_over_and_is_gone(
    flows_here: EmbeddedCloud,
    prefect_server: PrefectServer,
    small_profile: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    profile = with_cache(small_profile)
    ours = load_profile(str(profile))
    provision(str(profile))
    connection = connect(ours)
    instance = instance_of(connection)
    secret = secret_of(connection, instance)
    assert len(secret) > 20
    kinds = {kind for kind, _, _ in flows_here.inventory()}
    assert {"redis.instances", "servicenetworking.connections"} <= kinds
    assert detect_drift(str(profile)) == 0
    with client(connection, instance) as cache:
        cache.set("kept", "through a failover")
    REDIS_INSTANCE.failover(connection, Attempt(run=uuid4(), step="failover", number=1), instance)
    after = instance_of(connection)
    assert after.zone != instance.zone
    validate(str(profile))
    with client(connection, after) as cache:
        assert cache.get("kept") == b"through a failover"
        assert not [key for key in cache.scan_iter() if key != b"kept"]
    small_profile.write_text(small_profile.read_text().replace("memory_size_gb: 5", "memory_size_gb: 6"))
    provision(str(profile))
    assert (instance_of(connection).memory_gib, instance_of(connection).created) == (6, instance.created)
    with pytest.raises(Exception) as refused:  # noqa: PT011  # whatever it is, it tells no secret
        connection.client(redis_v1.CloudRedisClient).get_instance_auth_string(name=path(connection, instance) + "x")
    teardown(str(profile), confirm=ours.name)
    assert flows_here.inventory() == set()
    assert not prove_zero.fn(connection, ours).left
    printed = capsys.readouterr()
    assert "keeps, tells and" in printed.out
    assert "whether it is used or not; no lease ends it" in printed.out
    texts = [printed.out, printed.err, caplog.text, str(refused.value), str(flows_here.requests())]
    assert not [text for text in texts if secret in text]
    for folder in (tmp_path, prefect_server.folder, flows_here.folder):
        files = list(told_in(folder))
        assert not [each for each in files if any(secret.encode() in content for content in packed(each.read_bytes()))]


@pytest.mark.long
def test_what_bills_is_what_was_estimated_and_metered(stepped_cloud: EmbeddedCloud, small_profile: Path):
    profile = with_cache(small_profile, CACHE.replace("5}", "100}"))
    provision(str(profile))
    stepped_cloud.tell("clock/advance", {"seconds": 60})
    connection = connect(load_profile(str(profile)))
    start = connection.clock.now()
    stepped_cloud.tell("clock/advance", {"seconds": 5 * 3600})
    lines = stepped_cloud.ask("bill", **{"from": start.isoformat(), "until": connection.clock.now().isoformat()})["lines"]
    assert sum(Decimal(each["amount_usd"]) for each in lines if each["kind"] == "redis.instances") == Decimal("19.00")


def test_a_connection_google_holds_for_hours_is_told_costs_nothing_and_is_finished_later(
    stepped_cloud: EmbeddedCloud, small_profile: Path, capsys: pytest.CaptureFixture[str]
):
    profile = with_cache(small_profile)
    ours = load_profile(str(profile))
    provision(str(profile))
    stepped_cloud.tell("durations", {"servicenetworking.release": 5 * 3600}, method="PUT")
    with pytest.raises(WaitingError, match=r"but for 4 objects that wait for Google, at \$0\.00/h; everything else is gone"):
        teardown(str(profile), confirm=ours.name)
    told = capsys.readouterr().out
    assert "private_connection/global/ai-inference-network until Google's services let it go" in told
    assert "network/global/ai-inference-network until the private connection is gone" in told
    left = {"compute.networks", "compute.globalAddresses", "servicenetworking.connections", "storage.buckets", "storage.objects"}
    assert {kind for kind, _, _ in stepped_cloud.inventory()} == left
    assert Decimal(stepped_cloud.ask("bill")["usd_per_hour"]) < Decimal("0.0001")
    with pytest.raises(WaitingError):
        teardown(str(profile), confirm=ours.name)
    stepped_cloud.tell("clock/advance", {"seconds": 5 * 3600})
    teardown(str(profile), confirm=ours.name)
    assert stepped_cloud.inventory() == set()


@pytest.mark.long
def test_a_connection_others_use_too_is_never_removed(stepped_cloud: EmbeddedCloud, small_profile: Path):
    profile = with_cache(small_profile)
    ours = load_profile(str(profile))
    provision(str(profile))
    network = "projects/embedded-project/global/networks/ai-inference-network"
    url = f"http://{stepped_cloud.rest}"
    body = {"name": "theirs", "purpose": "VPC_PEERING", "addressType": "INTERNAL", "prefixLength": 24, "network": network}
    HTTP.post(f"{url}/compute/v1/projects/embedded-project/global/addresses", json=body).raise_for_status()
    stepped_cloud.tell("clock/advance", {"seconds": 60})
    service = f"{url}/servicenetworking.googleapis.com/v1/services/servicenetworking.googleapis.com/connections"
    ranges = {"network": network, "reservedPeeringRanges": ["ai-inference-services", "theirs"]}
    HTTP.patch(f"{service}/servicenetworking-googleapis-com?updateMask=reservedPeeringRanges", json=ranges).raise_for_status()
    stepped_cloud.tell("clock/advance", {"seconds": 120})
    with pytest.raises(UnfinishedError, match="has ranges of others, theirs: it is shared and was left alone"):
        teardown(str(profile), confirm=ours.name)
    names = {(kind, name) for kind, _, name in stepped_cloud.inventory()}
    assert {("servicenetworking.connections", "ai-inference-network"), ("compute.globalAddresses", "theirs")} <= names
    assert not [kind for kind, _ in names if kind == "redis.instances"]


@pytest.mark.long
def test_peered_directly_there_is_nothing_but_the_instance(flows_here: EmbeddedCloud, small_profile: Path):
    profile = with_cache(small_profile, "redis: {enabled: true, memory_size_gb: 5, connect_mode: direct_peering}\n")
    provision(str(profile))
    connection = connect(load_profile(str(profile)))
    assert instance_of(connection).connection is None
    assert "servicenetworking.connections" not in {kind for kind, _, _ in flows_here.inventory()}
    assert not [each for each in observe(connection).live if each.kind == "peering_range"]
    teardown(str(profile), confirm=load_profile(str(profile)).name)
    assert flows_here.inventory() == set()


@pytest.mark.long
def test_in_a_shared_vpc_the_host_projects_connection_is_used_and_left(flows_here: EmbeddedCloud, small_profile: Path):
    host = {"project": "host-project", "network": "shared", "subnetwork": "tpus"}
    flows_here.tell("shared_vpc", {**host, "region": "us-central1", "cidr": "10.8.0.0/20"})
    existing = "network: {subnet_cidr: 10.8.0.0/20, existing: {project: host-project, network: shared, subnetwork: tpus}}\n"
    profile = with_cache(small_profile, CACHE + existing)
    provision(str(profile))
    assert not {"servicenetworking.connections", "compute.globalAddresses"} & {
        kind for kind, _, name in flows_here.inventory() if "services" in name or kind.startswith("service")
    }
    assert detect_drift(str(profile)) == 0
    teardown(str(profile), confirm=load_profile(str(profile)).name)
    assert flows_here.inventory() == set()
