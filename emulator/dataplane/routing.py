"""Where a request goes: forwarding rule, target proxy, URL map, backend service.

1. The first host rule that has the host names the path matcher; an exact host beats a wildcard, ``*`` comes last. 2. In a matcher the longest
path wins, ``/a/*`` covering ``/a/`` and below. 3. A prefix rewrite replaces the part of the path the rule matched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.rules import assumed, documented
from emulator.services.compute import records

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
documented("longest-path", "In a path matcher the longest matching path wins, whatever the order of the rules.")
assumed("prefix-rewrite", "pathPrefixRewrite replaces '/a/' of a request that '/a/*' matched, and the whole path when the rule has no '*'.")


@dataclass(frozen=True, kw_only=True)
class Route:
    """The backend service a request goes to and the path it arrives with; or where the client is redirected."""

    service: str | None
    path: str
    redirect: Json | None = None


def route(world: World, rule: str, host: str, path: str) -> Route | None:
    """The route of a request that came to a forwarding rule; None when the rule leads nowhere."""
    proxy = records.resource(world, (records.resource(world, rule) or {}).get("target", ""))
    url_map = records.resource(world, (proxy or {}).get("urlMap", ""))
    if url_map is None:
        return None
    matcher = _matcher(url_map, host)
    if matcher is None:
        return _action(url_map, "default", None, path)
    best = _best(matcher, path)
    if best is None:
        return _action(matcher, "default", None, path)
    return _action(best[1], "", best[0], path)


def _matcher(url_map: Json, host: str) -> Json | None:
    ranked: list[tuple[int, str]] = []
    for rule in url_map.get("hostRules", []):
        for pattern in rule.get("hosts", []):
            if pattern == host:
                ranked.append((3, rule["pathMatcher"]))
            elif pattern == "*":
                ranked.append((1, rule["pathMatcher"]))
            elif pattern.startswith("*") and host.endswith(pattern[1:]):
                ranked.append((2, rule["pathMatcher"]))
    if not ranked:
        return None
    name = max(ranked, key=lambda item: item[0])[1]
    return next((matcher for matcher in url_map.get("pathMatchers", []) if matcher["name"] == name), None)


def _best(matcher: Json, path: str) -> tuple[str, Json] | None:
    best: tuple[str, Json] | None = None
    for rule in matcher.get("pathRules", []):
        for pattern in rule.get("paths", []):
            hit = path.startswith(pattern[:-1]) if pattern.endswith("/*") else path == pattern
            if hit and (best is None or len(pattern) > len(best[0])):
                best = (pattern, rule)
    return best


def _action(holder: Json, prefix: str, pattern: str | None, path: str) -> Route | None:
    """The route of a URL map, matcher or rule: its redirect, or its service with the rewrite of its route action."""
    names = ("defaultUrlRedirect", "defaultService", "defaultRouteAction") if prefix else ("urlRedirect", "service", "routeAction")
    redirect, service, action = (holder.get(name) for name in names)
    if redirect:
        return Route(service=None, path=path, redirect=redirect)
    if not service:
        return None
    rewrite = ((action or {}).get("urlRewrite") or {}).get("pathPrefixRewrite")
    if rewrite:
        matched = len(path) if pattern and not pattern.endswith("/*") else len((pattern or "/*")[:-1])
        path = rewrite + path[matched:]
    return Route(service=service, path=path)
