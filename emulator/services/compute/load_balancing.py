"""Health checks, backend services, URL maps, target HTTP proxies.

1. A backend service's backends are instance groups; ``capacityScaler`` cannot be 0 when the service has only that backend [documented].
2. ``usedBy`` names the URL maps that lead to a service [recorded].
"""

# ruff: noqa: ARG002  # the hooks of a kind share one signature; each uses what it needs
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from emulator import errors
from emulator.call import Call
from emulator.rules import assumed, documented
from emulator.services.compute import records
from emulator.services.compute.kinds import Kind

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("capacity-scaler-zero", "capacityScaler cannot be 0 when the backend service has only that one backend.")
documented("neg-backends", "A service has instance groups or network endpoint groups, never both; the latter refuse UTILIZATION.")
documented("health-check-timeout", "A health check's timeoutSec cannot exceed its checkIntervalSec.")
assumed("backend-port-name", "A backend is reached at its group's named port of the service's portName, else at the service's port.")
assumed("url-map-checks", "A host rule's matcher must exist, a path matcher must be named by a host rule, and a path must start with '/'.")

_PROTOCOLS = {"HTTP": "httpHealthCheck", "HTTPS": "httpsHealthCheck", "HTTP2": "http2HealthCheck", "TCP": "tcpHealthCheck"}


class HealthCheck(Kind):
    """A health check; its protocol's own fields have defaults too."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Type, intervals, port and path."""
        return self.check_change(call, {}, resource)

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """The same after a change."""
        block = _PROTOCOLS.get(new.get("type", ""))
        if block is None:
            raise errors.required("resource.type") if "type" not in new else errors.invalid("resource.type", new["type"])
        if new["timeoutSec"] > new["checkIntervalSec"]:
            why = "The timeout value cannot exceed the value of checkIntervalSec."
            raise errors.invalid("resource.timeoutSec", new["timeoutSec"], why)
        defaults: Json = {"proxyHeader": "NONE"}
        if block != "tcpHealthCheck":
            defaults["requestPath"] = "/"
        if (new.get(block) or {}).get("portSpecification") not in {"USE_SERVING_PORT", "USE_NAMED_PORT"}:
            defaults["port"] = {"HTTP": 80, "TCP": 80}.get(new["type"], 443)
        return {**new, block: {**defaults, **(new.get(block) or {})}}

    def inserted(self, world: World, link: str, now: int) -> None:
        """Note whether it logs, so that nobody has to look for those that do."""
        self.changed(world, link, now)

    def changed(self, world: World, link: str, now: int) -> None:
        """The same after a change."""
        if ((records.resource(world, link) or {}).get("logConfig") or {}).get("enable"):
            world.store.put("logged_checks", link, {})
        else:
            world.store.delete("logged_checks", link)

    def deleted(self, world: World, link: str, resource: Json, now: int) -> None:
        """It no longer logs."""
        world.store.delete("logged_checks", link)


