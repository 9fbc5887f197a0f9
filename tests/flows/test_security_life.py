"""A key before /v1/predict: made, asked for, read by who may, told nowhere, gone with the rest."""

from __future__ import annotations

import base64
import gzip
import logging
import zlib
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from google.cloud import compute_v1
from google.cloud.secretmanager_v1 import SecretManagerServiceClient

from cloud import secrets
from cloud.connection import connect
from cloud.drivers.secret import SECRET
from cloud.drivers.security_policy import SECURITY_POLICY
from cloud.journal import Attempt
from cloud.observe import observe
from flows.detect_drift import detect_drift
from flows.lifecycle import lifecycle
from flows.provision import provision
from flows.teardown import teardown
from flows.validate import validate
from ironwood.cost.estimate import estimate
from ironwood.errors import InputError, PreflightError
from running import HTTP, EmbeddedCloud, PrefectServer, wait_until
from tasks.inputs import load_price_book, load_profile
from tasks.proof import prove_zero

PROJECT = "embedded-project"
KEY = "ai-inference-api-key"
TOKEN = b"hf_a-token-of-somebody"
QUESTION = {"instances": [{"text": "hello"}]}


def with_security(small_profile: Path, text: str) -> Path:
    """One tier of one pod, so that a test takes seconds."""
    lean = small_profile.read_text().replace("  medium: {chips: 16}\n", "  medium: {enabled: false}\n")
    small_profile.write_text(lean.replace("load_balancer: {port: 8080}", "load_balancer: {port: 8080, default_tier: small}") + text)
    return small_profile


def told_in(folder: Path) -> Iterator[bytes]:
    """The content of every file a run leaves in `folder`, but the embedded cloud's own store; unpacked, too."""
    for each in folder.rglob("*"):
        if each.is_file() and not each.name.startswith("emulator.sqlite"):
            content = each.read_bytes()
            yield content
            for unpack in (gzip.decompress, zlib.decompress):
                try:
                    yield unpack(content)
                except (OSError, zlib.error, EOFError):
                    continue


def their_token(cloud: EmbeddedCloud) -> None:
    """Somebody's secret with the token the model is fetched with."""
    url = f"http://{cloud.rest}/v1/projects/{PROJECT}"
    _api_on(cloud)
    HTTP.post(f"{url}/secrets?secretId=hf-token", json={"replication": {"automatic": {}}}).raise_for_status()
    payload = {"payload": {"data": base64.b64encode(TOKEN).decode()}}
    HTTP.post(f"{url}/secrets/hf-token:addVersion", json=payload).raise_for_status()


def _api_on(cloud: EmbeddedCloud) -> None:
    api = f"http://{cloud.rest}/v1/projects/{PROJECT}/services/secretmanager.googleapis.com"
    HTTP.post(f"{api}:enable", json={}).raise_for_status()
    wait_until(lambda: HTTP.get(api).json()["state"] == "ENABLED", "the API")


