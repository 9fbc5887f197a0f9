"""gRPC method paths with their request and response types, read off the generated gRPC transports through a channel that only takes notes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import descriptor_pool, message_factory


@dataclass(frozen=True, kw_only=True)
class GrpcMethod:
    """One unary gRPC method; ``request`` and ``response`` are plain protobuf classes."""

    path: str
    rpc: str
    request: Any
    response: Any


class _Notes(grpc.Channel):
    """Never connects: remembers what the transport asked for."""

    def __init__(self) -> None:
        self.methods: list[GrpcMethod] = []

    def unary_unary(self, method: str, request_serializer: Any = None, response_deserializer: Any = None, *_: Any, **__: Any) -> Any:
        self.methods.append(
            GrpcMethod(
                path=method,
                rpc=method.rpartition("/")[2],
                request=_message(request_serializer) or _from_service(method, "input_type"),
                response=_message(response_deserializer) or _from_service(method, "output_type"),
            )
        )
        return lambda *_args, **_kwargs: None

    # streams are not served, but some transports wrap whatever they are given at once
    def unary_stream(self, *_: Any, **__: Any) -> Any:
        return lambda *_args, **_kwargs: None

    def stream_unary(self, *_: Any, **__: Any) -> Any:
        return lambda *_args, **_kwargs: None

    def stream_stream(self, *_: Any, **__: Any) -> Any:
        return lambda *_args, **_kwargs: None

    def subscribe(self, *_: Any, **__: Any) -> None:
        return None

    def unsubscribe(self, *_: Any, **__: Any) -> None:
        return None

    def close(self) -> None:
        return None

    def __enter__(self) -> _Notes:
        return self

    def __exit__(self, *_: object) -> None:
        return None


def _message(function: Any) -> Any:
    """The plain protobuf class whose method this is, or None: an unbound method of a plain message does not say whose it is."""
    owner = getattr(function, "__self__", None)
    pb = getattr(owner, "pb", None)
    return pb() if pb else owner


def _from_service(path: str, side: str) -> Any:
    """The class from the service's descriptor; None when the pool has no such service (proto-plus registers none)."""
    service, _, rpc = path.removeprefix("/").partition("/")
    pool: Any = descriptor_pool
    factory: Any = message_factory  # neither is typed
    try:
        method = pool.Default().FindServiceByName(service).methods_by_name[rpc]
    except KeyError:
        return None
    return factory.GetMessageClass(getattr(method, side))


def grpc_methods(transport: type) -> Iterator[GrpcMethod]:
    """Every unary method of a generated gRPC transport class."""
    notes = _Notes()
    instance: Any = transport(channel=notes)
    # the transport wraps its channel in a logging interceptor, which asks for a stub only when it is called: let it ask us directly
    instance._logged_channel = notes
    instance._stubs.clear()
    for name, member in inspect.getmembers(type(instance), lambda item: isinstance(item, property)):
        if not name.startswith("_") and name not in {"kind", "host", "grpc_channel"}:
            member.fget(instance)
    seen = set()
    for method in notes.methods:
        if method.path not in seen and method.request is not None and method.response is not None:
            seen.add(method.path)
            yield method