class BackendService(Kind):
    """A global backend service."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Defaults as recorded."""
        return self.check_change(call, {}, resource)

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """Checks and fills in the backends; a secret is kept as its hash only [recorded], a security policy as it was set."""
        held = {"securityPolicy": old["securityPolicy"]} if "securityPolicy" in old else {}
        out = {**{key: value for key, value in new.items() if key != "securityPolicy"}, **held}
        backends = [{"balancingMode": "UTILIZATION", "capacityScaler": 1, **backend} for backend in new.get("backends", [])]
        groups = [backend.get("group") for backend in backends]
        if len(set(groups)) != len(groups):
            raise errors.invalid("resource.backends", groups, "Backend groups must be unique.")
        if len({"/networkEndpointGroups/" in (group or "") for group in groups}) > 1:
            raise errors.invalid("resource.backends", groups, "Instance groups and network endpoint groups do not mix in one service.")
        for index, backend in enumerate(backends):
            if "/networkEndpointGroups/" in (backend.get("group") or "") and backend["balancingMode"] == "UTILIZATION":
                raise errors.invalid(f"resource.backends[{index}].balancingMode", "UTILIZATION", "A network endpoint group takes RATE.")
            check_group(call.world, backend, index)
            scaler = backend["capacityScaler"]
            if not 0 <= scaler <= 1:
                raise errors.invalid(f"resource.backends[{index}].capacityScaler", scaler, "Must be between 0.0 and 1.0.")
            if scaler == 0 and len(backends) == 1:
                why = "Capacity scaler cannot be 0 when there is only one backend attached to the backend service."
                raise errors.invalid(f"resource.backends[{index}].capacityScaler", scaler, why)
            if backend["balancingMode"] == "RATE" and not ({"maxRate", "maxRatePerInstance", "maxRatePerEndpoint"} & backend.keys()):
                raise errors.invalid(f"resource.backends[{index}].maxRate", "", "RATE balancing needs maxRate or maxRatePerInstance.")
            if backend["balancingMode"] == "UTILIZATION":
                backend.setdefault("maxUtilization", 0.8)
        out.pop("backends", None)
        if backends:
            out["backends"] = backends
        if "iap" in out:
            iap = dict(out["iap"])
            secret = iap.pop("oauth2ClientSecret", None)
            if secret is not None:
                iap["oauth2ClientSecretSha256"] = hashlib.sha256(secret.encode()).hexdigest()
            out["iap"] = iap
        draining = out.get("connectionDraining", {}).get("drainingTimeoutSec", 0)
        if not 0 <= draining <= 3600:
            raise errors.invalid("resource.connectionDraining.drainingTimeoutSec", draining, "Must be between 0 and 3600.")
        return out

    def view(self, world: World, resource: Json, link: str, now: int) -> Json:
        """Who leads to it."""
        maps = [
            other
            for other, record in records.of_service(world, "urlMaps")
            if link in records.references_of(records.KINDS["urlMaps"], record["resource"])
        ]
        return {"usedBy": [{"reference": other} for other in maps]} if maps else {}


def check_group(world: World, backend: Json, index: int) -> None:
    """Raise unless the backend's group is there."""
    group = backend.get("group")
    if not group:
        raise errors.required(f"resource.backends[{index}].group")
    if "/networkEndpointGroups/" in group:
        if records.find(world, group) is None:
            raise errors.not_found(group)
        return
    record = records.find(world, group.replace("/instanceGroups/", "/instanceGroupManagers/"))
    if record is None or "/instanceGroups/" not in group:
        raise errors.not_found(group)
    if record["state"] in {"CREATING", "DELETING"}:
        raise errors.not_ready(group)


class UrlMap(Kind):
    """A URL map: which host and path lead to which backend service."""

    def complete(self, call: Call, resource: Json, link: str) -> Json:
        """Checks that its parts fit together."""
        return self.check_change(call, {}, resource)

    def check_change(self, call: Call, old: Json, new: Json) -> Json:
        """The same after a change."""
        if not new.keys() & {"defaultService", "defaultUrlRedirect", "defaultRouteAction"}:
            raise errors.required("resource.defaultService")
        text = str(new)
        for unserved in ("'routeRules'", "'weightedBackendServices'"):
            if unserved in text:
                raise errors.ApiError(501, f"URL map field {unserved} is not emulated.", reason="notImplemented")
        matchers = [matcher.get("name") for matcher in new.get("pathMatchers", [])]
        named = {rule.get("pathMatcher") for rule in new.get("hostRules", [])}
        for index, rule in enumerate(new.get("hostRules", [])):
            if rule.get("pathMatcher") not in matchers:
                raise errors.invalid(f"resource.hostRules[{index}].pathMatcher", rule.get("pathMatcher"), "No path matcher has this name.")
        for index, matcher in enumerate(new.get("pathMatchers", [])):
            if matcher.get("name") not in named:
                raise errors.invalid(f"resource.pathMatchers[{index}]", matcher.get("name"), "No host rule refers to this path matcher.")
            for rule in matcher.get("pathRules", []):
                for path in rule.get("paths", []):
                    if not path.startswith("/") or "*" in path.removesuffix("/*"):
                        why = "A path starts with / and has * only after a final /."
                        raise errors.invalid(f"resource.pathMatchers[{index}].pathRules.paths", path, why)
        return new
