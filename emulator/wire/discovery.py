"""REST routes of APIs whose Python package speaks gRPC only, from their discovery documents; types stay those of the gRPC methods."""

from __future__ import annotations

import importlib.resources
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor

from emulator.wire.routes import Route


def discovery_routes(
    api: str, name: str, requests: Mapping[str, Descriptor], responses: Mapping[str, Descriptor] | None = None
) -> Iterator[Route]:
    """Routes of those methods of the document (``iam.v1``) whose ids are in ``requests``."""
    content = document(name)
    for method in methods(content):
        request = requests.get(method["id"])
        if request is None:
            continue
        yield Route(
            api=api,
            method=method["id"],
            http_method=method["httpMethod"],
            pattern=method_pattern(method),
            body=_body(method, request),
            request=request,
            response=(responses or {}).get(method["id"]),
        )


def _body(method: dict[str, Any], request: Descriptor) -> str | None:
    """The request field the JSON body fills: the one of the documented body's type, or all where that is the request itself."""
    if "request" not in method:
        return None
    wanted = method["request"]["$ref"]
    if wanted == request.name:
        return "*"
    fields = [str(field.name) for field in request.fields if field.message_type is not None and field.message_type.name == wanted]
    return fields[0] if fields else "*"


@cache
def compute_enum(schema: str, field: str) -> list[str]:
    """The values Compute documents for a field of a schema; empty where it documents none."""
    properties = document("compute.v1").get("schemas", {}).get(schema, {}).get("properties", {})
    values: list[str] = properties.get(field.rstrip("_"), {}).get("enum", [])
    return values


@cache
def document(name: str) -> dict[str, Any]:
    """A discovery document (``iam.v1``)."""
    folder = importlib.resources.files("googleapiclient.discovery_cache.documents")
    content: dict[str, Any] = json.loads((folder / f"{name}.json").read_text())
    return content


def methods(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every method of a document, its resources' included."""
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from methods(child)


def method_pattern(method: dict[str, Any], service_path: str = "") -> re.Pattern[str]:
    """The path of a method below its service's as a regular expression, its variables as the document restricts them."""

    def variable(match: re.Match[str]) -> str:
        name = match[1]
        pattern = method["parameters"][name].get("pattern", "^[^/]+$").removeprefix("^").removesuffix("$")
        return f"(?P<{name}>{pattern.replace('[^/]+', '[^/:]+')})"

    return re.compile("/" + service_path + re.sub(r"\{\+?(\w+)\}", variable, method["path"]) + "$")
