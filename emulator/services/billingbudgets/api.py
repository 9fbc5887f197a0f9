"""Cloud Billing Budgets v1 over REST and gRPC, and v1beta1 over REST, which gcloud speaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from emulator.call import Call, Methods
from emulator.services.billingbudgets import budgets
from emulator.services.billingbudgets.notices import Notices
from emulator.wire.discovery import discovery_routes
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "billingbudgets.googleapis.com"
_HEAD = "billingbudgets.billingAccounts.budgets."
RPCS = {
    "CreateBudget": _HEAD + "create",
    "GetBudget": _HEAD + "get",
    "ListBudgets": _HEAD + "list",
    "UpdateBudget": _HEAD + "patch",
    "DeleteBudget": _HEAD + "delete",
}
BETA = "v1beta1."
RULES = ("allUpdatesRule", "notificationsRule")
"""What v1beta1 calls the rule, and what v1 does."""
HANDLERS = {
    "create": budgets.create, "get": budgets.get, "list": budgets.list_, "patch": budgets.patch, "delete": budgets.delete,
}  # fmt: skip


def register(world: World, methods: Methods) -> None:
    """Add the handlers, the agenda and the inventory."""
    world.agendas.append(Notices(world))
    world.inventories.append(_inventory)
    for verb, handler in HANDLERS.items():
        methods.add(_HEAD + verb, handler)
        methods.add(BETA + _HEAD + verb, _beta(handler))


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes of both versions."""
    del methods
    yield from transport_routes(API, "google.cloud.billing.budgets_v1", "budget_service", RPCS.get)
    from google.cloud.billing.budgets_v1beta1.services.budget_service.transports.grpc import BudgetServiceGrpcTransport  # slow import

    types = {RPCS[rpc.rpc]: rpc.request.DESCRIPTOR for rpc in grpc_methods(BudgetServiceGrpcTransport) if rpc.rpc in RPCS}
    for route in discovery_routes(API, "billingbudgets.v1beta1", types):
        yield Route(**{**vars(route), "method": BETA + route.method})


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.billing.budgets_v1.services.budget_service.transports.grpc import BudgetServiceGrpcTransport  # slow import

    for rpc in grpc_methods(BudgetServiceGrpcTransport):
        if rpc.rpc in RPCS:
            yield API, RPCS[rpc.rpc], rpc


def _beta(handler: Callable[[Call], Json]) -> Callable[[Call], Json]:
    """The handler as v1beta1 has it: the rule under its old name, a patched budget's name in the path."""

    def served(call: Call) -> Json:
        values = dict(call.values)
        if "budget" in values:
            name = {"name": values["name"]} if "name" in values else {}
            values["budget"] = {**_renamed(values["budget"], *RULES), **name}
        answer = handler(Call(**{**vars(call), "values": values}))
        if "budgets" in answer:
            return {**answer, "budgets": [_renamed(each, *reversed(RULES)) for each in answer["budgets"]]}
        return _renamed(answer, *reversed(RULES))

    return served


def _renamed(budget: Json, before: str, after: str) -> Json:
    return {after if key == before else key: value for key, value in budget.items()}


def _inventory(world: World) -> Iterator[Json]:
    for name, row in world.store.items(budgets.TAB):
        yield {
            "kind": "billingbudgets.budgets",
            "scope": name.partition("/budgets/")[0],
            "name": name.rpartition("/")[2],
            "self_link": name,
            "description": row["budget"].get("displayName", ""),
            "labels": {},
            "billing": False,
            "state": "READY",
        }
