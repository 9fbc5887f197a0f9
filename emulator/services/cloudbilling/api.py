"""Cloud Billing v1 over REST and gRPC: accounts, the project's billing info, the price catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emulator.call import Methods
from emulator.services.cloudbilling import account, catalog
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

API = "cloudbilling.googleapis.com"
RPCS = {
    "GetBillingAccount": "cloudbilling.billingAccounts.get",
    "ListBillingAccounts": "cloudbilling.billingAccounts.list",
    "GetIamPolicy": "cloudbilling.billingAccounts.getIamPolicy",
    "SetIamPolicy": "cloudbilling.billingAccounts.setIamPolicy",
    "TestIamPermissions": "cloudbilling.billingAccounts.testIamPermissions",
    "GetProjectBillingInfo": "cloudbilling.projects.getBillingInfo",
    "UpdateProjectBillingInfo": "cloudbilling.projects.updateBillingInfo",
    "ListServices": "cloudbilling.services.list",
    "ListSkus": "cloudbilling.services.skus.list",
}


def register(world: World, methods: Methods) -> None:
    """Add the handlers."""
    del world
    handlers = {
        "billingAccounts.get": account.get, "billingAccounts.list": account.list_, "billingAccounts.getIamPolicy": account.get_policy,
        "billingAccounts.setIamPolicy": account.set_policy, "billingAccounts.testIamPermissions": account.test_permissions,
        "projects.getBillingInfo": account.project_info, "projects.updateBillingInfo": account.link_project, "services.list": catalog.services, "services.skus.list": catalog.skus,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(f"cloudbilling.{verb}", handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    for service in ("cloud_billing", "cloud_catalog"):
        yield from transport_routes(API, "google.cloud.billing_v1", service, RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.billing_v1.services.cloud_billing.transports.grpc import CloudBillingGrpcTransport  # slow import
    from google.cloud.billing_v1.services.cloud_catalog.transports.grpc import CloudCatalogGrpcTransport  # the same

    for transport in (CloudBillingGrpcTransport, CloudCatalogGrpcTransport):
        for rpc in grpc_methods(transport):
            if rpc.rpc in RPCS:
                yield API, RPCS[rpc.rpc], rpc
