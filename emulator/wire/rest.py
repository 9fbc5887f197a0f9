"""The REST front: one port for every API under Google's own paths."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from emulator.call import Call
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
SYSTEM = frozenset({"alt", "$alt", "prettyPrint", "fields", "key", "quotaUser", "userIp", "callback", "access_token", "oauth_token", "uploadType",
                    "upload_protocol", "$.xgafv", "userProject", "returnPartialSuccess"})  # fmt: skip


class RestFront:
    """Answers HTTP requests to the emulated APIs."""

    def __init__(self, world: World, router: Router, pipeline: Pipeline) -> None:
        self._world = world
        self._router = router
        self._pipeline = pipeline

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        path = request.scope["path"]
        host = (request.headers.get("host") or "").partition(":")[0]
        match = self._router.find(request.method, path, host)
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
        )

        async def gone() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        try:
            call = self._call(match, query, body)
            entry.request_id = call.request_id
            answer = await self._pipeline.run(match.route.api, call, entry, gone)
        except ApiError as error:
            entry.status = error.status
            return _json(rest_error(match.route.api, error), error.status)
        except (CutConnectionError, DroppedRequestError):
            cut(request.scope)
            return Response(status_code=499)
        if match.route.response is not None and "enum-encoding=int" in dict(parse_qsl(query)).get("$alt", ""):
            answer = numbered(answer, match.route.response)
        return _json(answer, 200)

    def _call(self, match: Match, query: str, body: bytes) -> Call:
        route = match.route
        compute = route.api == "compute.googleapis.com"
        values: Json = {**match.values, **_query(query, route.request, snake=compute)}
        content = _content(body)
        resource: Json = {}
        if route.body == "*":
            values = {**canonical(content, route.request), **values}
        elif route.body is not None:
            field = route.request.fields_by_name[route.body]
            resource = canonical(content, field.message_type)
            if not compute:
                values[field.json_name] = resource
        elif content:
            raise ApiError(400, 'Invalid JSON payload received. Unknown name "": Request body is not allowed for this method.')
        return Call(
            world=self._world, method=route.method, values=values, body=resource, version=match.version, now=self._world.clock.now()
        )


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
