"""Secret Manager through Google's own client, and a model server that asks for the key a secret holds."""

import time
from urllib.parse import urlsplit

import httpx
import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.oauth2 import credentials as oauth2

PARENT = "projects/test-project"
KEY = f"{PARENT}/secrets/key"
ACCESSOR = "roles/secretmanager.secretAccessor"
READER = "reader@test-project.iam.gserviceaccount.com"
PREDICT = {"instances": [{"text": "hello"}]}


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


def client_of(emulator, credentials=None):
    transport = SecretManagerServiceClient.get_transport_class("rest")(
        host=f"127.0.0.1:{emulator.port}", url_scheme="http", credentials=credentials or AnonymousCredentials()
    )
    transport._session.hooks["response"].append(check_answer)
    return SecretManagerServiceClient(transport=transport)


def with_account(emulator):
    emulator.enable("secretmanager", "iam")
    emulator.ask("POST", f"/v1/{PARENT}/serviceAccounts", {"accountId": "reader", "serviceAccount": {}})
    return emulator


@pytest.fixture
def cloud(stepped):
    with_account(stepped)
    stepped.advance(60)
    return stepped


@pytest.fixture
def client(cloud):
    made = client_of(cloud)
    yield made
    made.transport.close()


def make(client, value=b"swordfish"):
    client.create_secret(parent=PARENT, secret_id="key", secret={"replication": {"automatic": {}}, "labels": {"a": "b"}})
    return client.add_secret_version(parent=KEY, payload={"data": value})


def test_a_version_is_read_until_it_is_disabled_and_lost_when_it_is_destroyed(client):
    version = make(client)
    assert version.name.endswith("/secrets/key/versions/1")
    assert PARENT not in version.name, "it is told with the project's number"
    client.add_secret_version(parent=KEY, payload={"data": b"newer"})
    assert client.access_secret_version(name=f"{KEY}/versions/1").payload.data == b"swordfish"
    assert client.access_secret_version(name=f"{KEY}/versions/latest").payload.data == b"newer"
    client.disable_secret_version(name=f"{KEY}/versions/2")
    with pytest.raises(exceptions.BadRequest, match="DISABLED"):
        client.access_secret_version(name=f"{KEY}/versions/latest")
    client.destroy_secret_version(name=f"{KEY}/versions/2")
    with pytest.raises(exceptions.BadRequest, match="DESTROYED"):
        client.enable_secret_version(name=f"{KEY}/versions/2")
    assert [each.state.name for each in client.list_secret_versions(parent=KEY)] == ["DESTROYED", "ENABLED"]
    enabled = client.list_secret_versions(request={"parent": KEY, "filter": "state:ENABLED"})
    assert [each.name.rpartition("/")[2] for each in enabled] == ["1"]


def test_a_secret_is_made_once_changed_listed_and_gone_with_its_versions(client):
    make(client)
    with pytest.raises(exceptions.Conflict):
        make(client)
    client.update_secret(secret={"name": KEY, "labels": {"c": "d"}}, update_mask={"paths": ["labels"]})
    assert [dict(each.labels) for each in client.list_secrets(parent=PARENT)] == [{"c": "d"}]
    client.delete_secret(name=KEY)
    for call in (client.get_secret, client.delete_secret):
        with pytest.raises(exceptions.NotFound):
            call(name=KEY)
    assert make(client).name.endswith("/versions/1")


def test_a_secrets_own_policy_lets_an_account_read_it_and_nothing_else(client, cloud):
    make(client)
    reader = client_of(cloud, oauth2.Credentials(f"embedded-{READER}"))
    with pytest.raises(exceptions.Forbidden, match=r"secretmanager\.versions\.access"):
        reader.access_secret_version(name=f"{KEY}/versions/latest")
    client.set_iam_policy(request={"resource": KEY, "policy": {"bindings": [{"role": ACCESSOR, "members": [f"serviceAccount:{READER}"]}]}})
    assert reader.access_secret_version(name=f"{KEY}/versions/latest").payload.data == b"swordfish"
    with pytest.raises(exceptions.Forbidden):
        reader.delete_secret(name=KEY)
    client.create_secret(parent=PARENT, secret_id="other", secret={"replication": {"automatic": {}}})
    client.add_secret_version(parent=f"{PARENT}/secrets/other", payload={"data": b"x"})
    with pytest.raises(exceptions.Forbidden):
        reader.access_secret_version(name=f"{PARENT}/secrets/other/versions/latest")
    reader.transport.close()


def test_the_first_six_versions_are_free(client, cloud):
    client.create_secret(parent=PARENT, secret_id="key", secret={"replication": {"automatic": {}}})
    for _ in range(8):
        client.add_secret_version(parent=KEY, payload={"data": b"x"})
    cloud.advance(3600)
    (line,) = [each for each in cloud.admin("GET", "bill")["lines"] if each["sku"] == "secret.version"]
    assert (line["quantity"], line["unit_price_usd"]) == ("2", "0.06")
    client.delete_secret(name=KEY)
    assert cloud.admin("GET", "bill")["usd_per_hour"] == "0"


def answered(url, **headers):
    return httpx.post(f"{url}/v1/predict", json=PREDICT, headers=headers).status_code


def wait_for(status, url, **headers):
    end = time.monotonic() + 30
    while answered(url, **headers) != status:
        assert time.monotonic() < end, f"no {status}"
        time.sleep(0.02)


def test_a_model_server_whose_template_names_a_key_answers_401_without_it(scaled):
    with_account(scaled)
    client = client_of(scaled)
    make(client)
    scaled.network()
    metadata = {"items": [{"key": "api-key-secret", "value": KEY}]}
    scaled.template(metadata=metadata, serviceAccounts=[{"email": READER}])
    scaled.health_check()
    url = scaled.front(scaled.backend_service(scaled.group(1)))
    wait_for(503, url, authorization="Bearer swordfish")  # it may not read the key
    client.set_iam_policy(request={"resource": KEY, "policy": {"bindings": [{"role": ACCESSOR, "members": [f"serviceAccount:{READER}"]}]}})
    wait_for(200, url, authorization="Bearer swordfish")
    client.add_secret_version(parent=KEY, payload={"data": b"newer"})
    assert [answered(url, **headers) for headers in ({"x-api-key": "swordfish"}, {}, {"x-api-key": "wrong"}, {"x-api-key": "newer"})] == [
        200,
        401,
        401,
        401,
    ], "it keeps the key it began with"
    assert httpx.get(f"{url}/health").status_code == 200
    client.transport.close()
