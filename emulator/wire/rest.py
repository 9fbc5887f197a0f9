"""The REST front: one port for every API under Google's own paths."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from emulator.access.callers import caller, check_quota_project
from emulator.call import Call, Raw, Wire
from emulator.errors import ApiError, CutConnectionError, DroppedRequestError
from emulator.times import utc
from emulator.wire.envelopes import rest_error
from emulator.wire.pipeline import Pipeline, is_write
from emulator.wire.routes import Match, Router
from emulator.wire.schema import canonical, numbered
from emulator.wire.server import cut

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
# Google's system parameters, accepted on every method
SYSTEM = frozenset({"alt", "$alt", "prettyPrint", "fields", "key", "quotaUser", "userIp", "callback", "access_token", "oauth_token", "uploadType", "upload_id",
                    "upload_protocol", "$.xgafv", "userProject", "returnPartialSuccess"})  # fmt: skip


class RestFront:
    """Answers HTTP requests to the emulated APIs."""

    def __init__(self, world: World, router: Router, pipeline: Pipeline) -> None:
        self._world = world
        self._router = router
        self._pipeline = pipeline

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = _path(request)
        host = (request.headers.get("host") or "").partition(":")[0]
        match = self._router.find(request.method, path, host)
        if match and path != request.scope["path"]:
            match = replace(match, values={key: unquote(value) for key, value in match.values.items()})
        if match is None:
            message = f"The requested URL {path} was not found on this server: no emulated API has it."
            return JSONResponse({"error": {"code": 404, "message": message, "status": "NOT_FOUND"}}, status_code=404)
        body = await request.body()
        query = request.url.query
        entry = self._world.log.open(
            at=utc(self._world.clock.now()),
            service=match.route.api,
            method=match.route.method,
            http_method=request.method,
            path=path + (f"?{query}" if query else ""),
            write=is_write(match.route.method),
            request_id=None,
            user_agent=request.headers.get("user-agent", ""),
            caller=caller(request.headers.get("authorization")),
        )

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        try:
            call = self._call(match, query, b"" if match.route.media else body)
            call = replace(call, wire=Wire(payload=body, headers=request.headers, query=request.query_params))
            entry.request_id = call.request_id
            check_quota_project(self._world, request.headers.get("x-goog-user-project"))
            answer = await self._pipeline.run(match.route.api, call, entry, gone)
        except ApiError as error:
            entry.status = error.status
            return _json(rest_error(match.route.api, error), error.status)
        except (CutConnectionError, DroppedRequestError):
            cut(request.scope)
            return Response(status_code=499)
        if isinstance(answer, Raw):
            return Response(answer.content, status_code=answer.status, headers=dict(answer.headers))
        if match.route.response is not None and "enum-encoding=int" in dict(parse_qsl(query)).get("$alt", ""):
            answer = numbered(answer, match.route.response)
        return _json(answer, 200)

    def _call(self, match: Match, query: str, body: bytes) -> Call:
        route = match.route
        compute = route.api == "compute.googleapis.com"
        values: Json = {**_flat(match.values), **_query(query, route.request, snake=compute)}
        content = _content(body)
        resource: Json = {}
        if route.body == "*":
            body_values = canonical(content, route.request)
            nested = {key: {**body_values.get(key, {}), **value} for key, value in _flat(match.values).items() if isinstance(value, dict)}
            values = {**body_values, **values, **nested}
        elif route.body is not None:
            field = route.request.fields_by_name[route.body]
            resource = canonical(content, field.message_type)
            if not compute:
                values[field.json_name] = {**resource, **values.get(field.json_name, {})}
        elif content:
            raise ApiError(400, 'Invalid JSON payload received. Unknown name "": Request body is not allowed for this method.')
        return Call(
            world=self._world, method=route.method, values=values, body=resource, version=match.version, now=self._world.clock.now()
        )


def _path(request: Request) -> str:
    """The path; still encoded where a part of it holds slashes, as an object's name may."""
    raw = str(request.scope["raw_path"].decode("ascii")).partition("?")[0]
    return raw if "%2f" in raw.lower() else str(request.scope["path"])


def _flat(values: dict[str, str]) -> Json:
    """Path variables, ``job__name`` as ``{"job": {"name": ...}}``."""
    out: Json = {}
    for key, value in values.items():
        head, _, rest = key.partition("__")
        if rest:
            out[head] = {**out.get(head, {}), rest: value}
        else:
            out[head] = value
    return out


def _content(body: bytes) -> Json:
    if not body.strip():
        return {}
    try:
        content = json.loads(body)
    except ValueError as error:
        raise ApiError(400, f"Invalid JSON payload received. {error}", reason="parseError") from error
    if not isinstance(content, dict):
        raise ApiError(400, "Invalid JSON payload received. Expected an object.", reason="parseError")
    return content


def _query(text: str, request: Descriptor, *, snake: bool) -> Json:
    fields = {field.json_name: field for field in request.fields} | {field.name: field for field in request.fields}
    out: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in SYSTEM:
            continue
        head, _, rest = name.partition(".")
        field = fields.get(head)
        if field is None:
            raise ApiError(400, f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
        key = field.name if snake else field.json_name
        if rest:
            inner = out.setdefault(key, {})
            nested = _nested(field, rest)
            if nested is not None and nested.is_repeated:
                inner.setdefault(rest, []).append(value)
            else:
                inner[rest] = value
        elif field.is_repeated:
            out.setdefault(key, []).append(value)
        else:
            out[key] = value
    return out


def _nested(field: FieldDescriptor, name: str) -> FieldDescriptor | None:
    """The field of a message-typed query parameter (``aggregation.groupByFields``), or None."""
    if field.message_type is None:
        return None
    return next((inner for inner in field.message_type.fields if name in {inner.name, inner.json_name}), None)


def _json(content: Json, status: int) -> Response:
    return Response(json.dumps(content, separators=(",", ":")), status_code=status, media_type="application/json; charset=UTF-8")
