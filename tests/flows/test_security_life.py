"""A key before /v1/predict: made, asked for, read by who may, told nowhere, gone with the rest."""

from __future__ import annotations

import base64
import gzip
import logging
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from google.cloud.secretmanager_v1 import SecretManagerServiceClient

from cloud import secrets
from cloud.connection import connect
from cloud.drivers.secret import SECRET
from cloud.journal import Attempt
from flows.detect_drift import detect_drift
from flows.provision import provision
from flows.teardown import teardown
from flows.validate import validate
from ironwood.errors import PreflightError
from running import HTTP, EmbeddedCloud, PrefectServer, wait_until
from tasks.inputs import load_profile
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
    profile = str(with_security(small_profile, "security: {api_key: true, model_token: hf-token}\n"))
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
