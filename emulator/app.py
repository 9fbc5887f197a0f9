"""The process: one world, a REST port, a gRPC port, the data plane's listeners; all on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from typing import Any

import grpc
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from emulator.access import tokens
from emulator.admin import Admin
from emulator.call import Methods
from emulator.dataplane.caches import Caches
from emulator.dataplane.plane import DataPlane
from emulator.services.registry import SERVICES
from emulator.settings import Settings, SettingsError
from emulator.wire.grpc_front import GrpcFront
from emulator.wire.https_front import HttpsFront
from emulator.wire.pipeline import Pipeline
from emulator.wire.rest import RestFront
from emulator.wire.routes import Router
from emulator.wire.server import CuttableProtocol
from emulator.world import World
from emulator.zone import NameServer

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
IDLE_SECONDS = 610
"""How long an idle connection is kept, as long as Google's front ends do: one closed while a client takes it up again is a request lost for nothing."""


def build(settings: Settings) -> tuple[World, Methods]:
    """A world with every service in it."""
    world = World(settings)
    methods = Methods()
    for service in SERVICES:
        service.register(world, methods)
    return world, methods


def router(methods: Methods) -> Router:
    """Every REST route."""
    found = Router()
    for service in SERVICES:
        for route in service.routes(methods):
            found.add(route)
    return found


def bind(host: str, port: int, flag: str) -> socket.socket:
    """A listening socket; raises SettingsError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sets TCP_NODELAY only if told it is TCP
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise SettingsError(f"{flag} {port} on {host}: {error.strerror}; another emulator may run there, choose another port") from error
    sock.setblocking(False)
    return sock


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT."""
    sock = bind(settings.host, settings.port, "--port")
    world, methods = build(settings)
    pipeline = Pipeline(world, methods)
    plane = DataPlane(world)
    caches = Caches(world)
    front = RestFront(world, router(methods), pipeline)

    async def every(request: Request) -> Response:
        return await front(request)

    admin = Admin(world, plane).routes()
    endpoint = tokens.TokenEndpoint(world)
    granting = [Route(path, endpoint.answer, methods=["POST"]) for path in tokens.PATHS]
    application = Starlette(routes=[*admin, *granting, Route("/{path:path}", every, methods=METHODS)])
    world.surface = application
    config = uvicorn.Config(
        application,
        http=CuttableProtocol,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=IDLE_SECONDS,
    )
    server = uvicorn.Server(config)
    # the signal handlers below are ours: uvicorn would raise the signal again after it has stopped
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    rpc_server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    rpc_server.add_generic_rpc_handlers((GrpcFront(world, pipeline, [rpc for service in SERVICES for rpc in service.rpcs()]),))
    try:
        rpc_server.add_insecure_port(f"{settings.host}:{settings.grpc_port}")
    except RuntimeError as error:
        text = f"--grpc-port {settings.grpc_port} on {settings.host}: {error}; another emulator may run there, choose another port"
        raise SettingsError(text) from error
    await rpc_server.start()
    loop = asyncio.get_running_loop()
    try:
        names, _ = await loop.create_datagram_endpoint(lambda: NameServer(world), local_addr=(settings.host, settings.dns_port))
    except OSError as error:
        raise SettingsError(f"--dns-port {settings.dns_port} on {settings.host}: {error.strerror}; choose another port") from error
    world.dns = "{}:{}".format(*names.get_extra_info("sockname")[:2])
    https = HttpsFront(world, ((settings.host, settings.port), (settings.host, settings.grpc_port)))
    if settings.https_port is not None:
        world.https = await https.start(settings.host, settings.https_port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(world.run()),
        asyncio.create_task(plane.run()),
        asyncio.create_task(caches.run()),
        asyncio.create_task(server.serve(sockets=[sock])),
    ]
    print(f"emulator: REST {settings.host}:{settings.port}, gRPC {settings.host}:{settings.grpc_port}, {settings.clock} clock", flush=True)
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await plane.close()
    await caches.close()
    names.close()
    await https.close()
    await rpc_server.stop(0.5)
    for task in tasks[:3]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    world.commit()
    world.store.close()
    for task in done - {stopping}:
        task.result()  # a crash of a part is the process's
