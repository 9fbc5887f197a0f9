"""REST routes of APIs for which no package has types: routes and request types from the discovery document alone.

1. A method's request is a message of its parameters and, where it has a body, a field ``resource`` of the body's schema. 2. Messages keep the
document's own camelCase names, so that what passes ``schema.canonical`` is what the document says. 3. ``any``, ``date-time`` and a schema of
free keys (BigQuery's ``JsonObject``) pass as they are. 4. A parameter with a dot (``formatOptions.useInt64Timestamp``) is a part of one without.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor

from emulator.wire.discovery import document, method_pattern, methods
from emulator.wire.routes import Route

Json = dict[str, Any]
RESOURCE = "resource"
SCALARS = {
    ("string", "int64"): "TYPE_INT64",
    ("string", "uint64"): "TYPE_UINT64",
    ("integer", "int32"): "TYPE_INT32",
    ("integer", "uint32"): "TYPE_UINT32",
    ("number", "double"): "TYPE_DOUBLE",
    ("number", "float"): "TYPE_FLOAT",
    ("boolean", ""): "TYPE_BOOL",
}


def described_routes(api: str, name: str, served: frozenset[str]) -> Iterator[Route]:
    """The routes of the methods served of a document (``storage.v1``), uploads and downloads included where it has them."""
    content = document(name)
    for method in methods(content):
        if method["id"] not in served:
            continue
        request = _messages(name).FindMessageTypeByName(f"{name}.{_request_name(method)}")
        verb = method["httpMethod"]
        paths = [content["servicePath"] + method["path"]]
        if method.get("useMediaDownloadService"):
            paths.append("download/" + paths[0])
        body = RESOURCE if "request" in method else None
        for path in paths:
            media = bool(method.get("supportsMediaDownload"))
            pattern = method_pattern(method, content["servicePath"]) if "{+" in path else _pattern(path)
            yield Route(api=api, method=method["id"], http_method=verb, pattern=pattern, body=body, request=request, media=media)
        for protocol in method.get("mediaUpload", {}).get("protocols", {}).values():
            upload = _pattern(protocol["path"].removeprefix("/").removeprefix("resumable/"))
            for upload_verb in (verb, "PUT"):  # a resumable upload begins with the method's own verb and goes on with PUT
                yield Route(api=api, method=method["id"], http_method=upload_verb, pattern=upload, body=body, request=request, media=True)
            break


@cache
def resource_type(name: str, schema: str) -> Descriptor:
    """The message made of one schema of a document."""
    found: Descriptor = _messages(name).FindMessageTypeByName(f"{name}.{schema}")
    return found


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("/" + re.sub(r"\{\+?(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")


def _request_name(method: Json) -> str:
    return f"Request_{method['id'].replace('.', '_')}"


@cache
def _messages(name: str) -> Any:
    """A pool with every schema of the document and every method's request."""
    # these modules make their classes when imported, so a type checker does not know them
    protos: Any = importlib.import_module("google.protobuf.descriptor_pb2")
    pools: Any = importlib.import_module("google.protobuf.descriptor_pool")
    struct: Any = importlib.import_module("google.protobuf.struct_pb2")
    file = protos.FileDescriptorProto(name=f"{name}.proto", package=name, syntax="proto3", dependency=["google/protobuf/struct.proto"])
    content = _opened(document(name), _free(document(name)))
    for schema_name, schema in content["schemas"].items():
        _fill(protos, file.message_type.add(name=schema_name), f".{name}.{schema_name}", schema.get("properties", {}), f".{name}.")
    for method in methods(content):
        parameters = {**content.get("parameters", {}), **method.get("parameters", {})}
        if "request" in method:
            parameters[RESOURCE] = method["request"]
        parameters |= {key.partition(".")[0]: {"type": "any"} for key in parameters if "." in key}
        request = _request_name(method)
        _fill(protos, file.message_type.add(name=request), f".{name}.{request}", parameters, f".{name}.")
    pool = pools.DescriptorPool()
    pool.AddSerializedFile(struct.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return pool


def _free(content: Json) -> frozenset[str]:
    """The schemas that say nothing of their fields."""
    schemas = content["schemas"].items()
    free = (key for key, each in schemas if each.get("type") == "any" or ("additionalProperties" in each and not each.get("properties")))
    return frozenset(free)


def _opened(node: Any, free: frozenset[str]) -> Any:
    """A part of a document with every reference to a free schema replaced by ``any``."""
    if isinstance(node, list):
        return [_opened(each, free) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("$ref") in free:
        return {"type": "any"}
    return {key: _opened(each, free) for key, each in node.items()}


def _fill(protos: Any, message: Any, path: str, properties: Json, package: str) -> None:
    """Add the fields of a schema; objects within it become messages within the message."""
    kinds = protos.FieldDescriptorProto
    for number, (key, schema) in enumerate((each for each in properties.items() if re.fullmatch(r"[A-Za-z_]\w*", each[0])), start=1):
        repeated = schema.get("type") == "array" or schema.get("repeated", False)
        item = schema["items"] if schema.get("type") == "array" else schema
        field = message.field.add(name=key, json_name=key, number=number)
        field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
        inner = key[0].upper() + key[1:] + "_"
        if "$ref" in item:
            field.type, field.type_name = kinds.TYPE_MESSAGE, package + item["$ref"]
        elif "properties" in item:
            field.type, field.type_name = kinds.TYPE_MESSAGE, f"{path}.{inner}"
            _fill(protos, message.nested_type.add(name=inner), f"{path}.{inner}", item["properties"], package)
        elif "additionalProperties" in item and item["additionalProperties"].get("type") == "string":
            field.type, field.type_name, field.label = kinds.TYPE_MESSAGE, f"{path}.{inner}", kinds.LABEL_REPEATED
            entry = message.nested_type.add(name=inner)
            entry.options.map_entry = True
            for position, part in enumerate(("key", "value"), start=1):
                entry.field.add(name=part, json_name=part, number=position, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
        elif item.get("type") in {"object", "any"}:
            field.type, field.type_name = kinds.TYPE_MESSAGE, ".google.protobuf.Value"
        else:
            scalar = SCALARS.get((item.get("type", ""), item.get("format", "")), "TYPE_STRING")
            field.type = getattr(kinds, scalar)
