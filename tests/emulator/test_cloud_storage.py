"""Cloud Storage through Google's own client: uploads of every kind, generations, preconditions, what a bucket refuses."""

from io import BytesIO
from urllib.parse import urlsplit

import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

WEEK = 604_800


@pytest.fixture
def client(stepped):
    made = storage.Client(
        project=stepped.project, credentials=AnonymousCredentials(), client_options={"api_endpoint": f"http://127.0.0.1:{stepped.port}"}
    )
    made._http.hooks["response"].append(check_answer)
    yield made
    made.close()


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.request.url).path, response.status_code, response.text)


@pytest.fixture
def bucket(client):
    made = client.bucket("state-of-test-project")
    made.labels = {"owner": "me"}
    made.soft_delete_policy.retention_duration_seconds = 0
    made.iam_configuration.uniform_bucket_level_access_enabled = True
    return client.create_bucket(made, location="us-central1")


def test_a_bucket_shows_what_it_was_made_with(client, bucket):
    found = client.get_bucket(bucket.name)
    assert (found.labels, found.location, found.location_type, found.metageneration) == ({"owner": "me"}, "US-CENTRAL1", "region", 1)
    assert found.iam_configuration.uniform_bucket_level_access_enabled
    assert found.soft_delete_policy.retention_duration_seconds == 0
    assert [each.name for each in client.list_buckets()] == [bucket.name]


def test_a_bucket_without_a_policy_keeps_deleted_objects_for_a_week(client, stepped):
    made = client.create_bucket("keeps-a-week")
    assert made.soft_delete_policy.retention_duration_seconds == WEEK
    made.blob("x").upload_from_string("1")
    made.blob("x").delete()
    assert [each.name for each in client.list_blobs(made.name, soft_deleted=True)] == ["x"]
    pending = [each for each in stepped.admin("GET", "inventory")["resources"] if each["state"] == "PENDING_DELETION"]
    assert [each["name"] for each in pending] == ["x"]
    stepped.advance(WEEK)
    assert list(client.list_blobs(made.name, soft_deleted=True)) == []


def test_labels_are_changed_and_the_metageneration_grows(bucket):
    bucket.labels = {"owner": "me", "more": "yes"}
    bucket.patch()
    assert bucket.metageneration == 2
    bucket.labels = {"only": "this"}
    bucket.update()
    assert (bucket.labels, bucket.metageneration) == ({"only": "this"}, 3)


def test_a_name_that_is_taken_or_wrong_is_refused(client, bucket):
    with pytest.raises(exceptions.Conflict, match="you already own it"):
        client.create_bucket(bucket.name)
    for wrong in ("Capitals", "ab", "google-owned", "my-google-bucket"):
        with pytest.raises(exceptions.BadRequest, match="Invalid bucket name"):
            client.create_bucket(wrong)
    with pytest.raises(exceptions.NotFound, match=r"The specified bucket does not exist\."):
        client.get_bucket("not-there")


def test_an_object_is_written_read_and_its_checksums_are_verified(bucket):
    blob = bucket.blob("state/of the.json")
    blob.upload_from_string('{"a": 1}', content_type="application/json", checksum="crc32c")
    again = bucket.get_blob("state/of the.json")
    assert (again.generation, again.size, again.content_type) == (blob.generation, 8, "application/json")
    assert again.download_as_bytes(checksum="md5") == b'{"a": 1}'
    assert again.download_as_bytes(start=1, end=3) == b'"a"'
    assert bucket.get_blob("state/other") is None


def test_a_write_guarded_by_a_generation_that_is_past_is_refused(bucket):
    blob = bucket.blob("state.json")
    blob.upload_from_string("1", if_generation_match=0)
    first = blob.generation
    with pytest.raises(exceptions.PreconditionFailed, match="pre-conditions you specified did not hold"):
        bucket.blob("state.json").upload_from_string("2", if_generation_match=0)
    blob.upload_from_string("2", if_generation_match=first)
    assert blob.generation > first
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("state.json").upload_from_string("3", if_generation_match=first)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.delete_blob("state.json", if_generation_match=first)
    assert bucket.blob("state.json").download_as_text() == "2"


def test_a_large_object_comes_in_chunks(bucket):
    data = bytes(range(256)) * 4096
    blob = bucket.blob("large", chunk_size=256 * 1024)
    blob.upload_from_file(BytesIO(data), if_generation_match=0)
    assert blob.size == len(data)
    assert bucket.blob("large").download_as_bytes() == data
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("large", chunk_size=256 * 1024).upload_from_file(BytesIO(data), if_generation_match=0)


def test_objects_are_listed_by_prefix(client, bucket):
    for name in ("a/1", "a/2", "b"):
        bucket.blob(name).upload_from_string("x")
    listed = client.list_blobs(bucket.name, delimiter="/")
    assert ([each.name for each in listed], listed.prefixes) == (["b"], {"a/"})
    assert [each.name for each in client.list_blobs(bucket.name, prefix="a/", page_size=1)] == ["a/1", "a/2"]


def test_a_bucket_with_objects_is_not_deleted(bucket, stepped):
    bucket.blob("x").upload_from_string("x")
    with pytest.raises(exceptions.Conflict, match="The bucket you tried to delete is not empty"):
        bucket.delete()
    bucket.delete_blob("x")
    bucket.delete()
    assert not [each for each in stepped.admin("GET", "inventory")["resources"] if each["kind"].startswith("storage.")]


def test_stored_bytes_bill_by_the_month(bucket, stepped):
    stepped.admin("POST", "faults", {"type": "price", "sku": "storage.standard", "factor": 1_000_000})
    bucket.blob("x").upload_from_string(b"0" * (1 << 20))
    bucket.blob("x").upload_from_string(b"0" * (1 << 20))
    stepped.advance(730 * 3600)
    bucket.delete_blob("x")
    stepped.advance(3600)
    (line,) = [each for each in stepped.admin("GET", "bill")["lines"] if each["sku"] == "storage.standard" and each["seconds"]]
    assert (line["seconds"], round(float(line["amount_usd"]), 2)) == (730 * 3600, round(0.020 / 1024 * 1_000_000, 2))
    assert stepped.admin("GET", "bill")["usd_per_hour"] == "0"


def test_a_multipart_upload_as_gcloud_writes_it_is_understood(bucket, stepped):
    body = b'--==x==\nContent-Type: application/json\n\n{"name": "a.tf"}\n--==x==\nContent-Type: text/plain\n\nx = 1\n\n--==x==--'
    head = {"Content-Type": "multipart/related; boundary='==x=='"}
    where = f"/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart"
    assert stepped.http.post(where, content=body, headers=head).json()["size"] == "6"
    assert bucket.blob("a.tf").download_as_bytes() == b"x = 1\n"
    assert stepped.http.post(where, content=b"nothing of the kind", headers=head).status_code == 400
