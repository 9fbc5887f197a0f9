"""The gRPC front: generic handlers for every registered method, over the same pipeline as REST."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf import any_pb2, json_format
from google.rpc import error_details_pb2, status_pb2

from emulator.access.callers import caller, check_quota_project
from emulator.call import Call
from emulator.errors import ApiError, CutConnectionError, DroppedRequestError
from emulator.times import utc
from emulator.wire.envelopes import grpc_code
from emulator.wire.grpc_methods import GrpcMethod
from emulator.wire.pipeline import Pipeline, is_write

if TYPE_CHECKING:
    from emulator.world import World

Json = dict[str, Any]
# neither package is typed: what is called of them is called as Any
_GRPC: Any = grpc
_JSON: Any = json_format
_ANY: Any = any_pb2
STATUS_KEY = "grpc-status-details-bin"


class GrpcFront(grpc.GenericRpcHandler):
    """Answers gRPC calls to the emulated APIs."""

    def __init__(self, world: World, pipeline: Pipeline, methods: Iterable[tuple[str, str, GrpcMethod]]) -> None:
        self._world = world
        self._pipeline = pipeline
        self._methods = {rpc.path: (api, method, rpc) for api, method, rpc in methods}

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a method path, or None."""
        found = self._methods.get(handler_call_details.method)
        if found is None:
            return None
        api, method, rpc = found

        async def answer(request: Any, context: Any) -> Any:
            return await self._answer(api, method, rpc, request, context)

        return _GRPC.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=rpc.request.FromString,
            response_serializer=rpc.response.SerializeToString,
        )

    async def _answer(self, api: str, method: str, rpc: GrpcMethod, request: Any, context: Any) -> Any:
        metadata = dict(context.invocation_metadata() or ())
        entry = self._world.log.open(
            at=utc(self._world.clock.now()),
            service=api,
            method=method,
            http_method="GRPC",
            path=rpc.path,
            write=is_write(method),
            request_id=None,
            user_agent=str(metadata.get("user-agent", "")),
            caller=caller(metadata.get("authorization")),
        )
        values: Json = _JSON.MessageToDict(request)
        call = Call(world=self._world, method=method, values=values, now=self._world.clock.now())
        ended = asyncio.Event()
        context.add_done_callback(lambda _: ended.set())

        async def gone() -> None:
            await ended.wait()

        try:
            check_quota_project(self._world, metadata.get("x-goog-user-project"))
            content = await self._pipeline.run(api, call, entry, gone)
        except ApiError as error:
            await _abort(context, error)
        except (CutConnectionError, DroppedRequestError):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "connection lost")
        else:
            return _JSON.ParseDict(content, rpc.response())
        return None


async def _abort(context: Any, error: ApiError) -> None:
    code = grpc_code(error)
    if error.details:
        details = []
        for detail in error.details:
            info = error_details_pb2.ErrorInfo(reason=detail["reason"], domain=detail["domain"], metadata=detail["metadata"])
            packed = _ANY.Any()
            packed.Pack(info)
            details.append(packed)
        status: Any = status_pb2.Status(code=code.value[0], message=error.message, details=details)
        context.set_trailing_metadata(((STATUS_KEY, status.SerializeToString()),))
    await context.abort(code, error.message)
