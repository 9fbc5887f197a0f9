"""Organization Policy v2 below the project: constraints, policies, effective policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.access import orgpolicies
from emulator.call import Call, Methods
from emulator.errors import ApiError
from emulator.identity import fingerprint, same_etag
from emulator.rules import assumed
from emulator.times import utc
from emulator.wire.grpc_methods import GrpcMethod, grpc_methods
from emulator.wire.routes import Route, transport_routes

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
API = "orgpolicy.googleapis.com"
_HEAD = "orgpolicy.projects."
RPCS = {
    "ListConstraints": _HEAD + "constraints.list",
    "ListPolicies": _HEAD + "policies.list",
    "GetPolicy": _HEAD + "policies.get",
    "GetEffectivePolicy": _HEAD + "policies.getEffectivePolicy",
    "CreatePolicy": _HEAD + "policies.create",
    "UpdatePolicy": _HEAD + "policies.patch",
    "DeletePolicy": _HEAD + "policies.delete",
}
assumed("org-policy-project-only", "There is no organisation above the project: its own policies are the effective ones; others are a 403.")
CONSTRAINTS = (*orgpolicies.BOOLEANS, *orgpolicies.LISTS)


def _ours(call: Call, name: str) -> None:
    settings = call.world.settings
    if not name.startswith((f"projects/{settings.project}", f"projects/{settings.project_number}")):
        raise ApiError(403, "The caller does not have permission", reason="forbidden")


def _constraint(call: Call, name: str) -> str:
    """The constraint of a policy's name; raises 404."""
    _ours(call, name)
    constraint = name.rpartition("/policies/")[2]
    if constraint not in CONSTRAINTS:
        raise ApiError(404, f"Constraint constraints/{constraint} not found.", reason="notFound")
    return constraint


def _view(world: World, constraint: str, rules: list[Json], at: str | None = None) -> Json:
    spec: Json = {"rules": rules, **({"etag": fingerprint(rules), "updateTime": at} if at else {})}
    return {"name": f"projects/{world.settings.project_number}/policies/{constraint}", "spec": spec}


def _row(call: Call, constraint: str) -> Json:
    row = call.world.store.get(orgpolicies.TAB, constraint)
    if row is None:
        raise ApiError(404, f"Policy for constraint constraints/{constraint} not found.", reason="notFound")
    return row


def constraints(call: Call) -> Json:
    """Every constraint known here."""
    _ours(call, call.text("parent"))
    head = f"projects/{call.world.settings.project_number}/constraints/"
    booleans = [{"name": head + each, "constraintDefault": "ALLOW", "booleanConstraint": {}} for each in orgpolicies.BOOLEANS]
    lists = [{"name": head + each, "constraintDefault": "ALLOW", "listConstraint": {"supportsIn": True}} for each in orgpolicies.LISTS]
    return {"constraints": [*booleans, *lists]}


def list_(call: Call) -> Json:
    """The policies set on the project."""
    _ours(call, call.text("parent"))
    rows = [_view(call.world, constraint, row["rules"], row["at"]) for constraint, row in call.world.store.items(orgpolicies.TAB)]
    return {"policies": rows} if rows else {}


def get(call: Call) -> Json:
    """One policy set on the project."""
    constraint = _constraint(call, call.text("name"))
    row = _row(call, constraint)
    return _view(call.world, constraint, row["rules"], row["at"])


def effective(call: Call) -> Json:
    """What holds: the policy set, else the constraint's default."""
    constraint = _constraint(call, call.text("name"))
    default = [{"enforce": False}] if constraint in orgpolicies.BOOLEANS else [{"allowAll": True}]
    return _view(call.world, constraint, orgpolicies.rules(call.world, constraint) or default)


def put(world: World, constraint: str, rules: list[Json], now: int) -> None:
    """Set a policy, as the API or the admin surface does."""
    world.store.put(orgpolicies.TAB, constraint, {"rules": rules, "at": utc(now)})


def create(call: Call) -> Json:
    """Set a policy where none is."""
    given = call.values.get("policy") or {}
    constraint = _constraint(call, str(given.get("name", "")))
    if call.world.store.get(orgpolicies.TAB, constraint):
        raise ApiError(409, f"Policy for constraint constraints/{constraint} already exists.", reason="alreadyExists")
    put(call.world, constraint, list((given.get("spec") or {}).get("rules", [])), call.now)
    row = _row(call, constraint)
    return _view(call.world, constraint, row["rules"], row["at"])


def patch(call: Call) -> Json:
    """Replace a policy."""
    given = call.values.get("policy") or {}
    constraint = _constraint(call, str(given.get("name") or call.values.get("policy__name", "")))
    row, spec = _row(call, constraint), given.get("spec") or {}
    if spec.get("etag") and not same_etag(spec["etag"], fingerprint(row["rules"])):
        raise ApiError(409, "The policy was changed concurrently.", reason="aborted", status_name="ABORTED")
    put(call.world, constraint, list(spec.get("rules", [])), call.now)
    row = _row(call, constraint)
    return _view(call.world, constraint, row["rules"], row["at"])


def delete(call: Call) -> Json:
    """Take a policy away."""
    constraint = _constraint(call, call.text("name"))
    _row(call, constraint)
    call.world.store.delete(orgpolicies.TAB, constraint)
    return {}


def register(world: World, methods: Methods) -> None:
    """Add the handlers."""
    del world
    handlers = {
        "constraints.list": constraints, "policies.list": list_, "policies.get": get, "policies.getEffectivePolicy": effective,
        "policies.create": create, "policies.patch": patch, "policies.delete": delete,
    }  # fmt: skip
    for verb, handler in handlers.items():
        methods.add(_HEAD + verb, handler)


def routes(methods: Methods) -> Iterator[Route]:
    """The REST routes."""
    del methods
    return transport_routes(API, "google.cloud.orgpolicy_v2", "org_policy", RPCS.get)


def rpcs() -> Iterator[tuple[str, str, GrpcMethod]]:
    """(API, method id, gRPC method)."""
    from google.cloud.orgpolicy_v2.services.org_policy.transports.grpc import OrgPolicyGrpcTransport  # slow import

    for method in grpc_methods(OrgPolicyGrpcTransport):
        if method.rpc in RPCS:
            yield API, RPCS[method.rpc], method
