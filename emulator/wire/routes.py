"""Routes derived from the installed client packages.

1. HTTP method, URI template, body field and request type come from the generated REST transports; no client is ever made.
2. Compute's ``v1`` paths also answer under ``beta``.
3. Where two services share a path, the ``Host`` header or a leading ``/SERVICE.googleapis.com/`` decides; else the first registered.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor

_REGIONAL = re.compile(r"^[a-z]+-[a-z]+[0-9]+-")
"""What stands before a service's name in the host of one of its regions: ``us-central1-aiplatform.googleapis.com``."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One method of one API on the REST wire. ``body`` is the request field the JSON body fills, ``*`` for all, None for no body;
    ``media``: what passes either way may be bytes rather than JSON. ``response`` is known where an answer's enumerations may have to be
    numbers.
    """

    api: str
    method: str
    http_method: str
    pattern: re.Pattern[str]
    body: str | None
    request: Descriptor
    media: bool = False
    response: Descriptor | None = None


@dataclass(frozen=True, kw_only=True)
class Match:
    """A route with the values of its path variables."""

    route: Route
    values: dict[str, str]
    version: str


def camel(name: str) -> str:
    """``global_addresses`` or ``ListManagedInstances`` in lowerCamelCase."""
    parts = name.split("_")
    head = parts[0]
    return head[0].lower() + head[1:] + "".join(part[0].upper() + part[1:] for part in parts[1:])


def descriptor_of(message: Any) -> Descriptor:
    """The proto descriptor of a proto-plus or a plain message class."""
    pb = getattr(message, "pb", None)
    found: Descriptor = pb().DESCRIPTOR if pb else message.DESCRIPTOR
    return found


def template_pattern(template: str) -> re.Pattern[str]:
    """A URI template as a regular expression: ``{name=a/*/b}``, ``{project}``; ``{job.name=...}`` is the group ``job__name``."""
    out = ""
    position = 0
    for match in re.finditer(r"\{([\w.]+)(?:=([^}]*))?\}", template):
        out += re.escape(template[position : match.start()])
        inside = re.escape(match[2] or "*").replace(r"\*\*", ".+").replace(r"\*", "[^/]+?")
        out += f"(?P<{match[1].replace('.', '__')}>{inside})"
        position = match.end()
    out += re.escape(template[position:])
    out = out.replace("/compute/v1/", "/compute/(?P<_version>v1|beta)/", 1)
    return re.compile(out + "$")


def transport_routes(api: str, package: str, service: str, name: Callable[[str], str | None]) -> Iterator[Route]:
    """Every route of one service's REST transport; ``name`` gives a method's id, or None to leave it out."""
    module = importlib.import_module(f"{package}.services.{service}.transports.rest")
    (transport,) = (
        value
        for key, value in vars(module).items()
        if key.endswith("RestTransport") and isinstance(value, type) and value.__module__ == module.__name__
    )
    for key, inner in vars(transport).items():
        if not isinstance(inner, type) or not hasattr(inner, "_get_http_options"):
            continue
        method = name(key.removeprefix("_"))
        if method is None:
            continue
        request = inner.__call__.__annotations__["request"]
        for option in inner._get_http_options():
            yield Route(
                api=api,
                method=method,
                http_method=option["method"].upper(),
                pattern=template_pattern(option["uri"]),
                body=option.get("body"),
                request=descriptor_of(request),
            )


class Router:
    """Finds the route of a request."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[Route]] = {}
        self._deep: list[Route] = []
        self.apis: set[str] = set()

    def add(self, route: Route) -> None:
        """Register a route."""
        self.apis.add(route.api)
        if ".+" in route.pattern.pattern or ".*" in route.pattern.pattern:
            self._deep.append(route)
            return
        depth = re.sub(r"\[\^[^\]]*\]", "", route.pattern.pattern).count("/")  # slashes of the path, not those in [^/]
        self._routes.setdefault((route.http_method, depth), []).append(route)

    def find(self, http_method: str, path: str, host: str) -> Match | None:
        """The route for this request, or None."""
        api = next((each for each in (host, _REGIONAL.sub("", host)) if each in self.apis), None)
        prefix, _, rest = path.removeprefix("/").partition("/")
        if prefix.endswith(".googleapis.com"):
            api, path = prefix, "/" + rest
        candidates = self._routes.get((http_method, path.count("/")), []) + [r for r in self._deep if r.http_method == http_method]
        fallback: Match | None = None
        for route in candidates:
            match = route.pattern.match(path)
            if match is None:
                continue
            values = {key: value for key, value in match.groupdict().items() if key != "_version"}
            found = Match(route=route, values=values, version=match.groupdict().get("_version") or "v1")
            if api is None or route.api == api:
                return found
            fallback = fallback or (found if api not in self.apis else None)
        return fallback