def test_predictions_ask_for_a_key_that_is_told_nowhere(
    flows_here: EmbeddedCloud,
    prefect_server: PrefectServer,
    small_profile: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    caplog.set_level(logging.DEBUG)
    profile = str(with_security(small_profile, "security: {api_key: true, model_token: hf-token, rate_limit: 100000}\n"))
    ours = load_profile(profile)
    with pytest.raises(PreflightError, match="hf-token"):
        provision(profile)
    their_token(flows_here)
    provision(profile)
    connection = connect(ours)
    key = secrets.value(connection, KEY)
    assert len(key) >= 40
    validate(profile)
    url = flows_here.ask("listeners")["listeners"][0]["url"]
    headers = ({}, {"x-api-key": "wrong"}, {"x-api-key": key}, {"authorization": f"Bearer {key}"})
    assert [httpx.post(f"{url}/v1/predict", json=QUESTION, headers=each).status_code for each in headers] == [401, 401, 200, 200]
    assert httpx.get(f"{url}/health").status_code == 200, "health checks stay open"
    assert not detect_drift(profile)
    # A key that was disabled is drift; a new one is made, which VMs read when they start.
    client = connection.client(SecretManagerServiceClient)
    client.disable_secret_version(name=f"projects/{PROJECT}/secrets/{KEY}/versions/1")
    assert detect_drift(profile) == 1
    assert httpx.post(f"{url}/v1/predict", json=QUESTION, headers={"x-api-key": key}).status_code == 200, "the VMs hold it"
    (secret,) = (each for each in SECRET.observe(connection) if each.name == KEY)
    SECRET.update(connection, Attempt(step="x", number=1, run=uuid4()), secret, replace(secret, filled=True))
    second = secrets.value(connection, KEY)
    assert second != key
    teardown(profile, confirm=ours.name)
    assert not prove_zero.fn(connection, ours).left
    assert {name for _, _, name in flows_here.inventory()} == {"hf-token"}
    policy = client.get_iam_policy(request={"resource": f"projects/{PROJECT}/secrets/hf-token"})
    assert not policy.bindings, "nobody of ours may read it any more"
    # Nothing said it: neither output nor log, Prefect's database, plans, states or results, nor a request's line in the cloud's log.
    said = "".join(capsys.readouterr()) + caplog.text + str(flows_here.requests())
    for value in (key, second, TOKEN.decode()):
        assert value not in said
        for folder in (tmp_path, prefect_server.folder):
            assert not any(value.encode() in content for content in told_in(folder))


def test_a_secret_a_killed_run_left_empty_is_filled(in_the_cloud: EmbeddedCloud, small_profile: Path):
    ours = load_profile(str(with_security(small_profile, "security: {api_key: true}\n")))
    connection = connect(ours)
    url = f"http://{in_the_cloud.rest}/v1/projects/{PROJECT}"
    _api_on(in_the_cloud)
    labels = {"environment": "dev", "ironwood-profile": ours.name}
    HTTP.post(f"{url}/secrets?secretId={KEY}", json={"replication": {"automatic": {}}, "labels": labels}).raise_for_status()
    (found,) = SECRET.observe(connection)
    assert (found.owner, found.filled) == (ours.name, False)
    SECRET.create(connection, Attempt(step="x", number=1, run=uuid4()), replace(found, filled=True))
    assert len(secrets.value(connection, KEY)) >= 40
    assert [each.filled for each in SECRET.observe(connection)] == [True]


@pytest.mark.long
def test_what_one_client_asks_too_often_is_answered_429_until_the_limit_is_gone(stepped_cloud: EmbeddedCloud, small_profile: Path):
    """In a cloud whose time stands still a minute never ends: the limit is exact."""
    profile = with_security(small_profile, "security: {rate_limit: 7}\n")
    ours = load_profile(str(profile))
    provision(str(profile))
    connection = connect(ours)
    url = stepped_cloud.ask("listeners")["listeners"][0]["url"]
    stepped_cloud.tell("clock/advance", {"seconds": 61})
    assert [httpx.get(f"{url}/health").status_code for _ in range(9)] == [200] * 7 + [429] * 2
    (policy,) = SECURITY_POLICY.observe(connection)
    # Somebody's rule beside ours stays, is counted, and is no drift; ours changed by hand is.
    rule = compute_v1.SecurityPolicyRule(priority=5, action="deny(403)", match=matching("192.0.2.0/24"))
    place = {"project": PROJECT, "security_policy": policy.name}
    google = connection.client(compute_v1.SecurityPoliciesClient)
    google.add_rule_unary(**place, security_policy_rule_resource=rule)
    stepped_cloud.tell("clock/advance", {"seconds": 60})
    assert not detect_drift(str(profile))
    assert [each.rules for each in SECURITY_POLICY.observe(connection)] == [2]
    google.remove_rule_unary(request={**place, "priority": 1000})
    stepped_cloud.tell("clock/advance", {"seconds": 60})
    assert detect_drift(str(profile)) == 1
    profile.write_text(profile.read_text().replace("rate_limit: 7", "rate_limit: 8"))
    provision(str(profile))
    assert [(each.rate_per_minute, each.rules) for each in SECURITY_POLICY.observe(connection)] == [(8, 2)]
    begun = connection.clock.now()
    stepped_cloud.tell("clock/advance", {"seconds": 10 * 3600})
    interval = {"from": begun.isoformat(), "until": connection.clock.now().isoformat()}
    lines = stepped_cloud.ask("bill", **interval)["lines"]
    billed = sum(Decimal(each["amount_usd"]) for each in lines if each["sku"] in {"armor.policy", "armor.rule"})
    (line,) = [each for each in estimate(observe(connection).live, load_price_book("list")).lines if each.address == policy.address]
    assert abs(billed - line.hourly_usd * 10) < Decimal("0.0001")
    profile.write_text(profile.read_text().replace("security: {rate_limit: 8}\n", ""))
    provision(str(profile))
    assert list(SECURITY_POLICY.observe(connection)) == []
    assert [httpx.get(f"{url}/health").status_code for _ in range(9)] == [200] * 9
    teardown(str(profile), confirm=ours.name)


def matching(*ranges: str) -> compute_v1.SecurityPolicyRuleMatcher:
    config = compute_v1.SecurityPolicyRuleMatcherConfig(src_ip_ranges=list(ranges))
    return compute_v1.SecurityPolicyRuleMatcher(versioned_expr="SRC_IPS_V1", config=config)


def test_a_protected_profile_is_deleted_only_when_that_is_said_twice(flows_here: EmbeddedCloud, small_profile: Path):
    profile = with_security(small_profile, "environment: prod\nsecurity: {api_key: true}\n")
    name = load_profile(str(profile)).name
    before = flows_here.requests()
    for given in ("", "another"):
        with pytest.raises(InputError, match=f"--lift-protection {name}"):
            teardown(str(profile), confirm=name, lift_protection=given)
    with pytest.raises(InputError, match="ends in a teardown"):
        lifecycle(str(profile), confirm=name)
    assert flows_here.requests() == before, "nothing was asked"
    assert teardown(str(profile), confirm=name, lift_protection=name) == 0
