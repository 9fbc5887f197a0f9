"""`cloud: google` from end to end without Google: endpoints lead to the embedded cloud over TLS, credentials come from a file, an account is acted as.

What is proven is that a profile meets the real cloud by its `cloud:` and credentials alone, and that whatever keeps it from there is one sentence.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud import recording
from cloud.connection import Connection, connect
from flows.probe_cloud import probe_cloud
from flows.provision import provision
from flows.teardown import teardown
from ironwood.errors import ProfileError, QuotaProjectError, UnreachableError
from ironwood.profile import Profile
from running import HTTP, EmbeddedCloud, PrefectServer, run
from tasks.inputs import load_profile

PROJECT = "embedded-project"
OPERATOR = f"operator@{PROJECT}.iam.gserviceaccount.com"
LOGIN = "embedded-kim@example.com"


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedCloud]:
    """A cloud that speaks TLS, with an account that may do everything and that kim may act as."""
    folder = tmp_path_factory.mktemp("google")
    cloud = EmbeddedCloud(folder=folder, https=True, scale=300.0).start()
    base = f"http://{cloud.rest}"
    (folder / "ca.pem").write_text(HTTP.get(f"{base}/_emulator/ca.pem").text)
    for path, body in (
        (f"/v1/projects/{PROJECT}/services:batchEnable", {"serviceIds": ["iam.googleapis.com", "cloudresourcemanager.googleapis.com"]}),
        (f"/v1/projects/{PROJECT}/serviceAccounts", {"accountId": "operator"}),
        (
            f"/v1/projects/{PROJECT}/serviceAccounts/{OPERATOR}:setIamPolicy",
            policy("roles/iam.serviceAccountTokenCreator", "user:kim@example.com"),
        ),
        (f"/v3/projects/{PROJECT}:setIamPolicy", policy("roles/owner", f"serviceAccount:{OPERATOR}", "user:owner@example.com")),
    ):
        deadline = time.monotonic() + 20
        while not (answer := HTTP.post(base + path, json=body)).is_success:  # APIs come on, and accounts are seen, a little later
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.1)
    yield cloud
    cloud.stop()


@pytest.fixture(autouse=True)
def kims_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log_in(tmp_path, monkeypatch, LOGIN)


def log_in(folder: Path, monkeypatch: pytest.MonkeyPatch, refresh_token: str) -> None:
    """What `gcloud auth application-default login` leaves behind."""
    file = folder / "application_default_credentials.json"
    file.write_text(
        json.dumps({"type": "authorized_user", "client_id": "client", "client_secret": "hush-hush", "refresh_token": refresh_token})
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))


def policy(role: str, *members: str) -> dict[str, object]:
    return {"policy": {"bindings": [{"role": role, "members": list(members)}]}}


def settings(cloud: EmbeddedCloud, **changed: str | None) -> str:
    """The section `google`, with keys changed or, by None, left out."""
    keys = {
        "impersonate": OPERATOR,
        "endpoints": f'{{default: "https://{cloud.ask("health")["https"]}/{{host}}"}}',
        "ca_bundle": str(cloud.folder / "ca.pem"),
    } | changed
    return "google: {" + ", ".join(f"{key}: {value}" for key, value in keys.items() if value) + "}\n"


def a_profile(tmp_path: Path, section: str) -> Path:
    path = tmp_path / "real.yaml"
    path.write_text(
        f"name: g-{os.getpid()}-{tmp_path.name[-6:].replace('_', '-').lower()}\ncloud: google\nproject_id: {PROJECT}\n{section}"
        "load_balancer: {port: 8080, default_tier: small}\nlease: {enabled: false}\nlogging: {enabled: false}\nmonitoring: {enabled: false}\nvertex: {endpoints: false}\n"
        "tiers:\n  small: {chips: 8}\n  medium: {enabled: false}\n"
    )
    return path


def loaded(tmp_path: Path, section: str) -> Profile:
    return load_profile(str(a_profile(tmp_path, section)))


def met(tmp_path: Path, section: str) -> Connection:
    """What a command does first."""
    return connect(loaded(tmp_path, section))


@pytest.mark.usefixtures("reported")
def test_a_profile_of_the_real_cloud_lives_its_whole_life_as_the_account_it_acts_as(
    tmp_path: Path, google: EmbeddedCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = a_profile(tmp_path, settings(google))
    before = len(google.requests())
    provision(str(profile))
    teardown(str(profile), confirm=load_profile(str(profile)).name)
    shown = capsys.readouterr()
    assert "0 ours, $0.00/h" in shown.out
    assert f"Google Cloud, project {PROJECT} as {OPERATOR}" in shown.out
    assert LOGIN not in shown.out + shown.err
    asked = google.requests()[before:]
    impersonating = {each["caller"] for each in asked if each["service"] == "iamcredentials.googleapis.com"}
    others = {each["caller"] for each in asked if each["service"] not in {"iamcredentials.googleapis.com", ""}}
    assert impersonating == {"user:kim@example.com"}
    assert others == {f"serviceAccount:{OPERATOR}"}
    assert {"GRPC", "GET", "POST", "DELETE"} <= {each["http_method"] for each in asked}
    assert {"storage.googleapis.com", "compute.googleapis.com", "iam.googleapis.com"} <= {each["service"] for each in asked}


@pytest.mark.long
def test_a_probe_of_it_is_compared_with_the_embedded_cloud(
    flows_here: EmbeddedCloud, tmp_path: Path, google: EmbeddedCloud, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = a_profile(tmp_path, settings(google))
    before = google.inventory()
    probe_cloud(profile=str(profile), confirm=load_profile(str(profile)).name, write=str(tmp_path / "probe.jsonl"))
    shown = " ".join(capsys.readouterr().out.split())
    found = re.search(r"what Google answered beside the embedded cloud: (\d+) / (\d+) exchanges matched", shown)
    assert found is not None
    assert 0 < int(found[1]) <= int(found[2]) == len(recording.read(tmp_path / "probe.jsonl"))
    assert int(found[1]) / int(found[2]) > 0.95, shown[found.start() :]
    assert google.inventory() == before
    assert not flows_here.inventory()
    assert flows_here.writes(), "the second life was lived beside it"


def test_a_service_accounts_file_is_its_own_caller(tmp_path: Path, google: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    file = tmp_path / "account.json"
    uri = "https://oauth2.googleapis.com/token"
    file.write_text(
        json.dumps({"type": "service_account", "client_email": OPERATOR, "private_key": pem, "private_key_id": "1", "token_uri": uri})
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    before = len(google.requests())
    met(tmp_path, settings(google, impersonate=None))
    assert {each["caller"] for each in google.requests()[before:]} == {f"serviceAccount:{OPERATOR}"}


def test_an_authority_of_the_environment_does_not_win_over_the_profiles(
    tmp_path: Path, google: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "another.pem"))
    assert OPERATOR in met(tmp_path, settings(google)).name


@pytest.mark.parametrize("other", ["stranger@example.com", "gone"])
def test_a_refused_impersonation_names_the_role_that_is_missing(
    tmp_path: Path, google: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    log_in(tmp_path, monkeypatch, f"embedded-{other if '@' in other else 'kim@example.com'}")
    account = OPERATOR if "@" in other else f"{other}@{PROJECT}.iam.gserviceaccount.com"
    with pytest.raises(UnreachableError, match=r"roles/iam\.serviceAccountTokenCreator") as refused:
        met(tmp_path, settings(google, impersonate=account))
    assert "iam.serviceAccounts.getAccessToken" in str(refused.value)


def test_an_expired_login_is_told_with_the_command_that_renews_it(
    tmp_path: Path, google: EmbeddedCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(tmp_path, monkeypatch, "1//secret-that-has-expired")
    with pytest.raises(UnreachableError, match=r"expired or revoked.*gcloud auth application-default login") as refused:
        met(tmp_path, settings(google))
    assert "secret" not in str(refused.value)
    assert "hush" not in str(refused.value)


def test_a_certificate_nobody_vouched_for_is_told_with_the_key_that_helps(tmp_path: Path, google: EmbeddedCloud) -> None:
    with pytest.raises(UnreachableError, match=r"not trusted.*google\.ca_bundle"):
        met(tmp_path, settings(google, ca_bundle=None))


def test_an_endpoint_where_nothing_listens_is_named(tmp_path: Path, google: EmbeddedCloud) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        port = taken.getsockname()[1]
        section = settings(google).replace("endpoints: {", f"endpoints: {{storage: 'https://127.0.0.1:{port}', ")
        with pytest.raises(UnreachableError, match=rf"127\.0\.0\.1:{port}.*google\.endpoints"):
            met(tmp_path, section)


def test_a_quota_project_that_may_not_be_used_is_told_with_both_remedies(tmp_path: Path, google: EmbeddedCloud) -> None:
    with pytest.raises(QuotaProjectError, match=r"other-project.*set-quota-project.*serviceUsageConsumer"):
        met(tmp_path, settings(google, quota_project="other-project"))


def test_a_missing_quota_project_is_told_with_both_remedies(tmp_path: Path, google: EmbeddedCloud) -> None:
    text = (
        "Your application is authenticating by using local Application Default Credentials. The cloudresourcemanager.googleapis.com API requires "
        "a quota project, which is not set by default."
    )
    fault = {"type": "error", "method": "cloudresourcemanager.projects.testIamPermissions", "status": 403, "message": text, "times": 1}
    google.tell("faults", fault)
    with pytest.raises(QuotaProjectError, match=r"google: \{quota_project"):
        met(tmp_path, settings(google))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cannot_be_read_is_told_with_file_and_line(tmp_path: Path, content: str | None) -> None:
    bundle = tmp_path / "corp.pem"
    if content is not None:
        bundle.write_text(content)
    with pytest.raises(ProfileError, match=rf"real\.yaml:4 google\.ca_bundle: {bundle} cannot be read as PEM"):
        loaded(tmp_path, f"google: {{ca_bundle: {bundle}}}\n")


@pytest.mark.long
@pytest.mark.parametrize("metadata", ["hangs", "answers and then hangs"])
def test_a_metadata_server_that_hangs_ends_a_run_in_bounded_time(tmp_path: Path, prefect_server: PrefectServer, metadata: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = "{}:{}".format(*listening.getsockname())
        environment = prefect_server.environment | {
            "HOME": str(tmp_path),
            "GOOGLE_APPLICATION_CREDENTIALS": "",
            "GCE_METADATA_IP": place,
            "GCE_METADATA_HOST": place,
            "NO_GCE_CHECK": "false",
        }
        if metadata != "hangs":
            listening.settimeout(60)

            def answer_once() -> None:
                connection, _ = listening.accept()
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nmetadata-flavor: Google\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                connection.close()

            threading.Thread(target=answer_once, daemon=True).start()
        began = time.monotonic()
        ended = run("flows.provision", "--profile", str(a_profile(tmp_path, "")), "--dry-run", environment=environment, seconds=120)
        took = time.monotonic() - began
    assert ended.returncode == 1
    assert "gcloud auth application-default login" in ended.stderr
    assert "Traceback" not in ended.stderr
    print(f"metadata server {metadata}: told after {took:.1f} s")
    assert took < 60
