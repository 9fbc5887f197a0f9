"""Bodies of REST answers against the schemas of Google's discovery documents, as googleapiclient ships them.

1. Unknown fields, wrong types and values outside an enumeration are faults. 2. Every successful answer of a service with a document is
checked; one whose method the document does not have is a fault too. 3. What was checked is counted by service.
"""

import json
import re
from collections import Counter
from functools import cache

from google.cloud import cloudquotas_v1
from googleapiclient.discovery_cache import get_static_doc

UNDOCUMENTED = re.compile(r"/v1/projects/[^/]+/locations/global/services/[^/]+/quotaInfos")  # no document of Cloud Quotas is shipped
DOCUMENTS = (
    ("compute", "v1"),
    ("compute", "beta"),
    ("serviceusage", "v1"),
    ("iam", "v1"),
    ("cloudresourcemanager", "v3"),
    ("orgpolicy", "v2"),
    ("storage", "v1"),
    ("networkconnectivity", "v1"),
    ("logging", "v2"),
    ("monitoring", "v3"),
    ("monitoring", "v1"),
    ("pubsub", "v1"),
    ("billingbudgets", "v1"),
    ("billingbudgets", "v1beta1"),
    ("cloudbilling", "v1"),
    ("cloudscheduler", "v1"),
    ("aiplatform", "v1"),
    ("tpu", "v2"),
    ("redis", "v1"),
    ("redis", "v1beta1"),
    ("servicenetworking", "v1"),
    ("bigquery", "v2"),
    ("secretmanager", "v1"),
    ("config", "v1"),
)
CHECKED = Counter()
METHODS_SEEN = set()


@cache
def document(name, version):
    return json.loads(get_static_doc(name, version))


def _methods(node):
    yield from node.get("methods", {}).values()
    for child in node.get("resources", {}).values():
        yield from _methods(child)


def _pattern(content, method):
    def variable(match):
        given = method["parameters"][match[2]].get("pattern", "^[^/]+$")
        return "(?:" + (given if match[1] else "^[^/:]+$").strip("^$").replace("[^/]+", "[^/:]+") + ")"

    template = "/" + content["servicePath"] + method["path"]
    return re.compile("".join(re.sub(r"\{(\+?)(\w+)\}", variable, part) for part in [template]) + "$")


@cache
def _table():
    """(HTTP method, pattern, document, method) of every method; those without variables in their last part first."""
    rows = []
    for name, version in DOCUMENTS:
        content = document(name, version)
        rows += [(each["httpMethod"], _pattern(content, each), (name, version), each) for each in _methods(content)]
    return sorted(rows, key=lambda row: "{" in row[3]["path"].rpartition("/")[2])


def method_of(http_method, path):
    """The document and the method of a request, or None; a path that begins with the API's host is looked up in its documents only."""
    api, _, rest = path.removeprefix("/").partition(".googleapis.com")
    path, api = (rest, api) if rest and "/" not in api else (path, None)
    for verb, pattern, where, method in _table():
        if verb == http_method and pattern.match(path) and api in {None, where[0]}:
            return where, method
    return None


def check(http_method, path, status, text):
    """Fail when a successful answer is not what the discovery document says."""
    if status >= 300 or path.startswith("/_emulator/"):
        return
    if UNDOCUMENTED.match(path):  # against the types of Google's own package; an unknown field or a wrong type raises
        form = cloudquotas_v1.ListQuotaInfosResponse if path.endswith("/quotaInfos") else cloudquotas_v1.QuotaInfo
        form.from_json(text, ignore_unknown_fields=False)
        CHECKED["cloudquotas"] += 1
        return
    if path.startswith("/download/") or (path.startswith("/upload/") and not text):
        return  # an object's bytes, or where to send them: no JSON
    if path.startswith("/upload/"):
        http_method, path = "POST", path.removeprefix("/upload")
    found = method_of(http_method, path)
    assert found is not None, f"no discovery document has {http_method} {path}"
    (name, version), method = found
    schemas = document(name, version)["schemas"]
    if "response" not in method:
        assert not text, f"{method['id']} answers no body, not {text!r}"
        return
    faults = list(differences(json.loads(text), {"$ref": method["response"]["$ref"]}, schemas, method["response"]["$ref"]))
    assert not faults, f"{method['id']} ({http_method} {path}) does not match its schema: " + "; ".join(faults[:10])
    CHECKED[name] += 1
    METHODS_SEEN.add(method["id"])


def differences(value, schema, schemas, where):
    """Where a value is not what its schema says."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind = schema.get("type")
    if kind == "object":
        yield from _object(value, schema, schemas, where)
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from differences(item, schema["items"], schemas, f"{where}[{index}]")
    elif not _is(value, kind, schema.get("format")):
        yield f"{where}: {value!r} is no {kind} {schema.get('format', '')}".rstrip()
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{where}: {value!r} is none of {schema['enum'][:12]}"


def _object(value, schema, schemas, where):
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for key, item in value.items():
        inner = properties.get(key, others)
        if inner is None:
            yield f"{where}.{key} is unknown"
        else:
            yield from differences(item, inner, schemas, f"{where}.{key}")


def _is(value, kind, form):
    if kind == "any":
        return True
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    if form in {"int64", "uint64"}:
        return isinstance(value, str) and re.fullmatch(r"-?\d+", value) is not None
    return isinstance(value, str)


def report():
    """What was checked, in one line."""
    by_service = ", ".join(f"{name} {count}" for name, count in sorted(CHECKED.items()))
    return f"{CHECKED.total()} REST answers of {len(METHODS_SEEN)} methods match their discovery schema ({by_service})"
