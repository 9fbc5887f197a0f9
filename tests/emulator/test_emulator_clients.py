"""Google's own clients against the emulator: compute_v1 over REST, IAM and Service Usage over gRPC."""

from urllib.parse import urlsplit

import grpc
import pytest
from discovery_schemas import check
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1, iam_admin_v1, service_usage_v1
from google.cloud.compute_v1.services.global_operations.transports import GlobalOperationsRestTransport
from google.cloud.compute_v1.services.health_checks.transports import HealthChecksRestTransport
from google.cloud.iam_admin_v1.services.iam.transports import IAMGrpcTransport
from google.cloud.service_usage_v1.services.service_usage.transports import ServiceUsageGrpcTransport


@pytest.fixture
def channel(stepped):
    with grpc.insecure_channel(f"127.0.0.1:{stepped.grpc_port}") as open_channel:
        yield open_channel


@pytest.fixture
def accounts(channel):
    return iam_admin_v1.IAMClient(transport=IAMGrpcTransport(channel=channel))


def rest(transport, emulator):
    made = transport(host=f"127.0.0.1:{emulator.port}", url_scheme="http", credentials=AnonymousCredentials())
    made._session.hooks["response"].append(check_answer)
    return made


def check_answer(response, **_options):
    check(response.request.method, urlsplit(response.url).path, response.status_code, response.text)


def test_the_compute_client_creates_waits_reads_and_deletes(scaled):
    checks = compute_v1.HealthChecksClient(transport=rest(HealthChecksRestTransport, scaled))
    operations = compute_v1.GlobalOperationsClient(transport=rest(GlobalOperationsRestTransport, scaled))
    body = compute_v1.HealthCheck(name="check", type_="HTTP", check_interval_sec=7)
    operation = checks.insert_unary(project=scaled.project, health_check_resource=body)
    assert operation.status == compute_v1.Operation.Status.RUNNING
    assert operations.wait(project=scaled.project, operation=operation.name).status == compute_v1.Operation.Status.DONE
    found = checks.get(project=scaled.project, health_check="check")
    assert (found.check_interval_sec, found.id) == (7, operation.target_id)
    assert [check.name for check in checks.list(project=scaled.project)] == ["check"]
    operations.wait(project=scaled.project, operation=checks.delete_unary(project=scaled.project, health_check="check").name)
    with pytest.raises(exceptions.NotFound, match="was not found"):
        checks.get(project=scaled.project, health_check="check")
    checks.transport.close()
    operations.transport.close()


def test_a_new_service_account_exists_before_it_can_be_read(accounts, stepped):
    request = {"name": f"projects/{stepped.project}", "account_id": "inference", "service_account": {"display_name": "Inference"}}
    made = accounts.create_service_account(request=request)
    for _ in range(2):
        with pytest.raises(exceptions.AlreadyExists):
            accounts.create_service_account(request=request)
        with pytest.raises(exceptions.NotFound):
            accounts.get_service_account(request={"name": made.name})
    stepped.advance(10)
    assert accounts.get_service_account(request={"name": made.name}).unique_id == made.unique_id
    listed = accounts.list_service_accounts(request={"name": f"projects/{stepped.project}"})
    assert made.email in [account.email for account in listed]


def test_a_deleted_service_account_says_so_and_can_come_back(accounts, stepped):
    made = accounts.create_service_account(request={"name": f"projects/{stepped.project}", "account_id": "inference"})
    stepped.advance(10)
    accounts.delete_service_account(request={"name": made.name})
    by_id = f"projects/{stepped.project}/serviceAccounts/{made.unique_id}"
    with pytest.raises(exceptions.NotFound, match=f"Account deleted: {made.unique_id}"):
        accounts.get_service_account(request={"name": by_id})
    accounts.undelete_service_account(request={"name": by_id})
    assert accounts.get_service_account(request={"name": by_id}).email == made.email
    accounts.delete_service_account(request={"name": made.name})
    again = accounts.create_service_account(request={"name": f"projects/{stepped.project}", "account_id": "inference"})
    assert again.unique_id != made.unique_id


def test_a_patch_of_a_service_account_changes_what_its_mask_names(accounts, stepped):
    request = {
        "name": f"projects/{stepped.project}",
        "account_id": "inference",
        "service_account": {"display_name": "A", "description": "B"},
    }
    made = accounts.create_service_account(request=request)
    change = {"service_account": {"name": made.name, "display_name": "C", "description": "D"}, "update_mask": {"paths": ["description"]}}
    patched = accounts.patch_service_account(request=change)
    assert (patched.display_name, patched.description) == ("A", "D")


def test_service_usage_over_grpc_enables_and_tells_a_disabled_api(channel, accounts, stepped):
    services = service_usage_v1.ServiceUsageClient(transport=ServiceUsageGrpcTransport(channel=channel))
    name = f"projects/{stepped.project}/services/iam.googleapis.com"
    assert services.get_service(request={"name": name}).state == service_usage_v1.State.ENABLED
    stepped.admin("POST", "reset")
    assert services.get_service(request={"name": name}).state == service_usage_v1.State.DISABLED
    with pytest.raises(exceptions.PermissionDenied, match="has not been used in project 123456789012 before") as refused:
        accounts.list_service_accounts(request={"name": f"projects/{stepped.project}"})
    assert refused.value.reason == "SERVICE_DISABLED"
    operation = services.enable_service(request={"name": name})
    stepped.advance(60)
    assert operation.result(timeout=10).service.state == service_usage_v1.State.ENABLED
